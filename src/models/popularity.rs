//! Popularity: every user gets the items most users interacted with.
//!
//! Not a recommender anyone wants, but the floor every other model has to clear, and the fallback
//! when nothing is known of a user. Score of item *i* = number of training users that have it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::ModelConfig;
use super::model::{Model, Query, QueryState, RestoreError, StoredTensors, Tensor};
use super::whole::{one_score_an_item, score_block_of_all};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::ColumnsMut;
use crate::types::ItemIdx;

/// Popularity has no parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopularityConfig {}

/// Item counts as scores.
#[derive(Clone, Debug)]
pub struct Popularity {
    counts: Vec<f32>,
}

impl Popularity {
    /// Counts the users of every item.
    #[must_use]
    pub fn fit(train: &Interactions) -> Self {
        Self::from_counts(&train.item_counts())
    }

    /// The same from counts that are known already: users of every item.
    #[must_use]
    pub fn from_counts(counts: &[u32]) -> Self {
        Self { counts: counts.iter().map(|&count| count as f32).collect() }
    }

    /// The number of users who have an item, which is its score.
    ///
    /// # Panics
    /// When the item leaves the catalogue.
    #[must_use]
    pub fn users(&self, item: ItemIdx) -> f32 {
        self.counts[item.at()]
    }

    /// Restores the model from its tensor `counts`, of shape `[items]`.
    ///
    /// # Errors
    /// [`RestoreError`] when the tensor is not usable.
    pub fn restore(items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        Ok(Self { counts: tensors.take("counts", &[items])? })
    }
}

impl Model for Popularity {
    fn config(&self) -> ModelConfig {
        ModelConfig::Popularity(PopularityConfig {})
    }

    fn items(&self) -> usize {
        self.counts.len()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Nothing)
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        score_block_of_all(&self.counts, query.users(), items, out);
    }

    fn score_items(&self, _: &Query, _: usize, items: &[ItemIdx], out: &mut [f32]) {
        one_score_an_item(&self.counts, items, out);
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::vector("counts", &self.counts).by_item()]
    }
}
