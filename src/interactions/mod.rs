//! What did whom do with what? Logs as a sparse users × items matrix with its id maps.

mod catalogue;
mod history;
mod ids;
mod matrix;
mod rules;

pub use catalogue::Catalogue;
pub use history::{BadWeight, History, HistoryRef};
pub use ids::{IdMap, IdOrderError, TextIds};
pub use matrix::{Interactions, MatrixError};
pub use rules::{Duplicates, LogColumns, LogRules};
