//! The files of live events among the tables of a log: how far they reach together, and whose rows are to be dropped.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::interactions::{EventsThrough, Forgotten, LiveLogPart, Timestamp};
use crate::io::axis::Axis;
use crate::io::error::{LogError, TableError};
use crate::io::live_log::LIVE_PART;
use crate::io::source::{Source, TableBytes};
use crate::io::table::Table;

/// What the tables of a log say of live events.
#[derive(Default)]
pub(super) struct LiveParts {
    /// Without those who were forgotten.
    by_table: HashMap<PathBuf, LiveLogPart>,
    /// By user, with the store that was told to forget.
    forgotten: HashMap<String, Vec<(String, Forgotten)>>,
    /// By number of the user on the axis of users.
    numbered: Vec<Vec<(String, Forgotten)>>,
}

impl LiveParts {
    /// Looks at the footers of all tables; those before any row is read, as a deletion concerns every file.
    ///
    /// # Errors
    /// [`LogError`] when a table cannot be opened, what it says of itself cannot be read, or two of them hold the same
    /// events.
    pub fn of(source: &dyn Source, tables: &[PathBuf]) -> Result<Self, LogError> {
        let mut parts = Self::default();
        for file in tables {
            let table = Table::open(file, TableBytes::new(source.open(file)?))?;
            let Some(note) = table.note(LIVE_PART) else { continue };
            let mut part: LiveLogPart = serde_json::from_str(note).map_err(|error| TableError::Damaged {
                file: file.clone(),
                reason: format!("its note {LIVE_PART} on live events cannot be read: {error}"),
            })?;
            for forgotten in std::mem::take(&mut part.forgotten) {
                let of_user = parts.forgotten.entry(forgotten.user_id.clone()).or_default();
                // Every later file repeats it.
                if !of_user.iter().any(|(store, known)| *store == part.store && *known == forgotten) {
                    of_user.push((part.store.clone(), forgotten));
                }
            }
            parts.by_table.insert(file.clone(), part);
        }
        parts.check_overlap()?;
        Ok(parts)
    }

    /// Events that stand in two files would count twice.
    fn check_overlap(&self) -> Result<(), LogError> {
        let sorted = self.sorted();
        for pair in sorted.windows(2) {
            let [(file, part), (other, next)] = [pair[0], pair[1]];
            if part.store == next.store && next.after < part.through && next.after < next.through {
                return Err(LogError::SameEvents {
                    file: other.into(),
                    other: file.into(),
                    first: next.after + 1,
                    last: part.through.min(next.through),
                });
            }
        }
        Ok(())
    }

    /// By store and number.
    fn sorted(&self) -> Vec<(&Path, &LiveLogPart)> {
        let mut sorted: Vec<_> = self.by_table.iter().map(|(file, part)| (file.as_path(), part)).collect();
        sorted.sort_by(|(a, left), (b, right)| {
            (&left.store, left.after, left.through, a).cmp(&(&right.store, right.after, right.through, b))
        });
        sorted
    }

    /// How far the log reaches, by store: without a gap from the first event that is there. What comes before that is
    /// taken to be part of the other files.
    pub fn through(&self) -> BTreeMap<String, EventsThrough> {
        let mut through: BTreeMap<String, EventsThrough> = BTreeMap::new();
        for (_, part) in self.sorted() {
            let known = through.entry(part.store.clone()).or_insert(EventsThrough { events: part.after, deletions: 0 });
            if part.after <= known.events {
                known.events = known.events.max(part.through);
            }
            known.deletions = known.deletions.max(part.through);
        }
        through
    }

    /// The events that no file holds although files hold earlier and later ones, as first and last numbers.
    pub fn missing(&self) -> Vec<[u64; 2]> {
        let sorted = self.sorted();
        let gap = |pair: &[(&Path, &LiveLogPart)]| {
            let [(_, part), (_, next)] = [pair[0], pair[1]];
            (part.store == next.store && part.through < next.after).then(|| [part.through + 1, next.after])
        };
        sorted.windows(2).filter_map(gap).collect()
    }

    /// What a table says of itself, where it holds live events.
    pub fn part(&self, table: &Path) -> Option<&LiveLogPart> {
        self.by_table.get(table)
    }

    /// True when nobody was forgotten.
    pub fn forgets_nobody(&self) -> bool {
        self.forgotten.is_empty()
    }

    /// Looks up the users that the axis has numbered since the last call.
    pub fn look_up(&mut self, users: &Axis) {
        if self.forgotten.is_empty() {
            return;
        }
        for number in self.numbered.len()..users.len() {
            self.numbered.push(self.forgotten.get(&users.external(number as u32)).cloned().unwrap_or_default());
        }
    }

    /// True for a row that was there when its user was forgotten: in a file of live events, what the store had not
    /// recorded later; elsewhere what happened before, and all of it where that is not known.
    pub fn forgets(&self, part: Option<&LiveLogPart>, user: u32, time: Option<Timestamp>) -> bool {
        let Some(forgotten) = self.numbered.get(user as usize) else { return false };
        forgotten.iter().any(|(store, forgotten)| match part {
            Some(part) if part.store == *store => part.through < forgotten.sequence,
            _ => time.is_none_or(|time| time <= forgotten.time),
        })
    }
}
