//! Flags of evaluation.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Configuration;
use crate::evaluation::Metric;
use crate::interactions::Timestamp;

/// `foldin evaluate`
#[derive(Debug, Args)]
#[command(after_help = "\
Protocols:
  strong generalisation, own split    --train LOG
  strong generalisation, given files  --train LOG --fold-in FILE --target FILE
  weak generalisation, given files    --train LOG --test FILE
  temporal split                      --train LOG --cut-at TIME
  leave last out                      --train LOG --leave-last-out
A published model takes the place of --train: MODEL --fold-in … --target …, MODEL --test …, or
MODEL --log LOG to split the histories of those users in LOG that the model was not trained on.

Metrics, each at a cutoff k:
  of a list and what its user went on to  recall, capped_recall, precision, ndcg, mrr, map, hit_rate
  of a list alone                         popularity, novelty
  of all lists together                   coverage, gini

Examples:
  foldin evaluate --train log.parquet --model ease
  foldin evaluate --train log.parquet --metrics ndcg@20,recall@20,coverage@20 --report report.html
  foldin evaluate --train log.parquet --time-column timestamp --cut-at 2026-01-31 --per-user users.parquet
  foldin evaluate my-model --log newer.parquet --report reports/my-model --json")]
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
    /// Temporal split: train on what happened before this time, predict what happened from then on
    #[arg(long, value_name = "TIME", help_heading = "Data", conflicts_with_all = ["fold_in", "test", "held_out_users", "model_dir"])]
    pub cut_at: Option<Timestamp>,
    /// Train on all but the last interaction of every user, predict that one
    #[arg(long, help_heading = "Data", conflicts_with_all = ["cut_at", "fold_in", "test", "held_out_users", "model_dir"])]
    pub leave_last_out: bool,
    /// Metrics with cutoffs, such as ndcg@100; see below
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
    /// Report with plots: FILE.html (one file, nothing beside it), FILE.md (tables only), or a directory for
    /// both and the plots
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// One row an evaluated user, with every metric of every model: a Parquet file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub per_user: Option<PathBuf>,
    /// Replace an existing report or file
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Print JSON instead of tables
    #[arg(long, help_heading = "Output")]
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
