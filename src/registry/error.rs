//! Why a registry could not be used.

use std::path::PathBuf;

use crate::artifact::ArtifactError;
use crate::storage::StorageError;

/// Every failure of a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The disk refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A version cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The directory is not there.
    #[error("{} is no registry: there is no such directory; `foldin publish` makes one", path.display())]
    NoRegistry {
        /// The path given.
        path: PathBuf,
    },
    /// A name that could not stand for a directory everywhere.
    #[error(
        "`{name}` cannot name a model: 1 to 64 of a-z, 0-9, `-`, `_` and `.` are allowed, the first of them a letter or digit"
    )]
    Name {
        /// The name given.
        name: String,
    },
    /// Nothing was published under the name.
    #[error("there is no model `{name}` in {}; known: {}", path.display(), known.join(", "))]
    UnknownName {
        /// The name asked for.
        name: String,
        /// The registry.
        path: PathBuf,
        /// The names that are there.
        known: Vec<String>,
    },
    /// There is no such version.
    #[error("model `{name}` has no version {version}; known: {}", known.join(", "))]
    UnknownVersion {
        /// The model.
        name: String,
        /// The version asked for.
        version: String,
        /// The versions that are there, ascending.
        known: Vec<String>,
    },
    /// No version was promoted yet.
    #[error("no version of model `{name}` was promoted; `foldin promote {name} VERSION` does")]
    NothingPromoted {
        /// The model.
        name: String,
    },
    /// There is nothing to go back to.
    #[error("model `{name}` has no earlier version to go back to")]
    NothingBefore {
        /// The model.
        name: String,
    },
    /// What answers cannot be taken out.
    #[error("version {version} of model `{name}` is the one that answers; promote another one before it is removed")]
    Answers {
        /// The model.
        name: String,
        /// The version.
        version: String,
    },
    /// A rollback would find nothing.
    #[error(
        "a rollback of model `{name}` would come to version {version}; with --force it is removed, and no longer one to go \
         back to"
    )]
    Needed {
        /// The model.
        name: String,
        /// The version.
        version: String,
    },
    /// A file of the registry is not what it should be.
    #[error("{} cannot be used: {reason}; remove it and promote a version again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
