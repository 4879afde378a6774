//! The Arrow IPC file format: a record batch for each append, the header's metadata in the schema.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, SchemaRef};

use super::header::EmbeddingHeader;
use crate::io::ids::id_array;

/// Writes one file.
pub(super) struct ArrowFile<'a, W: Write> {
    header: EmbeddingHeader<'a>,
    schema: SchemaRef,
    writer: FileWriter<W>,
}

impl<'a, W: Write> ArrowFile<'a, W> {
    pub fn create(sink: W, header: EmbeddingHeader<'a>) -> Result<Self, ArrowError> {
        let schema = Arc::new(header.schema());
        Ok(Self { writer: FileWriter::try_new(sink, &schema)?, schema, header })
    }

    pub fn append(&mut self, rows: &[u32], values: &[f32]) -> Result<(), ArrowError> {
        let columns = vec![id_array(self.header.ids, rows.iter().copied()), self.header.array(values)];
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    pub fn finish(self) -> Result<W, ArrowError> {
        // Writes the footer too.
        self.writer.into_inner()
    }
}
