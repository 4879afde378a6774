//! How do tables get in and out? The only user of Arrow and Parquet: logs become
//! [`Interactions`](crate::interactions::Interactions), and what Foldin knows becomes Parquet.

mod attributes;
mod axis;
mod catalogue;
mod embeddings;
mod error;
mod footer;
mod guard;
mod history_writer;
mod id_files;
mod ids;
mod interaction_rows;
mod interaction_writer;
mod interner;
mod item_table_writer;
mod items;
mod live_log;
mod log;
mod log_writer;
mod map_table;
mod metadata;
mod pages;
mod recommendations;
mod source;
mod sparse_vectors;
mod table;
mod texts;
mod thrift;
mod user_values;
mod writer;

pub use attributes::Attributes;
pub use catalogue::{read_catalogue, read_users, write_catalogue, write_users};
pub use embeddings::{EmbeddingFormat, EmbeddingHeader, EmbeddingWriter, Precision};
pub use error::{LogError, TableError};
pub use history_writer::HistoryWriter;
pub use id_files::{IdWriter, Selection, read_ids, read_selection};
pub use interaction_rows::{Id, IdType, InteractionColumns, InteractionRow, InteractionWriter};
pub use interaction_writer::{InteractionTable, write_interactions};
pub use item_table_writer::{Cell, CellType, ItemTableWriter};
pub use items::{ItemColumns, ItemMetadata, ItemReport, Titles, read_all_items, read_items};
pub use live_log::{LiveIds, LiveLogWriter, LiveRow};
pub(crate) use log::counted;
pub use log::{
    AxisExtents, Log, LogExtents, LogReport, NULL_ID, RowsDropped, ScanBatch, Scanned, ScannedFile, ScannedIds,
    count_entries, measure_log, measure_log_from, read_log, read_log_from, read_log_onto, read_log_onto_from, scan_log,
    scan_log_from,
};
pub use log_writer::{CatalogueItem, Event, ItemWriter, LogWriter};
pub use map_table::{MapColours, MapTable, write_map};
pub use metadata::read_metadata;
pub use recommendations::RecommendationWriter;
pub use source::{LocalFiles, MemoryTables, ReadAt, Source};
pub use sparse_vectors::write_sparse_vectors;
pub use user_values::{UserValues, write_user_values};
