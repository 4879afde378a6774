//! What a file of embeddings is and says of itself.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Float16Array, Float32Array};
use arrow_schema::{DataType, Field, Schema};
use half::f16;
use half::slice::HalfFloatSliceExt;
use half::vec::HalfFloatVecExt;
use serde::{Deserialize, Serialize};

use crate::interactions::IdMap;
use crate::io::ids::id_type;

/// A file format for embeddings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingFormat {
    /// Parquet: the id in the type of the log, `embedding` as a list of fixed size.
    #[default]
    Parquet,
    /// The Arrow IPC file format (Feather version 2), with the same columns.
    Arrow,
    /// NumPy: an array of rows × dimensions in C order; ids stand in a file beside it.
    Npy,
    /// safetensors: the tensor `embedding` of rows × dimensions; ids stand in a file beside it.
    Safetensors,
}

impl EmbeddingFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Parquet, Self::Arrow, Self::Npy, Self::Safetensors];

    /// The extension of its files, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Npy => "npy",
            Self::Safetensors => "safetensors",
        }
    }

    /// True when a file holds the ids too.
    #[must_use]
    pub fn holds_ids(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}

/// The element type of vectors in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision, as the model computes.
    #[default]
    F32,
    /// Half precision, rounded to nearest: half the size, 11 significant bits, at most 65504.
    F16,
}

impl Precision {
    /// `f32` or `f16`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    /// Bytes of an element.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// True when the number stays one: it is finite, and not rounded to infinity.
    #[must_use]
    pub fn holds(self, value: f32) -> bool {
        match self {
            Self::F32 => value.is_finite(),
            // Halfway to the next power of two rounds up to infinity.
            Self::F16 => value.abs() < 65520.0,
        }
    }

    /// The values as they stand in a file, little-endian; `rounded` is room for those that change.
    pub(super) fn encode<'a>(self, values: &'a [f32], rounded: &'a mut Vec<f16>) -> &'a [u8] {
        match self {
            Self::F32 => bytemuck::cast_slice(values),
            Self::F16 => {
                rounded.resize(values.len(), f16::ZERO);
                rounded.convert_from_f32_slice(values);
                bytemuck::cast_slice(rounded.as_slice().reinterpret_cast())
            }
        }
    }
}

/// What a file of embeddings holds and says of itself.
#[derive(Clone, Debug)]
pub struct EmbeddingHeader<'a> {
    /// The ids of the entities that rows are taken from.
    pub ids: &'a IdMap,
    /// Name of the id column, `user_id` or `item_id`.
    pub id_column: &'static str,
    /// Name of the column or tensor of vectors, `embedding` where they are some.
    pub values: &'static str,
    /// Length of a vector, at least 1.
    pub dim: usize,
    /// Element type of a vector.
    pub precision: Precision,
    /// Rows that the file will have.
    pub rows: usize,
    /// Where the vectors come from, by key, for formats that can hold it.
    pub metadata: Vec<(String, String)>,
}

impl EmbeddingHeader<'_> {
    /// Columns and metadata as Arrow sees them.
    pub(super) fn schema(&self) -> Schema {
        let values = DataType::FixedSizeList(self.element(), self.dim as i32);
        let fields = vec![Field::new(self.id_column, id_type(self.ids), false), Field::new(self.values, values, false)];
        Schema::new_with_metadata(fields, self.metadata.iter().cloned().collect())
    }

    /// Vectors end to end as a column.
    pub(super) fn array(&self, values: &[f32]) -> ArrayRef {
        let elements: ArrayRef = match self.precision {
            Precision::F32 => Arc::new(Float32Array::from(values.to_vec())),
            Precision::F16 => Arc::new(Float16Array::from(Vec::<f16>::from_f32_slice(values))),
        };
        Arc::new(FixedSizeListArray::new(self.element(), self.dim as i32, elements, None))
    }

    fn element(&self) -> Arc<Field> {
        let element = match self.precision {
            Precision::F32 => DataType::Float32,
            Precision::F16 => DataType::Float16,
        };
        // The name that the Parquet specification gives to the elements of a list.
        Arc::new(Field::new("element", element, false))
    }
}
