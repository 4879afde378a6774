//! How large is a log? One pass over its ids, for plans that are made before the log is read.

use std::path::Path;

use super::chunks::{Chunk, Chunks};
use super::prune::groups_inside;
use super::rules::check_rules;
use super::tables::Tables;
use crate::interactions::{IdMap, LogRules};
use crate::io::axis::Axis;
use crate::io::error::LogError;
use crate::io::source::{LocalFiles, Source};

/// The extents of a log before its rules are applied to single rows.
#[derive(Clone, Debug, PartialEq)]
pub struct LogExtents {
    /// Files read.
    pub files: usize,
    /// (User, item) entries: one a row or, where items are lists, one an element.
    pub entries: u64,
    /// The different users.
    pub users: AxisExtents,
    /// The different items.
    pub items: AxisExtents,
}

/// One axis of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisExtents {
    /// The different ids, sorted.
    pub ids: IdMap,
    /// Entries of each id, repetitions counted.
    pub entries: Vec<u32>,
}

/// Entries that the footers of a log claim, parts that lie outside of the time window not counted; where items are
/// lists, empty ones count as well. Nothing but the footers is read.
///
/// # Errors
/// [`LogError`] as for [`read_log`](super::read_log): rules that make no sense, files that cannot be read, columns that
/// are missing or of the wrong type.
pub fn count_entries(log: &Path, rules: &LogRules) -> Result<u64, LogError> {
    check_rules(rules)?;
    let source = LocalFiles::new(log);
    let mut tables = Tables::of(&source, rules)?;
    tables.prune()?;
    let mut entries = 0u64;
    while let Some(table) = tables.next()? {
        let (groups, _) = groups_inside(&table, rules);
        entries = entries.saturating_add(table.table.values(&table.item.name, &groups));
    }
    Ok(entries)
}

/// Numbers the users and items of a log, a file, directory or pattern as for [`read_log`](super::read_log), in one pass
/// over its id columns; no other column is decoded.
///
/// What the time window leaves out of whole files and row groups is left out here as well; rows that other rules would
/// drop or merge are counted, so the extents are upper bounds of what reading the log keeps. Memory grows with the
/// different ids (some 40 bytes each and their text), not with the rows.
///
/// # Errors
/// As for [`count_entries`]; null ids; a log without rows.
pub fn measure_log(log: &Path, rules: &LogRules) -> Result<LogExtents, LogError> {
    measure_log_from(&LocalFiles::new(log), rules)
}

/// Measures a log, wherever it is kept; see [`measure_log`].
///
/// # Errors
/// As for [`measure_log`].
pub fn measure_log_from(source: &dyn Source, rules: &LogRules) -> Result<LogExtents, LogError> {
    check_rules(rules)?;
    let mut tables = Tables::of(source, rules)?;
    tables.prune()?;
    let (mut users, mut items, mut files) = (Counter::new(), Counter::new(), 0);
    while let Some(mut table) = tables.next()? {
        files += 1;
        users.axis.expect(table.user.kind, table.table.file(), &table.user.name)?;
        items.axis.expect(table.item.kind, table.table.file(), &table.item.name)?;
        let (groups, _) = groups_inside(&table, rules);
        (table.weight, table.time, table.event) = (None, None, None);
        let mut chunks = Chunks::new(table, &groups);
        let mut next = chunks.next()?;
        while let Some(chunk) = next {
            let chunk = chunk.checked(rules)?;
            let (counted, after) = rayon::join(|| count(&mut users, &mut items, &chunk, rules), || chunks.next());
            counted?;
            next = after?;
        }
    }
    let (users, items) = (users.finish(), items.finish());
    let entries = users.entries.iter().map(|&entries| u64::from(entries)).sum();
    if entries == 0 {
        return Err(LogError::Empty { log: source.name().into() });
    }
    Ok(LogExtents { files, entries, users, items })
}

fn count(users: &mut Counter, items: &mut Counter, chunk: &Chunk, rules: &LogRules) -> Result<(), LogError> {
    rayon::join(
        || {
            users.axis.number(&chunk.users, &mut users.chunk);
            users.count();
        },
        || {
            items.axis.number(&chunk.items, &mut items.chunk);
            items.count();
        },
    );
    users.axis.check_capacity(&chunk.file, &rules.columns.user)?;
    Ok(items.axis.check_capacity(&chunk.file, &rules.columns.item)?)
}

/// The ids of an axis with the number of their entries.
struct Counter {
    axis: Axis,
    entries: Vec<u32>,
    chunk: Vec<u32>,
}

impl Counter {
    fn new() -> Self {
        Self { axis: Axis::growing(), entries: Vec::new(), chunk: Vec::new() }
    }

    /// Counts the chunk that has been numbered.
    fn count(&mut self) {
        self.entries.resize(self.axis.len(), 0);
        for &id in &self.chunk {
            // An id without a number is refused by the check of the capacity.
            if let Some(entries) = self.entries.get_mut(id as usize) {
                *entries = entries.saturating_add(1);
            }
        }
    }

    fn finish(self) -> AxisExtents {
        let (ids, ranks) = self.axis.into_sorted();
        let mut entries = vec![0; self.entries.len()];
        ranks.iter().zip(self.entries).for_each(|(&rank, count)| entries[rank as usize] = count);
        AxisExtents { ids, entries }
    }
}
