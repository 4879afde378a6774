//! From ranges to the best configuration: trials on validation data, noted as they end.

mod journal;
mod objective;
mod ranges;
mod run;
mod settings;
mod tables;

pub use journal::{Ended, Journal, JournalError, Trial};
pub use objective::Objective;
pub use ranges::{TuneError, check as check_ranges, place};
pub use run::{Limits, Tuning};
pub use settings::TuneSettings;
pub use tables::table_of;
