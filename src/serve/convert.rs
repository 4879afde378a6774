//! Between the messages of the wire and the types of the engine.

use super::models::Served;
use super::pb;
use super::status::{code, message};
use crate::engine::{
    Anomaly, Contribution, Detail, Diversity, ExplainRequest, Explanation, Exploration, Fallback, HistoryItem,
    HistorySubject, Listed, LiveHistory, Measure, MetadataValue, Method, Metric, RecommendRequest, Recommendation,
    Removed, RequestError, ScoreHistoriesRequest, ScoreRequest, ScoredHistories, ScoredHistory, Scores, ShortList,
    SimilarItems, SimilarUser, SimilarUsersRequest, Space, Tier, UnlikelyItem,
};
use crate::registry::Version;

/// Counts on the wire have 32 bits; a larger one is out of any catalogue's reach.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub(super) fn history(items: Vec<pb::HistoryItem>) -> Vec<HistoryItem> {
    items.into_iter().map(|item| HistoryItem { item_id: item.item_id, weight: item.weight }).collect()
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
            filter: request.filter,
            context: history(request.context),
            negatives: history(request.negatives),
            negative_strength: request.negative_strength,
            min_score: request.min_score,
            diversity: request.diversity.map(|pb::Diversity { strength, candidates }| Diversity {
                strength,
                candidates: candidates.map(|candidates| candidates as usize),
            }),
            popularity_damping: request.popularity_damping.unwrap_or(0.0),
            exploration: request.exploration.map(|pb::Exploration { seed, draws, scale }| Exploration {
                seed,
                draws: draws.map(|draws| draws as usize),
                scale,
            }),
            detail: request.detail.map(Into::into).unwrap_or_default(),
            fill: request.fill,
        }
    }
}

