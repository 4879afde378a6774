//! Flags of the report on a log.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use super::LogConfiguration;

/// `foldin validate`
#[derive(Debug, Args)]
#[command(after_help = "\
Each line of the report is PASS, WARN (worth a look: some good logs are like that, most are not)
or FAIL (training refuses the log, or what it would learn or measure is wrong), and says what to
do. Times, weights and types of event are looked at when their columns are named.

Exit codes:
  0  every line is PASS
  3  at least one line is FAIL
  4  at least one line is WARN, none is FAIL

What gives a WARN, and a FAIL where noted:
  schema      files of one log with other columns or types; FAIL: a file or column cannot be read
  rows        FAIL: fewer than 2 users or items
  ids         placeholders such as `null` or -1, spaces around ids; FAIL: null
  weights     all alike; the largest is over 1,000 times the median;
              FAIL: null, NaN, infinite, negative, zero without a minimum weight
  events      types without a weight, weights of types that never occur; FAIL: no type has a weight
  times       1970-01-01, before 1990, in the future, after 2100; days without rows between weeks
              of 20 users a day or more;
              FAIL: null, or a median that only another unit makes a date of our time
  duplicates  over 1 % of the rows stand twice; over 90 % repeat a pair of user and item
  users       over half are cold; the median user has a single item
  items       over half are cold; an item that over 90 % of the users have; over 1 % are without
              metadata (FAIL: all)
  bots        over 1,000 events of a user in an hour or 5,000 in a day; 50 events at equal
              distances; a user with 1 % of all rows, 1,000 at least and 100 times the median;
              five users with the same five items or more
  leakage     a pair in both log and test (FAIL: half of the test); tested interactions older
              than the user's last one in training; over 10 % of the test unknown to training
              (FAIL: all)
  training    FAIL: training refuses the log

Examples:
  foldin validate log.parquet --items items.parquet
  foldin validate log.parquet --time-column timestamp --weight-column weight --json
  foldin validate split/train.parquet --test split/test.parquet")]
pub struct Validate {
    /// The log: a Parquet file, a directory of them, or a quoted pattern like 'logs/2026-*/*.parquet'
    pub log: Option<String>,
    /// What the users of the log went on to: checks what it shares with the log
    #[arg(long, value_name = "FILE")]
    pub test: Option<PathBuf>,
    /// What is known of the items: checks that it is about the items of the log
    #[arg(long, value_name = "FILE")]
    pub items: Option<String>,
    /// Column of the item ids in --items [default: item_id]
    #[arg(long, value_name = "COLUMN")]
    pub item_id_column: Option<String>,
    /// Users and items with fewer interactions count as cold
    #[arg(long, value_name = "N", default_value = "5")]
    pub cold_below: NonZeroU32,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// How the log is read.
    #[command(flatten)]
    pub configuration: LogConfiguration,
}
