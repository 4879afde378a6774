//! Flags of calibration and of the search for anomalies.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::Whose;
use crate::anomaly::DEFAULT_RATE;
use crate::engine::DEFAULT_LEAST_LIKELY;

/// `foldin calibrate`
#[derive(Debug, Args)]
#[command(after_help = "\
Normal are the users of the model directory that were held out of its training, or those of --logs, of whom
the ones that the model was trained on are left out. A thousand or more make small p-values possible;
`foldin train` calibrates by its validation users where there are a hundred or more. Closed-form models hold
nobody out: train them on a part (`foldin split`) and give the rest.

Examples:
  foldin calibrate model --out calibrated
  foldin calibrate ease --logs other-users.parquet --out ease --force")]
pub struct Calibrate {
    /// The model directory
    pub model_dir: PathBuf,
    /// The model directory to write; with --force, that may be MODEL_DIR itself
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Normal users.
    #[command(flatten)]
    pub whose: Whose,
    /// Most users to calibrate with
    #[arg(long, value_name = "N", default_value = "10000")]
    pub max_users: NonZeroUsize,
    /// Which ones, where there are more
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Replace an existing model directory
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// `foldin anomalies`
#[derive(Debug, Args)]
#[command(after_help = "\
Each item of a history is looked up in the list that the history makes without it and a fifth of the others.
The statistic of a history is the mean place of its items: 0 is the top of the list, 0.5 what a model reaches
that knows nothing. Its p-value compares it with normal users whose histories are as long; flagged are the
histories that are found at a false discovery rate (Benjamini & Hochberg 1995). The model must be calibrated.

Examples:
  foldin anomalies model
  foldin anomalies model --logs today.parquet --out anomalies.parquet
  foldin anomalies model --logs today.parquet --fdr 0.01 --least-likely 10 --json")]
pub struct Anomalies {
    /// The model directory
    pub model_dir: PathBuf,
    /// On average at most this share of the flagged histories is normal
    #[arg(long, value_name = "X", default_value_t = DEFAULT_RATE)]
    pub fdr: f64,
    /// How many of the least likely items to name of each history
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LEAST_LIKELY)]
    pub least_likely: usize,
    /// Parquet file to write, a row a user
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Whose histories.
    #[command(flatten)]
    pub whose: Whose,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}
