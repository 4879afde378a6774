//! Flags of splits.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::LogConfiguration;
use crate::interactions::Timestamp;

/// `foldin split`
#[derive(Debug, Args)]
#[command(after_help = "\
Files:
  strong           train, test_fold_in, test_target, and with --validation-users
                   validation_fold_in, validation_target
  all other rules  train, test, and on request validation
Each is a Parquet file with one row an interaction: user_id, item_id, and weight and timestamp
where the log has them; the rules of the log have been applied. manifest.json records rule, seed,
counts, what was left out and why, and the BLAKE3 of every file. What a model trained on train
cannot know is left out of the other files: items without training interactions, and in a temporal
split users without them.

Examples:
  foldin split log.parquet --out split --rule strong --test-users 500 --validation-users 500
  foldin split log.parquet --out split --rule weak
  foldin split log.parquet --out split --rule temporal --time-column timestamp --cut-at 2024-12-01
  foldin split log.parquet --out split --rule leave-last-out --validation --time-column timestamp
  foldin evaluate --train split/train.parquet --test split/test.parquet")]
pub struct Split {
    /// The log: a Parquet file, a directory of them, or a quoted pattern like 'logs/2026-*/*.parquet'
    pub log: Option<String>,
    /// Directory to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What is held out
    #[arg(long, value_enum)]
    pub rule: Rule,
    /// strong: users held out for the test [default: a tenth, at most 1,000]
    #[arg(long, value_name = "N", help_heading = "Rule")]
    pub test_users: Option<NonZeroUsize>,
    /// strong: further users held out for validation
    #[arg(long, value_name = "N", help_heading = "Rule")]
    pub validation_users: Option<NonZeroUsize>,
    /// strong, weak: share of a history that has to be predicted [default: 0.2]
    #[arg(long, value_name = "X", help_heading = "Rule")]
    pub target_fraction: Option<f64>,
    /// temporal: first moment of the test, as 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", help_heading = "Rule", required_if_eq("rule", "temporal"))]
    pub cut_at: Option<Timestamp>,
    /// temporal: first moment of validation, before --cut-at
    #[arg(long, value_name = "TIME", help_heading = "Rule")]
    pub validation_cut_at: Option<Timestamp>,
    /// weak, leave-last-out: set a validation file apart as well
    #[arg(long, help_heading = "Rule")]
    pub validation: bool,
    /// strong, weak: the same seed gives the same split [default: training.seed of the configuration, 1]
    #[arg(long, value_name = "N", help_heading = "Rule")]
    pub seed: Option<u64>,
    /// Replace an earlier split
    #[arg(long)]
    pub force: bool,
    /// Print the manifest as JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// How the log is read.
    #[command(flatten)]
    pub configuration: LogConfiguration,
}

/// The rules by name; see [`SplitRule`](crate::interactions::SplitRule).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rule {
    /// Strong generalisation: whole users are held out; a part of their histories is folded in
    Strong,
    /// Weak generalisation: all users train; a random part of every history is the test
    Weak,
    /// What happened before --cut-at trains, the rest is the test
    Temporal,
    /// Every user's latest interaction is the test
    LeaveLastOut,
}
