//! How is a network trained? Batches, schedules, early stopping and progress, for any network.

mod config;
mod network;
mod report;
mod run;

pub use config::TrainingConfig;
pub use network::{Gradient, Network, Shard};
pub use report::{EpochReport, TrainingSummary};
pub use run::{Diverged, Watch, run};
