//! Users like a user, or like a history.

use rayon::prelude::*;

use super::live::LiveHistory;
use super::request::{HistoryItem, check_n};
use super::{Engine, RequestError};
use crate::ranking::{Scored, TopN};
use crate::types::{ItemIdx, UserIdx};

/// A user or a history, and how many like it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SimilarUsersRequest {
    /// A user with a stored history.
    pub user_id: Option<String>,
    /// Items given with the request, as in [`RecommendRequest`](super::RecommendRequest).
    pub history: Vec<HistoryItem>,
    /// What is known of `user_id` beside the model; see [`RecommendRequest`](super::RecommendRequest).
    pub live: LiveHistory,
    /// How many users to list, 1 to [`MAX_N`](super::MAX_N).
    pub n: usize,
    /// Users not to list, whatever is stored of them.
    pub hidden: Vec<String>,
}

/// A user and how similar it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarUser {
    /// The user's id in canonical form.
    pub user_id: String,
    /// Cosine of the angle between the user vectors.
    pub similarity: f32,
}

impl Engine {
    /// The users with a stored history whose vectors have the largest cosine with that of the subject: all users are
    /// compared. The first requests also fold the users in, which takes as long as embedding all of them; what they
    /// computed is kept, up to a gibibyte. Gives up with `None` soon after `stop` says so.
    ///
    /// # Errors
    /// [`RequestError`] for a model without user vectors, an `n` out of range, or a subject without history.
    pub fn similar_users(
        &self,
        request: &SimilarUsersRequest,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<SimilarUser>>, RequestError> {
        check_n(request.n)?;
        self.user_space()?;
        let subject = self.subject(request.user_id.as_deref(), &request.history, &request.live)?;
        let history = subject.history.as_ref();
        if history.is_empty() {
            let user_id = request.user_id.clone().unwrap_or_default();
            return Err(match subject.unknown_items {
                0 => RequestError::UnknownUser { user_id },
                _ => RequestError::Unexplained { reason: "no item of the history is in the catalogue" },
            });
        }
        let Some(vector) = self.model.embed_users(&[history]) else { return Ok(Some(Vec::new())) };
        let vector = vector.try_normalize(0.0).unwrap_or(vector);
        let mut hidden: Vec<u32> = request.hidden.iter().filter_map(|id| self.users.index(id)).collect();
        hidden.extend(request.user_id.as_deref().and_then(|id| self.users.index(id)));
        hidden.sort_unstable();

        let block = |block: usize| -> Result<Option<Vec<Scored>>, RequestError> {
            if stop() {
                return Ok(None);
            }
            let vectors = self.user_block(block)?;
            let cosines = vectors.column_iter().map(|other| other.dot(&vector.column(0)));
            let first = self.user_vectors.users(block).start;
            let mut best = TopN::new(request.n.min(vectors.ncols()));
            for (user, cosine) in (first..).zip(cosines) {
                // Without a history there is no direction to compare.
                let known = self.histories.history_len(UserIdx(user)) > 0;
                if known && hidden.binary_search(&user).is_err() {
                    // A selection is of positions; these are users.
                    best.offer(Scored { item: ItemIdx(user), score: cosine });
                }
            }
            Ok(Some(best.into_sorted()))
        };
        let blocks: Result<Vec<Option<Vec<Scored>>>, RequestError> =
            self.user_vectors.blocks().into_par_iter().map(block).collect();
        let Some(blocks) = blocks?.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut all: Vec<Scored> = blocks.concat();
        all.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        all.truncate(request.n);
        let user = |Scored { item, score }| SimilarUser {
            user_id: self.users.external(item.0).into_owned(),
            similarity: score,
        };
        Ok(Some(all.into_iter().map(user).collect()))
    }
}
