//! Why an export could not be made.

use std::path::PathBuf;

use crate::artifact::ArtifactError;
use crate::io::TableError;
use crate::storage::StorageError;

/// Every failure of an export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The disk refused, or the target exists already.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file could not be encoded.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Stored histories could not be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The model places nothing of the kind in a space.
    #[error(
        "model {model} has no {what} embeddings; models that have them: elsa, compressed-elsa, low-pass, gf-cf, bspm, \
         mult-vae, mult-dae, rec-vae, auto-rec, cdae, stacked, sparse-ae"
    )]
    NoSpace {
        /// The model's name.
        model: &'static str,
        /// `user` or `item`.
        what: &'static str,
    },
    /// The model is as sure of every user as of any other.
    #[error(
        "model {model} does not know how uncertain it is of a user; leave --variances out, or take a variational model: mult-vae, rec-vae"
    )]
    NoVariances {
        /// The model's name.
        model: &'static str,
    },
    /// Nothing would be in the files.
    #[error("there is nothing to export: {reason}")]
    Nothing {
        /// Why not.
        reason: String,
    },
    /// There is no coder that could be used.
    #[error("there is no coder in {}: {reason}; give a directory that `foldin codes` wrote", path.display())]
    NoCoder {
        /// The file that is missing or cannot be used.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Several files were to be one.
    #[error("this takes more than one file: give the path of a directory, without an extension")]
    NeedsDirectory,
    /// A vector does not fit the element type of the file.
    #[error("the embedding of {id_column} {id} holds {value}, which {precision} cannot; {remedy}")]
    Value {
        /// `user_id` or `item_id`.
        id_column: &'static str,
        /// The id.
        id: String,
        /// The value.
        value: f32,
        /// The element type.
        precision: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Something that is not an export would have been replaced.
    #[error("{} is not an export and is not replaced ({reason}); choose another path, or remove it yourself", path.display())]
    ReplacesOther {
        /// The target.
        path: PathBuf,
        /// How it can be told.
        reason: String,
    },
    /// An unfinished export of something else is in the way.
    #[error(
        "an unfinished export of something else waits in {}: {}; repeat the command that began it, or start anew with --force",
        path.display(), differences.join(", ")
    )]
    OtherJob {
        /// Where it is.
        path: PathBuf,
        /// `what was A, is B`, for everything that differs.
        differences: Vec<String>,
    },
    /// The description of an export cannot be written down.
    #[error("cannot describe the export in {}: {source}", path.display())]
    Describe {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}
