//! Flags of samples.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `foldin sample`
#[derive(Debug, Args)]
#[command(after_help = "\
A sample is NOT private: it is made from a model of people, and unless --codes says standard from the codes of people.
It is for load tests and demonstrations; do not publish it where the log itself must not be published.

Examples:
  foldin sample model --users 10000 --out sample.parquet
  foldin sample model --users 500 --length 20 --seed 7 --out short.parquet --report report.json
  foldin sample model --users 500 --codes standard --out generic.parquet --json")]
pub struct Sample {
    /// The model directory; a variational model
    pub model_dir: PathBuf,
    /// Users to make up
    #[arg(long, value_name = "N")]
    pub users: NonZeroU64,
    /// The log to write: a Parquet file with user_id and item_id
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Items of every history [default: as many as stored ones have]
    #[arg(long, value_name = "N")]
    pub length: Option<NonZeroUsize>,
    /// Where codes come from
    #[arg(long, value_enum, default_value_t = CodesFrom::Posterior)]
    pub codes: CodesFrom,
    /// The same seed gives the same sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Also write how the sample compares with the data, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Replace existing outputs
    #[arg(long)]
    pub force: bool,
    /// Print the comparison as JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

/// The sources of codes by name; see [`CodeSource`](crate::sample::CodeSource).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CodesFrom {
    /// The posteriors of stored histories: like the data, and its people
    Posterior,
    /// The standard normal distribution: farther from both
    Standard,
}
