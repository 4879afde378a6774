//! Recommendations out: one row a recommended item, streamed.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, StringArray, UInt32Array};
use arrow_schema::{DataType, Field};

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::writer::TableWriter;
use crate::interactions::{Catalogue, IdMap};
use crate::types::{ItemIdx, UserIdx};

/// Rows collected before they are encoded.
const BUFFERED_ROWS: usize = 1 << 16;

/// Writes `user_id`, `rank` (from 1), `item_id`, `score`, and `title` when the catalogue knows any; ids in
/// the type of the log. Memory does not grow with the number of users.
///
/// The file appears at its path when [`finish`](Self::finish) succeeds; until then, and when the writer is
/// dropped, nothing is there.
pub struct RecommendationWriter<'a> {
    users: &'a IdMap,
    catalogue: &'a Catalogue,
    titled: bool,
    writer: TableWriter,
    rows: Vec<Row>,
}

struct Row {
    user: u32,
    rank: u32,
    item: u32,
    score: f32,
}

impl<'a> RecommendationWriter<'a> {
    /// Starts a file for users of `users` and items of `catalogue`.
    ///
    /// # Errors
    /// [`TableError`] when `path` cannot be written.
    pub fn create(path: &Path, users: &'a IdMap, catalogue: &'a Catalogue) -> Result<Self, TableError> {
        let titled = (0..catalogue.len() as u32).any(|item| catalogue.title(item).is_some());
        let mut fields = vec![
            Field::new("user_id", id_type(users), false),
            Field::new("rank", DataType::UInt32, false),
            Field::new("item_id", id_type(catalogue.ids()), false),
            Field::new("score", DataType::Float32, false),
        ];
        if titled {
            fields.push(Field::new("title", DataType::Utf8, true));
        }
        let writer = TableWriter::create(path, fields)?;
        Ok(Self { users, catalogue, titled, writer, rows: Vec::with_capacity(BUFFERED_ROWS) })
    }

    /// Appends the list of one user, best first, as (item, score).
    ///
    /// # Errors
    /// [`TableError`] when writing fails.
    ///
    /// # Panics
    /// When the user or an item is not among those the writer was created for.
    pub fn append(&mut self, user: UserIdx, list: impl IntoIterator<Item = (ItemIdx, f32)>) -> Result<(), TableError> {
        let ranked = list.into_iter().zip(1u32..);
        self.rows.extend(ranked.map(|((item, score), rank)| Row { user: user.0, rank, item: item.0, score }));
        if self.rows.len() >= BUFFERED_ROWS { self.flush() } else { Ok(()) }
    }

    /// Completes the file; returns the number of rows.
    ///
    /// # Errors
    /// [`TableError`] when writing fails; nothing is left behind.
    pub fn finish(mut self) -> Result<u64, TableError> {
        self.flush()?;
        self.writer.finish()
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let rows = &self.rows;
        let mut columns: Vec<ArrayRef> = vec![
            id_array(self.users, rows.iter().map(|row| row.user)),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.rank))),
            id_array(self.catalogue.ids(), rows.iter().map(|row| row.item)),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.score))),
        ];
        if self.titled {
            columns.push(Arc::new(rows.iter().map(|row| self.catalogue.title(row.item)).collect::<StringArray>()));
        }
        self.writer.append(columns)?;
        self.rows.clear();
        Ok(())
    }
}
