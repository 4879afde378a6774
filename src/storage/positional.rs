//! Reads at an offset from a file shared by many threads.

use std::fs::File;
use std::io;

/// A file read at explicit offsets, without a cursor.
///
/// Not a memory map: a mapped file that is truncated underneath kills the process, a read merely
/// fails. The operating system's page cache serves repeated reads either way.
#[derive(Debug)]
pub(super) struct PositionalFile {
    #[cfg(unix)]
    file: File,
    #[cfg(not(unix))]
    file: std::sync::Mutex<File>,
}

impl PositionalFile {
    #[cfg(unix)]
    pub(super) fn new(file: File) -> Self {
        Self { file }
    }

    /// Fills `buffer` from `offset` on.
    #[cfg(unix)]
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(not(unix))]
    pub(super) fn new(file: File) -> Self {
        Self { file: std::sync::Mutex::new(file) }
    }

    /// Fills `buffer` from `offset` on.
    #[cfg(not(unix))]
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        // Every use seeks first, so a cursor left behind by a panicking thread does no harm.
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}
