//! One Parquet table, opened with suspicion: what the [`footer`] announces is checked before the decoder
//! makes room for it, and where the decoder panics on garbage, the caller sees an error.
//!
//! Everything here works on [`TableBytes`], "bytes by position" wherever they come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_schema};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::error::TableError;
use super::footer;
use super::guard::guarded;
use super::pages::{self, Stored};
use super::source::TableBytes;
use crate::interactions::nearest_name;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1 << 15;

/// A table whose metadata has been read and checked.
pub(super) struct Table {
    file: PathBuf,
    bytes: TableBytes,
    metadata: ArrowReaderMetadata,
    rows: u64,
}

impl Table {
    /// Reads and checks the metadata; `file` is how errors call the table.
    pub fn open(file: &Path, bytes: TableBytes) -> Result<Self, TableError> {
        check_frame(file, &bytes)?;
        // Parquet's own types are enough: the embedded Arrow schema would only bring more variants
        // (views, dictionaries of integers) of the same values.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = guarded(file, || ArrowReaderMetadata::load(&bytes, options))?;
        let rows = check_metadata(metadata.metadata(), bytes.len())
            .map_err(|reason| TableError::Damaged { file: file.into(), reason })?;
        Ok(Self { file: file.into(), bytes, metadata, rows })
    }

    /// How errors call it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows to make room for in advance: what the file claims, unless that is more than so many bytes can
    /// plausibly hold.
    pub fn expected_rows(&self) -> usize {
        self.rows.min(self.bytes.len().saturating_mul(64)).try_into().unwrap_or(0)
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

    /// The metadata of the row groups, which has been checked.
    pub fn row_groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
    }

    /// The text that the writer left under a name in the footer.
    pub fn note(&self, name: &str) -> Option<&str> {
        let notes = self.metadata.metadata().file_metadata().key_value_metadata()?;
        notes.iter().find(|note| note.key == name)?.value.as_deref()
    }

    /// The types that the writer had in mind, where the file says so: some are stored as others.
    pub fn intended(&self) -> Option<Schema> {
        let metadata = self.metadata.metadata().file_metadata();
        guarded(&self.file, || parquet_to_arrow_schema(metadata.schema_descr(), metadata.key_value_metadata())).ok()
    }

    /// Decodes the columns in `names`, batch by batch; text comes as dictionaries, so that equal ids
    /// are looked up once a batch instead of once a row.
    pub fn batches(&self, names: &[&str]) -> Result<Batches, TableError> {
        let groups = Vec::from_iter(0..self.row_groups().len());
        self.check_pages(names, &groups)?;
        self.read(names, groups, BATCH_ROWS, |field| match field.data_type() {
            DataType::Utf8 => dictionary(),
            other => other.clone(),
        })
    }

    /// Values of a column in some row groups, as the footer claims them: one a row or, where they are lists, one an
    /// element and one an empty list. One a row as well where the table has no such column.
    pub fn values(&self, name: &str, groups: &[usize]) -> u64 {
        let of_group = |&group: &usize| {
            let group = &self.row_groups()[group];
            let claimed = |most: i64, leaf| most.max(group.column(leaf).num_values());
            self.leaves(&[name]).fold(group.num_rows(), claimed).max(0) as u64
        };
        groups.iter().map(of_group).fold(0, u64::saturating_add)
    }

    /// Rows to decode at a time, so that a batch of the column has a bounded number of values: a list column has many a
    /// row.
    pub fn batch_rows(&self, name: &str) -> usize {
        let groups = self.row_groups().iter();
        let values =
            |leaf: usize| groups.clone().map(|group| group.column(leaf).num_values().max(0) as u64).sum::<u64>();
        let most = self.leaves(&[name]).map(values).max().unwrap_or(0);
        let a_row = most.div_ceil(self.rows.max(1)).max(1);
        (BATCH_ROWS / usize::try_from(a_row).unwrap_or(BATCH_ROWS)).max(1)
    }

