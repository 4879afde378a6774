//! How is a network trained? Batches, schedules, early stopping and progress, for any network.

mod config;
mod report;

pub use config::TrainingConfig;
pub use report::{EpochReport, TrainingSummary};
