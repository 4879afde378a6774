//! GF-CF: two hops on the user–item graph, and its ideal low-pass.
//!
//! Shen et al. 2021, "How Powerful is Graph Convolution for Recommendation?", eq. 12: scores
//! r · (R̃ᵀR̃ + α · D_I^{-1/2} V Vᵀ D_I^{1/2}), in the notation of [the normalised graph](super::graph).

use serde::{Deserialize, Serialize};

use super::low_pass::LowPassConfig;
use super::two_hops::{Filter, TwoHops};
use super::{InputWeights, ModelConfig};
use crate::linalg::GramOperator;

/// Parameters of GF-CF; the defaults are those of the authors' code for Gowalla and Yelp2018.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GfCfConfig {
    /// Singular vectors of the low-pass, which is the dimension of embeddings.
    pub rank: usize,
    /// Weight α of the low-pass beside the two hops.
    pub alpha: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for GfCfConfig {
    fn default() -> Self {
        Self { rank: 256, alpha: 0.3, weights: InputWeights::Binary }
    }
}

/// A GF-CF model.
pub type GfCf = TwoHops<GfCfConfig>;

impl Filter for GfCfConfig {
    fn model(self) -> ModelConfig {
        ModelConfig::GfCf(self)
    }

    fn low_pass(&self) -> LowPassConfig {
        LowPassConfig { rank: self.rank, weights: self.weights }
    }

    fn filter(&self, _: &GramOperator, hopped: &mut Vec<f32>, low: &[f32]) {
        hopped.iter_mut().zip(low).for_each(|(score, low)| *score += self.alpha * low);
    }

    fn share_of_low_pass(&self) -> Option<f32> {
        Some(self.alpha)
    }
}
