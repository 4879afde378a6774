//! Flags that say who is trained on and who is measured on what, the same for every command that measures models.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::interactions::Timestamp;

/// The data of a measurement; a command that takes it has an argument `model_dir` as well.
#[derive(Debug, Args)]
pub struct TestData {
    /// Log to train on
    #[arg(long, value_name = "LOG", help_heading = "Data", conflicts_with = "model_dir")]
    pub train: Option<String>,
    /// Log of users the model directory was not trained on
    #[arg(long, value_name = "LOG", help_heading = "Data", requires = "model_dir", conflicts_with_all = ["fold_in", "test"])]
    pub log: Option<PathBuf>,
    /// Strong generalisation: histories of users outside the training log
    #[arg(long, value_name = "FILE", help_heading = "Data", requires = "target")]
    pub fold_in: Option<PathBuf>,
    /// Strong generalisation: what the users of --fold-in went on to
    #[arg(long, value_name = "FILE", help_heading = "Data", requires = "fold_in")]
    pub target: Option<PathBuf>,
    /// Weak generalisation: what the users of the training log went on to
    #[arg(long, value_name = "FILE", help_heading = "Data", conflicts_with = "fold_in")]
    pub test: Option<PathBuf>,
    /// Own split: users held out of training [default: a tenth, at most 1,000]
    #[arg(long, value_name = "N", help_heading = "Data", conflicts_with_all = ["fold_in", "test", "model_dir"])]
    pub held_out_users: Option<NonZeroUsize>,
    /// Temporal split: train on what happened before this time, predict what happened from then on
    #[arg(long, value_name = "TIME", help_heading = "Data", conflicts_with_all = ["fold_in", "test", "held_out_users", "model_dir"])]
    pub cut_at: Option<Timestamp>,
    /// Train on all but the last interaction of every user, predict that one
    #[arg(long, help_heading = "Data", conflicts_with_all = ["cut_at", "fold_in", "test", "held_out_users", "model_dir"])]
    pub leave_last_out: bool,
}
