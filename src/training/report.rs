//! What training tells the outside world.

use serde::{Deserialize, Serialize};

/// One finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Epochs planned.
    pub epochs: usize,
    /// Mean training loss per user.
    pub loss: f64,
    /// Mean validation NDCG@100, on epochs that validate.
    pub validation: Option<f64>,
    /// True when this is the best epoch so far.
    pub best: bool,
    /// Users trained per second, validation excluded.
    pub users_per_second: f64,
    /// Seconds spent on the epoch, validation excluded.
    pub train_seconds: f64,
    /// Seconds spent validating.
    pub validation_seconds: f64,
}

/// The whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Every epoch, in order; empty for closed-form models.
    pub epochs: Vec<EpochReport>,
    /// The epoch whose weights were kept; 0 for closed-form models, and where the weights of an earlier
    /// model were better than all that came after.
    pub best_epoch: usize,
    /// Validation NDCG@100 of the weights of an earlier model before the first step, where it started
    /// from such and validation ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_validation: Option<f64>,
    /// Validation NDCG@100 of the kept weights, where validation ran.
    pub best_validation: Option<f64>,
    /// Seconds in total, validation included.
    pub seconds: f64,
}
