//! Whether an output can be written, asked before the work that leads up to it.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::exit::Configuration;
use crate::storage::AtomicFile;

/// A file that does not exist yet, or may be replaced, in a directory that can be written to.
///
/// # Errors
/// The file exists and `replace` is false; it is a directory; its directory cannot be written to.
pub fn check_file(path: &Path, replace: bool) -> Result<()> {
    if path.is_dir() {
        bail!(Configuration(format!("{} is a directory; give the path of a file", path.display())));
    }
    // Dropped without a commit, it leaves nothing.
    Ok(AtomicFile::create(path, replace).map(drop)?)
}

/// A directory that does not exist yet, or may be replaced because it holds nothing but `files`, which make
/// up `what`.
///
/// # Errors
/// It exists and holds something else; it cannot be listed.
pub fn check_replaceable(directory: &Path, replace: bool, files: &[&str], what: &str) -> Result<()> {
    if !replace || !directory.exists() {
        return Ok(());
    }
    let unreadable = || format!("cannot list {}", directory.display());
    for entry in std::fs::read_dir(directory).with_context(unreadable)? {
        if !files.iter().any(|name| entry.as_ref().is_ok_and(|entry| entry.file_name() == *name)) {
            bail!(Configuration(format!(
                "{} holds something else than {what} and is not replaced; choose another path, or remove it yourself",
                directory.display()
            )));
        }
    }
    Ok(())
}
