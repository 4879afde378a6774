//! How is a network trained? Batches, schedules, early stopping, checkpoints and progress, for any network.

mod checkpoint;
mod config;
mod diverged;
mod network;
mod report;
mod run;

pub use checkpoint::{CheckpointError, CheckpointEvent, Checkpoints, FORMAT_VERSION, Facts, Position, fingerprint};
pub use config::TrainingConfig;
pub use diverged::{Diverged, Divergence};
pub use network::{Gradient, Network, Shard, Weights};
pub use report::{EpochReport, TrainingSummary};
pub use run::{Plan, TrainingError, Watch, run};
