//! Sparse vectors out: one row an entity, with the places and the values of its vector as lists.

use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float32Builder, ListBuilder, UInt32Builder};
use arrow_schema::{DataType, Field};

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::writer::TableWriter;
use crate::interactions::IdMap;

/// Rows encoded at a time.
const ROWS_AT_ONCE: usize = 1 << 14;

/// Writes a table with the ids at `rows` of `ids` under `id_column`, in the type of the log, and for each of them the
/// `indices` of a vector and the `values` that stand there, by `code` of its position in `rows`; `metadata` goes into the
/// footer. Returns the number of rows.
///
/// # Errors
/// [`TableError`] when `path` cannot be written; nothing is left behind.
pub fn write_sparse_vectors<V: IntoIterator<Item = (u32, f32)>>(
    path: &Path,
    (id_column, ids, rows): (&str, &IdMap, &[u32]),
    metadata: Vec<(String, String)>,
    code: impl Fn(usize) -> V,
) -> Result<u64, TableError> {
    let list =
        |name: &str, of: DataType| Field::new(name, DataType::List(Arc::new(Field::new_list_field(of, true))), false);
    let columns = |entities: std::ops::Range<usize>| -> [ArrayRef; 2] {
        let (mut indices, mut values) =
            (ListBuilder::new(UInt32Builder::new()), ListBuilder::new(Float32Builder::new()));
        for entity in entities {
            for (place, value) in code(entity) {
                indices.values().append_value(place);
                values.values().append_value(value);
            }
            indices.append(true);
            values.append(true);
        }
        [Arc::new(indices.finish()), Arc::new(values.finish())]
    };
    let fields = vec![
        Field::new(id_column, id_type(ids), false),
        list("indices", DataType::UInt32),
        list("values", DataType::Float32),
    ];
    let mut writer = TableWriter::create_with_metadata(path, fields, metadata)?;
    for first in (0..rows.len()).step_by(ROWS_AT_ONCE) {
        let entities = first..rows.len().min(first + ROWS_AT_ONCE);
        let [indices, values] = columns(entities.clone());
        writer.append(vec![id_array(ids, rows[entities].iter().copied()), indices, values])?;
    }
    writer.finish()
}
