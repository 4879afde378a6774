//! What can be wrong with a table, said so that the reader knows which file, column and row to look at
//! and what to do.

use std::path::PathBuf;

use super::log::{LogReport, counted};
use crate::interactions::{BuildError, IdOrderError, TimeUnit};

/// Why a Parquet table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The operating system refuses.
    #[error("cannot {action} {}: {source}; check that the path exists and its permissions", file.display())]
    File {
        /// What was tried: `read`, `write`, `list`.
        action: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// The reason given by the operating system.
        source: std::io::Error,
    },
    /// Something else than Parquet.
    #[error("{} is not a Parquet file: {found}; convert it to Parquet first", file.display())]
    NotParquet {
        /// The file.
        file: PathBuf,
        /// What is there instead.
        found: String,
    },
    /// Starts like Parquet, but cannot be decoded.
    #[error("{} is truncated or damaged: {reason}; copy or write it again", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where decoding failed.
        reason: String,
    },
    /// There is no column of that name.
    #[error("{} has no column `{column}`{}; its columns are: {}; {remedy}", file.display(), suggestion(nearest.as_deref()), available.join(", "))]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The column asked for.
        column: String,
        /// The columns there are.
        available: Vec<String>,
        /// The one with the most similar name, where any is similar.
        nearest: Option<String>,
        /// How to name another column.
        remedy: &'static str,
    },
    /// The column holds another type of value.
    #[error("{}: column `{column}` is of type {found}, accepted are {accepted}; {remedy}", file.display())]
    ColumnType {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The types that would do.
        accepted: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A value is missing where one is needed.
    #[error("{}: column `{column}`, row {row}: the value is null; remove or complete the row", file.display())]
    Null {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The row, from 1.
        row: u64,
    },
    /// Ids that have to be ascending and unique are not.
    #[error("{}: column `{column}`: {source}", file.display())]
    Order {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The first id out of order.
        source: IdOrderError,
    },
    /// More ids than indices.
    #[error("{}: column `{column}` has more than {} different ids; take fewer rows, or merge ids that mean the same", file.display(), super::interner::MAX_IDS)]
    TooManyIds {
        /// The file being read when the limit was passed.
        file: PathBuf,
        /// The column.
        column: String,
    },
    /// Ids of another type than before.
    #[error("{}: column `{column}` holds {found} ids, but {} holds {expected} ids; write both with the same type", file.display(), other.display())]
    IdType {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The type of its ids.
        found: &'static str,
        /// Where the expected type comes from: another file, or the ids known already.
        other: PathBuf,
        /// The type expected.
        expected: &'static str,
    },
    /// A column has another type than in a file read before.
    #[error("{}: column `{column}` is of type {found}, but in {} it is of type {expected}; write both with the same type", file.display(), other.display())]
    Retyped {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The file read before.
        other: PathBuf,
        /// Its type there.
        expected: String,
    },
    /// Encoding a table failed.
    #[error("cannot write {}: {reason}; check its path, permissions and free space, then run again", file.display())]
    Encode {
        /// The file.
        file: PathBuf,
        /// What the encoder says.
        reason: String,
    },
}

