//! One file of embeddings in any of the formats.

use std::io::Write;
use std::path::{Path, PathBuf};

use half::f16;

use super::arrow_file::ArrowFile;
use super::header::{EmbeddingFormat, EmbeddingHeader, Precision};
use super::parquet_file::ParquetFile;
use super::{numpy, tensor};
use crate::io::TableError;

/// Writes one file of embeddings, rows as they come: memory does not grow with their number.
pub struct EmbeddingWriter<'a, W: Write + Send> {
    file: PathBuf,
    /// Rows still to come.
    missing: usize,
    dim: usize,
    format: Format<'a, W>,
}

enum Format<'a, W: Write + Send> {
    Parquet(ParquetFile<'a, W>),
    Arrow(ArrowFile<'a, W>),
    /// The values follow the header as they are: `.npy` and safetensors.
    Plain {
        sink: W,
        precision: Precision,
        rounded: Vec<f16>,
    },
}

impl<'a, W: Write + Send> EmbeddingWriter<'a, W> {
    /// Starts a file; `file` is how errors call it.
    ///
    /// # Errors
    /// [`TableError::Encode`] when the sink refuses.
    pub fn create(
        mut sink: W,
        file: &Path,
        format: EmbeddingFormat,
        header: EmbeddingHeader<'a>,
    ) -> Result<Self, TableError> {
        let (missing, dim, precision) = (header.rows, header.dim, header.precision);
        let plain = |sink| Format::Plain { sink, precision, rounded: Vec::new() };
        let format = match format {
            EmbeddingFormat::Parquet => Format::Parquet(ParquetFile::create(sink, header).map_err(failed(file))?),
            EmbeddingFormat::Arrow => Format::Arrow(ArrowFile::create(sink, header).map_err(failed(file))?),
            EmbeddingFormat::Npy => {
                numpy::write_header(&mut sink, &header).map_err(failed(file))?;
                plain(sink)
            }
            EmbeddingFormat::Safetensors => {
                tensor::write_header(&mut sink, &header).map_err(failed(file))?;
                plain(sink)
            }
        };
        Ok(Self { file: file.into(), missing, dim, format })
    }

    /// Appends the entities at `rows` (positions in the ids of the header) with their vectors end to end,
    /// `rows.len() × dim` values. What is appended together is a row group or a record batch.
    ///
    /// # Errors
    /// [`TableError::Encode`] when the sink refuses.
    ///
    /// # Panics
    /// When there is not one vector a row, or there are more rows than the header says.
    pub fn append(&mut self, rows: &[u32], values: &[f32]) -> Result<(), TableError> {
        assert_eq!(values.len(), rows.len() * self.dim, "one vector a row");
        assert!(rows.len() <= self.missing, "more rows than announced");
        self.missing -= rows.len();
        match &mut self.format {
            Format::Parquet(writer) => writer.append(rows, values).map_err(failed(&self.file)),
            Format::Arrow(writer) => writer.append(rows, values).map_err(failed(&self.file)),
            Format::Plain { sink, precision, rounded } => {
                sink.write_all(precision.encode(values, rounded)).map_err(failed(&self.file))
            }
        }
    }

    /// Completes the file and hands the sink back.
    ///
    /// # Errors
    /// [`TableError::Encode`] when the sink refuses.
    ///
    /// # Panics
    /// When there are fewer rows than the header says.
    pub fn finish(self) -> Result<W, TableError> {
        assert_eq!(self.missing, 0, "fewer rows than announced");
        match self.format {
            Format::Parquet(writer) => writer.finish().map_err(failed(&self.file)),
            Format::Arrow(writer) => writer.finish().map_err(failed(&self.file)),
            Format::Plain { sink, .. } => Ok(sink),
        }
    }
}

fn failed<E: std::fmt::Display>(file: &Path) -> impl FnOnce(E) -> TableError {
    let file = file.to_owned();
    move |error| TableError::Encode { file, reason: error.to_string() }
}
