//! Id columns: which types are ids, what their values are, and how they are written.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int8Array, Int16Array, Int32Array, Int64Array, StringArray,
    StringViewArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Field};
use uuid::Uuid;

use super::error::TableError;
use super::table::Batch;
use crate::interactions::{IdMap, IntIds, IntType};

/// The types of id that are kept apart, as in [`IdMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdKind {
    Int(IntType),
    Uint,
    Uuid,
    Text,
}

/// Bytes of a UUID.
const UUID_BYTES: i32 = 16;

impl IdKind {
    /// What errors call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int(_) => "integer",
            Self::Uint => "unsigned 64-bit integer",
            Self::Uuid => "UUID",
            Self::Text => "text",
        }
    }

    /// True for integers of any type.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint)
    }

    /// The kind of the ids in a column, or the error that names what would be accepted.
    pub fn of(file: &Path, field: &Field, remedy: &'static str) -> Result<Self, TableError> {
        Self::of_type(field.data_type()).ok_or_else(|| TableError::ColumnType {
            file: file.into(),
            column: field.name().clone(),
            found: field.data_type().to_string(),
            accepted: "strings, integers and UUIDs (fixed binary of 16 bytes)",
            remedy,
        })
    }

    /// The kind of the ids of a type, if such values can be ids.
    pub fn of_type(of: &DataType) -> Option<Self> {
        match of {
            DataType::Int8 => Some(Self::Int(IntType::I8)),
            DataType::Int16 => Some(Self::Int(IntType::I16)),
            DataType::Int32 => Some(Self::Int(IntType::I32)),
            DataType::Int64 => Some(Self::Int(IntType::I64)),
            DataType::UInt8 => Some(Self::Int(IntType::U8)),
            DataType::UInt16 => Some(Self::Int(IntType::U16)),
            DataType::UInt32 => Some(Self::Int(IntType::U32)),
            DataType::UInt64 => Some(Self::Uint),
            DataType::FixedSizeBinary(UUID_BYTES) => Some(Self::Uuid),
            DataType::Utf8 => Some(Self::Text),
            _ => None,
        }
    }
}

/// The ids of a batch.
pub(super) enum IdColumn {
    Int(Int64Array),
    Uint(UInt64Array),
    Uuid(FixedSizeBinaryArray),
    /// Text that is stored as a dictionary.
    Dictionary(DictionaryArray<Int32Type>),
    /// Text that is not.
    Views(StringViewArray),
}

impl IdColumn {
    /// The ids in `column` of a batch, none of them null; its type must have an [`IdKind`].
    ///
    /// # Errors
    /// [`TableError::Null`] for the first id that is missing.
    pub fn read(file: &Path, batch: &Batch, column: &str) -> Result<Self, TableError> {
        Self::of(file, batch.complete_column(column)?)
    }

    /// The ids in a column, null or not; its type must have an [`IdKind`].
    pub fn of(file: &Path, array: &ArrayRef) -> Result<Self, TableError> {
        match array.data_type() {
            DataType::UInt64 => Ok(Self::Uint(array.as_primitive::<UInt64Type>().clone())),
            DataType::FixedSizeBinary(_) => Ok(Self::Uuid(array.as_fixed_size_binary().clone())),
            DataType::Dictionary(..) => Ok(Self::Dictionary(array.as_dictionary::<Int32Type>().clone())),
            DataType::Utf8View => Ok(Self::Views(array.as_string_view().clone())),
            DataType::Int64 => Ok(Self::Int(array.as_primitive::<Int64Type>().clone())),
            _ => match arrow_cast::cast(array, &DataType::Int64) {
                Ok(integers) => Ok(Self::Int(integers.as_primitive::<Int64Type>().clone())),
                Err(error) => Err(TableError::Damaged { file: file.into(), reason: error.to_string() }),
            },
        }
    }

    /// The ids as a column.
    pub fn array(&self) -> &dyn Array {
        match self {
            Self::Int(ids) => ids,
            Self::Uint(ids) => ids,
            Self::Uuid(ids) => ids,
            Self::Dictionary(ids) => ids,
            Self::Views(ids) => ids,
        }
    }

    /// Some of the ids; a dictionary stays the one it is.
    pub fn slice(&self, start: usize, length: usize) -> Self {
        match self {
            Self::Int(ids) => Self::Int(ids.slice(start, length)),
            Self::Uint(ids) => Self::Uint(ids.slice(start, length)),
            Self::Uuid(ids) => Self::Uuid(ids.slice(start, length)),
            Self::Dictionary(ids) => Self::Dictionary(ids.slice(start, length)),
            Self::Views(ids) => Self::Views(ids.slice(start, length)),
        }
    }

    /// The id at a position in canonical form; `None` for null.
    pub fn external(&self, at: usize) -> Option<String> {
        let array = self.array();
        if array.logical_nulls().is_some_and(|nulls| nulls.is_null(at)) {
            return None;
        }
        Some(match self {
            Self::Int(ids) => ids.value(at).to_string(),
            Self::Uint(ids) => ids.value(at).to_string(),
            Self::Uuid(ids) => uuid_at(ids, at).to_string(),
            Self::Dictionary(ids) => ids.values().as_string::<i32>().value(ids.keys().value(at) as usize).to_owned(),
            Self::Views(ids) => ids.value(at).to_owned(),
        })
    }

