//! Engines over the fixture, and what they say to one request.

use std::ops::Deref;

use foldin::engine::{Engine, HistoryItem, RecommendRequest, Recommendation, RequestError, ScoreRequest, Width};
use foldin::models::ModelConfig;
use foldin::types::UserIdx;
use tempfile::TempDir;

use crate::fixture::{ITEMS, histories, item_id, publish_fixture, user_id};

pub struct Opened {
    engine: Engine,
    _dir: TempDir,
}

impl Deref for Opened {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

pub fn open(config: &ModelConfig) -> Opened {
    let dir = tempfile::tempdir().unwrap();
    publish_fixture(&dir.path().join("model"), config);
    Opened { engine: Engine::open(&dir.path().join("model")).unwrap(), _dir: dir }
}

/// The same with an item table in narrow numbers.
pub fn open_narrow(config: &ModelConfig, width: Width) -> Opened {
    let Opened { engine, _dir } = open(config);
    Opened { engine: engine.with_table(Some(width)), _dir }
}

pub fn answer(engine: &Engine, request: &RecommendRequest) -> Recommendation {
    try_answer(engine, request).unwrap_or_else(|error| panic!("{request:?}: {error}"))
}

pub fn try_answer(engine: &Engine, request: &RecommendRequest) -> Result<Recommendation, RequestError> {
    engine.recommend(std::slice::from_ref(request)).remove(0)
}

pub fn of_user(user: usize, n: usize) -> RecommendRequest {
    RecommendRequest { user_id: Some(user_id(user)), n, ..RecommendRequest::default() }
}

pub fn items(ids: impl IntoIterator<Item = u32>) -> Vec<HistoryItem> {
    ids.into_iter().map(|item| HistoryItem::new(item_id(item))).collect()
}

/// The stored history of a user, as it would be sent.
pub fn stored(user: usize) -> Vec<HistoryItem> {
    let histories = histories();
    let history = histories.history(UserIdx(user as u32));
    let pairs = history.items().iter().zip(history.weights());
    pairs.map(|(&item, &weight)| HistoryItem { item_id: item_id(item), weight: Some(weight) }).collect()
}

/// The number of an item.
pub fn number(item_id: &str) -> usize {
    item_id.strip_prefix("item-").unwrap().parse().unwrap()
}

pub fn listed(answer: &Recommendation) -> Vec<usize> {
    answer.items.iter().map(|item| number(&item.item_id)).collect()
}

/// Ids and scores, for comparisons to the bit.
pub fn bits(answer: &Recommendation) -> Vec<(usize, u32)> {
    answer.items.iter().map(|item| (number(&item.item_id), item.score.to_bits())).collect()
}

/// The scores of all items for a history.
pub fn all_scores(engine: &Engine, history: Vec<HistoryItem>) -> Vec<f32> {
    let item_ids = (0..ITEMS as u32).map(item_id).collect();
    let scores = engine.score(&ScoreRequest { history, item_ids, ..ScoreRequest::default() }).unwrap();
    scores.items.into_iter().map(|item| item.score.unwrap()).collect()
}
