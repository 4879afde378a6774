//! How long, how fast and on what an iterative model is trained.

use serde::{Deserialize, Serialize};

/// Parameters of the training loop, the same for every iterative model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Seed of everything random.
    pub seed: u64,
    /// Passes over the training users, at most.
    pub epochs: usize,
    /// Users per optimiser step.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f32,
    /// L2 penalty added to the gradient.
    pub weight_decay: f32,
    /// Epochs between validations.
    pub validate_every: usize,
    /// Validations without improvement before training stops.
    pub patience: usize,
    /// Gradient shards per step: parts of a batch whose gradients are summed in a fixed order.
    pub shards: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            epochs: 100,
            batch_size: 100,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            validate_every: 1,
            patience: 10,
            shards: 1,
        }
    }
}
