//! How do embeddings and lists leave, for any number of entities?
//!
//! One path for all of it: a [`Table`] computes rows chunk by chunk, [`write()`] has them written while the next
//! chunk is computed, into one file or into shards of a fixed number of entities. What is in memory does not
//! grow with the entities but for their ids, and where shards begin depends on the input alone: the same input
//! gives the same bytes on any number of threads, in one run or in several.
//!
//! | in a directory | |
//! |---|---|
//! | `users-00000.parquet`, … | the shards, in ascending order of the ids |
//! | `manifest.json` | what the shards hold and where it comes from; size and BLAKE3 of each |
//!
//! The directory is built as `.NAME.partial` and gets its name when it is complete. There,
//! `progress.jsonl` names the job and every shard that is finished, so that a later run can go on.

mod codes;
mod directory;
mod embeddings;
mod error;
mod lists;
mod manifest;
mod table;
mod users;
mod write;

pub use codes::{CodesManifest, check_codes, read_coder, write_codes};
pub use embeddings::{Embeddings, item_space, user_space, variance_space};
pub use error::ExportError;
pub use lists::Lists;
pub use manifest::{Content, Histories, Job, Manifest, Shard, ShardFile, TableJob, TableManifest};
pub use table::{Open, Progress, Table, Written};
pub use users::Users;
pub use write::{Layout, Output, check_directory, write};

#[cfg(test)]
mod tests;
