//! The raw rows of a log, for reports on logs that may be bad: nothing is dropped, nothing is judged.

use std::path::{Path, PathBuf};

use super::chunks::{Chunk, Chunks};
use super::tables::Tables;
use crate::interactions::{IdMap, LogRules, Timestamp};
use crate::io::axis::Axis;
use crate::io::error::LogError;
use crate::io::interner::UNKNOWN;
use crate::io::source::{LocalFiles, Source};

/// The number of a null id or event type in a [`ScanBatch`].
pub const NULL_ID: u32 = UNKNOWN;

/// Consecutive rows of one file; all slices are of one length. A row whose items are a list stands there once an item,
/// and not at all when the list is empty.
#[derive(Clone, Copy, Debug)]
pub struct ScanBatch<'a> {
    /// The file.
    pub file: &'a Path,
    /// The row of each entry, counted from 1 in the file.
    pub rows: &'a [u64],
    /// Users, numbered from 0 in the order of first sight over all files; [`NULL_ID`] for null.
    pub users: &'a [u32],
    /// Items, numbered likewise.
    pub items: &'a [u32],
    /// The weight column, 1 throughout where none is named; NaN for null.
    pub weights: &'a [f64],
    /// When, where a time column is named; `None` for null and for what no [`Timestamp`] can hold.
    pub times: Option<&'a [Option<Timestamp>]>,
    /// Types of event, numbered like users, where an event column is named.
    pub events: Option<&'a [u32]>,
    /// Rows of the batch whose list of items is empty or null.
    pub empty_lists: u64,
}

/// A file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedFile {
    /// Its path.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its columns with their types as text, in order; hive partitions last.
    pub columns: Vec<(String, String)>,
}

/// What the numbers of a scan mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    /// The files in the order in which they were read.
    pub files: Vec<ScannedFile>,
    /// The users by number.
    pub users: ScannedIds,
    /// The items by number.
    pub items: ScannedIds,
    /// The types of event by number.
    pub events: ScannedIds,
}

/// Ids by the order of their first sight.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannedIds {
    ids: IdMap,
    ranks: Vec<u32>,
}

impl ScannedIds {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The id that a number stands for, in canonical form.
    ///
    /// # Panics
    /// When `number` is not below [`len`](Self::len).
    #[must_use]
    pub fn external(&self, number: u32) -> String {
        self.ids.external(self.ranks[number as usize]).into_owned()
    }

    /// All ids, sorted.
    #[must_use]
    pub fn sorted(&self) -> &IdMap {
        &self.ids
    }
}

/// Visits every row of a log: a file, directory or pattern as for [`read_log`](super::read_log).
///
/// Of `rules` only the names of the columns and the time unit count; no row is dropped, and what no rule could use
/// (null ids, weights and times) is marked, not refused. `each` sees the rows in order, file by file.
///
/// # Errors
/// [`LogError`] for files that cannot be read, and for columns that are missing or of the wrong type.
pub fn scan_log(log: &Path, rules: &LogRules, each: &mut dyn FnMut(&ScanBatch<'_>)) -> Result<Scanned, LogError> {
    scan_log_from(&LocalFiles::new(log), rules, each)
}

/// Visits every row of a log, wherever it is kept; see [`scan_log`].
///
/// # Errors
/// As for [`scan_log`].
pub fn scan_log_from(
    source: &dyn Source,
    rules: &LogRules,
    each: &mut dyn FnMut(&ScanBatch<'_>),
) -> Result<Scanned, LogError> {
    let mut scan = Scan {
        files: Vec::new(),
        users: Axis::growing(),
        items: Axis::growing(),
        events: Axis::growing(),
        batch: Numbered::default(),
    };
    let mut tables = Tables::of(source, rules)?;
    while let Some(table) = tables.next()? {
        let path = table.table.file().to_path_buf();
        scan.users.expect(table.user.kind, &path, &table.user.name)?;
        scan.items.expect(table.item.kind, &path, &table.item.name)?;
        if let Some(event) = &table.event {
            scan.events.expect(event.kind, &path, &event.name)?;
        }
        scan.files.push(ScannedFile { rows: table.table.rows(), columns: table.schema(), path });
        let groups = Vec::from_iter(0..table.table.row_groups().len());
        let mut chunks = Chunks::new(table, &groups);
        while let Some(chunk) = chunks.next()? {
            scan.visit(&chunk, each);
        }
    }
    let sorted = |axis: Axis| {
        let (ids, ranks) = axis.into_sorted();
        ScannedIds { ids, ranks }
    };
    let Scan { files, users, items, events, .. } = scan;
    Ok(Scanned { files, users: sorted(users), items: sorted(items), events: sorted(events) })
}

/// A scan under way.
struct Scan {
    files: Vec<ScannedFile>,
    users: Axis,
    items: Axis,
    events: Axis,
    batch: Numbered,
}

/// The columns of a batch, kept for their memory.
#[derive(Default)]
struct Numbered {
    rows: Vec<u64>,
    users: Vec<u32>,
    items: Vec<u32>,
    weights: Vec<f64>,
    times: Vec<Option<Timestamp>>,
    events: Vec<u32>,
}

impl Scan {
    fn visit(&mut self, chunk: &Chunk, each: &mut dyn FnMut(&ScanBatch<'_>)) {
        let Self { users, items, events, batch, .. } = self;
        batch.rows.clear();
        batch.rows.extend((0..chunk.len()).map(|entry| chunk.position.row(entry)));
        rayon::join(|| users.number(&chunk.users, &mut batch.users), || items.number(&chunk.items, &mut batch.items));
        batch.weights.clear();
        match &chunk.weights {
            Some(weights) => batch.weights.extend(weights.iter().map(|weight| weight.unwrap_or(f64::NAN))),
            None => batch.weights.resize(chunk.len(), 1.0),
        }
        if let Some(times) = &chunk.times {
            batch.times.clear();
            batch.times.extend(times.moments.iter().map(|moment| moment.map(Timestamp)));
        }
        if let Some(column) = &chunk.events {
            events.number(column, &mut batch.events);
        }
        each(&ScanBatch {
            file: &chunk.file,
            rows: &batch.rows,
            users: &batch.users,
            items: &batch.items,
            weights: &batch.weights,
            times: chunk.times.as_ref().map(|_| &batch.times[..]),
            events: chunk.events.as_ref().map(|_| &batch.events[..]),
            empty_lists: chunk.empty_lists,
        });
    }
}
