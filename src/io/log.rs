//! Logs in: rows of (user, item, weight) from Parquet become a matrix and its id maps.

use std::path::Path;

use super::axis::Axis;
use super::error::LogError;
use super::ids::{IdColumn, IdKind};
use super::interner::UNKNOWN;
use super::report::{LogReport, RowsDropped};
use super::source::{open, parquet_files};
use super::weights::{WEIGHT_REMEDY, check_weight_type, read_weights};
use crate::interactions::{BuildError, Dropped, IdMap, Interactions, InteractionsBuilder, LogRules, Timestamp};

const USER_REMEDY: &str = "name another with --user-column";
const ITEM_REMEDY: &str = "name another with --item-column";

/// A log in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Users × items.
    pub interactions: Interactions,
    /// The latest time of every interaction, in the order of the matrix (row by row, ascending items);
    /// `None` where the rules name no time column.
    pub times: Option<Vec<Timestamp>>,
    /// The ids of the rows.
    pub users: IdMap,
    /// The ids of the columns.
    pub items: IdMap,
    /// What was read, kept and dropped.
    pub report: LogReport,
}

/// Reads a Parquet file, or every `*.parquet` file of a directory (hidden files and names starting with
/// `_`, such as `_SUCCESS`, are ignored), under `rules`.
///
/// Users and items are numbered in the sorted order of their ids, so the outcome does not depend on
/// the order of rows or files. Takes about 12 bytes a row beside the ids.
///
/// # Errors
/// [`LogError`] naming file, column and row: unreadable or damaged files, missing columns, wrong types,
/// null ids, unusable weights, and a log of which fewer than two users or items are left.
pub fn read_log(source: &Path, rules: &LogRules) -> Result<Log, LogError> {
    let (mut users, mut items) = (Axis::growing(), Axis::growing());
    let mut rows = Rows::read(source, rules, &mut users, &mut items)?;
    let ((users, user_ranks), (items, item_ranks)) = (users.into_sorted(), items.into_sorted());
    rows.builder.renumber(Some(&user_ranks), Some(&item_ranks));
    drop((user_ranks, item_ranks));
    let core = rows
        .builder
        .build_core((users.len(), items.len()))
        .map_err(|error| build_error(source, error, &users, &items))?;
    let report = LogReport {
        users_dropped: users.len() - core.users.len(),
        items_dropped: items.len() - core.items.len(),
        core_rounds: core.core_rounds,
        ..rows.counted.report(&core.interactions, core.dropped)
    };
    if report.interactions == 0 {
        return Err(LogError::NothingLeft { log: source.into(), report: report.into() });
    }
    if report.users < 2 || report.items < 2 {
        return Err(LogError::TooFew { log: source.into(), report: report.into() });
    }
    Ok(Log {
        interactions: core.interactions,
        times: core.times,
        users: users.select(&core.users),
        items: items.select(&core.items),
        report,
    })
}

/// Reads a log against a vocabulary that is fixed: the items of a model, and the users as well where
/// `users` is given. Rows of unknown items and users are dropped and counted.
///
/// The matrix has a column for every item of `items`, and a row for every user of `users`; without it, for
/// every user of the log, even one of whom nothing is left. Minimum weight and merging apply; the
/// minimums of users and items do not, as the vocabulary is given.
///
/// # Errors
/// [`LogError`] as for [`read_log`], but a single user or item is enough.
pub fn read_log_onto(source: &Path, rules: &LogRules, items: &IdMap, users: Option<&IdMap>) -> Result<Log, LogError> {
    let (mut user_axis, mut item_axis) = (users.map_or_else(Axis::growing, Axis::fixed), Axis::fixed(items));
    let mut rows = Rows::read(source, rules, &mut user_axis, &mut item_axis)?;
    let users = match users {
        Some(users) => users.clone(),
        None => {
            let (users, ranks) = user_axis.into_sorted();
            rows.builder.renumber(Some(&ranks), None);
            users
        }
    };
    let built =
        rows.builder.build((users.len(), items.len())).map_err(|error| build_error(source, error, &users, items))?;
    let report = rows.counted.report(&built.interactions, built.dropped);
    if report.interactions == 0 {
        return Err(LogError::NothingLeft { log: source.into(), report: report.into() });
    }
    Ok(Log { interactions: built.interactions, times: built.times, users, items: items.clone(), report })
}

/// The rows of a log with the numbers that its axes gave out.
struct Rows {
    builder: InteractionsBuilder,
    counted: Counted,
}

