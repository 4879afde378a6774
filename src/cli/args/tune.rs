//! Flags of searches for parameters.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::Configuration;
use crate::cli::layers::{Layer, SettingsError};

/// `foldin tune`
#[derive(Debug, Args)]
#[command(after_help = "\
Ranges, in flags or as the table [tune.ranges] of a configuration file:
  model.lambda=log:10..1000      numbers, equally dense by their logarithm
  model.dropout=0.1..0.6         numbers, equally dense as they are
  model.hidden=200..800          whole numbers, where the key holds one
  model.hidden=200|400|600       one of these
Any key of the sections [model] and [training] can be searched, but for model.kind and training.seed.

Validation data is cut from the log, which must be the training log: a test file has no flag here.
  --protocol strong   users held out of training, as many as [validation] says, or those of its files
  --protocol weak     a fifth of the history of as many users, who stay in training with the rest

Every finished trial is noted beside --out, in FILE.trials.json (an RMSE with a minus before it). The same command goes on after the
last of them, also with more --trials; another search over the same file is refused. With --jobs 1
the same seed gives the same trials.

Examples:
  foldin tune log.parquet --model ease --range model.lambda=log:10..1000 --trials 15 --out best.toml
  foldin tune log.parquet --range model.dropout=0.2..0.7 --range 'model.hidden=200|400' --out best.toml
  foldin tune log.parquet --config search.toml --seconds 3600 --jobs 2 --out best.toml --json
  foldin tune log.parquet --weight-column rating --model auto-rec --range model.hidden=50..500 --out best.toml
  foldin train --config best.toml --out model")]
pub struct Tune {
    /// The training log: a Parquet file, a directory of them, or a quoted pattern like 'logs/2026-*/*.parquet'
    pub log: Option<String>,
    /// Where to write the best configuration, as TOML that `foldin train --config` takes
    #[arg(long, value_name = "FILE", required_unless_present = "print_config")]
    pub out: Option<PathBuf>,
    /// A parameter to search, see below; may be repeated
    #[arg(long, value_name = "KEY=RANGE", help_heading = "Search")]
    pub range: Vec<String>,
    /// Trials altogether, those of an earlier run included [default: 20]
    #[arg(long, value_name = "N", help_heading = "Search")]
    pub trials: Option<String>,
    /// Begin no further trial after so many seconds
    #[arg(long, value_name = "X", help_heading = "Search")]
    pub seconds: Option<String>,
    /// How the next point is chosen: tpe (default: the first ten at random, then by what was good) or random
    #[arg(long, value_name = "METHOD", help_heading = "Search")]
    pub search: Option<String>,
    /// What the best one is the best by, on the validation data [default: ndcg@100; rmse for models of ratings]
    #[arg(long, value_name = "METRIC", help_heading = "Search")]
    pub metric: Option<String>,
    /// How validation data is cut from the log: strong (default) or weak
    #[arg(long, value_name = "PROTOCOL", help_heading = "Search")]
    pub protocol: Option<String>,
    /// Train every trial to its end: by default, one that is worse than the median of the others after a fifth of its
    /// epochs is given up
    #[arg(long, help_heading = "Search")]
    pub no_early_stopping: bool,
    /// Trials at the same time, as far as memory allows; their order, and so what is learnt from them, may vary
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Search")]
    pub jobs: NonZeroUsize,
    /// Replace an existing configuration, and forget the trials noted beside it if they are of another search
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Print JSON instead of a table
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Model, training and log.
    #[command(flatten)]
    pub configuration: Configuration,
}

impl Tune {
    /// The layer of the command's own flags.
    ///
    /// # Errors
    /// [`SettingsError`] for a malformed or repeated `--range`.
    pub fn layer(&self) -> Result<Layer, SettingsError> {
        let mut layer = Layer::default();
        layer.flag("LOG", "input.log", self.log.as_deref());
        self.range.iter().try_for_each(|text| layer.range(text))?;
        for (flag, key, value) in [
            ("--trials", "tune.trials", &self.trials),
            ("--seconds", "tune.seconds", &self.seconds),
            ("--search", "tune.search", &self.search),
            ("--metric", "tune.metric", &self.metric),
            ("--protocol", "tune.protocol", &self.protocol),
        ] {
            layer.flag(flag, key, value.as_deref());
        }
        layer.flag("--no-early-stopping", "tune.early_stopping", self.no_early_stopping.then_some("false"));
        Ok(layer)
    }
}
