//! Numbers by user out: one row a user, one column a number.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use arrow_schema::{DataType, Field};

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::writer::TableWriter;
use crate::interactions::IdMap;
use crate::types::UserIdx;

/// Rows encoded at a time.
const ROWS_AT_ONCE: usize = 1 << 16;

/// A column: one value a row.
#[derive(Clone, Copy, Debug)]
pub enum UserValues<'a> {
    /// Whole numbers.
    Counts(&'a [u32]),
    /// Anything else.
    Numbers(&'a [f64]),
}

impl UserValues<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Counts(values) => values.len(),
            Self::Numbers(values) => values.len(),
        }
    }
}

/// Writes a table with `user_id`, in the type of the log, and the given columns; row `r` is user
/// `users[r]` of `ids`. The file appears at its path when it is complete. Returns the number of rows.
///
/// # Errors
/// [`TableError`] when `path` cannot be written; nothing is left behind.
///
/// # Panics
/// When a user is not in `ids`, or a column has not one value a user.
pub fn write_user_values(
    path: &Path,
    ids: &IdMap,
    users: &[UserIdx],
    columns: &[(String, UserValues<'_>)],
) -> Result<u64, TableError> {
    assert!(columns.iter().all(|(_, values)| values.len() == users.len()), "one value a user");
    let mut fields = vec![Field::new("user_id", id_type(ids), false)];
    fields.extend(columns.iter().map(|(name, values)| {
        let kind = match values {
            UserValues::Counts(_) => DataType::UInt32,
            UserValues::Numbers(_) => DataType::Float64,
        };
        Field::new(name, kind, false)
    }));
    let mut writer = TableWriter::create(path, fields)?;
    for first in (0..users.len()).step_by(ROWS_AT_ONCE) {
        let rows = first..(first + ROWS_AT_ONCE).min(users.len());
        let values = columns.iter().map(|(_, values)| -> ArrayRef {
            match values {
                UserValues::Counts(values) => Arc::new(UInt32Array::from(values[rows.clone()].to_vec())),
                UserValues::Numbers(values) => Arc::new(Float64Array::from(values[rows.clone()].to_vec())),
            }
        });
        let ids = id_array(ids, users[rows.clone()].iter().map(|user| user.0));
        writer.append(std::iter::once(ids).chain(values).collect())?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int32Type, UInt32Type};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::interactions::{IntIds, IntType};

    #[test]
    fn a_row_a_user_with_ids_in_their_type() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.parquet");
        let ids = IdMap::Int(IntIds::new(vec![-7, 3, 40], IntType::I32));
        let columns = [
            ("length".to_string(), UserValues::Counts(&[5, 9])),
            ("ease/ndcg@10".to_string(), UserValues::Numbers(&[0.25, 1.0])),
        ];
        assert_eq!(write_user_values(&path, &ids, &[UserIdx(2), UserIdx(0)], &columns).unwrap(), 2);
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        let batch = reader.build().unwrap().next().unwrap().unwrap();
        let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["user_id", "length", "ease/ndcg@10"]);
        assert_eq!(batch.column(0).as_primitive::<Int32Type>().values(), &[40, -7]);
        assert_eq!(batch.column(1).as_primitive::<UInt32Type>().values(), &[5, 9]);
        assert_eq!(batch.column(2).as_primitive::<Float64Type>().values(), &[0.25, 1.0]);
    }
}
