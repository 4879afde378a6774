//! Interactions out, row by row: what a dataset in some other format becomes.

use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_schema::{DataType, Field, TimeUnit};

use super::error::TableError;
use super::writer::TableWriter;
use crate::interactions::Timestamp;

/// Rows collected before they are encoded.
pub(super) const BUFFERED_ROWS: usize = 1 << 16;

/// Bytes of text collected before they are encoded: rows can be few and long.
pub(super) const BUFFERED_BYTES: usize = 32 << 20;

/// The type of an id column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdType {
    /// 64-bit integers.
    Int,
    /// Strings.
    Text,
}

/// An external id on its way into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id<'a> {
    /// For a column of [`IdType::Int`].
    Int(i64),
    /// For a column of [`IdType::Text`].
    Text(&'a str),
}

/// Ids collected for a column.
pub(super) enum IdBuilder {
    Int(Int64Builder),
    Text(StringBuilder),
}

impl IdBuilder {
    pub fn new(id_type: IdType) -> Self {
        match id_type {
            IdType::Int => Self::Int(Int64Builder::new()),
            IdType::Text => Self::Text(StringBuilder::new()),
        }
    }

    pub fn field(&self, name: &str) -> Field {
        let data_type = if matches!(self, Self::Int(_)) { DataType::Int64 } else { DataType::Utf8 };
        Field::new(name, data_type, false)
    }

    /// Appends an id; returns its bytes. An id of the other type becomes a null, which the column
    /// refuses when it is written.
    pub fn append(&mut self, id: Id<'_>) -> usize {
        match (self, id) {
            (Self::Int(ids), Id::Int(id)) => ids.append_value(id),
            (Self::Text(ids), Id::Text(id)) => {
                ids.append_value(id);
                return id.len();
            }
            (Self::Int(ids), Id::Text(_)) => ids.append_null(),
            (Self::Text(ids), Id::Int(_)) => ids.append_null(),
        }
        0
    }

    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Int(ids) => Arc::new(ids.finish()),
            Self::Text(ids) => Arc::new(ids.finish()),
        }
    }
}

/// The columns of an [`InteractionWriter`].
#[derive(Clone, Copy, Debug)]
pub struct InteractionColumns<'a> {
    /// Type of `user_id`.
    pub user: IdType,
    /// Type of `item_id`.
    pub item: IdType,
    /// Name of the weight column (`f32`), where there is one.
    pub weight: Option<&'a str>,
    /// True for a column `timestamp` (microseconds, UTC).
    pub time: bool,
}

/// One interaction; `weight` and `time` are there exactly when their columns are.
#[derive(Clone, Copy, Debug)]
pub struct InteractionRow<'a> {
    /// Who.
    pub user: Id<'a>,
    /// With what.
    pub item: Id<'a>,
    /// How much it says about the user's taste: a rating, a play count.
    pub weight: Option<f32>,
    /// When.
    pub time: Option<Timestamp>,
}

/// Writes interactions with the columns `user_id`, `item_id`, and where they are asked for a weight and
/// `timestamp`. Memory does not grow with the number of rows; the file appears when
/// [`finish`](Self::finish) succeeds.
pub struct InteractionWriter {
    writer: TableWriter,
    users: IdBuilder,
    items: IdBuilder,
    weights: Option<Float32Builder>,
    times: Option<TimestampMicrosecondBuilder>,
    rows: usize,
    bytes: usize,
}

impl InteractionWriter {
    /// Starts a table.
    ///
    /// # Errors
    /// [`TableError`] when `path` cannot be written.
    pub fn create(path: &Path, columns: InteractionColumns<'_>) -> Result<Self, TableError> {
        let (users, items) = (IdBuilder::new(columns.user), IdBuilder::new(columns.item));
        let mut fields = vec![users.field("user_id"), items.field("item_id")];
        fields.extend(columns.weight.map(|name| Field::new(name, DataType::Float32, false)));
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        fields.extend(columns.time.then(|| Field::new("timestamp", utc, false)));
        Ok(Self {
            writer: TableWriter::create(path, fields)?,
            users,
            items,
            weights: columns.weight.map(|_| Float32Builder::new()),
            times: columns.time.then(|| TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            rows: 0,
            bytes: 0,
        })
    }

    /// Appends an interaction.
    ///
    /// # Errors
    /// [`TableError`] when writing fails, or a value is not of the type of its column.
    pub fn append(&mut self, row: InteractionRow<'_>) -> Result<(), TableError> {
        self.bytes += self.users.append(row.user) + self.items.append(row.item);
        if let Some(weights) = &mut self.weights {
            weights.append_option(row.weight);
        }
        if let Some(times) = &mut self.times {
            times.append_option(row.time.map(|time| time.0));
        }
        self.rows += 1;
        if self.rows >= BUFFERED_ROWS || self.bytes >= BUFFERED_BYTES { self.flush() } else { Ok(()) }
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
        let mut columns = vec![self.users.finish(), self.items.finish()];
        columns.extend(self.weights.as_mut().map(|weights| Arc::new(weights.finish()) as ArrayRef));
        columns.extend(self.times.as_mut().map(|times| Arc::new(times.finish()) as ArrayRef));
        (self.rows, self.bytes) = (0, 0);
        self.writer.append(columns)
    }
}
