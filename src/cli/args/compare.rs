//! Flags of comparisons.

use std::path::PathBuf;

use clap::Args;

use super::{Configuration, TestData};
use crate::cli::gates::Gate;
use crate::evaluation::Metric;

/// `foldin compare`
#[derive(Debug, Args)]
#[command(after_help = "\
The first model is the candidate: differences are taken from it, and gates are about it. The others
stand beside, and popularity always does. A model directory and a preset are called by their names,
a configuration file by its name without extension.

All are measured on the same users, by the protocols of `foldin evaluate`:
  --train LOG …                          models are trained on the spot (--with)
  MODEL … --fold-in FILE --target FILE   published models; what is named --with is trained on the
  MODEL … --test FILE | --log LOG        histories that the first of them holds

Gates, of which any number may be given; when one fails, the exit code is 5:
  gate      QUANTITY >=|>|<=|< BOUND
  QUANTITY  METRIC[@k] [of head|mid|tail]   see `foldin evaluate`; without @k, the k of the first metric
            training_seconds, bytes, user_ms
  BOUND     NUMBER, or [NUMBER *] MODEL [+|- NUMBER]: the same quantity of another model; a name
            with other than letters, digits, _ . / - stands in \"quotes\"

Examples:
  foldin compare --train log.parquet --with mult-vae --with ease
  foldin compare --train log.parquet --with tuned.toml --with ease --report report.html
  foldin compare new-model old-model --log newer.parquet --gate 'ndcg@100 >= old-model'
  foldin compare model --with ease --test test.parquet --gate 'user_ms <= 5' --json")]
pub struct Compare {
    /// Model directories, the candidate first
    pub model_dir: Vec<PathBuf>,
    /// Train and compare a preset, or the sections [model] and [training] of a configuration file (FILE.toml); may be
    /// repeated
    #[arg(long, value_name = "PRESET|FILE")]
    pub with: Vec<String>,
    /// A condition on the candidate, such as \"ndcg@100 >= ease + 0.01\"; may be repeated
    #[arg(long, value_name = "GATE")]
    pub gate: Vec<Gate>,
    /// What is trained on, and what has to be predicted.
    #[command(flatten)]
    pub data: TestData,
    /// Metrics with cutoffs, such as ndcg@100; coverage and Gini are always shown as well
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "ndcg@100,capped_recall@20")]
    pub metrics: Vec<Metric>,
    /// Report with plots: FILE.html (one file, nothing beside it), FILE.md (tables only), or a directory for
    /// both and the plots
    #[arg(long, visible_alias = "out", value_name = "PATH", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Replace an existing report
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Print JSON instead of tables
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Training and log.
    #[command(flatten)]
    pub configuration: Configuration,
}
