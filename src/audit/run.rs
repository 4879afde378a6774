//! All checks on one log.

use std::path::{Path, PathBuf};

use super::checks;
use super::checks::Sizes;
use super::collect::Collected;
use super::report::{AuditReport, Line, NotChecked, Status};
use super::users::{active_users, profiles};
use crate::interactions::{LogRules, Timestamp};
use crate::io::{
    ItemColumns, Log, LogError, LogReport, Scanned, ScannedFile, read_all_items, read_log, read_log_onto, scan_log,
};

/// What to check beside the log itself.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Users and items with fewer interactions count as cold.
    pub cold_below: u32,
    /// The moment from which on times lie in the future.
    pub now: Timestamp,
    /// What is known of the items.
    pub items: Option<ItemsFile>,
    /// What the users of the log went on to.
    pub test: Option<PathBuf>,
}

/// A file of item metadata.
#[derive(Clone, Debug)]
pub struct ItemsFile {
    /// A Parquet file, or a directory of them.
    pub path: PathBuf,
    /// The names of its columns.
    pub columns: ItemColumns,
}

impl Default for AuditOptions {
    /// The log alone, with 5 interactions as the limit of cold.
    fn default() -> Self {
        Self { cold_below: 5, now: Timestamp::now(), items: None, test: None }
    }
}

/// Checks the log at `log`, of which `rules` name the columns and decide what training makes of it.
///
/// Reads it twice, first as training does and then row by row; takes 20 bytes a row and some 60 a user beside the
/// ids. A log that cannot be read gives a report that says so.
///
/// # Errors
/// [`LogError::Rule`] for rules that no log could satisfy.
pub fn audit(log: &Path, rules: &LogRules, options: &AuditOptions) -> Result<AuditReport, LogError> {
    let mut not_checked = Vec::new();
    let trained = match read_log(log, rules) {
        // Which types of event there are is what somebody who has no weights yet wants to know.
        Err(error @ LogError::Rule { .. }) if rules.columns.event.is_empty() || !rules.event_weights.is_empty() => {
            return Err(error);
        }
        outcome => outcome,
    };
    let leaks = match (&options.test, &trained) {
        (Some(test), Ok(train)) => leakage(train, test, rules, &mut not_checked)?,
        (Some(_), Err(_)) => {
            let needs = "a log that training accepts";
            not_checked.push(missing(&["leakage.unknown", "leakage.pairs", "leakage.time"], needs));
            Vec::new()
        }
        (None, _) => {
            let needs = "--test FILE";
            not_checked.push(missing(&["leakage.unknown", "leakage.pairs", "leakage.time"], needs));
            Vec::new()
        }
    };
    // The matrix is not needed any more, and the rows take its place in memory.
    let trained = trained.map(|log| log.report);
    let mut all = Collected::default();
    if let Ok(report) = &trained {
        // A hint: without the room, the rows grow step by step.
        let _ = all.rows.try_reserve_exact(usize::try_from(report.rows).unwrap_or(0));
    }
    let mut lines = match scan_log(log, rules, &mut |batch| all.take(batch)) {
        Ok(scanned) => of_rows(all, &scanned, rules, options, trained.is_err(), &mut not_checked),
        Err(error) => vec![
            Line::new("schema.readable", error.to_string())
                .raise(Status::Fail, "nothing else was checked: repair the file or name other columns, then run again"),
        ],
    };
    lines.extend(leaks);
    lines.push(training(trained));
    Ok(AuditReport::new(lines, not_checked))
}

