//! Flags of a plan.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::Configuration;

/// `foldin plan`
#[derive(Debug, Args)]
#[command(after_help = "\
Takes the configuration of `foldin train` and predicts what that run takes, from the footers of the
log and one pass over its ids, or from stated sizes. `train` makes the same check.

Memory is the peak of the whole process, usually within 15 %. A run fits when that is no more than
nine tenths of what is available: what the system can give without swapping, or what the control
group has left. Time assumes that every planned epoch is run, at speeds measured now; take it as
within a factor of two.

Exit codes:
  0  the run fits
  2  it does not: what `train` would answer; or flags or configuration are wrong
  3  the log cannot be used

Examples:
  foldin plan log.parquet --model ease
  foldin plan log.parquet --config foldin.toml --batch-size 500 --out /data/model
  foldin plan newer.parquet --from model
  foldin plan --users 1000000 --items 200000 --interactions 50000000 --memory 16GiB --json")]
pub struct Plan {
    /// The log: a Parquet file, a directory of them, or a quoted pattern like 'logs/2026-*/*.parquet'
    #[arg(conflicts_with_all = ["users", "items", "interactions"])]
    pub log: Option<String>,
    /// Instead of a log: its users
    #[arg(long, value_name = "N", help_heading = "Sizes", requires = "items", requires = "interactions")]
    pub users: Option<NonZeroU64>,
    /// Instead of a log: its items
    #[arg(long, value_name = "N", help_heading = "Sizes", requires = "users", requires = "interactions")]
    pub items: Option<NonZeroU64>,
    /// Instead of a log: its different pairs of user and item
    #[arg(long, value_name = "N", help_heading = "Sizes", requires = "users", requires = "items")]
    pub interactions: Option<NonZeroU64>,
    /// Model directory that would be written: whose disk is looked at [default: here]
    #[arg(long, value_name = "DIR")]
    pub out: Option<String>,
    /// The model that the run would continue
    #[arg(long, value_name = "MODEL_DIR")]
    pub from: Option<PathBuf>,
    /// Memory of the machine that will train, for example 16GiB [default: what is available here]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<ByteSize>,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Model, training and log.
    #[command(flatten)]
    pub configuration: Configuration,
}

/// A number of bytes as people write it: `16GiB`, `500 MB`, `4000000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const UNITS: [(&str, u64); 9] = [
            ("", 1),
            ("B", 1),
            ("kB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
        ];
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = (text[..digits].parse::<f64>().ok(), text[digits..].trim());
        let unit = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        match (number, unit) {
            (Some(number), Some((_, unit))) if number > 0.0 => Ok(Self((number * *unit as f64) as u64)),
            _ => Err("a size is a number greater than 0 with a unit, for example 16GiB or 500MB".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("16GiB", 16 << 30), ("1.5 gb", 1_500_000_000), ("700", 700), ("2 MB", 2_000_000)] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "GB", "-1GB", "0", "3 bananas", "1e3", "1.2.3MB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
        assert_eq!("99999999999999999999TB".parse(), Ok(ByteSize(u64::MAX)));
    }
}
