//! Histories out as a log: of users whose ids are made up, with items of a catalogue.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_schema::{DataType, Field};

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::interaction_rows::BUFFERED_ROWS;
use super::writer::TableWriter;
use crate::interactions::IdMap;

/// Writes a log with the columns `user_id` (text) and `item_id`, in the type of the catalogue's ids. Memory does not grow
/// with the number of users; the file appears when [`finish`](Self::finish) succeeds.
pub struct HistoryWriter<'a> {
    items: &'a IdMap,
    writer: TableWriter,
    users: StringBuilder,
    rows: Vec<u32>,
}

impl<'a> HistoryWriter<'a> {
    /// Starts a log of items of `items`.
    ///
    /// # Errors
    /// [`TableError`] when `path` cannot be written.
    pub fn create(path: &Path, items: &'a IdMap) -> Result<Self, TableError> {
        let fields = vec![Field::new("user_id", DataType::Utf8, false), Field::new("item_id", id_type(items), false)];
        let writer = TableWriter::create(path, fields)?;
        Ok(Self { items, writer, users: StringBuilder::new(), rows: Vec::with_capacity(BUFFERED_ROWS) })
    }

    /// Appends one row an item of a user.
    ///
    /// # Errors
    /// [`TableError`] when writing fails.
    ///
    /// # Panics
    /// When an item is not among those the writer was created for.
    pub fn append(&mut self, user_id: &str, items: &[u32]) -> Result<(), TableError> {
        items.iter().for_each(|_| self.users.append_value(user_id));
        self.rows.extend_from_slice(items);
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
        let items = id_array(self.items, self.rows.iter().copied());
        self.writer.append(vec![Arc::new(self.users.finish()), items])?;
        self.rows.clear();
        Ok(())
    }
}
