//! Failures of the disk and of what was found on it.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check the path, its permissions and the free space", path.display())]
    Io {
        /// What was attempted, for example `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The target is there already and was not to be replaced.
    #[error("{} exists already; choose another path, or ask for it to be replaced", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// Another process is writing the same thing.
    #[error("{} is being written by another run; wait for it, or choose another path", path.display())]
    InUse {
        /// What the other process has locked.
        path: PathBuf,
    },
    /// A path without a last component, for example `/` or `..`.
    #[error("{} cannot be written to: it names no file or directory of its own; give a path that ends in a name", path.display())]
    Unnamed {
        /// The target.
        path: PathBuf,
    },
    /// A file that ends with its own hash does not have it.
    #[error("{} is damaged: its content does not have the hash that it ends with; remove it, or restore it from a copy", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A file is not a usable tensor file.
    #[error("{} is not a usable tensor file: {reason}; train again, or restore it from a copy", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl StorageError {
    /// For `map_err`: an I/O failure of `action` on `path`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn tensors(path: &Path, reason: impl Into<String>) -> Self {
        Self::Tensors { path: path.to_owned(), reason: reason.into() }
    }
}
