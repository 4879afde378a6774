//! Why an item was recommended: which items of the history made its score.

use super::answer::Contribution;
use super::live::LiveHistory;
use super::request::{HistoryItem, check_id, check_range};
use super::{Engine, RequestError};
use crate::interactions::{History, HistoryRef};
use crate::types::ItemIdx;

/// Most contributions named.
pub const MAX_EXPLAINED: usize = 100;

/// Contributions named, unless the request says otherwise.
pub const DEFAULT_EXPLAINED: usize = 10;

/// Longest history whose items are left out in turn: folding it in so many times takes some tenths of a second.
const MAX_LEFT_OUT: usize = 1_000;

/// Histories folded in together.
const BATCH: usize = 64;

/// Which recommendation is to be explained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExplainRequest {
    /// A user with a stored history.
    pub user_id: Option<String>,
    /// Items given with the request, as in [`RecommendRequest`](super::RecommendRequest).
    pub history: Vec<HistoryItem>,
    /// What is known of `user_id` beside the model; see [`RecommendRequest`](super::RecommendRequest).
    pub live: LiveHistory,
    /// The recommended item.
    pub item_id: String,
    /// How many contributions to name, 1 to [`MAX_EXPLAINED`]; `None` is [`DEFAULT_EXPLAINED`].
    pub n: Option<usize>,
}

/// How contributions are found, and so what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The model is linear in the history: the contributions are the terms of the score.
    Exact,
    /// What the score loses when the item is left out of the history. These do not add up.
    LeaveOneOut,
}

/// Why an item was recommended.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What speaks most for the item comes first, what speaks against it last.
    pub contributions: Vec<Contribution>,
    /// How they were found.
    pub method: Method,
    /// The item's score.
    pub score: f32,
    /// What remains: for exact contributions the score less those that are named, for others the score without any
    /// history.
    pub rest: f32,
}

impl Engine {
    /// Which items of a history made the score of an item.
    ///
    /// # Errors
    /// [`RequestError`] for an item that is not in the catalogue, a user without history, a model that gives everyone
    /// the same list, or a history that is too long to be explained.
    pub fn explain(&self, request: &ExplainRequest) -> Result<Explanation, RequestError> {
        let n = request.n.unwrap_or(DEFAULT_EXPLAINED);
        check_range("n", n, 1..=MAX_EXPLAINED)?;
        let item = self.item(&request.item_id)?;
        if self.impersonal() {
            return Err(RequestError::Unexplained {
                reason: "model popularity gives everyone the same list, by the number of users of each item",
            });
        }
        let subject = self.subject(request.user_id.as_deref(), &request.history, &request.live)?;
        let history = subject.history.as_ref();
        if history.is_empty() {
            return Err(RequestError::Unexplained {
                reason: "no item of a history is known, so the list is the most popular items",
            });
        }
        let score = self.scores(history, &[item])[0];
        let amounts = self.contributions(history, &[item])?.remove(0);
        let contributions: Vec<Contribution> = self.strongest(history, &amounts).take(n).collect();
        let (method, rest) = match self.model.terms(history, item) {
            Some(_) => {
                let named: f64 = contributions.iter().map(|contribution| f64::from(contribution.amount)).sum();
                (Method::Exact, (f64::from(score) - named) as f32)
            }
            None => (Method::LeaveOneOut, self.scores(History::default().as_ref(), &[item])[0]),
        };
        Ok(Explanation { contributions, method, score, rest })
    }

    /// What each item of a history, in its order, adds to the score of each of `items`.
    pub(super) fn contributions(
        &self,
        history: HistoryRef<'_>,
        items: &[ItemIdx],
    ) -> Result<Vec<Vec<f32>>, RequestError> {
        let exact: Option<Vec<Vec<f32>>> = items.iter().map(|&item| self.model.terms(history, item)).collect();
        if let Some(exact) = exact {
            return Ok(exact);
        }
        let length = history.len();
        if length > MAX_LEFT_OUT {
            return Err(RequestError::TooMuchToExplain { model: self.name(), length, limit: MAX_LEFT_OUT });
        }
        let whole = self.scores(history, items);
        let mut amounts = vec![Vec::with_capacity(length); items.len()];
        let places: Vec<usize> = (0..length).collect();
        for places in places.chunks(BATCH) {
            let rest: Vec<History> = places.iter().map(|&place| without(history, place)).collect();
            let rest: Vec<HistoryRef<'_>> = rest.iter().map(History::as_ref).collect();
            let query = self.model.encode(&rest);
            let mut scores = vec![0.0; items.len()];
            for user in 0..rest.len() {
                self.model.score_items(&query, user, items, &mut scores);
                for ((amounts, whole), score) in amounts.iter_mut().zip(&whole).zip(&scores) {
                    amounts.push(whole - score);
                }
            }
        }
        Ok(amounts)
    }

    /// The scores of items for a history.
    pub(super) fn scores(&self, history: HistoryRef<'_>, items: &[ItemIdx]) -> Vec<f32> {
        let mut scores = vec![0.0; items.len()];
        self.model.score_items(&self.model.encode(&[history]), 0, items, &mut scores);
        scores
    }

    /// The index of an item that must be in the catalogue.
    pub(super) fn item(&self, item_id: &str) -> Result<ItemIdx, RequestError> {
        check_id(item_id, || "item_id".into())?;
        let unknown = || RequestError::UnknownItem { item_id: item_id.into() };
        self.catalogue.ids().index(item_id).map(ItemIdx).ok_or_else(unknown)
    }
}

/// A history less the item at a place.
fn without(history: HistoryRef<'_>, place: usize) -> History {
    let kept = |at: &usize| *at != place;
    let items: Vec<u32> = (0..history.len()).filter(kept).map(|at| history.items()[at]).collect();
    let weights: Vec<f32> = (0..history.len()).filter(kept).map(|at| history.weights()[at]).collect();
    HistoryRef::from_sorted(&items, &weights).into()
}
