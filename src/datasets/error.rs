//! What can be wrong with a dataset, its files and what is in them.

use std::path::PathBuf;

use super::download::DownloadError;
use crate::io::TableError;
use crate::storage::StorageError;

/// Why there is no dataset.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The dataset cannot be downloaded.
    #[error("{dataset} cannot be downloaded. {reason}")]
    ByHand {
        /// The dataset.
        dataset: String,
        /// Why not, and what to do instead.
        reason: String,
    },
    /// One address for several files.
    #[error("{dataset} consists of several files ({}); give the address of the directory that holds them, ending with `/`", files.join(", "))]
    MirrorOfSeveral {
        /// The dataset.
        dataset: String,
        /// Its files.
        files: Vec<String>,
    },
    /// One local file for several.
    #[error("{} is a single file, but {dataset} consists of several ({}); give the directory that holds them", path.display(), files.join(", "))]
    FileOfSeveral {
        /// The dataset.
        dataset: String,
        /// What was given.
        path: PathBuf,
        /// Its files.
        files: Vec<String>,
    },
    /// Something else than a dataset is in the way.
    #[error("{} holds something else than a dataset and is not replaced; choose another path, or remove it yourself", path.display())]
    NotADataset {
        /// The output directory.
        path: PathBuf,
    },
    /// Another process downloads the same file.
    #[error("{} is being written by another process; wait for it to end, or choose another --out", path.display())]
    Busy {
        /// The unfinished file.
        path: PathBuf,
    },
    /// The file is not the one whose hash is recorded.
    #[error("{} has the BLAKE3 hash {found}, recorded is {recorded}: it is not the published file; get it again, or from another address", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// What it hashes to.
        found: String,
        /// What the manifest says.
        recorded: String,
    },
    /// The download failed.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The files are not what they should be.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The disk refuses.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// What is wrong with the content of a file.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A file is absent or cannot be read.
    #[error("cannot read {}: {source}; check that the file exists and its permissions", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Something else than was expected, for example a web page.
    #[error("{} is not {expected}: {found}; get the file again, or from another address", file.display())]
    Kind {
        /// The file.
        file: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What it starts with.
        found: String,
    },
    /// Truncated or damaged.
    #[error("{file} is truncated or damaged: {reason}; get the file again")]
    Damaged {
        /// The file and the member.
        file: String,
        /// Where reading failed.
        reason: String,
    },
    /// An archive that lacks what is needed.
    #[error("{} has no member `{member}`; it holds: {}", file.display(), available.join(", "))]
    NoMember {
        /// The archive.
        file: PathBuf,
        /// What was looked for.
        member: String,
        /// What is there, at most a few.
        available: Vec<String>,
    },
    /// An archive that no honest publisher makes.
    #[error("{} is refused: {reason}; get the file from its publisher", file.display())]
    Hostile {
        /// The archive.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Text that unpacks to far more than it should.
    #[error(
        "{file} unpacks to more than {limit} bytes, far more than it should hold, and is refused; get the file from its publisher"
    )]
    Expands {
        /// The file and the member.
        file: String,
        /// Where reading stopped.
        limit: u64,
    },
    /// A header without a column that is needed.
    #[error("{file} has no column `{column}`; its columns are: {}; it is not the file that was published", available.join(", "))]
    NoColumn {
        /// The file and the member.
        file: String,
        /// The column.
        column: String,
        /// The columns there are.
        available: Vec<String>,
    },
    /// A value that cannot be used.
    #[error("{file}, line {line}: {field} is `{value}`, {expected}; get the file again, or correct the line")]
    Value {
        /// The file and the member.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The field, by name or position.
        field: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: String,
    },
    /// A line that is not a record.
    #[error("{file}, line {line}: {reason}; get the file again, or correct the line")]
    Line {
        /// The file and the member.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A file without a single record.
    #[error("{file} holds no records; get the file again")]
    Empty {
        /// The file and the member.
        file: String,
    },
}
