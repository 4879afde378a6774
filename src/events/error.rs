//! Why a store of events cannot be used, or an event not be recorded.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::storage::StorageError;

/// Every failure of a store. Clonable: one failed commit has to be told to everybody who waited for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// There is no store.
    #[error("{} holds no store of events; `foldin serve MODEL --events {}` makes one", dir.display(), dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// Another process has it open.
    #[error("the store of events in {} is open in another process; stop the server that uses it first", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The file is not what was written.
    #[error(
        "the store of events in {} is damaged ({reason}); run `foldin events repair --events {}`, or restore a backup",
        dir.display(), dir.display()
    )]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Nothing of it can be read.
    #[error("the store of events in {} cannot be repaired ({reason}); restore a backup, or move the directory away", dir.display())]
    BeyondRepair {
        /// The directory.
        dir: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A later version of Foldin wrote it.
    #[error("the store of events in {} has format version {found}, this build reads {supported}; use a newer Foldin", dir.display())]
    FutureFormat {
        /// The directory.
        dir: PathBuf,
        /// The version found.
        found: u64,
        /// The version understood.
        supported: u64,
    },
    /// The operating system refuses.
    #[error("cannot {action} {}: {reason}; check the path, its permissions and the free space", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// A target is there already, or cannot be written.
    #[error("{reason}")]
    Target {
        /// What is wrong with it.
        reason: String,
        /// True when it exists.
        exists: bool,
    },
    /// An option is outside its range.
    #[error("events option {option} is {value}, must be {range}")]
    Option {
        /// Its name.
        option: &'static str,
        /// The value given.
        value: u64,
        /// What is allowed.
        range: &'static str,
    },
    /// The store is as large as it may become.
    #[error(
        "the store of events is full: {bytes} of {limit} bytes are in use; export the events, train and promote a version with them and trim the store (`foldin events trim`), or raise --events-max-bytes"
    )]
    Full {
        /// Bytes in use.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// One user has as many events as are kept of one.
    #[error(
        "a user of this request has {limit} live events, as many as are kept of one; trim the store once a version with them is promoted (`foldin events trim`), or raise --events-per-user"
    )]
    UserFull {
        /// Events allowed.
        limit: u64,
    },
    /// Too much is waiting to be written.
    #[error(
        "as much is waiting to be written as may ({capacity} requests, or {} MiB of events); retry later",
        super::store::MAX_WAITING_BYTES >> 20
    )]
    Busy {
        /// How many requests may wait.
        capacity: usize,
    },
    /// The disk does not take what is written, for lack of space as a rule.
    #[error(
        "events cannot be recorded now: {reason}; reading goes on, and so will recording once the disk takes writes again"
    )]
    Unwritable {
        /// What the operating system says.
        reason: String,
    },
    /// Writing failed in a way that may have lost what was in flight.
    #[error("events cannot be recorded any more: {reason}; reading goes on; check the disk, then restart the server")]
    WriteFailed {
        /// What the operating system says.
        reason: String,
    },
    /// Reading failed.
    #[error(
        "the store of events cannot be read: {reason}; check the disk, and `foldin events repair` once the server is stopped"
    )]
    Unreadable {
        /// What went wrong.
        reason: String,
    },
    /// The store is being closed.
    #[error("the store of events is closed: the server is shutting down")]
    Closed,
}

impl EventError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { action, path, reason: error.to_string() }
    }

    pub(super) fn damaged(dir: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { dir: dir.to_owned(), reason: reason.into() }
    }

    /// A failure to write, by what the operating system said.
    pub(super) fn writing(error: &redb::Error) -> Self {
        match error {
            redb::Error::Io(io) if is_lack_of_space(io) => Self::Unwritable { reason: io.to_string() },
            // Somebody who read met a failure of the disk, and nothing had been written yet.
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => Self::Unwritable { reason: error.to_string() },
            error => Self::WriteFailed { reason: error.to_string() },
        }
    }

    pub(super) fn reading(error: &redb::Error) -> Self {
        Self::Unreadable { reason: error.to_string() }
    }
}

fn is_lack_of_space(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

impl From<StorageError> for EventError {
    fn from(error: StorageError) -> Self {
        Self::Target { exists: matches!(error, StorageError::Exists { .. }), reason: error.to_string() }
    }
}
