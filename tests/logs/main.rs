//! Parquet logs as users have them, good and bad.

mod extents;
mod hostile;
mod ids;
mod lists;
mod reading;
mod rules;
mod scan;
mod sources;
mod tables;
mod times;
