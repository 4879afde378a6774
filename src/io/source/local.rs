//! Files of the local file system: one, those of a directory and its subdirectories, or those that match a pattern.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{ReadAt, Source, TableBytes, is_bookkeeping};
use crate::io::error::{LogError, TableError};
use crate::io::table::Table;

/// A log on disk: a file, a directory with `*.parquet` files at any depth (hidden files and names starting with `_`
/// or `.` are ignored at every depth), or a pattern like `logs/2026-*/part-*.parquet`.
#[derive(Clone, Debug)]
pub struct LocalFiles {
    path: PathBuf,
}

impl LocalFiles {
    /// The files that `path` names; looked up when they are listed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The files that match the path as a pattern: files whatever they are called, directories with all that is
    /// below them.
    fn matching(&self, pattern: &str) -> Result<BTreeSet<PathBuf>, LogError> {
        let refused = |reason: String| LogError::Pattern { pattern: pattern.into(), reason };
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        let mut files = BTreeSet::new();
        for path in glob::glob_with(pattern, options).map_err(|error| refused(error.to_string()))? {
            let path = path.map_err(|error| refused(error.to_string()))?;
            // A wildcard does not mean bookkeeping; a name that stands in the pattern itself is meant.
            let mut names = path.iter().map(|name| name.to_string_lossy());
            if names.any(|name| is_bookkeeping(&name) && !pattern.split('/').any(|part| part == name)) {
                continue;
            }
            if path.is_dir() {
                below(&path, &mut files)?;
            } else {
                files.insert(path);
            }
        }
        if files.is_empty() {
            return Err(refused("no file matches it".into()));
        }
        Ok(files)
    }
}

impl Source for LocalFiles {
    fn name(&self) -> &Path {
        &self.path
    }

    fn tables(&self) -> Result<Vec<PathBuf>, LogError> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => {
                let mut files = BTreeSet::new();
                below(&self.path, &mut files)?;
                if files.is_empty() {
                    return Err(LogError::NoFiles { directory: self.path.clone() });
                }
                Ok(files.into_iter().collect())
            }
            Ok(_) => Ok(vec![self.path.clone()]),
            Err(error) => match self.path.to_str().filter(|path| path.contains(['*', '?', '['])) {
                Some(pattern) => Ok(self.matching(pattern)?.into_iter().collect()),
                None => Err(TableError::File { action: "read", file: self.path.clone(), source: error }.into()),
            },
        }
    }

    fn open(&self, table: &Path) -> Result<Box<dyn ReadAt>, TableError> {
        let refused = |source| TableError::File { action: "read", file: table.into(), source };
        let file = File::open(table).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        if metadata.is_dir() {
            return Err(TableError::NotParquet { file: table.into(), found: "it is a directory".into() });
        }
        Ok(Box::new(LocalFile { bytes: metadata.len(), file: Positional::from(file) }))
    }
}

/// Adds the Parquet files of `directory`, at any depth.
fn below(directory: &Path, files: &mut BTreeSet<PathBuf>) -> Result<(), LogError> {
    // Not by recursion: nobody bounds the depth of a directory.
    let mut pending = vec![directory.to_path_buf()];
    while let Some(directory) = pending.pop() {
        let refused = |source| TableError::File { action: "list", file: directory.clone(), source };
        for entry in fs::read_dir(&directory).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let of = entry.file_type().map_err(refused)?;
            if of.is_dir() {
                // Links to directories are not followed: they may lead in a circle.
                if !is_bookkeeping(&name) {
                    pending.push(path);
                }
            } else if name.ends_with(".parquet") && !name.starts_with(['.', '_']) && path.is_file() {
                files.insert(path);
            }
        }
    }
    Ok(())
}

/// The Parquet files of `path`, as [`LocalFiles`] lists them.
pub(in crate::io) fn parquet_files(path: &Path) -> Result<Vec<PathBuf>, LogError> {
    LocalFiles::new(path).tables()
}

/// Opens a local file as a table.
pub(in crate::io) fn open(path: &Path) -> Result<Table, TableError> {
    Table::open(path, TableBytes::new(LocalFiles::new(path).open(path)?))
}

/// An open file. Not a memory map: a mapped file that becomes shorter ends the process, a read merely fails.
struct LocalFile {
    bytes: u64,
    file: Positional,
}

impl ReadAt for LocalFile {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

#[cfg(unix)]
struct Positional(File);

#[cfg(unix)]
impl Positional {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buffer, offset)
    }
}

#[cfg(unix)]
impl From<File> for Positional {
    fn from(file: File) -> Self {
        Self(file)
    }
}

#[cfg(not(unix))]
struct Positional(std::sync::Mutex<File>);

#[cfg(not(unix))]
impl Positional {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        // Every use seeks first, so a cursor left behind by a panicking thread does no harm.
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}

#[cfg(not(unix))]
impl From<File> for Positional {
    fn from(file: File) -> Self {
        Self(std::sync::Mutex::new(file))
    }
}
