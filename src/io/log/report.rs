//! What was read and what was dropped.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of the rows of a log; [`entries`](Self::entries) = [`interactions`](Self::interactions) + all
/// entries [`dropped`](Self::dropped).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReport {
    /// Parquet files read.
    pub files: usize,
    /// Files not read, as their partition lies outside of the time window.
    pub files_pruned: usize,
    /// Rows in the files read.
    pub rows: u64,
    /// (User, item) entries of the rows: one a row or, where items are lists, one an element.
    pub entries: u64,
    /// Rows whose list of items is empty or null.
    pub empty_lists: u64,
    /// Interactions kept: different (user, item) pairs.
    pub interactions: u64,
    /// Users kept.
    pub users: usize,
    /// Items kept.
    pub items: usize,
    /// Users of the log of whom nothing is left.
    pub users_dropped: usize,
    /// Items of the log of which nothing is left.
    pub items_dropped: usize,
    /// Entries dropped, by reason.
    pub dropped: RowsDropped,
    /// Entries dropped for their type of event, by the name of the type.
    pub events_dropped: BTreeMap<String, u64>,
    /// Rounds of the k-core filter that dropped something.
    pub core_rounds: usize,
    /// Live events, by their first and last numbers, that none of the files holds although there are files of earlier and
    /// of later ones.
    #[serde(default)]
    pub events_missing: Vec<[u64; 2]>,
}

/// Rows (or elements of lists) dropped, by reason, in the order in which the reasons are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsDropped {
    /// The time lies outside of the window.
    pub outside_window: u64,
    /// The user is not among the given ones.
    pub unknown_user: u64,
    /// The item is not among the given ones (and the user is).
    pub unknown_item: u64,
    /// The user was forgotten since.
    #[serde(default)]
    pub forgotten: u64,
    /// The type of event has no weight, or a weight of 0.
    pub event_type: u64,
    /// The value in the weight column is below the minimum.
    pub below_min_weight: u64,
    /// The time is later than the moment from which ages count.
    pub after_as_of: u64,
    /// The weight has decayed to nothing.
    pub decayed: u64,
    /// Merged into another row of the same user and item.
    pub merged_duplicates: u64,
    /// The user has too few interactions.
    pub user_below_minimum: u64,
    /// The item has too few users.
    pub item_below_minimum: u64,
}

impl RowsDropped {
    /// The reasons as a person reads them, with their counts.
    #[must_use]
    pub fn reasons(&self) -> [(&'static str, u64); 11] {
        [
            ("outside of the time window", self.outside_window),
            ("of unknown users", self.unknown_user),
            ("of unknown items", self.unknown_item),
            ("of users who were forgotten", self.forgotten),
            (OF_EVENT_TYPES, self.event_type),
            ("below the minimum weight", self.below_min_weight),
            ("later than the moment ages count from", self.after_as_of),
            ("decayed to nothing", self.decayed),
            ("merged as duplicates", self.merged_duplicates),
            ("of users below the minimum", self.user_below_minimum),
            ("of items below the minimum", self.item_below_minimum),
        ]
    }

    /// All rows dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.reasons().iter().map(|(_, rows)| rows).sum()
    }
}

const OF_EVENT_TYPES: &str = "of event types without weight";

/// Event types that are named in the text; the most frequent ones.
const NAMED_EVENTS: usize = 5;

impl LogReport {
    /// A line for each of the most frequent types of event that were dropped.
    fn name_events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut events: Vec<_> = self.events_dropped.iter().collect();
        events.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
        for (name, rows) in events.iter().take(NAMED_EVENTS) {
            write!(f, "\n    {rows} of type `{}`", shortened(name))?;
        }
        match events.len().saturating_sub(NAMED_EVENTS) {
            0 => Ok(()),
            others => write!(f, "\n    and those of {}", counted(others as u64, "more type")),
        }
    }
}

impl fmt::Display for LogReport {
    /// One line of what was read and kept, then one a reason that dropped anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elements = match self.entries {
            entries if entries == self.rows => String::new(),
            entries => format!(" ({} in lists)", counted(entries, "item")),
        };
        write!(
            f,
            "read {}{elements} from {}: {} of {} and {}",
            counted(self.rows, "row"),
            counted(self.files as u64, "file"),
            counted(self.interactions, "interaction"),
            counted(self.users as u64, "user"),
            counted(self.items as u64, "item"),
        )?;
        if self.files_pruned > 0 {
            let files = counted(self.files_pruned as u64, "file");
            write!(f, "\n  did not read {files} of partitions outside of the time window")?;
        }
        if self.empty_lists > 0 {
            write!(f, "\n  found nothing in {} with an empty list", counted(self.empty_lists, "row"))?;
        }
        let what = if self.entries == self.rows { "row" } else { "item" };
        for (reason, rows) in self.dropped.reasons().into_iter().filter(|(_, rows)| *rows > 0) {
            write!(f, "\n  dropped {} {reason}", counted(rows, what))?;
            if reason == OF_EVENT_TYPES {
                self.name_events(f)?;
            }
        }
        if self.users_dropped + self.items_dropped > 0 {
            let (users, items) = (self.users_dropped as u64, self.items_dropped as u64);
            write!(f, "\n  nothing is left of {} and {}", counted(users, "user"), counted(items, "item"))?;
        }
        for [first, last] in &self.events_missing {
            let all = "are in none of the files: all later ones go on counting as live; add the file that holds them";
            write!(f, "\n  live events {first} to {last} {all}")?;
        }
        if self.core_rounds > 0 {
            write!(f, "\n  the minimums held after {}", counted(self.core_rounds as u64, "round"))?;
        }
        Ok(())
    }
}

/// A number with its noun: `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A name as far as it fits a line.
fn shortened(name: &str) -> String {
    const CHARACTERS: usize = 60;
    let mut start: String = name.chars().take(CHARACTERS).collect();
    if start.len() < name.len() {
        start.push('…');
    }
    start.escape_debug().to_string()
}
