//! How do tables get in and out? The only user of Arrow and Parquet: logs become
//! [`Interactions`](crate::interactions::Interactions), and what Foldin knows becomes Parquet.

mod attributes;
mod axis;
mod catalogue;
mod error;
mod footer;
mod guard;
mod ids;
mod interner;
mod items;
mod log;
mod log_writer;
mod recommendations;
mod report;
mod source;
mod table;
mod user_values;
mod weights;
mod writer;

pub use attributes::Attributes;
pub use catalogue::{read_attribute_types, read_catalogue, read_user_ids, write_catalogue, write_user_ids};
pub use error::{LogError, TableError};
pub use items::{ItemColumns, ItemMetadata, ItemReport, Titles, read_all_items, read_items};
pub use log::{Log, read_log, read_log_onto};
pub use log_writer::{Event, ItemWriter, LogWriter};
pub use recommendations::RecommendationWriter;
pub use report::{LogReport, RowsDropped};
pub use user_values::{UserValues, write_user_values};
