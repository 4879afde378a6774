//! Mult-DAE (placeholder while in work)
use serde::{Deserialize, Serialize};
/// Parameters of Mult-DAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultDaeConfig {
    /// Width of the hidden layer, which is the dimension of user embeddings.
    pub hidden: usize,
    /// Probability of dropping an input interaction during training.
    pub dropout: f32,
    /// What the model makes of the weights of a history.
    pub weights: super::InputWeights,
}
impl Default for MultDaeConfig {
    fn default() -> Self {
        Self { hidden: 200, dropout: 0.5, weights: super::InputWeights::Binary }
    }
}
