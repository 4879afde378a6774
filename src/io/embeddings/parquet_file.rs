//! Parquet for vectors: a row group for each append, its pages laid out here.
//!
//! The general writer turns every number into a repetition level, a definition level and a value, at a small
//! part of the speed of a disk. Vectors are so regular that the levels of a page depend on its number of rows
//! alone: they are encoded once, and a page is that prefix followed by the values as they are in memory
//! (encoding PLAIN, uncompressed: floats do not compress, and have no dictionary). Everything else (the id
//! column, row groups, footer) is the library's.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use half::f16;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath};

use super::header::EmbeddingHeader;
use crate::io::ids::id_array;

/// Bytes of values in a page, about: what a reader decodes at a time.
const PAGE_BYTES: usize = 1 << 20;

/// Writes one file.
pub(super) struct ParquetFile<'a, W: Write + Send> {
    header: EmbeddingHeader<'a>,
    writer: SerializedFileWriter<W>,
    ids: ArrowRowGroupWriterFactory,
    groups: usize,
    /// The column of vectors.
    column: ColumnDescPtr,
    page_rows: usize,
    /// What stands before the values of a page of `page_rows` rows.
    prefix: Vec<u8>,
    rounded: Vec<f16>,
    /// Room for pages, used again.
    pages: Vec<u8>,
}

impl<'a, W: Write + Send> ParquetFile<'a, W> {
    pub fn create(sink: W, header: EmbeddingHeader<'a>) -> Result<Self> {
        let metadata = header.metadata.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let id_column = ColumnPath::from(header.id_column);
        let mut properties = WriterProperties::builder()
            .set_key_value_metadata(Some(metadata.collect()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            // No id stands there twice.
            .set_dictionary_enabled(false)
            .set_column_compression(id_column, Compression::ZSTD(ZstdLevel::default()))
            .build();
        let schema = Arc::new(header.schema());
        // Parquet knows lists of any length only: the fixed one is restored from the Arrow schema, and so is
        // the metadata by readers that look no further.
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let parquet = ArrowSchemaConverter::new().convert(&schema)?;
        let writer = SerializedFileWriter::new(sink, parquet.root_schema_ptr(), Arc::new(properties))?;
        let page_rows = (PAGE_BYTES / (header.dim * header.precision.bytes())).max(1);
        Ok(Self {
            prefix: page_prefix(&header, page_rows)?,
            ids: ArrowRowGroupWriterFactory::new(&writer, schema),
            groups: 0,
            column: writer.schema_descr().column(1),
            page_rows,
            rounded: Vec::new(),
            pages: Vec::new(),
            writer,
            header,
        })
    }

    pub fn append(&mut self, rows: &[u32], values: &[f32]) -> Result<()> {
        let ids = id_array(self.header.ids, rows.iter().copied());
        let mut id_writer = self.ids.create_column_writers(self.groups)?.swap_remove(0);
        for leaf in compute_leaves(&self.header.schema().fields[0], &ids)? {
            id_writer.write(&leaf)?;
        }
        let vectors = self.vectors(rows.len(), values)?;
        let mut group = self.writer.next_row_group()?;
        id_writer.close()?.append_to_row_group(&mut group)?;
        group.append_column(&vectors, closed(Arc::clone(&self.column), rows.len(), values.len(), vectors.len())?)?;
        group.close()?;
        // Nobody else holds the pages: this is no copy.
        self.pages = vectors.into();
        self.groups += 1;
        Ok(())
    }

    pub fn finish(self) -> Result<W> {
        self.writer.into_inner()
    }

    /// The pages of some rows.
    fn vectors(&mut self, rows: usize, values: &[f32]) -> Result<Bytes> {
        let bytes = self.header.precision.encode(values, &mut self.rounded);
        let page_bytes = self.page_rows * self.header.dim * self.header.precision.bytes();
        let mut pages = std::mem::take(&mut self.pages);
        pages.clear();
        for page in bytes.chunks(page_bytes) {
            if page.len() == page_bytes {
                pages.extend_from_slice(&self.prefix);
            } else {
                pages.extend_from_slice(&page_prefix(&self.header, rows % self.page_rows)?);
            }
            pages.extend_from_slice(page);
        }
        Ok(pages.into())
    }
}

/// What the footer says of pages of vectors that have been laid out.
fn closed(column: ColumnDescPtr, rows: usize, values: usize, bytes: usize) -> Result<ColumnCloseResult> {
    let metadata = ColumnChunkMetaData::builder(column)
        .set_encodings(vec![Encoding::RLE, Encoding::PLAIN])
        .set_compression(Compression::UNCOMPRESSED)
        .set_num_values(values as i64)
        .set_total_compressed_size(bytes as i64)
        .set_total_uncompressed_size(bytes as i64)
        .set_data_page_offset(0)
        .build()?;
    Ok(ColumnCloseResult {
        bytes_written: bytes as u64,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    })
}

/// What stands before the values of a page of `rows` vectors: the page's header and its levels.
fn page_prefix(header: &EmbeddingHeader<'_>, rows: usize) -> Result<Vec<u8>> {
    let levels = levels(rows, header.dim);
    let values = rows * header.dim;
    let size = levels.len() + values * header.precision.bytes();
    // Nothing of the header depends on the values: any will do to have it made.
    let mut body = levels.clone();
    body.resize(size, 0);
    let page = Page::DataPage {
        buf: body.into(),
        num_values: values as u32,
        encoding: Encoding::PLAIN,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let mut written = TrackedWrite::new(Vec::new());
    SerializedPageWriter::new(&mut written).write_page(CompressedPage::new(page, size))?;
    let mut prefix = written.into_inner()?;
    prefix.truncate(prefix.len() - size);
    prefix.extend_from_slice(&levels);
    Ok(prefix)
}

/// Repetition and definition levels of `rows` complete vectors, each after its length in bytes.
///
/// A vector begins at repetition level 0 and goes on at 1; no value is missing, so every definition level is
/// the highest, 1. Both are runs of the RLE encoding with one bit a level: twice the length of the run as a
/// variable-length integer, then the level in a byte.
fn levels(rows: usize, dim: usize) -> Vec<u8> {
    let run = |out: &mut Vec<u8>, length: usize, level: u8| {
        let mut rest = length << 1;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.extend([rest as u8, level]);
    };
    let mut repetition = Vec::new();
    if dim == 1 {
        run(&mut repetition, rows, 0);
    } else {
        for _ in 0..rows {
            run(&mut repetition, 1, 0);
            run(&mut repetition, dim - 1, 1);
        }
    }
    let mut definition = Vec::new();
    run(&mut definition, rows * dim, 1);
    [repetition, definition]
        .iter()
        .flat_map(|levels| [&(levels.len() as u32).to_le_bytes(), levels.as_slice()].concat())
        .collect()
}
