//! What a model directory holds, and whether it still holds what was published.

use std::path::Path;

use super::manifest::ITEMS;
use super::open::verify;
use super::{ArtifactError, Manifest};
use crate::interactions::Metadata;
use crate::io;
use crate::storage::FileDigest;

/// One file of a model directory.
#[derive(Debug)]
pub struct FileState {
    /// Its name.
    pub name: String,
    /// What was published under that name.
    pub published: FileDigest,
    /// `None` when the file is exactly that, otherwise what is wrong.
    pub problem: Option<ArtifactError>,
}

/// A manifest, which is intact, and the state of every other file.
#[derive(Debug)]
pub struct Inspection {
    /// What the directory says of itself.
    pub manifest: Manifest,
    /// Every content file.
    pub files: Vec<FileState>,
    /// What is known of the items; nothing where the file of items is damaged.
    pub metadata: Metadata,
}

impl Inspection {
    /// True when every file is what was published.
    #[must_use]
    pub fn intact(&self) -> bool {
        self.files.iter().all(|file| file.problem.is_none())
    }
}

/// Reads the manifest and compares every file with it; unlike opening, this goes on after the first
/// damaged file, so that all of them are known.
///
/// # Errors
/// [`ArtifactError`] when there is no manifest that could be trusted.
pub fn inspect(dir: &Path) -> Result<Inspection, ArtifactError> {
    let manifest = Manifest::read(dir)?;
    let files: Vec<FileState> = manifest
        .content()
        .map(|(name, published)| {
            let problem = verify(&dir.join(name), published).err();
            FileState { name: name.to_owned(), published: published.clone(), problem }
        })
        .collect();
    let intact = files.iter().any(|file| file.name == ITEMS && file.problem.is_none());
    let metadata = if intact { io::read_metadata(&dir.join(ITEMS))? } else { Metadata::default() };
    Ok(Inspection { manifest, files, metadata })
}
