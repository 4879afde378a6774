//! Mult-DAE: a denoising autoencoder with a multinomial likelihood.
//!
//! Liang, Krishnan, Hoffman, Jebara 2018, "Variational Autoencoders for Collaborative Filtering", sec. 2.2.2
//! and 3.3: an [autoencoder](super::autoencoder) with one hidden layer, h = tanh(W₁ x + b₁), scores s = W₂ h + b₂; the history
//! x is scaled to unit norm and corrupted by dropout, and the loss of a user is −Σᵢ xᵢ log softmaxᵢ(s). The user embedding is h.

use serde::{Deserialize, Serialize};

use super::autoencoder::Description;
use super::{InputWeights, ModelConfig};
use crate::nn::{Loss, Objective};

/// Parameters of Mult-DAE; the defaults are the paper's items-200-items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultDaeConfig {
    /// Width of the hidden layer, which is the dimension of user embeddings.
    pub hidden: usize,
    /// Probability of dropping an input interaction during training.
    pub dropout: f32,
    /// The likelihood: multinomial in the paper, which compares it with the others.
    pub loss: Loss,
    /// Weight of items that are not in a history, for losses that have one.
    pub negative_weight: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for MultDaeConfig {
    fn default() -> Self {
        Self { hidden: 200, dropout: 0.5, loss: Loss::Multinomial, negative_weight: 1.0, weights: InputWeights::Binary }
    }
}

impl MultDaeConfig {
    pub(super) fn description(&self) -> Description {
        let objective = Objective { loss: self.loss, negative_weight: self.negative_weight };
        let common = Description::of(ModelConfig::MultDae(self.clone()), self.hidden, objective);
        Description { dropout: self.dropout, weights: self.weights, ..common }
    }
}
