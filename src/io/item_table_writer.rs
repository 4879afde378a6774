//! Item metadata out, with any attributes: what the catalogue of a dataset becomes.

use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder};
use arrow_schema::{DataType, Field};

use super::error::TableError;
use super::interaction_rows::{BUFFERED_BYTES, BUFFERED_ROWS, Id, IdBuilder, IdType};
use super::writer::TableWriter;

/// The type of an attribute column; every attribute may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellType {
    /// A string.
    Text,
    /// A 64-bit integer.
    Int,
    /// A list of strings.
    List,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing is known.
    Null,
    /// For a column of [`CellType::Text`].
    Text(String),
    /// For a column of [`CellType::Int`].
    Int(i64),
    /// For a column of [`CellType::List`].
    List(Vec<String>),
}

/// Values collected for a column.
enum CellBuilder {
    Text(StringBuilder),
    Int(Int64Builder),
    List(ListBuilder<StringBuilder>),
}

impl CellBuilder {
    fn new(cell_type: CellType) -> Self {
        match cell_type {
            CellType::Text => Self::Text(StringBuilder::new()),
            CellType::Int => Self::Int(Int64Builder::new()),
            CellType::List => {
                let element = Field::new("element", DataType::Utf8, false);
                Self::List(ListBuilder::new(StringBuilder::new()).with_field(element))
            }
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Text(_) => DataType::Utf8,
            Self::Int(_) => DataType::Int64,
            Self::List(_) => DataType::List(Arc::new(Field::new("element", DataType::Utf8, false))),
        }
    }

    /// Appends a value; returns its bytes, or `None` when it is of another type than the column.
    fn append(&mut self, cell: &Cell) -> Option<usize> {
        match (self, cell) {
            (Self::Text(values), Cell::Null) => values.append_null(),
            (Self::Int(values), Cell::Null) => values.append_null(),
            (Self::List(values), Cell::Null) => values.append_null(),
            (Self::Int(values), Cell::Int(value)) => values.append_value(*value),
            (Self::Text(values), Cell::Text(value)) => {
                values.append_value(value);
                return Some(value.len());
            }
            (Self::List(values), Cell::List(elements)) => {
                elements.iter().for_each(|element| values.values().append_value(element));
                values.append(true);
                return Some(elements.iter().map(String::len).sum());
            }
            _ => return None,
        }
        Some(0)
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(values) => Arc::new(values.finish()),
            Self::Int(values) => Arc::new(values.finish()),
            Self::List(values) => Arc::new(values.finish()),
        }
    }
}

/// Writes item metadata: `item_id`, then one column an attribute. Memory does not grow with the number
/// of items; the file appears when [`finish`](Self::finish) succeeds.
pub struct ItemTableWriter {
    writer: TableWriter,
    ids: IdBuilder,
    attributes: Vec<CellBuilder>,
    rows: usize,
    bytes: usize,
}

impl ItemTableWriter {
    /// Starts a table with the given attributes, by name and type.
    ///
    /// # Errors
    /// [`TableError`] when `path` cannot be written.
    pub fn create(path: &Path, ids: IdType, attributes: &[(&str, CellType)]) -> Result<Self, TableError> {
        let ids = IdBuilder::new(ids);
        let builders: Vec<CellBuilder> = attributes.iter().map(|&(_, cell)| CellBuilder::new(cell)).collect();
        let mut fields = vec![ids.field("item_id")];
        fields.extend(
            attributes.iter().zip(&builders).map(|((name, _), cells)| Field::new(*name, cells.data_type(), true)),
        );
        Ok(Self { writer: TableWriter::create(path, fields)?, ids, attributes: builders, rows: 0, bytes: 0 })
    }

    /// Appends an item with one value an attribute.
    ///
    /// # Errors
    /// [`TableError`] when writing fails, or a value is not of the type of its column.
    pub fn append(&mut self, id: Id<'_>, cells: &[Cell]) -> Result<(), TableError> {
        if cells.len() != self.attributes.len() {
            let (given, expected) = (cells.len(), self.attributes.len());
            return Err(self.writer.failed(format!("an item has {given} attributes, the table {expected}")));
        }
        self.bytes += self.ids.append(id);
        for (attribute, cell) in self.attributes.iter_mut().zip(cells) {
            let Some(bytes) = attribute.append(cell) else {
                let expected = attribute.data_type();
                return Err(self.writer.failed(format!("{cell:?} is not a value for a column of {expected}")));
            };
            self.bytes += bytes;
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
        let mut columns = vec![self.ids.finish()];
        columns.extend(self.attributes.iter_mut().map(CellBuilder::finish));
        (self.rows, self.bytes) = (0, 0);
        self.writer.append(columns)
    }
}
