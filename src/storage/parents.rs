//! Directories above a path that is about to be written.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::StorageError;

/// The parents that a path did not have, and has now. Dropped without [`keep`](Self::keep), they go again as far as
/// they are empty: others may have been put to use meanwhile.
#[derive(Debug, Default)]
pub(super) struct NewParents(Vec<PathBuf>);

impl NewParents {
    /// Creates the missing parents of `target`.
    ///
    /// # Errors
    /// [`StorageError::Io`] naming the one that cannot be created; those above it are gone again then.
    pub fn of(target: &Path) -> Result<Self, StorageError> {
        let missing = |path: &&Path| *path != Path::new("") && !path.exists();
        let missing: Vec<_> = target.ancestors().skip(1).take_while(missing).collect();
        let mut made = Self::default();
        for parent in missing.into_iter().rev() {
            match fs::create_dir(parent) {
                Ok(()) => made.0.push(parent.to_owned()),
                // By another process, just now.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && parent.is_dir() => {}
                Err(error) => return Err(StorageError::io("create", parent)(error)),
            }
        }
        Ok(made)
    }

    /// From here on they stay.
    pub fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for NewParents {
    fn drop(&mut self) {
        // The deepest first. A failure has no one left to hear of it.
        for parent in self.0.iter().rev() {
            let _ = fs::remove_dir(parent);
        }
    }
}
