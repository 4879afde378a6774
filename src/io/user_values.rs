//! Values by user out: one row a user, one column a value.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, ListArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, FieldRef};

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
    /// Anything else that is one number.
    Numbers(&'a [f64]),
    /// Whether something is so.
    Flags(&'a [bool]),
    /// Items, by their places among these ids.
    Items(&'a IdMap, &'a [Vec<u32>]),
    /// Several numbers.
    NumberLists(&'a [Vec<f64>]),
}

impl UserValues<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Counts(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Flags(values) => values.len(),
            Self::Items(_, values) => values.len(),
            Self::NumberLists(values) => values.len(),
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Counts(_) => DataType::UInt32,
            Self::Numbers(_) => DataType::Float64,
            Self::Flags(_) => DataType::Boolean,
            Self::Items(ids, _) => DataType::List(element(id_type(ids))),
            Self::NumberLists(_) => DataType::List(element(DataType::Float64)),
        }
    }

    fn array(&self, rows: Range<usize>) -> ArrayRef {
        match self {
            Self::Counts(values) => Arc::new(UInt32Array::from(values[rows].to_vec())),
            Self::Numbers(values) => Arc::new(Float64Array::from(values[rows].to_vec())),
            Self::Flags(values) => Arc::new(BooleanArray::from(values[rows].to_vec())),
            Self::Items(ids, values) => {
                let values = &values[rows];
                lists(values, id_array(ids, values.concat().into_iter()))
            }
            Self::NumberLists(values) => {
                let values = &values[rows];
                lists(values, Arc::new(Float64Array::from(values.concat())))
            }
        }
    }
}

fn element(of: DataType) -> FieldRef {
    Arc::new(Field::new("element", of, false))
}

/// One list a row, the elements of all of them one after the other.
fn lists<T>(rows: &[Vec<T>], elements: ArrayRef) -> ArrayRef {
    let lengths = OffsetBuffer::from_lengths(rows.iter().map(Vec::len));
    Arc::new(ListArray::new(element(elements.data_type().clone()), lengths, elements, None))
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
    fields.extend(columns.iter().map(|(name, values)| Field::new(name, values.data_type(), false)));
    let mut writer = TableWriter::create(path, fields)?;
    for first in (0..users.len()).step_by(ROWS_AT_ONCE) {
        let rows = first..(first + ROWS_AT_ONCE).min(users.len());
        let values = columns.iter().map(|(_, values)| values.array(rows.clone()));
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
        let items = IdMap::Text(["cup", "pot", "tea"].into_iter().collect());
        let columns = [
            ("length".to_string(), UserValues::Counts(&[5, 9])),
            ("ease/ndcg@10".to_string(), UserValues::Numbers(&[0.25, 1.0])),
            ("odd".to_string(), UserValues::Flags(&[false, true])),
            ("items".to_string(), UserValues::Items(&items, &[vec![], vec![2, 0]])),
            ("places".to_string(), UserValues::NumberLists(&[vec![], vec![0.5, 0.25]])),
        ];
        assert_eq!(write_user_values(&path, &ids, &[UserIdx(2), UserIdx(0)], &columns).unwrap(), 2);
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        let batch = reader.build().unwrap().next().unwrap().unwrap();
        let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["user_id", "length", "ease/ndcg@10", "odd", "items", "places"]);
        assert_eq!(batch.column(0).as_primitive::<Int32Type>().values(), &[40, -7]);
        assert_eq!(batch.column(1).as_primitive::<UInt32Type>().values(), &[5, 9]);
        assert_eq!(batch.column(2).as_primitive::<Float64Type>().values(), &[0.25, 1.0]);
        assert_eq!(batch.column(3).as_boolean().iter().collect::<Vec<_>>(), [Some(false), Some(true)]);
        let items = batch.column(4).as_list::<i32>();
        assert!(items.value(0).is_empty());
        assert_eq!(items.value(1).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["tea", "cup"]);
        let places = batch.column(5).as_list::<i32>().value(1);
        assert_eq!(places.as_primitive::<Float64Type>().values(), &[0.5, 0.25]);
    }
}
