//! What can be asked, and how much of it at once.

use std::fmt;
use std::ops::RangeInclusive;

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

/// Most items of context or of dislikes.
pub const MAX_CONTEXT: usize = 1_000;

/// Most candidates that a list can be chosen from for variety.
pub const MAX_CANDIDATES: usize = 4_000;

/// Most draws of an exploring list.
pub const MAX_DRAWS: usize = 64;

/// Most attributes shown with each item.
pub const MAX_ATTRIBUTES: usize = 32;

/// Most contributions named with each item of a list.
pub const MAX_CONTRIBUTIONS: usize = 10;

/// Comparisons of a candidate with a chosen item that one request may ask for, over all draws.
const MAX_COMPARISONS: usize = 16_000_000;

/// Candidates for each item listed, unless the request says otherwise.
const CANDIDATES_PER_ITEM: usize = 4;

/// Draws of an exploring list, unless the request says otherwise.
pub const DEFAULT_DRAWS: usize = 16;

/// How much dislikes count, unless the request says otherwise.
pub const DEFAULT_NEGATIVE_STRENGTH: f32 = 0.5;

/// One item of an ad hoc history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryItem {
    /// The item's id in canonical form.
    pub item_id: String,
    /// How much: a finite number greater than 0, or once. Models with binary input only see that it is there; to models of
    /// ratings it is the rating, and must be given. The minimum weight of the log is not applied: who sends an item means it.
    pub weight: Option<f32>,
}

/// Whom to recommend to, how much, and what not.
///
/// What is asked for is applied in this order: scores (history and context, less the dislikes, of each draw), filters,
/// `min_score`, `popularity_damping`, `diversity`, `n`, `fill`.
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
    /// A condition on the metadata of items, in the language of [`filter`](crate::filter); only items that meet it are
    /// listed.
    pub filter: Option<String>,
    /// Items that describe the moment: folded in with the history, but neither seen nor part of it.
    pub context: Vec<HistoryItem>,
    /// Items to stay away from: not listed, and what they add to the scores of others is taken off.
    pub negatives: Vec<HistoryItem>,
    /// Factor of what is taken off, 0 to 10; `None` is [`DEFAULT_NEGATIVE_STRENGTH`].
    pub negative_strength: Option<f32>,
    /// List no item with a lower score.
    pub min_score: Option<f32>,
    /// Trade relevance for variety.
    pub diversity: Option<Diversity>,
    /// How far the popularity of an item counts against it, 0 to 1.
    pub popularity_damping: f32,
    /// List a draw from the model's uncertainty instead of its best guess.
    pub exploration: Option<Exploration>,
    /// What to say of each item.
    pub detail: Detail,
    /// Fill a short list up with popular items: first those that the filters admit, then those that `filter` does not.
    pub fill: bool,
}

/// Maximal marginal relevance over the item vectors; see [`diversified`](crate::ranking::diversified).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diversity {
    /// 0 (relevance alone) to 1 (variety alone).
    pub strength: f32,
    /// The best items by score among which to choose, `n` to [`MAX_CANDIDATES`]; `None` is four for each item listed.
    pub candidates: Option<usize>,
}

/// Posterior sampling: several draws of the user's code are ranked, and one of them, each with the same probability,
/// is the answer. So the share of the draws that list an item is the probability that it is listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exploration {
    /// Which draws, and which of them answers.
    pub seed: u64,
    /// How many, 2 to [`MAX_DRAWS`]; `None` is [`DEFAULT_DRAWS`].
    pub draws: Option<usize>,
    /// Factor of the standard deviation, 0 to 10; `None` is 1.
    pub scale: Option<f32>,
}

/// What to say of each item besides its id and score.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Leave titles out.
    pub omit_titles: bool,
    /// Columns of the metadata, at most [`MAX_ATTRIBUTES`].
    pub attributes: Vec<String>,
    /// How many contributions of the history to name, at most [`MAX_CONTRIBUTIONS`].
    pub contributions: usize,
}

