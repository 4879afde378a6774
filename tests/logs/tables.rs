//! Tables to read, and what is read of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use foldin::interactions::{LogColumns, LogRules};
use foldin::io::{Log, LogError, read_log};
use foldin::types::UserIdx;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// Writes a table and all directories above it.
pub fn write(directory: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, table(columns)).unwrap();
    path
}

/// A table as the bytes of a file.
pub fn table(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let nullable = columns.into_iter().map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(nullable).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

pub fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub fn int64s(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

/// Rules for logs with the column `weight`.
pub fn weighted() -> LogRules {
    LogRules { columns: LogColumns { weight: "weight".into(), ..LogColumns::default() }, ..LogRules::default() }
}

/// Rules for logs with the column `time`.
pub fn timed() -> LogRules {
    LogRules { columns: LogColumns { time: "time".into(), ..LogColumns::default() }, ..LogRules::default() }
}

/// Every stored interaction with its ids.
pub fn stored(log: &Log) -> Vec<(String, String, f32)> {
    let users = 0..log.interactions.users() as u32;
    users
        .flat_map(|user| {
            let history = log.interactions.history(UserIdx(user));
            history.items().iter().zip(history.weights()).map(move |(&item, &weight)| {
                (log.users.external(user).into_owned(), log.items.external(item).into_owned(), weight)
            })
        })
        .collect()
}

pub fn triples(expected: &[(&str, &str, f32)]) -> Vec<(String, String, f32)> {
    expected.iter().map(|&(user, item, weight)| (user.into(), item.into(), weight)).collect()
}

/// Three users and three items, not symmetric; rows out of order.
pub fn small(directory: &TempDir) -> PathBuf {
    let users = strings(&["zoe", "ann", "bob", "ann", "bob"]);
    let items = strings(&["tea", "tea", "cup", "pot", "tea"]);
    write(directory, "log.parquet", vec![("user_id", users), ("item_id", items)])
}

/// Reads a log that must be refused; the message must hold every one of `parts`.
pub fn refused(path: &Path, rules: &LogRules, parts: &[&str]) -> LogError {
    let error = read_log(path, rules).expect_err("the log must be refused");
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
    error
}
