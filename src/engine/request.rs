//! What can be asked, and how much of it at once.

use super::RequestError;
use super::live::LiveHistory;

/// Longest list that can be asked for.
pub const MAX_N: usize = 1_000;

/// Longest ad hoc history.
pub const MAX_HISTORY: usize = 10_000;

/// Longest list of excluded or allowed items.
pub const MAX_LISTED: usize = 100_000;

/// Most users, items or histories embedded by one call.
pub const MAX_KEYS: usize = 1_000;

/// One item of an ad hoc history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryItem {
    /// The item's id in canonical form.
    pub item_id: String,
    /// How much: a finite number greater than 0. Models with binary input only see that it is there.
    /// The minimum weight of the log is not applied: who sends an item means it.
    pub weight: f32,
}

/// Whom to recommend to, how much, and what not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecommendRequest {
    /// A user with a stored history.
    pub user_id: Option<String>,
    /// Items given with the request. With a known `user_id` they are laid over the stored history:
    /// the union is folded in, and an item that is in both is merged by the rule of the log.
    pub history: Vec<HistoryItem>,
    /// How many items to list, 1 to [`MAX_N`].
    pub n: usize,
    /// Items not to list. Unknown ids are counted in the answer.
    pub exclude: Vec<String>,
    /// When given, nothing else is listed. Unknown ids are counted in the answer.
    pub allow: Option<Vec<String>>,
    /// List items of the history too.
    pub include_seen: bool,
    /// What is known of `user_id` beside the model: live events are merged with the stored history as if they had stood
    /// in the log, by its rules.
    pub live: LiveHistory,
}

impl HistoryItem {
    /// An item that happened once.
    pub fn new(item_id: impl Into<String>) -> Self {
        Self { item_id: item_id.into(), weight: 1.0 }
    }
}

pub(super) fn check_n(n: usize) -> Result<(), RequestError> {
    if (1..=MAX_N).contains(&n) { Ok(()) } else { Err(RequestError::N { value: n, limit: MAX_N }) }
}

pub(super) fn check_length(field: &str, length: usize, limit: usize) -> Result<(), RequestError> {
    if length <= limit { Ok(()) } else { Err(RequestError::TooLong { field: field.into(), length, limit }) }
}

pub(super) fn check_keys(field: &str, length: usize) -> Result<(), RequestError> {
    if length == 0 {
        return Err(RequestError::Empty { field: field.into() });
    }
    check_length(field, length, MAX_KEYS)
}