impl RecommendRequest {
    /// Refuses numbers out of range and lists that are too long, by field.
    pub(super) fn check(&self) -> Result<(), RequestError> {
        check_n(self.n)?;
        check_length("exclude", self.exclude.len(), MAX_LISTED)?;
        check_length("allow", self.allow.as_ref().map_or(0, Vec::len), MAX_LISTED)?;
        check_length("context", self.context.len(), MAX_CONTEXT)?;
        check_length("negatives", self.negatives.len(), MAX_CONTEXT)?;
        check_length("detail.attributes", self.detail.attributes.len(), MAX_ATTRIBUTES)?;
        let contributions = self.detail.contributions;
        check_range("detail.contributions", contributions, 0..=MAX_CONTRIBUTIONS)?;
        check_range("negative_strength", self.negative_strength.unwrap_or(0.0), 0.0..=10.0)?;
        if let Some(value) = self.min_score.filter(|score| !score.is_finite()) {
            return Err(RequestError::NotFinite { field: "min_score", value });
        }
        check_range("popularity_damping", self.popularity_damping, 0.0..=1.0)?;
        if let Some(Diversity { strength, candidates }) = self.diversity {
            check_range("diversity.strength", strength, 0.0..=1.0)?;
            check_range("diversity.candidates", candidates.unwrap_or(self.n), self.n..=MAX_CANDIDATES)?;
        }
        if let Some(Exploration { draws, scale, .. }) = self.exploration {
            check_range("exploration.draws", draws.unwrap_or(DEFAULT_DRAWS), 2..=MAX_DRAWS)?;
            check_range("exploration.scale", scale.unwrap_or(1.0), 0.0..=10.0)?;
        }
        if let (Some(_), Some(exploration)) = (self.diversity, self.exploration) {
            let (n, candidates) = (self.n, self.pool());
            let (draws, most) = (exploration.draws.unwrap_or(DEFAULT_DRAWS), MAX_COMPARISONS / (n * candidates));
            if draws > most {
                return Err(RequestError::TooMuchWork { draws, n, candidates, most });
            }
        }
        Ok(())
    }

    /// How many of the best items the list is chosen from.
    pub(super) fn pool(&self) -> usize {
        let usual = (CANDIDATES_PER_ITEM * self.n).min(MAX_CANDIDATES);
        match self.diversity {
            Some(diversity) => diversity.candidates.unwrap_or(usual),
            None if self.popularity_damping > 0.0 => usual,
            None => self.n,
        }
    }
}

impl HistoryItem {
    /// An item that happened once.
    pub fn new(item_id: impl Into<String>) -> Self {
        Self { item_id: item_id.into(), weight: None }
    }
}

pub(super) fn check_n(n: usize) -> Result<(), RequestError> {
    check_range("n", n, 1..=MAX_N)
}

/// Refuses a number outside its range; NaN is outside every one.
pub(super) fn check_range<T: PartialOrd + fmt::Display>(
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), RequestError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (range.start().to_string(), range.end().to_string());
    Err(RequestError::Range { field: field.into(), value: value.to_string(), low, high })
}

pub(super) fn check_length(field: &str, length: usize, limit: usize) -> Result<(), RequestError> {
    if length <= limit { Ok(()) } else { Err(RequestError::TooLong { field: field.into(), length, limit }) }
}

/// Refuses no or too many ids of what is asked about, and an empty one among them.
pub(super) fn check_ids(field: &str, ids: &[String], limit: usize) -> Result<(), RequestError> {
    check_count(field, ids.len(), limit)?;
    ids.iter().enumerate().try_for_each(|(position, id)| check_id(id, || format!("{field}[{position}]")))
}

/// Refuses an empty id.
pub(super) fn check_id(id: &str, field: impl FnOnce() -> String) -> Result<(), RequestError> {
    if id.is_empty() { Err(RequestError::NoId { field: field() }) } else { Ok(()) }
}

/// Refuses a list that is empty or too long.
pub(super) fn check_count(field: &str, length: usize, limit: usize) -> Result<(), RequestError> {
    if length == 0 {
        return Err(RequestError::Empty { field: field.into() });
    }
    check_length(field, length, limit)
}
