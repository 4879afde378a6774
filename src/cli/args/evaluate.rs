//! Flags of evaluation.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Configuration, TestData};
use crate::evaluation::Metric;

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
    pub model_dir: Option<PathBuf>,
    /// What is trained on, and what has to be predicted.
    #[command(flatten)]
    pub data: TestData,
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
