//! How do tables get in and out? The only user of Arrow and Parquet: logs become
//! [`Interactions`](crate::interactions::Interactions), and what Foldin knows becomes Parquet.

mod axis;
mod catalogue;
mod error;
mod footer;
mod guard;
mod ids;
mod interner;
mod log;
mod log_writer;
mod pages;
mod recommendations;
mod source;
mod table;
mod texts;
mod thrift;
mod titles;
mod writer;

pub use catalogue::{read_catalogue, read_user_ids, write_catalogue, write_user_ids};
pub use error::{LogError, TableError};
pub use log::{
    Log, LogReport, NULL_ID, RowsDropped, ScanBatch, Scanned, ScannedFile, ScannedIds, read_log, read_log_from,
    read_log_onto, read_log_onto_from, scan_log, scan_log_from,
};
pub use log_writer::{Event, ItemWriter, LogWriter};
pub use recommendations::RecommendationWriter;
pub use source::{LocalFiles, MemoryTables, ReadAt, Source};
pub use titles::{TitleReport, Titles, read_titles};
