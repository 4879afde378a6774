//! Scores of given candidates, for rankers that bring their own.

use super::answer::{Fallback, Tier};
use super::live::LiveHistory;
use super::prepare::Filters;
use super::request::{HistoryItem, RecommendRequest, check_ids};
use super::{Engine, RequestError};
use crate::types::ItemIdx;

/// Most candidates of one request.
pub const MAX_SCORED: usize = 10_000;

/// Whom to score what for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreRequest {
    /// A user with a stored history.
    pub user_id: Option<String>,
    /// Items given with the request, as in [`RecommendRequest`].
    pub history: Vec<HistoryItem>,
    /// What is known of `user_id` beside the model; see [`RecommendRequest`].
    pub live: LiveHistory,
    /// The candidates, 1 to [`MAX_SCORED`].
    pub item_ids: Vec<String>,
}

/// Scores, comparable among each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// One result a candidate, in their order.
    pub items: Vec<ItemScore>,
    /// Where the scores come from.
    pub tier: Tier,
    /// Why they are not personal.
    pub fallback: Option<Fallback>,
}

/// The score of a candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemScore {
    /// The candidate.
    pub item_id: String,
    /// Its score; `None` when it is not in the catalogue.
    pub score: Option<f32>,
    /// Whether it is in the history.
    pub seen: bool,
}

impl Engine {
    /// The scores of candidates: those that a list would give them, to the bit.
    ///
    /// # Errors
    /// [`RequestError`] for no or too many candidates, an empty id among them, no subject, or a history that cannot be used.
    pub fn score(&self, request: &ScoreRequest) -> Result<Scores, RequestError> {
        check_ids("item_ids", &request.item_ids, MAX_SCORED)?;
        let subject = RecommendRequest {
            user_id: request.user_id.clone(),
            history: request.history.clone(),
            live: request.live.clone(),
            n: 1,
            ..RecommendRequest::default()
        };
        let prepared = self.prepare(&subject, &mut Filters::default(), &|| true)?;
        let prepared = prepared.unwrap_or_else(|| unreachable!("it is always wanted"));
        let indices = request.item_ids.iter().map(|id| self.catalogue.ids().index(id).map(ItemIdx));
        let indices: Vec<Option<ItemIdx>> = indices.collect();
        let known: Vec<ItemIdx> = indices.iter().copied().flatten().collect();
        let scores = match prepared.tier {
            Tier::Personal => self.scores(prepared.folded(), &known),
            _ => known.iter().map(|&item| self.popularity.users(item)).collect(),
        };
        let mut scores = scores.into_iter();
        let seen = prepared.subject.history.as_ref().items();
        let items = request.item_ids.iter().zip(indices).map(|(item_id, index)| ItemScore {
            item_id: item_id.clone(),
            score: index.and_then(|_| scores.next()),
            seen: index.is_some_and(|item| seen.binary_search(&item.0).is_ok()),
        });
        Ok(Scores {
            items: items.collect(),
            tier: prepared.tier,
            fallback: if self.impersonal() { None } else { prepared.fallback() },
        })
    }
}
