//! One Parquet table, opened with suspicion: what the [`footer`] announces is checked before the decoder
//! makes room for it, and where the decoder panics on garbage, the caller sees an error.
//!
//! Everything here works on a [`ChunkReader`], Parquet's own abstraction of "bytes by range" (files and
//! memory today).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;

use super::error::{TableError, nearest_name};
use super::footer;
use super::guard::guarded;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1 << 15;

/// A table whose metadata has been read and checked.
pub(super) struct Table<R> {
    file: PathBuf,
    reader: R,
    metadata: ArrowReaderMetadata,
    rows: u64,
    bytes: u64,
}

impl<R: ChunkReader + 'static> Table<R> {
    /// Reads and checks the metadata; `file` is how errors call the table.
    pub fn open(file: &Path, reader: R) -> Result<Self, TableError> {
        let bytes = reader.len();
        check_frame(file, &reader, bytes)?;
        // Parquet's own types are enough: the embedded Arrow schema would only bring more variants
        // (views, dictionaries of integers) of the same values.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = guarded(file, || ArrowReaderMetadata::load(&reader, options))?;
        let rows = check_metadata(metadata.metadata(), bytes)
            .map_err(|reason| TableError::Damaged { file: file.into(), reason })?;
        Ok(Self { file: file.into(), reader, metadata, rows, bytes })
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows to make room for in advance: what the file claims, unless that is more than so many bytes can
    /// plausibly hold.
    pub fn expected_rows(&self) -> usize {
        self.rows.min(self.bytes.saturating_mul(64)).try_into().unwrap_or(0)
    }

    /// The column called `name`; `remedy` tells a user how to name another one.
    pub fn field(&self, name: &str, remedy: &'static str) -> Result<&Field, TableError> {
        self.find(name).ok_or_else(|| {
            let names = || self.metadata.schema().fields().iter().map(|field| field.name().as_str());
            TableError::MissingColumn {
                file: self.file.clone(),
                column: name.into(),
                available: names().map(|name| format!("`{name}`")).collect(),
                nearest: nearest_name(name, names()),
                remedy,
            }
        })
    }

    /// All columns.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.metadata.schema().fields().iter().map(AsRef::as_ref)
    }

    /// The column called `name`, if there is one.
    pub fn find(&self, name: &str) -> Option<&Field> {
        self.metadata.schema().fields().iter().find(|field| field.name() == name).map(AsRef::as_ref)
    }

    /// Decodes the columns in `names`, batch by batch; text comes as dictionaries, so that equal ids
    /// are looked up once a batch instead of once a row.
    pub fn batches(self, names: &[&str]) -> Result<Batches, TableError> {
        let Self { file, reader, metadata, .. } = self;
        let wanted = |field: &Field| names.contains(&field.name().as_str());
        let fields = metadata.schema().fields();
        let roots: Vec<usize> = (0..fields.len()).filter(|&root| wanted(&fields[root])).collect();
        let schema = Schema::new(
            fields
                .iter()
                .map(|field| match field.data_type() {
                    DataType::Utf8 if wanted(field) => {
                        let text = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
                        Arc::new(field.as_ref().clone().with_data_type(text))
                    }
                    _ => Arc::clone(field),
                })
                .collect::<Vec<_>>(),
        );
        let inner = guarded(&file, || {
            let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
            let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
            ParquetRecordBatchReaderBuilder::new_with_metadata(reader, metadata)
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .build()
        })?;
        Ok(Batches { file, inner: Some(inner), rows: 0 })
    }
}

/// The rows of a table, decoded as they are asked for.
pub(super) struct Batches {
    file: PathBuf,
    inner: Option<ParquetRecordBatchReader>,
    rows: u64,
}

/// Consecutive rows.
pub(super) struct Batch {
    file: PathBuf,
    /// Rows of the file before this batch.
    before: u64,
    records: RecordBatch,
}

impl Iterator for Batches {
    type Item = Result<Batch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = self.inner.as_mut()?;
        match guarded(&self.file, || inner.next().transpose().map_err(ParquetError::from)) {
            Ok(None) => None,
            Ok(Some(records)) => {
                let before = self.rows;
                self.rows += records.num_rows() as u64;
                Some(Ok(Batch { file: self.file.clone(), before, records }))
            }
            Err(error) => {
                // A decoder that failed is in no defined state.
                self.inner = None;
                Some(Err(error))
            }
        }
    }
}

