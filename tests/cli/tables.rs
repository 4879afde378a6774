//! Parquet files with chosen contents.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Writes a table of named columns.
pub fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

pub fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

pub fn numbers(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

/// A log of integer ids.
pub fn write_log(path: &Path, pairs: &[(i64, i64)]) {
    let (users, items): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
    write(path, vec![("user_id", integers(users)), ("item_id", integers(items))]);
}

/// A log in which user u of `users` has `each` of `items` items, chosen so that users differ.
pub fn regular(users: std::ops::Range<i64>, items: i64, each: i64) -> Vec<(i64, i64)> {
    users.flat_map(|user| (0..each).map(move |k| (user, (user * 7 + k * (1 + user % 3)) % items))).collect()
}

/// One row of a file of recommendations.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub user_id: String,
    pub rank: u32,
    pub item_id: String,
    pub score: f32,
    pub title: String,
}

/// Reads recommendations with text ids and titles.
pub fn read_recommendations(path: &Path) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = |name: &str| Arc::clone(batch.column_by_name(name).unwrap());
        let text = |name: &str| {
            let array = arrow_cast::cast(&column(name), &arrow_schema::DataType::Utf8).unwrap();
            array.as_any().downcast_ref::<StringArray>().unwrap().clone()
        };
        let (users, items, titles) = (text("user_id"), text("item_id"), text("title"));
        let (ranks, scores) = (column("rank"), column("score"));
        let ranks = ranks.as_any().downcast_ref::<UInt32Array>().unwrap();
        let scores = scores.as_any().downcast_ref::<Float32Array>().unwrap();
        rows.extend((0..batch.num_rows()).map(|i| Row {
            user_id: users.value(i).into(),
            rank: ranks.value(i),
            item_id: items.value(i).into(),
            score: scores.value(i),
            title: titles.value(i).into(),
        }));
    }
    rows
}
