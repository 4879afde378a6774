//! Id columns: which types are ids, what their values are, and how they are written.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, DictionaryArray, Int64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field};

use super::error::TableError;
use super::table::Batch;
use crate::interactions::IdMap;

/// The types of id that are kept apart, as in [`IdMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdKind {
    Int,
    Uint,
    Text,
}

impl IdKind {
    /// What errors call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Uint => "unsigned 64-bit integer",
            Self::Text => "text",
        }
    }

    /// The kind of the ids in a column, or the error that names what would be accepted.
    pub fn of(file: &Path, field: &Field, remedy: &'static str) -> Result<Self, TableError> {
        match field.data_type() {
            DataType::UInt64 => Ok(Self::Uint),
            DataType::Utf8 => Ok(Self::Text),
            integer if integer.is_integer() => Ok(Self::Int),
            other => Err(TableError::ColumnType {
                file: file.into(),
                column: field.name().clone(),
                found: other.to_string(),
                accepted: "strings and integers",
                remedy,
            }),
        }
    }
}

/// The ids of a batch, none of them null.
pub(super) enum IdColumn {
    Int(Int64Array),
    Uint(UInt64Array),
    Text(DictionaryArray<Int32Type>),
}

impl IdColumn {
    /// The ids in `column` of a batch; its type must have an [`IdKind`].
    ///
    /// # Errors
    /// [`TableError::Null`] for the first id that is missing.
    pub fn read(file: &Path, batch: &Batch, column: &str) -> Result<Self, TableError> {
        let array = batch.complete_column(column)?;
        match array.data_type() {
            DataType::UInt64 => Ok(Self::Uint(array.as_primitive::<UInt64Type>().clone())),
            DataType::Dictionary(..) => Ok(Self::Text(array.as_dictionary::<Int32Type>().clone())),
            _ => match arrow_cast::cast(array, &DataType::Int64) {
                Ok(integers) => Ok(Self::Int(integers.as_primitive::<Int64Type>().clone())),
                Err(error) => Err(TableError::Damaged { file: file.into(), reason: error.to_string() }),
            },
        }
    }

    /// The ids of consecutive batches end to end, in the order of the rows.
    pub fn concatenate(kind: IdKind, columns: &[Self]) -> IdMap {
        match kind {
            IdKind::Int => IdMap::Int(columns.iter().flat_map(Self::ints).copied().collect()),
            IdKind::Uint => IdMap::Uint(columns.iter().flat_map(Self::uints).copied().collect()),
            IdKind::Text => IdMap::Text(columns.iter().flat_map(Self::texts).collect()),
        }
    }

    fn ints(&self) -> &[i64] {
        if let Self::Int(ids) = self { ids.values() } else { &[] }
    }

    fn uints(&self) -> &[u64] {
        if let Self::Uint(ids) = self { ids.values() } else { &[] }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let ids = if let Self::Text(ids) = self { Some(ids) } else { None };
        ids.into_iter().flat_map(|ids| {
            let values = ids.values().as_string::<i32>();
            ids.keys().values().iter().map(|&key| values.value(key as usize))
        })
    }
}

/// The column type of the ids of a map.
pub(super) fn id_type(ids: &IdMap) -> DataType {
    match ids {
        IdMap::Int(_) => DataType::Int64,
        IdMap::Uint(_) => DataType::UInt64,
        IdMap::Text(_) => DataType::Utf8,
    }
}

/// The ids at `indices` as a column.
pub(super) fn id_array(ids: &IdMap, indices: impl Iterator<Item = u32>) -> ArrayRef {
    match ids {
        IdMap::Int(ids) => Arc::new(Int64Array::from_iter_values(indices.map(|index| ids[index as usize]))),
        IdMap::Uint(ids) => Arc::new(UInt64Array::from_iter_values(indices.map(|index| ids[index as usize]))),
        IdMap::Text(ids) => Arc::new(StringArray::from_iter_values(indices.map(|index| ids.get(index as usize)))),
    }
}
