//! Logs in: rows of (user, item, weight) from Parquet become a matrix and its id maps.

use std::path::Path;

use super::chunks::{Chunk, Chunks};
use super::columns::LogTable;
use super::report::{LogReport, RowsDropped};
use super::tables::Tables;
use crate::interactions::{BuildError, Dropped, IdMap, Interactions, InteractionsBuilder, LogRules, Timestamp};
use crate::io::axis::Axis;
use crate::io::error::{LogError, TableError};
use crate::io::interner::UNKNOWN;
use crate::io::source::{LocalFiles, Source};

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

/// Reads a log under `rules`: a Parquet file, a directory (every `*.parquet` file at any depth; hidden files and names
/// starting with `_`, such as `_SUCCESS`, are ignored), or a pattern like `logs/2026-*/part-*.parquet`.
///
/// Directories of the form `column=value` are hive partitions, whose values are columns. Users and items are numbered
/// in the sorted order of their ids, so the outcome does not depend on the order of rows or files. Takes about 12 bytes
/// a row beside the ids, and 8 more where times are read.
///
/// # Errors
/// [`LogError`] naming file, column and row: unreadable or damaged files, missing columns, wrong types,
/// null ids, unusable weights, and a log of which fewer than two users or items are left.
pub fn read_log(log: &Path, rules: &LogRules) -> Result<Log, LogError> {
    read_log_from(&LocalFiles::new(log), rules)
}

/// Reads a log, wherever it is kept; see [`read_log`].
///
/// # Errors
/// As for [`read_log`].
pub fn read_log_from(source: &dyn Source, rules: &LogRules) -> Result<Log, LogError> {
    let (mut users, mut items) = (Axis::growing(), Axis::growing());
    let mut rows = Rows::read(source, rules, &mut users, &mut items)?;
    let ((users, user_ranks), (items, item_ranks)) = (users.into_sorted(), items.into_sorted());
    rows.builder.renumber(Some(&user_ranks), Some(&item_ranks));
    drop((user_ranks, item_ranks));
    let core = rows
        .builder
        .build_core((users.len(), items.len()))
        .map_err(|error| build_error(source.name(), error, &users, &items))?;
    let report = LogReport {
        users_dropped: users.len() - core.users.len(),
        items_dropped: items.len() - core.items.len(),
        core_rounds: core.core_rounds,
        ..rows.counted.report(&core.interactions, core.dropped)
    };
    if report.interactions == 0 {
        return Err(LogError::NothingLeft { log: source.name().into(), report: report.into() });
    }
    if report.users < 2 || report.items < 2 {
        return Err(LogError::TooFew { log: source.name().into(), report: report.into() });
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
pub fn read_log_onto(log: &Path, rules: &LogRules, items: &IdMap, users: Option<&IdMap>) -> Result<Log, LogError> {
    read_log_onto_from(&LocalFiles::new(log), rules, items, users)
}

/// Reads a log against a fixed vocabulary, wherever it is kept; see [`read_log_onto`].
///
/// # Errors
/// As for [`read_log_onto`].
pub fn read_log_onto_from(
    source: &dyn Source,
    rules: &LogRules,
    items: &IdMap,
    users: Option<&IdMap>,
) -> Result<Log, LogError> {
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
    let built = rows
        .builder
        .build((users.len(), items.len()))
        .map_err(|error| build_error(source.name(), error, &users, items))?;
    let report = rows.counted.report(&built.interactions, built.dropped);
    if report.interactions == 0 {
        return Err(LogError::NothingLeft { log: source.name().into(), report: report.into() });
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
    fn read(source: &dyn Source, rules: &LogRules, users: &mut Axis, items: &mut Axis) -> Result<Self, LogError> {
        check_rules(rules)?;
        let mut rows = Self { builder: InteractionsBuilder::new(rules), counted: Counted::default() };
        let mut tables = Tables::of(source, rules)?;
        while let Some(table) = tables.next()? {
            rows.read_table(table, rules, users, items)?;
        }
        if rows.counted.rows == 0 {
            return Err(LogError::Empty { log: source.name().into() });
        }
        Ok(rows)
    }

    fn read_table(
        &mut self,
        table: LogTable,
        rules: &LogRules,
        users: &mut Axis,
        items: &mut Axis,
    ) -> Result<(), LogError> {
        let file = table.table.file().to_path_buf();
        users.expect(table.user.kind, &file, &table.user.name)?;
        items.expect(table.item.kind, &file, &table.item.name)?;
        self.counted.files += 1;
        self.counted.rows += table.table.rows();
        self.builder.reserve(table.table.expected_rows());
        let (mut user_numbers, mut item_numbers) = (Vec::new(), Vec::new());
        let groups = Vec::from_iter(0..table.table.row_groups().len());
        let mut chunks = Chunks::new(table, &groups);
        while let Some(chunk) = chunks.next()? {
            let weights = complete(&chunk, rules)?;
            users.number(&chunk.users, &mut user_numbers);
            items.number(&chunk.items, &mut item_numbers);
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
        for (axis, name) in [(users, &rules.columns.user), (items, &rules.columns.item)] {
            axis.check_capacity(&file, name)?;
        }
        Ok(())
    }
}

/// The weights of a chunk in which no id is missing and every weight can be used.
fn complete(chunk: &Chunk, rules: &LogRules) -> Result<Vec<f32>, LogError> {
    let names = &rules.columns;
    for (ids, column) in [(&chunk.users, &names.user), (&chunk.items, &names.item)] {
        if let Some(nulls) = ids.array().logical_nulls().filter(|nulls| nulls.null_count() > 0) {
            let entry = nulls.iter().position(|valid| !valid).unwrap_or(0);
            let (file, row) = (chunk.file.to_path_buf(), chunk.position.row(entry));
            return Err(TableError::Null { file, column: column.clone(), row }.into());
        }
    }
    let Some(weights) = &chunk.weights else { return Ok(vec![1.0; chunk.len()]) };
    let min_weight = rules.min_weight.unwrap_or(0.0);
    weights
        .iter()
        .enumerate()
        .map(|(entry, value)| match value.map(|value| value as f32) {
            Some(weight) if weight.is_finite() && (weight > 0.0 || (weight == 0.0 && weight < min_weight)) => {
                Ok(weight)
            }
            weight => Err(LogError::Weight {
                file: chunk.file.to_path_buf(),
                column: names.weight.clone(),
                row: chunk.position.row(entry),
                value: value.map_or("null".into(), |value| value.to_string()),
                is_zero: weight == Some(0.0),
            }),
        })
        .collect()
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
