//! Flags of evaluation.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Configuration;
use crate::evaluation::Metric;

/// `foldin evaluate`
#[derive(Debug, Args)]
#[command(after_help = "\
Protocols:
  strong generalisation, own split    --train LOG
  strong generalisation, given files  --train LOG --fold-in FILE --target FILE
  weak generalisation, given files    --train LOG --test FILE
A published model takes the place of --train: MODEL --fold-in … --target …, MODEL --test …, or
MODEL --log LOG to split the histories of those users in LOG that the model was not trained on.

Examples:
  foldin evaluate --train log.parquet --model ease
  foldin evaluate --train train.parquet --test test.parquet --metrics recall@20,ndcg@20
  foldin evaluate model --log log.parquet --json")]
pub struct Evaluate {
    /// A model directory; without it a model is trained on --train
    #[arg(conflicts_with = "train")]
    pub model_dir: Option<PathBuf>,
    /// Log to train on
    #[arg(long, value_name = "LOG", help_heading = "Data")]
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
    pub held_out_users: Option<std::num::NonZeroUsize>,
    /// Metrics with cutoffs: recall@k, capped_recall@k, ndcg@k
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "ndcg@100,capped_recall@20,capped_recall@50"
    )]
    pub metrics: Vec<Metric>,
    /// Models to show beside
    #[arg(long, value_enum, default_value_t = Baselines::Ease)]
    pub baselines: Baselines,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Model, training and log.
    #[command(flatten)]
    pub configuration: Configuration,
}

/// What stands beside the evaluated model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Baselines {
    /// Popularity only
    Popularity,
    /// Popularity, and EASE where its memory fits
    Ease,
}
