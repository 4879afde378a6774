//! Parquet logs as users have them, good and bad.

mod reading;
mod scan;
mod tables;
