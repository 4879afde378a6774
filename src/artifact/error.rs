//! Why a model directory could not be written or must not be used.

use std::path::PathBuf;

use crate::interactions::MatrixError;
use crate::io::TableError;
use crate::models::RestoreError;
use crate::storage::StorageError;

/// Every failure of publishing, opening or reading a model directory.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The disk refused, or the target exists already.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The path is not a directory, or has no manifest.
    #[error("{} is not a model directory: {} is missing; give the directory that `foldin train` wrote", path.display(), file)]
    NotAModel {
        /// The path given.
        path: PathBuf,
        /// What a model directory would have.
        file: &'static str,
    },
    /// Something that is not a model directory would have been replaced.
    #[error("{} is not a model directory and is not replaced; choose another path, or remove it yourself", path.display())]
    ReplacesOther {
        /// The target.
        path: PathBuf,
    },
    /// A file that the manifest lists is not there.
    #[error("{} is missing; copy the complete model directory again, or train again", path.display())]
    MissingFile {
        /// The file.
        path: PathBuf,
    },
    /// A file is longer or shorter than when it was published.
    #[error(
        "{} has {found} bytes, {expected} were published; copy the complete model directory again, or train again",
        path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// Length published.
        expected: u64,
        /// Length found.
        found: u64,
    },
    /// A file is not what was published.
    #[error(
        "{} was changed after it was published (BLAKE3 {found}, expected {expected}); copy the complete model directory again, or train again",
        path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Hash published.
        expected: String,
        /// Hash found.
        found: String,
    },
    /// The directory was written by a later version of Foldin.
    #[error(
        "{} has format version {found}, this build reads up to {supported}; use a newer Foldin, or train again",
        path.display()
    )]
    FutureFormat {
        /// The manifest.
        path: PathBuf,
        /// Version found.
        found: u64,
        /// Latest version understood.
        supported: u32,
    },
    /// The manifest is not what this version writes.
    #[error("{} is not a usable manifest: {reason}; train again, or restore the complete directory from a copy", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Files of one directory contradict each other.
    #[error("{} does not fit the rest of the model: {reason}; train again, or restore the complete directory from a copy", path.display())]
    Inconsistent {
        /// The file that stands out.
        path: PathBuf,
        /// The contradiction.
        reason: String,
    },
    /// A table could not be written or read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The stored tensors do not make the configured model.
    #[error("{}: {source}; train again, or restore the complete directory from a copy", path.display())]
    Weights {
        /// The file of weights.
        path: PathBuf,
        /// What does not fit.
        source: RestoreError,
    },
    /// A stored history breaks the rules of one.
    #[error("{}, users from position {first}: {source}; train again, or restore the complete directory from a copy", path.display())]
    History {
        /// The file of histories.
        path: PathBuf,
        /// The first user of the range that was read.
        first: u32,
        /// What is wrong.
        source: MatrixError,
    },
    /// The parts of a publication do not belong together.
    #[error("cannot publish: {reason}")]
    Publication {
        /// The contradiction.
        reason: String,
    },
}

impl ArtifactError {
    pub(super) fn inconsistent(path: PathBuf, reason: impl Into<String>) -> Self {
        Self::Inconsistent { path, reason: reason.into() }
    }
}
