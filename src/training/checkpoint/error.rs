//! Why a checkpoint cannot be written or continued.

use std::path::PathBuf;

use super::Position;
use crate::storage::StorageError;

/// Every failure around a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// An unfinished run is there, and was not asked for.
    #[error(
        "{} is the checkpoint of an unfinished run, at {position}: continue that run with --resume, or remove the \
         file to start anew",
        path.display()
    )]
    Unfinished {
        /// The checkpoint.
        path: PathBuf,
        /// How far the run was.
        position: Position,
    },
    /// The checkpoint is of a run of something else.
    #[error(
        "{} is the checkpoint of another run, at {position}: {}; put that back to continue it, or remove the file to \
         start anew",
        path.display(),
        differences.join("; ")
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// How far that run was.
        position: Position,
        /// What differs, with the value then and now.
        differences: Vec<String>,
    },
    /// The checkpoint has a layout that this build does not know.
    #[error(
        "{} has checkpoint format {found}, this build reads {supported}; continue with the Foldin that wrote it, or \
         remove the file to start anew",
        path.display()
    )]
    Format {
        /// The checkpoint.
        path: PathBuf,
        /// Version found.
        found: u64,
        /// The version understood.
        supported: u32,
    },
    /// The file is intact, and its content is not that of a checkpoint.
    #[error("{} is not a usable checkpoint: {reason}; remove the file to start anew", path.display())]
    Content {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk did not take a checkpoint.
    #[error(
        "cannot write the checkpoint {} at {position}, which takes {bytes} bytes: {source}; training stops here, {}",
        path.display(),
        kept_words(kept)
    )]
    Write {
        /// The checkpoint.
        path: PathBuf,
        /// Bytes that it takes beside the one before it.
        bytes: u64,
        /// How far the run is.
        position: Position,
        /// The checkpoint before, which is still there.
        kept: Option<Position>,
        /// What the system says.
        source: Box<StorageError>,
    },
    /// The file cannot be read, is damaged or is in use.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn kept_words(kept: &Option<Position>) -> String {
    match kept {
        Some(position) => {
            format!("the checkpoint of {position} is kept: make room, then continue with --resume")
        }
        None => "there is no earlier checkpoint: make room, then train again".into(),
    }
}
