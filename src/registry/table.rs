//! How the item table of a version is held in memory.

use serde::{Deserialize, Serialize};

use crate::engine::Width;

/// How the item table of a version is held, and what that was measured to cost when it was published.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableChoice {
    /// Numbers of the table that is read first; `None` scores every item exactly.
    pub width: Option<Width>,
    /// Share of the exact 100 best that it lists, the mean over the users compared.
    pub overlap_at_100: f64,
    /// NDCG@100 by the table minus the exact one.
    pub ndcg_at_100_change: f64,
    /// Users compared.
    pub users: usize,
}

impl TableChoice {
    /// Every item is scored exactly: nothing to measure.
    #[must_use]
    pub fn exact() -> Self {
        Self { width: None, overlap_at_100: 1.0, ndcg_at_100_change: 0.0, users: 0 }
    }
}