/// What is known before the rows are merged.
#[derive(Default)]
struct Counted {
    files: usize,
    rows: u64,
    unknown_user: u64,
    unknown_item: u64,
}

impl Counted {
    fn report(&self, interactions: &Interactions, dropped: Dropped) -> LogReport {
        LogReport {
            files: self.files,
            rows: self.rows,
            interactions: interactions.len() as u64,
            users: interactions.users(),
            items: interactions.items(),
            dropped: RowsDropped {
                unknown_user: self.unknown_user,
                unknown_item: self.unknown_item,
                below_min_weight: dropped.below_min_weight,
                merged_duplicates: dropped.merged_duplicates,
                user_below_minimum: dropped.user_below_minimum,
                item_below_minimum: dropped.item_below_minimum,
            },
            ..LogReport::default()
        }
    }
}

impl Rows {
    fn read(source: &Path, rules: &LogRules, users: &mut Axis, items: &mut Axis) -> Result<Self, LogError> {
        check_rules(rules)?;
        let mut rows = Self { builder: InteractionsBuilder::new(rules), counted: Counted::default() };
        for file in parquet_files(source)? {
            rows.read_file(&file, rules, users, items)?;
        }
        if rows.counted.rows == 0 {
            return Err(LogError::Empty { log: source.into() });
        }
        Ok(rows)
    }

    fn read_file(&mut self, file: &Path, rules: &LogRules, users: &mut Axis, items: &mut Axis) -> Result<(), LogError> {
        let names = &rules.columns;
        let table = open(file)?;
        let mut wanted = Vec::from([names.user.as_str(), names.item.as_str()]);
        for (axis, name, remedy) in [(&mut *users, &names.user, USER_REMEDY), (&mut *items, &names.item, ITEM_REMEDY)] {
            axis.expect(IdKind::of(file, table.field(name, remedy)?, remedy)?, file, name)?;
        }
        if !names.weight.is_empty() {
            check_weight_type(file, table.field(&names.weight, WEIGHT_REMEDY)?)?;
            wanted.push(&names.weight);
        }
        self.counted.files += 1;
        self.counted.rows += table.rows();
        self.builder.reserve(table.expected_rows());
        let (mut user_numbers, mut item_numbers, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for batch in table.batches(&wanted)? {
            let batch = batch?;
            users.number(&IdColumn::read(file, &batch, &names.user)?, &mut user_numbers);
            items.number(&IdColumn::read(file, &batch, &names.item)?, &mut item_numbers);
            if names.weight.is_empty() {
                weights.resize(batch.rows(), 1.0);
            } else {
                read_weights(file, &names.weight, &batch, rules.min_weight.unwrap_or(0.0), &mut weights)?;
            }
            for ((&user, &item), &weight) in user_numbers.iter().zip(&item_numbers).zip(&weights) {
                if user == UNKNOWN {
                    self.counted.unknown_user += 1;
                } else if item == UNKNOWN {
                    self.counted.unknown_item += 1;
                } else {
                    self.builder.push(user, item, weight);
                }
            }
        }
        for (axis, name) in [(users, &names.user), (items, &names.item)] {
            axis.check_capacity(file, name)?;
        }
        Ok(())
    }
}

/// Rules that no log could satisfy.
fn check_rules(rules: &LogRules) -> Result<(), LogError> {
    if rules.columns.user == rules.columns.item {
        return Err(LogError::Rule {
            field: "columns.item",
            value: rules.columns.item.clone(),
            expected: "as is columns.user; name different ones with --user-column and --item-column",
        });
    }
    let Some(min_weight) = rules.min_weight else { return Ok(()) };
    let refused = |expected| LogError::Rule { field: "min_weight", value: min_weight.to_string(), expected };
    if !(min_weight.is_finite() && min_weight >= 0.0) {
        return Err(refused("must be a finite number of at least 0"));
    }
    if rules.columns.weight.is_empty() && min_weight > 0.0 {
        return Err(refused("but there is no weight column to compare with; name it with --weight-column"));
    }
    Ok(())
}

fn build_error(log: &Path, error: BuildError, users: &IdMap, items: &IdMap) -> LogError {
    match error {
        BuildError::WeightOverflow { user, item, sum } => LogError::WeightOverflow {
            log: log.into(),
            user: users.external(user).into_owned(),
            item: items.external(item).into_owned(),
            sum,
        },
        source => LogError::Build { log: log.into(), source },
    }
}