    /// Decodes one column of some row groups, as [`batches`](Self::batches) does, in the form that is cheapest to look
    /// up: text comes as a dictionary where it is stored as one, and as views of the pages where not; times of 96 bits
    /// as microseconds, which hold every date.
    pub fn column(&self, name: &str, groups: &[usize], batch_rows: usize) -> Result<Batches, TableError> {
        let stored = self.check_pages(&[name], groups)?;
        let text = if stored.in_dictionary >= stored.plain { dictionary() } else { DataType::Utf8View };
        let wide_times = self.leaves(&[name]).any(|leaf| {
            self.metadata.metadata().file_metadata().schema_descr().column(leaf).physical_type() == PhysicalType::INT96
        });
        let wanted = |of: &DataType| match of {
            DataType::Utf8 => text.clone(),
            DataType::Timestamp(..) if wide_times => DataType::Timestamp(TimeUnit::Microsecond, None),
            other => other.clone(),
        };
        let batches = self.read(&[name], groups.to_vec(), batch_rows, |field| match field.data_type() {
            DataType::List(element) => {
                let of = wanted(element.data_type());
                DataType::List(Arc::new(element.as_ref().clone().with_data_type(of)))
            }
            other => wanted(other),
        })?;
        Ok(Batches { column: Some(name.into()), ..batches })
    }

    /// Decodes columns in types of choice.
    fn read(
        &self,
        names: &[&str],
        groups: Vec<usize>,
        batch_rows: usize,
        in_type: impl Fn(&Field) -> DataType,
    ) -> Result<Batches, TableError> {
        let Self { file, bytes, metadata, .. } = self;
        let wanted = |field: &Field| names.contains(&field.name().as_str());
        let fields = metadata.schema().fields();
        let roots: Vec<usize> = (0..fields.len()).filter(|&root| wanted(&fields[root])).collect();
        let schema = Schema::new(
            fields
                .iter()
                .map(|field| match wanted(field) {
                    true => Arc::new(field.as_ref().clone().with_data_type(in_type(field))),
                    false => Arc::clone(field),
                })
                .collect::<Vec<_>>(),
        );
        let inner = guarded(file, || {
            let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
            let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
            ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata)
                .with_projection(mask)
                .with_row_groups(groups)
                .with_batch_size(batch_rows)
                .build()
        })?;
        Ok(Batches { file: file.clone(), column: None, inner: Some(inner), rows: 0 })
    }

    /// The stored columns that make up the columns in `names`.
    fn leaves(&self, names: &[&str]) -> impl Iterator<Item = usize> {
        let schema = self.metadata.metadata().file_metadata().schema_descr();
        (0..schema.num_columns()).filter(move |&leaf| names.contains(&schema.get_column_root(leaf).name()))
    }

    /// Checks the pages that are about to be read.
    fn check_pages(&self, names: &[&str], groups: &[usize]) -> Result<Stored, TableError> {
        let mut sum = Stored::default();
        for leaf in self.leaves(names) {
            for &group in groups {
                let stored = pages::check(&self.bytes, self.row_groups()[group].column(leaf))
                    .map_err(|reason| TableError::Damaged { file: self.file.clone(), reason })?;
                sum.in_dictionary += stored.in_dictionary;
                sum.plain += stored.plain;
            }
        }
        Ok(sum)
    }
}

/// Text of which values repeat.
fn dictionary() -> DataType {
    DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
}

/// The rows of a table, decoded as they are asked for.
pub(super) struct Batches {
    file: PathBuf,
    /// Where there is one only, errors can name it.
    column: Option<String>,
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
                Some(Err(match (error, &self.column) {
                    (TableError::Damaged { file, reason }, Some(column)) => {
                        TableError::Damaged { file, reason: format!("column `{column}`: {reason}") }
                    }
                    (error, _) => error,
                }))
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

    /// The columns, in the order of the table.
    pub fn into_columns(self) -> Vec<ArrayRef> {
        self.records.columns().to_vec()
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
fn check_frame(file: &Path, reader: &TableBytes) -> Result<(), TableError> {
    let bytes = reader.len();
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
