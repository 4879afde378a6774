//! How the rows of a log become interactions: the rules that a model directory records, so that a
//! history built later equals one built offline.

use serde::{Deserialize, Serialize};

/// Names of the columns of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogColumns {
    /// Who: string or integer.
    pub user: String,
    /// What: string or integer.
    pub item: String,
    /// How much: any number. Empty: every row weighs 1.
    pub weight: String,
}

impl Default for LogColumns {
    fn default() -> Self {
        Self { user: "user_id".into(), item: "item_id".into(), weight: String::new() }
    }
}

/// What becomes of several rows of one user and item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The largest weight stays.
    #[default]
    Max,
    /// The weights add up.
    Sum,
}

/// The rules, in the order in which they apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogRules {
    /// Where the values stand.
    pub columns: LogColumns,
    /// Rows below this weight are dropped (a minimum rating), where given.
    pub min_weight: Option<f32>,
    /// How rows of the same pair are merged.
    pub duplicates: Duplicates,
    /// Users with fewer interactions are dropped; repeated with `min_item_users` until both hold (k-core).
    pub min_user_items: usize,
    /// Items with fewer users are dropped.
    pub min_item_users: usize,
}

impl Default for LogRules {
    fn default() -> Self {
        Self {
            columns: LogColumns::default(),
            min_weight: None,
            duplicates: Duplicates::Max,
            min_user_items: 1,
            min_item_users: 1,
        }
    }
}
