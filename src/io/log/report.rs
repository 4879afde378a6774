//! What was read and what was dropped.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of the rows of a log; [`rows`](Self::rows) = [`interactions`](Self::interactions) + all
/// rows [`dropped`](Self::dropped).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReport {
    /// Parquet files read.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
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
    /// Rows dropped, by reason.
    pub dropped: RowsDropped,
    /// Rounds of the k-core filter that dropped something.
    pub core_rounds: usize,
}

/// Rows dropped, by reason, in the order in which the reasons are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsDropped {
    /// The user is not among the given ones.
    pub unknown_user: u64,
    /// The item is not among the given ones (and the user is).
    pub unknown_item: u64,
    /// The weight is below the minimum.
    pub below_min_weight: u64,
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
    pub fn reasons(&self) -> [(&'static str, u64); 6] {
        [
            ("of unknown users", self.unknown_user),
            ("of unknown items", self.unknown_item),
            ("below the minimum weight", self.below_min_weight),
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

impl fmt::Display for LogReport {
    /// One line of what was read and kept, then one a reason that dropped anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read {} from {}: {} of {} and {}",
            counted(self.rows, "row"),
            counted(self.files as u64, "file"),
            counted(self.interactions, "interaction"),
            counted(self.users as u64, "user"),
            counted(self.items as u64, "item"),
        )?;
        for (reason, rows) in self.dropped.reasons().into_iter().filter(|(_, rows)| *rows > 0) {
            write!(f, "\n  dropped {} {reason}", counted(rows, "row"))?;
        }
        if self.users_dropped + self.items_dropped > 0 {
            let (users, items) = (self.users_dropped as u64, self.items_dropped as u64);
            write!(f, "\n  nothing is left of {} and {}", counted(users, "user"), counted(items, "item"))?;
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
