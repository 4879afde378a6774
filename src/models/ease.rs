//! EASE (placeholder while in work)
use serde::{Deserialize, Serialize};
/// Parameters of EASE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EaseConfig {
    /// L2 regularisation λ.
    pub lambda: f32,
    /// What the model makes of the weights of a history.
    pub weights: super::InputWeights,
}
impl Default for EaseConfig {
    fn default() -> Self {
        Self { lambda: 500.0, weights: super::InputWeights::Binary }
    }
}