/// A tier as logs and metrics name it.
pub(super) fn tier_label(tier: Tier) -> &'static str {
    match tier {
        Tier::Personal => "personal",
        Tier::Popularity => "popularity",
        Tier::PopularityFiltered => "popularity_filtered",
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

impl From<pb::Detail> for Detail {
    fn from(pb::Detail { omit_titles, attributes, contributions }: pb::Detail) -> Self {
        Self { omit_titles, attributes, contributions: contributions as usize }
    }
}

impl From<pb::ScoreItemsRequest> for ScoreRequest {
    fn from(request: pb::ScoreItemsRequest) -> Self {
        let (history, live) = (history(request.history), LiveHistory::default());
        Self { user_id: request.user_id, history, live, item_ids: request.item_ids }
    }
}

impl From<pb::ExplainRequest> for ExplainRequest {
    fn from(request: pb::ExplainRequest) -> Self {
        let n = request.n.map(|n| n as usize);
        let (history, live) = (history(request.history), LiveHistory::default());
        Self { user_id: request.user_id, history, live, item_id: request.item_id, n }
    }
}

impl From<pb::SimilarUsersRequest> for SimilarUsersRequest {
    fn from(request: pb::SimilarUsersRequest) -> Self {
        let (history, n) = (history(request.history), request.n as usize);
        Self { user_id: request.user_id, history, live: LiveHistory::default(), n, hidden: Vec::new() }
    }
}

fn tier(tier: Tier) -> pb::Tier {
    match tier {
        Tier::Personal => pb::Tier::Personal,
        Tier::Popularity => pb::Tier::Popularity,
        Tier::PopularityFiltered => pb::Tier::PopularityFiltered,
    }
}

fn fallback_reason(fallback: Option<Fallback>) -> pb::FallbackReason {
    match fallback {
        None => pb::FallbackReason::Unspecified,
        Some(Fallback::UnknownUser) => pb::FallbackReason::UnknownUser,
        Some(Fallback::NoStoredHistory) => pb::FallbackReason::NoStoredHistory,
        Some(Fallback::NoKnownItems) => pb::FallbackReason::NoKnownItems,
    }
}

impl From<(String, MetadataValue)> for pb::Attribute {
    fn from((name, value): (String, MetadataValue)) -> Self {
        use pb::attribute::Value;
        let value = match value {
            MetadataValue::Text(text) => Value::Text(text),
            MetadataValue::Number(number) => Value::Number(number),
            MetadataValue::Flag(flag) => Value::Flag(flag),
            MetadataValue::Texts(values) => Value::Texts(pb::TextList { values }),
        };
        Self { name, value: Some(value) }
    }
}

fn contributions(contributions: Vec<Contribution>) -> Vec<pb::Contribution> {
    contributions.into_iter().map(|Contribution { item_id, amount }| pb::Contribution { item_id, amount }).collect()
}

fn scored_items(items: Vec<Listed>) -> Vec<pb::ScoredItem> {
    items
        .into_iter()
        .map(|item| pb::ScoredItem {
            item_id: item.item_id,
            title: item.title,
            score: item.score,
            rank: count(item.rank),
            tier: item.tier.map_or(pb::Tier::Unspecified, tier).into(),
            attributes: item.attributes.into_iter().map(Into::into).collect(),
            contributions: contributions(item.contributions),
            propensity: item.propensity,
        })
        .collect()
}

fn short_reason(short: Option<ShortList>) -> i32 {
    match short {
        None => pb::ShortReason::Unspecified,
        Some(ShortList::NothingAllowed) => pb::ShortReason::NothingAllowed,
        Some(ShortList::SmallCatalogue) => pb::ShortReason::SmallCatalogue,
        Some(ShortList::Filtered) => pb::ShortReason::Filtered,
        Some(ShortList::NothingMatches) => pb::ShortReason::NothingMatches,
        Some(ShortList::BelowMinScore) => pb::ShortReason::BelowMinScore,
    }
    .into()
}

impl From<Removed> for pb::Removed {
    fn from(removed: Removed) -> Self {
        Self {
            not_allowed: count(removed.not_allowed),
            seen: count(removed.seen),
            excluded: count(removed.excluded),
            not_matching: count(removed.not_matching),
        }
    }
}

pub(super) fn recommend_response(answer: Recommendation, model_version: &str) -> pb::RecommendResponse {
    pb::RecommendResponse {
        items: scored_items(answer.items),
        model_version: model_version.to_owned(),
        tier: tier(answer.tier).into(),
        fallback: fallback_reason(answer.fallback).into(),
        user_known: answer.user_known,
        history_items: count(answer.history_items),
        unknown_history_items: count(answer.unknown_history_items),
        unknown_excluded_items: count(answer.unknown_excluded_items),
        unknown_allowed_items: count(answer.unknown_allowed_items),
        removed: Some(answer.removed.into()),
        short_reason: short_reason(answer.short),
        live_events: count(answer.live_events),
        unknown_context_items: count(answer.unknown_context_items),
        filled_items: count(answer.filled_items),
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

/// The result of a request of a stream that failed on the way, with what would have been its status and the field to
/// blame, if there is one.
pub(super) fn failed(status: &tonic::Status, field: &str) -> pb::RecommendResult {
    let (code, message) = (status.code().into(), status.message().to_owned());
    let error = pb::RecommendError { code, message, field: field.to_owned() };
    pb::RecommendResult { result: Some(pb::recommend_result::Result::Error(error)) }
}

pub(super) fn score_items_response(answer: Scores, model_version: &str) -> pb::ScoreItemsResponse {
    let scores = answer.items.into_iter().map(|item| pb::ItemScore {
        item_id: item.item_id,
        score: item.score,
        seen: item.seen,
    });
    pb::ScoreItemsResponse {
        scores: scores.collect(),
        model_version: model_version.to_owned(),
        tier: tier(answer.tier).into(),
        fallback: fallback_reason(answer.fallback).into(),
    }
}

pub(super) fn explain_response(answer: Explanation, model_version: &str) -> pb::ExplainResponse {
    let method = match answer.method {
        Method::Exact => pb::ExplanationMethod::Exact,
        Method::LeaveOneOut => pb::ExplanationMethod::LeaveOneOut,
    };
    pb::ExplainResponse {
        contributions: contributions(answer.contributions),
        method: method.into(),
        score: answer.score,
        rest: answer.rest,
        model_version: model_version.to_owned(),
    }
}

pub(super) fn similar_users_response(answer: Vec<SimilarUser>, model_version: &str) -> pb::SimilarUsersResponse {
    let user = |SimilarUser { user_id, similarity }| pb::SimilarUser { user_id, similarity };
    pb::SimilarUsersResponse { users: answer.into_iter().map(user).collect(), model_version: model_version.to_owned() }
}

impl From<pb::ScoreHistoriesRequest> for ScoreHistoriesRequest {
    fn from(request: pb::ScoreHistoriesRequest) -> Self {
        let subject = |pb::HistorySubject { user_id, history: items }| HistorySubject {
            user_id,
            history: history(items),
            live: LiveHistory::default(),
        };
        Self {
            subjects: request.subjects.into_iter().map(subject).collect(),
            fdr: request.fdr,
            least_likely: request.least_likely.map(|n| n as usize),
        }
    }
}

impl From<Anomaly> for pb::HistoryAnomaly {
    fn from(Anomaly { finding, least_likely }: Anomaly) -> Self {
        let item = |UnlikelyItem { item_id, place }| pb::UnlikelyItem { item_id, place };
        Self {
            statistic: finding.statistic,
            p_value: finding.assessment.p_value,
            adjusted_p_value: finding.adjusted_p_value,
            flagged: finding.flagged,
            surprise: finding.assessment.surprise,
            outside_calibration: finding.assessment.outside,
            least_likely: least_likely.into_iter().map(item).collect(),
        }
    }
}

pub(super) fn score_histories_response(answer: ScoredHistories, model_version: &str) -> pb::ScoreHistoriesResponse {
    let result = |entry: ScoredHistory| pb::HistoryScore {
        user_known: entry.user_known,
        history_items: count(entry.length),
        unknown_history_items: count(entry.unknown_items),
        live_events: count(entry.live_events),
        anomaly: entry.anomaly.map(Into::into),
    };
    pb::ScoreHistoriesResponse {
        results: answer.entries.into_iter().map(result).collect(),
        model_version: model_version.to_owned(),
        calibration_users: count(answer.calibration_users),
    }
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
