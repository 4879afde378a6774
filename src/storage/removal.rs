//! Directories that disappear at once.

use std::fs;
use std::path::Path;

use super::StorageError;
use super::atomic::{hidden, sync_parent};

/// Purpose of the name under which a directory waits for its removal.
const REMOVED: &str = "removed";

/// Removes a directory: it has lost its name before any of its content goes, so nobody ever finds half of it. What
/// readers have open stays readable for them. Returns the bytes that its files took.
///
/// # Errors
/// [`StorageError::Io`]; the directory is then as it was, or has lost its name and is left to
/// [`remove_leftovers`].
pub fn remove_dir(dir: &Path) -> Result<u64, StorageError> {
    let bytes = size(dir)?;
    let aside = hidden(dir, REMOVED)?;
    fs::rename(dir, &aside).map_err(StorageError::io("remove", dir))?;
    sync_parent(dir)?;
    fs::remove_dir_all(&aside).map_err(StorageError::io("remove", &aside))?;
    Ok(bytes)
}

/// Removes what [`remove_dir`] left in `parent` when its process was killed. Nothing there may be under removal.
///
/// # Errors
/// [`StorageError::Io`] when `parent` cannot be listed, or a leftover not be removed.
pub fn remove_leftovers(parent: &Path) -> Result<(), StorageError> {
    for entry in fs::read_dir(parent).map_err(StorageError::io("list", parent))? {
        let path = entry.map_err(StorageError::io("list", parent))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(&format!(".{REMOVED}")) && path.is_dir() {
            fs::remove_dir_all(&path).map_err(StorageError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Bytes of all files below a directory.
fn size(dir: &Path) -> Result<u64, StorageError> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).map_err(StorageError::io("list", dir))? {
        let path = entry.map_err(StorageError::io("list", dir))?.path();
        let metadata = path.symlink_metadata().map_err(StorageError::io("examine", &path))?;
        bytes += if metadata.is_dir() { size(&path)? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_with_everything_in_it_and_alone() {
        let root = tempfile::tempdir().unwrap();
        let (gone, stays) = (root.path().join("gone"), root.path().join("stays"));
        for dir in [&gone, &stays] {
            fs::create_dir_all(dir.join("deep")).unwrap();
            fs::write(dir.join("a"), [0; 70]).unwrap();
            fs::write(dir.join("deep/b"), [0; 7]).unwrap();
        }
        assert_eq!(remove_dir(&gone).unwrap(), 77);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert!(stays.join("deep/b").exists());
        assert!(remove_dir(&gone).unwrap_err().to_string().contains("gone"));
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_away_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for name in [".old.removed", "new.removed", ".new.tmp-1-1"] {
            fs::create_dir_all(root.path().join(name).join("deep")).unwrap();
        }
        remove_leftovers(root.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".new.tmp-1-1", "new.removed"]);
    }
}