impl Batch {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.records.num_rows()
    }

    /// The row at `position` of this batch, counted from 1 in the file.
    pub fn row(&self, position: usize) -> u64 {
        self.before + position as u64 + 1
    }

    /// A column that was asked for.
    pub fn column(&self, name: &str) -> Result<&ArrayRef, TableError> {
        self.records
            .column_by_name(name)
            .ok_or_else(|| TableError::Damaged { file: self.file.clone(), reason: format!("column `{name}` is gone") })
    }

    /// A column that was asked for, in which no value may be missing.
    pub fn complete_column(&self, name: &str) -> Result<&ArrayRef, TableError> {
        let column = self.column(name)?;
        match column.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
            None => Ok(column),
            Some(nulls) => {
                let position = nulls.iter().position(|valid| !valid).unwrap_or(0);
                Err(TableError::Null { file: self.file.clone(), column: name.into(), row: self.row(position) })
            }
        }
    }
}

/// Length of magic number + footer length + magic number.
const FRAME: u64 = 12;

/// Checks the magic numbers, that the footer fits into the file, and what the footer announces, before
/// any of it is believed.
fn check_frame<R: ChunkReader>(file: &Path, reader: &R, bytes: u64) -> Result<(), TableError> {
    let damaged = |reason: String| TableError::Damaged { file: file.into(), reason };
    let read =
        |start, length| reader.get_bytes(start, length).map_err(|error| damaged(format!("cannot read: {error}")));
    if bytes == 0 {
        return Err(TableError::NotParquet { file: file.into(), found: "it is empty (0 bytes)".into() });
    }
    let head = read(0, bytes.min(4) as usize)?;
    if head.as_ref() == b"PARE" {
        return Err(TableError::NotParquet { file: file.into(), found: "its footer is encrypted".into() });
    }
    if head.as_ref() != b"PAR1" {
        let found = format!("it starts with {:?} instead of \"PAR1\"", String::from_utf8_lossy(&head));
        return Err(TableError::NotParquet { file: file.into(), found });
    }
    if bytes < FRAME {
        return Err(damaged(format!("it has {bytes} bytes only")));
    }
    let tail = read(bytes - 8, 8)?;
    if &tail[4..] != b"PAR1" {
        return Err(damaged("its end is missing (no \"PAR1\" in the last 4 bytes)".into()));
    }
    let footer = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if footer + FRAME > bytes {
        return Err(damaged(format!("a footer of {footer} bytes does not fit into {bytes} bytes")));
    }
    footer::check(&read(bytes - 8 - footer, footer as usize)?).map_err(damaged)
}

/// Checks the sizes that the reader will believe; returns the number of rows.
fn check_metadata(metadata: &ParquetMetaData, bytes: u64) -> Result<u64, String> {
    let mut rows = 0i64;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let at = |what: &str| format!("row group {number}: {what}");
        if group.num_rows() < 0 {
            return Err(at(&format!("{} rows", group.num_rows())));
        }
        rows = rows.checked_add(group.num_rows()).ok_or_else(|| at("too many rows"))?;
        for column in group.columns() {
            let name = column.column_path().string();
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            let inside = start >= 0 && column.compressed_size() >= 0 && end.is_some_and(|end| end as u64 <= bytes);
            if !inside {
                return Err(at(&format!(
                    "column `{name}` claims {} bytes from byte {start} of {bytes}",
                    column.compressed_size()
                )));
            }
            let flat = column.column_descr().max_rep_level() == 0;
            if column.num_values() < 0 || (flat && column.num_values() != group.num_rows()) {
                return Err(at(&format!(
                    "column `{name}` claims {} values in {} rows",
                    column.num_values(),
                    group.num_rows()
                )));
            }
        }
    }
    if rows != metadata.file_metadata().num_rows() {
        return Err(format!("{} rows claimed, {rows} in its row groups", metadata.file_metadata().num_rows()));
    }
    Ok(rows as u64)
}
