//! Mult-VAE (placeholder while in work)
use serde::{Deserialize, Serialize};
/// Parameters of Mult-VAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultVaeConfig {
    /// Width of the hidden layers on both sides of the code.
    pub hidden: usize,
    /// Width of the code, which is the dimension of user embeddings.
    pub latent: usize,
    /// Probability of dropping an input interaction during training.
    pub dropout: f32,
    /// Largest weight β of the KL term.
    pub kl_cap: f32,
    /// Fraction of the planned steps over which β rises from 0 to `kl_cap`.
    pub kl_anneal: f32,
    /// What the model makes of the weights of a history.
    pub weights: super::InputWeights,
}
impl Default for MultVaeConfig {
    fn default() -> Self {
        Self {
            hidden: 600,
            latent: 200,
            dropout: 0.5,
            kl_cap: 0.2,
            kl_anneal: 0.65,
            weights: super::InputWeights::Binary,
        }
    }
}