/// Why a log cannot be turned into interactions.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A directory without any Parquet file.
    #[error("{} holds no *.parquet file (hidden files and names starting with `_` are not read); give the directory of the files, or a single file", directory.display())]
    NoFiles {
        /// The directory.
        directory: PathBuf,
    },
    /// A pattern that names nothing.
    #[error(
        "cannot read {pattern}: {reason}; give a file, a directory, or a pattern like 'logs/2026-*/part-*.parquet'"
    )]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A hive partition that cannot be read.
    #[error("{}: cannot use the partition `{directory}`: {reason}; rename the directory", file.display())]
    Partition {
        /// A file in it.
        file: PathBuf,
        /// Its directory.
        directory: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A column that differs from the partition it is in.
    #[error("{}: column `{column}`, row {row}: the value is {found}, but the file lies in the partition {column}={partition}; move the row, or drop the column from the file", file.display())]
    Contradiction {
        /// The file.
        file: PathBuf,
        /// The column and partition.
        column: String,
        /// The row, from 1.
        row: u64,
        /// The value in the file.
        found: String,
        /// The value of the partition.
        partition: String,
    },
    /// A column of another type than in the file before.
    #[error("{}: column `{column}` holds {found}, but in {} it holds {expected}; write both with the same type", file.display(), other.display())]
    Retyped {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// What it holds.
        found: &'static str,
        /// The file before.
        other: PathBuf,
        /// What it holds there.
        expected: &'static str,
    },
    /// Whole numbers as times without a unit, or a unit for times that have their own.
    #[error("{}: column `{column}` is of type {found}; {}", file.display(), unit_remedy(*unit))]
    TimeUnit {
        /// The file.
        file: PathBuf,
        /// The time column.
        column: String,
        /// Its type.
        found: String,
        /// The unit that was stated.
        unit: Option<TimeUnit>,
    },
    /// A time that cannot be used.
    #[error("{}: column `{column}`, row {row}: {value} is not a time within 290,000 years of 1970; fix or remove the row, or check the unit of the times", file.display())]
    Time {
        /// The file.
        file: PathBuf,
        /// The time column.
        column: String,
        /// The row, from 1.
        row: u64,
        /// The value as stored.
        value: String,
    },
    /// Two files with the same live events.
    #[error("{} and {} both hold the live events {first} to {last}, which would count twice; remove one of the files, or export it again with --after", file.display(), other.display())]
    SameEvents {
        /// The file.
        file: PathBuf,
        /// The other one.
        other: PathBuf,
        /// Number of the first event that is in both.
        first: u64,
        /// Number of the last one.
        last: u64,
    },
    /// More types of event than anybody could weigh.
    #[error("{}: column `{column}` has more than {} different values; it does not look like a column of event types, name another with --event-column", file.display(), super::log::MAX_EVENT_TYPES)]
    EventTypes {
        /// The file being read when the limit was passed.
        file: PathBuf,
        /// The event column.
        column: String,
    },
    /// Lists of one row that do not belong together.
    #[error("{}: row {row}: the list in column `{column}` has length {found}, the one in `{items}` has {expected}; a row needs as many values as items", file.display())]
    ListLength {
        /// The file.
        file: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The column of the weights, times or events.
        column: String,
        /// Its elements in that row.
        found: usize,
        /// The column of the items.
        items: String,
        /// Its elements in that row.
        expected: usize,
    },
    /// A log without rows.
    #[error("{} holds no rows; give a log with at least one interaction of two users and two items", log.display())]
    Empty {
        /// File or directory.
        log: PathBuf,
    },
    /// A weight that cannot be used.
    #[error(
        "{}: column `{column}`, row {row}: weight {value} is not a finite number greater than 0; fix or remove the row{}",
        file.display(),
        if *is_zero { ", or set a minimum weight above 0, which drops it" } else { "" }
    )]
    Weight {
        /// The file.
        file: PathBuf,
        /// The weight column.
        column: String,
        /// The row, from 1.
        row: u64,
        /// The value as stored.
        value: String,
        /// True for a zero, which a minimum weight would drop.
        is_zero: bool,
    },
    /// A rule that makes no sense.
    #[error("{field} is {value}, {expected}")]
    Rule {
        /// Its name in the configuration.
        field: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// Every row was dropped.
    #[error("nothing is left of {}; relax the rules or check the column names\n{report}", log.display())]
    NothingLeft {
        /// File or directory.
        log: PathBuf,
        /// What was dropped, by reason.
        report: Box<LogReport>,
    },
    /// Too few users or items to learn anything.
    #[error(
        "{} is left with {} and {}, at least 2 of each are needed; relax the rules or check the column names\n{report}",
        log.display(), counted(report.users as u64, "user"), counted(report.items as u64, "item")
    )]
    TooFew {
        /// File or directory.
        log: PathBuf,
        /// What was kept and dropped.
        report: Box<LogReport>,
    },
    /// Weights that add up to infinity.
    #[error("{}: the weights of user `{user}` and item `{item}` add up to {sum}, which is too large; merge duplicates by their maximum", log.display())]
    WeightOverflow {
        /// File or directory.
        log: PathBuf,
        /// The user.
        user: String,
        /// The item.
        item: String,
        /// The sum.
        sum: f64,
    },
    /// The rows do not make a matrix.
    #[error("{}: {source}", log.display())]
    Build {
        /// File or directory.
        log: PathBuf,
        /// What is wrong.
        source: BuildError,
    },
}

fn unit_remedy(unit: Option<TimeUnit>) -> &'static str {
    match unit {
        None => "state the unit of the numbers with --time-unit (seconds, milliseconds, microseconds or nanoseconds)",
        Some(_) => "its times have a unit of their own: leave --time-unit out",
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}
