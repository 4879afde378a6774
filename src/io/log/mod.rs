//! How does a log come in? Tables of (user, item, weight, time, event) become a matrix and its id maps, or are scanned
//! row by row.

mod chunks;
mod columns;
mod complete;
mod events;
mod extents;
mod lists;
mod partition_values;
mod prune;
mod read;
mod report;
mod rows;
mod rules;
mod scan;
mod tables;
mod times;

pub use extents::{AxisExtents, LogExtents, count_entries, measure_log, measure_log_from};
pub use read::{Log, read_log, read_log_from, read_log_onto, read_log_onto_from};
pub use report::{LogReport, RowsDropped};
pub use scan::{NULL_ID, ScanBatch, Scanned, ScannedFile, ScannedIds, scan_log, scan_log_from};

pub(super) use events::MAX_EVENT_TYPES;
pub(crate) use report::counted;
