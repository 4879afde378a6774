//! From the flags of `recommend` and `query` to the one request that both make.

use super::args::{Subject, Wishes};
use super::exit::Configuration;
use crate::serve::pb;

/// The weights of the flags, one for each item of a history; none where none is given.
///
/// # Errors
/// There are more or fewer of them.
pub fn weights(history: &[String], given: &[f32]) -> Result<Vec<Option<f32>>, Configuration> {
    match given.len() {
        0 => Ok(vec![None; history.len()]),
        weights if weights == history.len() => Ok(given.iter().copied().map(Some).collect()),
        weights => {
            let items = history.len();
            Err(Configuration(format!(
                "--weights has {weights} numbers for {items} items of --history: give one for each"
            )))
        }
    }
}

/// The request that the flags describe.
///
/// # Errors
/// As of [`weights`].
pub fn request(
    subject: &Subject,
    wishes: &Wishes,
    n: usize,
    include_seen: bool,
) -> Result<pb::RecommendRequest, Configuration> {
    let history = subject.history.iter().zip(weights(&subject.history, &subject.weights)?);
    let history = history.map(|(item_id, weight)| pb::HistoryItem { item_id: item_id.clone(), weight });
    let attributes = wishes.attributes.clone();
    Ok(pb::RecommendRequest {
        user_id: subject.user_id.clone(),
        history: history.collect(),
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
    })
}
