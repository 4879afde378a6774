//! Where the bytes of a log are: a file, or the Parquet files of a directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{LogError, TableError};
use super::table::Table;

/// The Parquet files of `source` in the order in which they are read: the file itself, or the
/// `*.parquet` files of a directory by name, without hidden files and names starting with `_`.
pub(super) fn parquet_files(source: &Path) -> Result<Vec<PathBuf>, LogError> {
    let refused = |error| TableError::File { action: "read", file: source.into(), source: error };
    if !fs::metadata(source).map_err(refused)?.is_dir() {
        return Ok(vec![source.into()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(source).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let hidden =
            path.file_name().is_none_or(|name| matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_') | None));
        let parquet = path.extension().is_some_and(|extension| extension == "parquet");
        if parquet && !hidden && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(LogError::NoFiles { directory: source.into() });
    }
    files.sort();
    Ok(files)
}

/// Opens a file as a table.
pub(super) fn open(path: &Path) -> Result<Table<File>, TableError> {
    let refused = |source| TableError::File { action: "read", file: path.into(), source };
    if fs::metadata(path).map_err(refused)?.is_dir() {
        return Err(TableError::NotParquet { file: path.into(), found: "it is a directory".into() });
    }
    Table::open(path, File::open(path).map_err(refused)?)
}