    /// The first id that is another one than `expected`, `None` standing for null.
    pub fn first_unlike(&self, expected: Option<&str>) -> Option<usize> {
        let nulls = self.array().logical_nulls();
        let is_null = |at: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(at));
        let (signed, unsigned): (Option<i64>, Option<u64>) =
            (expected.and_then(|text| text.parse().ok()), expected.and_then(|text| text.parse().ok()));
        (0..self.array().len()).find(|&at| {
            let (true, false) = (expected.is_some(), is_null(at)) else { return expected.is_some() == is_null(at) };
            match self {
                Self::Int(ids) => signed != Some(ids.value(at)),
                Self::Uint(ids) => unsigned != Some(ids.value(at)),
                Self::Dictionary(ids) => {
                    expected != Some(ids.values().as_string::<i32>().value(ids.keys().value(at) as usize))
                }
                Self::Views(ids) => expected != Some(ids.value(at)),
                Self::Uuid(_) => self.external(at).as_deref() != expected,
            }
        })
    }

    /// The ids of consecutive batches end to end, in the order of the rows.
    pub fn concatenate(kind: IdKind, columns: &[Self]) -> IdMap {
        match kind {
            IdKind::Int(int_type) => {
                IdMap::Int(IntIds::new(columns.iter().flat_map(Self::ints).copied().collect(), int_type))
            }
            IdKind::Uint => IdMap::Uint(columns.iter().flat_map(Self::uints).copied().collect()),
            IdKind::Uuid => IdMap::Uuid(columns.iter().flat_map(Self::uuids).collect()),
            IdKind::Text => IdMap::Text(columns.iter().flat_map(Self::texts).collect()),
        }
    }

    fn ints(&self) -> &[i64] {
        if let Self::Int(ids) = self { ids.values() } else { &[] }
    }

    fn uints(&self) -> &[u64] {
        if let Self::Uint(ids) = self { ids.values() } else { &[] }
    }

    /// The values of a UUID column, and nothing for others.
    pub fn uuids(&self) -> impl Iterator<Item = Uuid> {
        let ids = if let Self::Uuid(ids) = self { Some(ids) } else { None };
        ids.into_iter().flat_map(|ids| (0..ids.len()).map(|row| uuid_at(ids, row)))
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let ids = if let Self::Dictionary(ids) = self { Some(ids) } else { None };
        ids.into_iter().flat_map(|ids| {
            let values = ids.values().as_string::<i32>();
            ids.keys().values().iter().map(|&key| values.value(key as usize))
        })
    }
}

/// The UUID in a row of a column of 16 bytes a value.
fn uuid_at(ids: &FixedSizeBinaryArray, row: usize) -> Uuid {
    // The width is part of the column's type, which `IdKind::of` has checked.
    Uuid::from_slice(ids.value(row)).unwrap_or_default()
}

/// The column type of the ids of a map.
pub(super) fn id_type(ids: &IdMap) -> DataType {
    match ids {
        IdMap::Int(ids) => match ids.int_type() {
            IntType::I8 => DataType::Int8,
            IntType::I16 => DataType::Int16,
            IntType::I32 => DataType::Int32,
            IntType::I64 => DataType::Int64,
            IntType::U8 => DataType::UInt8,
            IntType::U16 => DataType::UInt16,
            IntType::U32 => DataType::UInt32,
        },
        IdMap::Uint(_) => DataType::UInt64,
        IdMap::Uuid(_) => DataType::FixedSizeBinary(UUID_BYTES),
        IdMap::Text(_) => DataType::Utf8,
    }
}

/// The ids at `indices` as a column.
pub(super) fn id_array(ids: &IdMap, indices: impl Iterator<Item = u32>) -> ArrayRef {
    match ids {
        IdMap::Int(ids) => {
            let values = indices.map(|index| ids[index as usize]);
            // `IntIds` holds no value outside of its type.
            match ids.int_type() {
                IntType::I8 => Arc::new(Int8Array::from_iter_values(values.map(|id| id as i8))),
                IntType::I16 => Arc::new(Int16Array::from_iter_values(values.map(|id| id as i16))),
                IntType::I32 => Arc::new(Int32Array::from_iter_values(values.map(|id| id as i32))),
                IntType::I64 => Arc::new(Int64Array::from_iter_values(values)),
                IntType::U8 => Arc::new(UInt8Array::from_iter_values(values.map(|id| id as u8))),
                IntType::U16 => Arc::new(UInt16Array::from_iter_values(values.map(|id| id as u16))),
                IntType::U32 => Arc::new(UInt32Array::from_iter_values(values.map(|id| id as u32))),
            }
        }
        IdMap::Uint(ids) => Arc::new(UInt64Array::from_iter_values(indices.map(|index| ids[index as usize]))),
        IdMap::Uuid(ids) => {
            let bytes: Vec<u8> = indices.flat_map(|index| ids[index as usize].into_bytes()).collect();
            Arc::new(FixedSizeBinaryArray::new(UUID_BYTES, Buffer::from_vec(bytes), None))
        }
        IdMap::Text(ids) => Arc::new(StringArray::from_iter_values(indices.map(|index| ids.get(index as usize)))),
    }
}
