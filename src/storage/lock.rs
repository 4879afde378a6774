//! Locks between processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::StorageError;
use super::atomic::hidden;
use super::parents::NewParents;

/// Locks a file for as long as it is open.
///
/// # Errors
/// [`StorageError::InUse`] when another process has locked it.
pub fn lock(file: &File, path: &Path) -> Result<(), StorageError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse { path: path.to_owned() }),
        // Some network file systems know no locks: that is no reason not to write to them.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

/// True when the path still names the open file.
#[cfg(unix)]
pub(super) fn is_still_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata().map(inode), path.metadata().map(inode)), (Ok(open), Ok(named)) if open == named)
}

#[cfg(not(unix))]
pub(super) fn is_still_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// The right to work on a path that may not exist yet, or is replaced while it is worked on: an empty file
/// `.NAME.lock` beside it, locked until this is dropped. A process that is killed loses the right and leaves the
/// file, which does no harm.
#[derive(Debug)]
pub struct PathLock {
    path: PathBuf,
    /// Locked as long as it is open.
    _file: File,
    /// Removed after the lock.
    _parents: NewParents,
}

impl PathLock {
    /// Locks `target`. Missing parents are created.
    ///
    /// # Errors
    /// [`StorageError::InUse`] when another process has locked it, [`StorageError::Io`] when its parent cannot be
    /// written to.
    pub fn acquire(target: &Path) -> Result<Self, StorageError> {
        let path = hidden(target, "lock")?;
        let parents = NewParents::of(target)?;
        loop {
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(StorageError::io("create", &path))?;
            lock(&file, target)?;
            // Between opening and locking, the one who had it may have removed it: then it locks nothing.
            if is_still_at(&file, &path) {
                return Ok(Self { path, _file: file, _parents: parents });
            }
        }
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        // Left behind it does no harm, and nobody is left to hear of it.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("deep/work");
        let first = PathLock::acquire(&target).unwrap();
        let error = PathLock::acquire(&target).unwrap_err();
        assert!(matches!(&error, StorageError::InUse { path } if *path == target), "{error}");
        drop(first);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nor is the parent that it made");
        PathLock::acquire(&target).unwrap();
    }

    #[test]
    fn where_it_cannot_lie_no_parent_is_left() {
        let root = tempfile::tempdir().unwrap();
        // With the dots around it, the name of the lock is longer than a file system takes.
        let target = root.path().join("deep/er").join("x".repeat(252));
        assert!(matches!(PathLock::acquire(&target), Err(StorageError::Io { .. })));
        fs::write(root.path().join("file"), "").unwrap();
        assert!(matches!(PathLock::acquire(&root.path().join("file/below/work")), Err(StorageError::Io { .. })));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "the file alone");
    }

    #[test]
    fn what_a_killed_process_left_locks_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".work.lock"), "").unwrap();
        PathLock::acquire(&root.path().join("work")).unwrap();
    }
}
