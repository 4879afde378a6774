//! Between the messages of the wire and the types of the engine.

use super::models::Served;
use super::pb;
use super::status::{code, message};
use crate::engine::{
    Fallback, HistoryItem, Listed, LiveHistory, Measure, Metric, RecommendRequest, Recommendation, Removed,
    RequestError, ShortList, SimilarItems, Space, Tier,
};
use crate::registry::Version;

/// Counts on the wire have 32 bits; a larger one is out of any catalogue's reach.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub(super) fn history(items: Vec<pb::HistoryItem>) -> Vec<HistoryItem> {
    items.into_iter().map(|item| HistoryItem { item_id: item.item_id, weight: item.weight.unwrap_or(1.0) }).collect()
}

impl From<pb::RecommendRequest> for RecommendRequest {
    fn from(request: pb::RecommendRequest) -> Self {
        Self {
            user_id: request.user_id,
            history: history(request.history),
            n: request.n as usize,
            exclude: request.exclude.unwrap_or_default().item_ids,
            allow: request.allow.map(|allow| allow.item_ids),
            include_seen: request.include_seen,
            live: LiveHistory::default(),
        }
    }
}

/// A tier as logs and metrics name it.
pub(super) fn tier_label(tier: Tier) -> &'static str {
    match tier {
        Tier::Personal => "personal",
        Tier::Popularity => "popularity",
    }
}

/// A reason for not being personal, as metrics name it.
pub(super) fn fallback_label(fallback: Fallback) -> &'static str {
    match fallback {
        Fallback::UnknownUser => "unknown_user",
        Fallback::NoStoredHistory => "no_stored_history",
        Fallback::NoKnownItems => "no_known_items",
    }
}

fn scored_items(items: Vec<Listed>) -> Vec<pb::ScoredItem> {
    items
        .into_iter()
        .map(|Listed { item_id, title, score, rank }| pb::ScoredItem {
            item_id,
            title,
            score,
            rank: count(rank),
            ..Default::default()
        })
        .collect()
}

fn short_reason(short: Option<ShortList>) -> i32 {
    match short {
        None => pb::ShortReason::Unspecified,
        Some(ShortList::NothingAllowed) => pb::ShortReason::NothingAllowed,
        Some(ShortList::SmallCatalogue) => pb::ShortReason::SmallCatalogue,
        Some(ShortList::Filtered) => pb::ShortReason::Filtered,
    }
    .into()
}

impl From<Removed> for pb::Removed {
    fn from(removed: Removed) -> Self {
        Self {
            not_allowed: count(removed.not_allowed),
            seen: count(removed.seen),
            excluded: count(removed.excluded),
            ..Default::default()
        }
    }
}

pub(super) fn recommend_response(answer: Recommendation, model_version: &str) -> pb::RecommendResponse {
    let tier = match answer.tier {
        Tier::Personal => pb::Tier::Personal,
        Tier::Popularity => pb::Tier::Popularity,
    };
    let fallback = match answer.fallback {
        None => pb::FallbackReason::Unspecified,
        Some(Fallback::UnknownUser) => pb::FallbackReason::UnknownUser,
        Some(Fallback::NoStoredHistory) => pb::FallbackReason::NoStoredHistory,
        Some(Fallback::NoKnownItems) => pb::FallbackReason::NoKnownItems,
    };
    pb::RecommendResponse {
        items: scored_items(answer.items),
        model_version: model_version.to_owned(),
        tier: tier.into(),
        fallback: fallback.into(),
        user_known: answer.user_known,
        history_items: count(answer.history_items),
        unknown_history_items: count(answer.unknown_history_items),
        unknown_excluded_items: count(answer.unknown_excluded_items),
        unknown_allowed_items: count(answer.unknown_allowed_items),
        removed: Some(answer.removed.into()),
        short_reason: short_reason(answer.short),
        live_events: count(answer.live_events),
        ..Default::default()
    }
}

pub(super) fn recommend_result(
    answer: Result<Recommendation, RequestError>,
    model_version: &str,
) -> pb::RecommendResult {
    let result = match answer {
        Ok(answer) => pb::recommend_result::Result::Response(recommend_response(answer, model_version)),
        Err(error) => pb::recommend_result::Result::Error(pb::RecommendError {
            code: code(&error).into(),
            message: message(&error),
            field: error.field().unwrap_or_default().to_owned(),
        }),
    };
    pb::RecommendResult { result: Some(result) }
}

pub(super) fn similar_items_response(answer: SimilarItems, model_version: &str) -> pb::SimilarItemsResponse {
    let measure = match answer.measure {
        Measure::Cosine => pb::SimilarityMeasure::Cosine,
        Measure::FoldIn => pb::SimilarityMeasure::FoldIn,
    };
    pb::SimilarItemsResponse {
        items: scored_items(answer.items),
        model_version: model_version.to_owned(),
        measure: measure.into(),
        short_reason: short_reason(answer.short),
    }
}

impl From<&Space> for pb::Space {
    fn from(space: &Space) -> Self {
        let metric = match space.metric {
            Metric::Cosine => pb::Metric::Cosine,
            Metric::Dot => pb::Metric::Dot,
        };
        Self { id: space.id.clone(), dimensions: count(space.dim), metric: metric.into() }
    }
}

/// The result for a key that was asked for by its id.
pub(super) fn embedding_result((id, vector): (String, Option<Vec<f32>>)) -> pb::EmbeddingResult {
    let status = if vector.is_some() { pb::EmbeddingStatus::Found } else { pb::EmbeddingStatus::NotFound };
    pb::EmbeddingResult { id, status: status.into(), embedding: vector.map(|values| pb::Embedding { values }) }
}

/// A version in the registry, as the wire shows it; `store` is the id of the server's store of events.
pub(super) fn version(version: &Version, served: &Served, store: Option<&str>) -> pb::ModelVersion {
    let manifest = &version.manifest;
    pb::ModelVersion {
        version: manifest.model_version.clone(),
        created: manifest.created.clone(),
        serving: manifest.model_version == served.version(),
        events_through: manifest.events_in_log(store),
    }
}

/// The model that answers, as the wire shows it.
pub(super) fn model(served: &Served, store: Option<&str>) -> pb::Model {
    let info = served.engine.info();
    let manifest = &info.manifest;
    pb::Model {
        version: manifest.model_version.clone(),
        kind: manifest.model.name().to_owned(),
        // It was read from JSON.
        configuration_json: serde_json::to_string(&manifest.model).unwrap_or_default(),
        users: manifest.shapes.users as u64,
        items: manifest.shapes.items as u64,
        interactions: manifest.shapes.interactions as u64,
        user_space: info.user_space.as_ref().map(Into::into),
        item_space: info.item_space.as_ref().map(Into::into),
        metrics: manifest.metrics.clone().into_iter().collect(),
        created: manifest.created.clone(),
        library_version: manifest.library_version.clone(),
        data_fingerprint: manifest.data_fingerprint.clone(),
        name: served.name.to_string(),
        events_through: manifest.events_in_log(store),
    }
}
