//! Which numbers are normal, and what is to be done about the others? Pure functions from what was collected
//! to lines.

mod bots;
mod catalogue;
mod histories;
mod ids;
mod leakage;
mod schema;
mod times;
mod weights;

pub(super) use bots::bots;
pub(super) use catalogue::metadata;
pub(super) use histories::{duplicates, histories};
pub(super) use ids::ids;
pub(super) use leakage::leakage;
pub(super) use schema::{Sizes, files, rows};
pub(super) use times::times;
pub(super) use weights::{events, weights};
