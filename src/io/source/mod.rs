//! Where do tables come from? Anything that lists tables and reads their bytes by position: local files, tables in
//! memory, and an object store in time.

mod bytes;
mod local;
mod memory;
mod partition;

use std::io;
use std::path::{Path, PathBuf};

pub use local::LocalFiles;
pub use memory::MemoryTables;

pub(super) use bytes::TableBytes;
pub(super) use local::{open, parquet_files};
pub(super) use partition::{HiveColumns, Partitions, day_of};

use super::error::{LogError, TableError};

/// A place that holds the tables of a log.
///
/// Tables are named by paths, in which directories of the form `column=value` are hive partitions. Two
/// implementations ship: [`LocalFiles`] and [`MemoryTables`]; an object store needs nothing else than to list keys and
/// to fetch ranges of bytes.
pub trait Source: Sync {
    /// What errors call the whole, for example the directory.
    fn name(&self) -> &Path;

    /// The tables in the order in which they are read, which must not change from call to call.
    ///
    /// # Errors
    /// [`LogError`] when they cannot be listed, or there is none.
    fn tables(&self) -> Result<Vec<PathBuf>, LogError>;

    /// Opens one of the tables.
    ///
    /// # Errors
    /// [`TableError`] when it is not there or cannot be read.
    fn open(&self, table: &Path) -> Result<Box<dyn ReadAt>, TableError>;
}

/// The bytes of one table, read by position from several threads at a time.
pub trait ReadAt: Send + Sync {
    /// Number of bytes when the table was opened.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When they cannot be read, for example because the table has become shorter.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// True for names that are bookkeeping: hidden files, `_SUCCESS`, `_temporary`. A directory like `_day=7` is a
/// partition all the same.
fn is_bookkeeping(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}
