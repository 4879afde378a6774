//! Tables in memory: for programs that have a log at hand, and for tests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ReadAt, Source, is_bookkeeping};
use crate::io::error::{LogError, TableError};

/// Parquet tables held in memory, each the whole content of a file under a name like
/// `date=2026-01-31/part-0.parquet`.
#[derive(Clone, Debug)]
pub struct MemoryTables {
    name: PathBuf,
    tables: Vec<(PathBuf, Arc<[u8]>)>,
}

impl MemoryTables {
    /// Tables by name; `name` is what errors call the whole. Names that are bookkeeping in a directory (hidden, or
    /// starting with `_`) are left out here, too.
    pub fn new<P: Into<PathBuf>, B: Into<Arc<[u8]>>>(
        name: impl Into<PathBuf>,
        tables: impl IntoIterator<Item = (P, B)>,
    ) -> Self {
        let mut tables: Vec<(PathBuf, Arc<[u8]>)> =
            tables.into_iter().map(|(name, bytes)| (name.into(), bytes.into())).collect();
        tables.retain(|(name, _)| !name.iter().any(|part| is_bookkeeping(&part.to_string_lossy())));
        tables.sort();
        Self { name: name.into(), tables }
    }
}

impl Source for MemoryTables {
    fn name(&self) -> &Path {
        &self.name
    }

    fn tables(&self) -> Result<Vec<PathBuf>, LogError> {
        if self.tables.is_empty() {
            return Err(LogError::NoFiles { directory: self.name.clone() });
        }
        Ok(self.tables.iter().map(|(name, _)| name.clone()).collect())
    }

    fn open(&self, table: &Path) -> Result<Box<dyn ReadAt>, TableError> {
        match self.tables.binary_search_by(|(name, _)| name.as_path().cmp(table)) {
            Ok(at) => Ok(Box::new(Arc::clone(&self.tables[at].1))),
            Err(_) => {
                let source = io::ErrorKind::NotFound.into();
                Err(TableError::File { action: "read", file: table.into(), source })
            }
        }
    }
}

impl ReadAt for Arc<[u8]> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
