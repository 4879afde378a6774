//! How the rows of a log become interactions: the rules that a model directory records, so that a
//! history built later equals one built offline.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::{TimeUnit, Timestamp};

/// Names of the columns of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogColumns {
    /// Who: string, integer or UUID.
    pub user: String,
    /// What: string, integer or UUID; a list column holds many items of one user.
    pub item: String,
    /// How much: any number. Empty: every row weighs 1.
    pub weight: String,
    /// When: a timestamp, a date, or whole numbers in [`LogRules::time_unit`]. Empty: times are not read.
    pub time: String,
    /// What kind of event: text, looked up in [`LogRules::event_weights`]. Empty: all rows are alike.
    pub event: String,
}

impl Default for LogColumns {
    fn default() -> Self {
        Self {
            user: "user_id".into(),
            item: "item_id".into(),
            weight: String::new(),
            time: String::new(),
            event: String::new(),
        }
    }
}

/// What becomes of several rows of one user and item. The merged interaction has the time of the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The largest weight stays.
    #[default]
    Max,
    /// The weights add up.
    Sum,
    /// The weight of the latest row stays, the largest one among equally late rows; needs times.
    Last,
}

/// The rules, in the order in which they apply. The weight of a row is
///
/// weight column (or 1) × [`event_weights`](Self::event_weights) (or 1) × 2^(−age / [`half_life_days`](Self::half_life_days)),
/// age = [`as_of`](Self::as_of) − time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogRules {
    /// Where the values stand.
    pub columns: LogColumns,
    /// Unit of times given as whole numbers; has to be stated for such a column, and only for such a one.
    pub time_unit: Option<TimeUnit>,
    /// Rows before this moment are dropped.
    pub since: Option<Timestamp>,
    /// Rows at this moment or later are dropped.
    pub until: Option<Timestamp>,
    /// The weight of each type of event; rows of other types, and of types that weigh 0, are dropped.
    pub event_weights: BTreeMap<String, f32>,
    /// Rows whose value in the weight column is below this are dropped (a minimum rating), where given.
    pub min_weight: Option<f32>,
    /// Days in which a row loses half of its weight; needs times and [`as_of`](Self::as_of).
    pub half_life_days: Option<f64>,
    /// The moment from which ages count; later rows are dropped: as of then they had not happened.
    pub as_of: Option<Timestamp>,
    /// How rows of the same pair are merged.
    pub duplicates: Duplicates,
    /// Users with fewer interactions are dropped; repeated with `min_item_users` until both hold (k-core).
    pub min_user_items: usize,
    /// Items with fewer users are dropped.
    pub min_item_users: usize,
}

impl LogRules {
    /// True when rows may be dropped one by one as they are read, so that fewer than all of them take memory.
    #[must_use]
    pub fn drop_rows(&self) -> bool {
        let window = self.since.is_some() || self.until.is_some() || self.as_of.is_some();
        window || !self.event_weights.is_empty() || self.min_weight.is_some_and(|least| least > 0.0)
    }

    /// The rules for what has to be found: it comes after what was trained on, so neither the window of time nor
    /// the ages of these rules concern it.
    #[must_use]
    pub fn for_targets(&self) -> Self {
        Self { since: None, until: None, half_life_days: None, as_of: None, ..self.clone() }
    }
}

impl Default for LogRules {
    fn default() -> Self {
        Self {
            columns: LogColumns::default(),
            time_unit: None,
            since: None,
            until: None,
            event_weights: BTreeMap::new(),
            min_weight: None,
            half_life_days: None,
            as_of: None,
            duplicates: Duplicates::Max,
            min_user_items: 1,
            min_item_users: 1,
        }
    }
}
