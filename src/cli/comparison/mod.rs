//! How do models compare on one trial? Results side by side, as JSON, as tables and by user.

mod per_user;
mod results;
#[cfg(test)]
mod results_tests;
mod tables;

pub use per_user::write_per_user;
pub use results::Comparison;
pub use tables::{bucket_extent, history_label, signed};