fn missing(ids: &[&'static str], needs: &str) -> NotChecked {
    NotChecked { ids: ids.to_vec(), needs: needs.into() }
}

/// Everything that is told from the rows.
fn of_rows(
    mut all: Collected,
    scanned: &Scanned,
    rules: &LogRules,
    options: &AuditOptions,
    refused: bool,
    not_checked: &mut Vec<NotChecked>,
) -> Vec<Line> {
    let timed = !rules.columns.time.is_empty();
    let mut lines =
        vec![Line::new("schema.readable", "every file and column can be read"), checks::files(&scanned.files, rules)];
    let [null, form] = checks::ids(&all, scanned, refused);
    let (users, holders) = profiles(&mut all.rows, scanned.items.len());
    let active = active_users(&all.rows);
    let sizes = Sizes {
        rows: all.total,
        empty_lists: all.empty_lists,
        users: scanned.users.len() as u64,
        items: scanned.items.len() as u64,
        pairs: users.iter().map(|user| u64::from(user.items)).sum(),
    };
    lines.extend([checks::rows(sizes), null, form]);
    lines.extend(checks::weights(&mut all, rules, refused));
    lines.extend(checks::events(&all, &scanned.events, rules));
    lines.extend(checks::times(&mut all, active.as_ref(), rules, options.now, refused));
    lines.extend(checks::duplicates(&users, &scanned.users, timed));
    lines.extend(checks::histories(&users, &holders, &scanned.items, options.cold_below));
    match &options.items {
        Some(ItemsFile { path, columns }) => {
            // Over no items: what comes back is what the file has.
            let described = read_all_items(path, columns, &scanned.items.sorted().select(&[]));
            lines.push(checks::metadata(scanned.items.sorted(), described.as_ref().map(|(ids, _)| ids)));
        }
        None => not_checked.push(missing(&["items.metadata"], "--items FILE")),
    }
    lines.extend(checks::bots(&users, &scanned.users, scanned.items.len(), timed));
    not_checked.extend(unnamed_columns(&scanned.files, rules));
    lines
}

/// The checks that wait for the name of a column, with a column that looks like it.
fn unnamed_columns(files: &[ScannedFile], rules: &LogRules) -> Vec<NotChecked> {
    let columns = files.first().map_or(&[][..], |file| &file.columns);
    let times =
        ["times.usable", "times.unit", "times.range", "times.gaps", "duplicates.rows", "bots.rate", "bots.rhythm"];
    let names = &rules.columns;
    [
        (&names.weight, &["weights.usable", "weights.distribution"][..], "--weight-column", &["weight", "rating"][..]),
        (&names.event, &["events.types"], "--event-column", &["event"]),
        (&names.time, &times, "--time-column", &["time", "date"]),
    ]
    .into_iter()
    .filter(|(named, ..)| named.is_empty())
    .map(|(_, ids, flag, parts)| {
        let alike = columns.iter().find(|(name, _)| parts.iter().any(|part| name.to_lowercase().contains(part)));
        match alike {
            Some((name, of)) if flag == "--time-column" && of.contains("Int") => {
                missing(ids, &format!("{flag} {name} --time-unit UNIT"))
            }
            Some((name, _)) => missing(ids, &format!("{flag} {name}")),
            None => missing(ids, &format!("{flag} COLUMN")),
        }
    })
    .collect()
}

/// The lines on a test file.
fn leakage(
    train: &Log,
    test: &Path,
    rules: &LogRules,
    not_checked: &mut Vec<NotChecked>,
) -> Result<Vec<Line>, LogError> {
    match read_log_onto(test, &rules.for_targets(), &train.items, Some(&train.users)) {
        Ok(test) => {
            if test.times.is_none() {
                not_checked.push(missing(&["leakage.time"], "--time-column COLUMN"));
            }
            Ok(checks::leakage(train, &test))
        }
        Err(error @ LogError::Rule { .. }) => Err(error),
        Err(error) => {
            let remedy = "there is nothing to measure: check that the test is of the same users and items as the log";
            Ok(vec![Line::new("leakage.unknown", error.to_string()).raise(Status::Fail, remedy)])
        }
    }
}

/// `training.accepts`: what training says.
fn training(outcome: Result<LogReport, LogError>) -> Line {
    match outcome {
        Ok(report) => Line::new("training.accepts", report.to_string())
            .value("interactions", report.interactions)
            .value("users", report.users)
            .value("items", report.items)
            .value("dropped", report.dropped.total()),
        Err(error) => Line::new("training.accepts", error.to_string())
            .raise(Status::Fail, "training refuses this log for this reason"),
    }
}
