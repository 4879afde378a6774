//! How long, how fast and on what an iterative model is trained.

use serde::{Deserialize, Serialize};

use crate::nn::Optimiser;

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
    /// What turns gradients into steps.
    #[serde(default)]
    pub optimiser: Optimiser,
    /// The optimiser's step size, at first.
    pub learning_rate: f32,
    /// The share of `learning_rate` that is left at the end of the planned steps, falling in a straight line:
    /// 1 keeps it constant.
    #[serde(default = "constant")]
    pub final_rate: f32,
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
            optimiser: Optimiser::Adam,
            learning_rate: 1e-3,
            final_rate: 1.0,
            weight_decay: 0.0,
            validate_every: 1,
            patience: 10,
            shards: 1,
        }
    }
}

/// Of a run that was recorded without one.
fn constant() -> f32 {
    1.0
}

impl TrainingConfig {
    /// The step size after a fraction `progress` of the planned steps.
    #[must_use]
    pub fn rate_at(&self, progress: f64) -> f32 {
        let left = 1.0 - (1.0 - f64::from(self.final_rate)) * progress;
        (f64::from(self.learning_rate) * left) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_falls_in_a_straight_line() {
        let config = TrainingConfig { learning_rate: 0.8, final_rate: 0.25, ..TrainingConfig::default() };
        assert_eq!([0.0, 0.5, 1.0].map(|progress| config.rate_at(progress)), [0.8, 0.5, 0.2]);
        let constant = TrainingConfig { learning_rate: 0.8, ..TrainingConfig::default() };
        assert_eq!([0.0, 0.7, 1.0].map(|progress| constant.rate_at(progress)), [0.8; 3]);
    }
}
