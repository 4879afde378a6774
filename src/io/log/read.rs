//! Logs in: rows of (user, item, weight) from Parquet become a matrix and its id maps.

use std::collections::BTreeMap;
use std::path::Path;

use super::report::LogReport;
use super::rows::Rows;
use crate::interactions::{BuildError, Built, EventsThrough, ExactSums, IdMap, Interactions, LogRules, Timestamp};
use crate::io::axis::Axis;
use crate::io::error::LogError;
use crate::io::source::{LocalFiles, Source};

/// A log in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Users × items.
    pub interactions: Interactions,
    /// The latest time of every interaction, in the order of the matrix (row by row, ascending items);
    /// `None` where the rules name no time column.
    pub times: Option<Vec<Timestamp>>,
    /// The sums that the weights do not tell exactly, where the rules add up.
    pub sums: ExactSums,
    /// How far the live events in the log reach, by the id of their store.
    pub events: BTreeMap<String, EventsThrough>,
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
        sums: core.sums,
        events: rows.events,
        users: left_of(users, &core.users),
        items: left_of(items, &core.items),
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
    let Built { interactions, times, sums, .. } = built;
    Ok(Log { interactions, times, sums, events: rows.events, users, items: items.clone(), report })
}

/// The ids that are left, without a copy where all are.
fn left_of(ids: IdMap, left: &[u32]) -> IdMap {
    if left.len() == ids.len() { ids } else { ids.select(left) }
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
