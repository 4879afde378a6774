//! Tables out: written under a temporary name and renamed when complete, so that a reader never finds
//! half a file.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::error::TableError;

/// Rows of a row group at most: what bounds the memory of writing and of reading.
pub(super) const ROW_GROUP_ROWS: usize = 1 << 20;

/// Encoded bytes of a row group at most, for tables of long texts.
const ROW_GROUP_BYTES: usize = 256 << 20;

/// Large enough for the ids of a catalogue of some hundred thousand items.
const DICTIONARY_BYTES: usize = 4 << 20;

/// Encodes one table into any sink.
pub(super) struct TableEncoder<W: Write + Send> {
    file: PathBuf,
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    rows: u64,
}

impl<W: Write + Send> TableEncoder<W> {
    /// Starts a table of `fields`; `file` is how errors call it.
    pub fn create(sink: W, file: &Path, fields: Vec<Field>) -> Result<Self, TableError> {
        Self::create_with_metadata(sink, file, fields, Vec::new())
    }

    /// The same with key-value pairs in the footer.
    pub fn create_with_metadata(
        sink: W,
        file: &Path,
        fields: Vec<Field>,
        metadata: Vec<(String, String)>,
    ) -> Result<Self, TableError> {
        let schema = Arc::new(Schema::new(fields));
        let pairs = metadata.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_key_value_metadata((!metadata.is_empty()).then(|| pairs.collect()))
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(sink, Arc::clone(&schema), options)
            .map_err(|error| TableError::Encode { file: file.into(), reason: error.to_string() })?;
        Ok(Self { file: file.into(), writer, schema, rows: 0 })
    }

    /// Appends rows, one array a column.
    pub fn append(&mut self, columns: Vec<ArrayRef>) -> Result<(), TableError> {
        let batch =
            RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|error| self.failed(error.to_string()))?;
        self.writer.write(&batch).map_err(|error| self.failed(error.to_string()))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// The error for rows that cannot be encoded.
    pub fn failed(&self, reason: String) -> TableError {
        TableError::Encode { file: self.file.clone(), reason }
    }

    /// Completes the table; returns the sink and the number of rows.
    pub fn finish(self) -> Result<(W, u64), TableError> {
        let Self { file, writer, rows, .. } = self;
        let sink = writer.into_inner().map_err(|error| TableError::Encode { file, reason: error.to_string() })?;
        Ok((sink, rows))
    }
}

/// Writes one table to a file; dropped before [`finish`](Self::finish), it leaves nothing behind.
pub(super) struct TableWriter {
    path: PathBuf,
    temporary: Temporary,
    encoder: TableEncoder<File>,
}

/// A file that is removed unless it is renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and after the rename there is nothing to remove.
        let _ = fs::remove_file(&self.0);
    }
}

impl TableWriter {
    /// Starts a table of `fields` that will appear at `path`, replacing what is there.
    pub fn create(path: &Path, fields: Vec<Field>) -> Result<Self, TableError> {
        Self::create_with_metadata(path, fields, Vec::new())
    }

    /// The same with key-value pairs in the footer.
    pub fn create_with_metadata(
        path: &Path,
        fields: Vec<Field>,
        metadata: Vec<(String, String)>,
    ) -> Result<Self, TableError> {
        let refused = |source| TableError::File { action: "write", file: path.into(), source };
        let name = path.file_name().ok_or_else(|| refused(std::io::ErrorKind::InvalidFilename.into()))?;
        // Hidden, in the same directory (a rename does not cross file systems), one for each process.
        let temporary = path.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
        let file = File::create(&temporary).map_err(refused)?;
        let temporary = Temporary(temporary);
        Ok(Self {
            path: path.into(),
            temporary,
            encoder: TableEncoder::create_with_metadata(file, path, fields, metadata)?,
        })
    }

    /// Appends rows, one array a column.
    pub fn append(&mut self, columns: Vec<ArrayRef>) -> Result<(), TableError> {
        self.encoder.append(columns)
    }

    /// The error for rows that cannot be encoded.
    pub fn failed(&self, reason: String) -> TableError {
        self.encoder.failed(reason)
    }

    /// Completes the file, makes it durable and gives it its name; returns the number of rows.
    pub fn finish(self) -> Result<u64, TableError> {
        let Self { path, temporary, encoder } = self;
        let refused = |source| TableError::File { action: "write", file: path.clone(), source };
        let (file, rows) = encoder.finish()?;
        file.sync_all().map_err(refused)?;
        fs::rename(&temporary.0, &path).map_err(refused)?;
        Ok(rows)
    }
}
