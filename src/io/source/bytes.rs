//! The bytes of a table as the Parquet reader wants to see them.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::ReadAt;

/// Room for a page header, which is what the Parquet reader reads in sequence.
const BUFFER: usize = 4096;

/// A table's bytes, shared by the readers of its columns.
#[derive(Clone)]
pub(in crate::io) struct TableBytes(Arc<dyn ReadAt>);

impl TableBytes {
    pub fn new(bytes: Box<dyn ReadAt>) -> Self {
        Self(bytes.into())
    }
}

impl Length for TableBytes {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for TableBytes {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::with_capacity(BUFFER, From { bytes: self.clone(), position: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF(format!("{length} bytes from byte {start} of {}", self.len())));
        }
        let mut buffer = vec![0; length];
        self.0.read_exact_at(&mut buffer, start).map_err(|error| ParquetError::External(said(error).into()))?;
        Ok(buffer.into())
    }
}

/// The bytes from a position on, one after the other.
pub(in crate::io) struct From {
    bytes: TableBytes,
    position: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.len().saturating_sub(self.position);
        let length = buffer.len().min(left.try_into().unwrap_or(usize::MAX));
        self.bytes.0.read_exact_at(&mut buffer[..length], self.position).map_err(said)?;
        self.position += length as u64;
        Ok(length)
    }
}

/// The usual reason for missing bytes, said so that it can be acted upon.
fn said(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "it became shorter while it was read (is it still being written?)")
        }
        _ => error,
    }
}
