//! Whether an output can be written, asked before the work that leads up to it.

use std::path::Path;

use anyhow::{Result, bail};

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
