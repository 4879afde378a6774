//! From the flags of `recommend` and `query` to the one request that both make.

use super::args::{Subject, Wishes};
use crate::serve::pb;

/// The request that the flags describe.
pub fn request(subject: &Subject, wishes: &Wishes, n: usize, include_seen: bool) -> pb::RecommendRequest {
    let attributes = wishes.attributes.clone();
    pb::RecommendRequest {
        user_id: subject.user_id.clone(),
        history: pb::history(&subject.history),
        n: u32::try_from(n).unwrap_or(u32::MAX),
        exclude: (!wishes.exclude.is_empty()).then(|| pb::ItemSet { item_ids: wishes.exclude.clone() }),
        include_seen,
        filter: wishes.filter.clone(),
        context: pb::history(&wishes.context),
        negatives: pb::history(&wishes.negative),
        negative_strength: wishes.negative_strength,
        min_score: wishes.min_score,
        diversity: wishes.diversity.map(|strength| pb::Diversity { strength, candidates: None }),
        popularity_damping: wishes.popularity_damping,
        exploration: wishes.explore.map(|seed| pb::Exploration { seed, draws: None, scale: None }),
        detail: Some(pb::Detail { omit_titles: false, attributes, contributions: wishes.explain }),
        fill: wishes.fill,
        ..pb::RecommendRequest::default()
    }
}
