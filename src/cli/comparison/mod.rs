//! How do models compare on one trial? Results side by side, as JSON, as tables and by user.

mod costs;
mod measurement;
mod per_user;
mod results;
#[cfg(test)]
mod results_tests;
mod tables;

pub use costs::LISTED;
pub use measurement::Measurement;
pub use per_user::write_per_user;
pub use results::{Comparison, Contender, ModelResults};
pub use tables::{bucket_extent, history_label, signed, training_time};
