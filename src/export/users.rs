//! Whose rows: users in ascending order of their ids, with their histories.

use std::ops::Range;

use super::ExportError;
use crate::artifact::{self, Artifact};
use crate::interactions::{HistoryRef, IdMap, Interactions};
use crate::io::Log;
use crate::types::UserIdx;

/// Users to export for.
pub struct Users<'a> {
    ids: &'a IdMap,
    /// Positions in `ids`, ascending. Four bytes a user, beside the ids the only thing that grows.
    rows: Vec<u32>,
    histories: Source<'a>,
}

/// Where histories are.
enum Source<'a> {
    /// In a model directory, read as they are needed.
    Stored(&'a artifact::Histories),
    /// In memory.
    Read(&'a Interactions),
}

impl<'a> Users<'a> {
    /// The users of a model directory with their stored histories.
    #[must_use]
    pub fn stored(artifact: &'a Artifact) -> Self {
        let rows = (0..artifact.users.len() as u32).collect();
        Self { ids: &artifact.users, rows, histories: Source::Stored(&artifact.histories) }
    }

    /// The users of a log that was read onto the items of a model.
    #[must_use]
    pub fn of_log(log: &'a Log) -> Self {
        let rows = (0..log.users.len() as u32).collect();
        Self { ids: &log.users, rows, histories: Source::Read(&log.interactions) }
    }

    /// Those among them whose positions in [`ids`](Self::ids) are in `chosen`, which is ascending.
    #[must_use]
    pub fn only(mut self, chosen: &[u32]) -> Self {
        self.rows.retain(|row| chosen.binary_search(row).is_ok());
        self
    }

    /// Those of whom something is known, and how many are not.
    #[must_use]
    pub fn with_history(mut self) -> (Self, usize) {
        let before = self.rows.len();
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|&row| self.history_len(row) > 0);
        self.rows = rows;
        let left_out = before - self.rows.len();
        (self, left_out)
    }

    /// The ids that [`rows`](Self::rows) are positions in.
    #[must_use]
    pub fn ids(&self) -> &'a IdMap {
        self.ids
    }

    /// Positions of the users, ascending.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Number of users.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn history_len(&self, row: u32) -> usize {
        match &self.histories {
            Source::Stored(histories) => histories.history_len(UserIdx(row)),
            Source::Read(interactions) => interactions.history(UserIdx(row)).len(),
        }
    }

    /// Hands the histories of some of the users (a range of [`rows`](Self::rows)) to `f`.
    ///
    /// # Errors
    /// [`ExportError::Artifact`] when stored histories cannot be read any more.
    pub fn with_histories<R>(
        &self,
        range: Range<usize>,
        f: impl FnOnce(&[HistoryRef<'_>]) -> R,
    ) -> Result<R, ExportError> {
        let rows = &self.rows[range];
        match &self.histories {
            Source::Read(interactions) => {
                let histories: Vec<_> = rows.iter().map(|&row| interactions.history(UserIdx(row))).collect();
                Ok(f(&histories))
            }
            Source::Stored(stored) => {
                // Neighbours come in one read.
                let runs = rows.chunk_by(|a, b| a + 1 == *b);
                let read = runs.map(|run| stored.range(run[0]..run[run.len() - 1] + 1));
                let parts = read.collect::<Result<Vec<Interactions>, _>>()?;
                let histories: Vec<_> = parts.iter().flat_map(Interactions::histories).collect();
                Ok(f(&histories))
            }
        }
    }
}
