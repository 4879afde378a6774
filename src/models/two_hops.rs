//! What the models that hop to other users and back share: the graph beside its low-pass, and scores of all items at once.

use std::ops::Range;

use nalgebra::DMatrix;

use super::fit::FitError;
use super::graph::{Graph, StoredGraph};
use super::low_pass::{LowPass, LowPassConfig};
use super::model::{Indices, Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{ModelConfig, whole};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::{ColumnsMut, GramOperator};
use crate::types::ItemIdx;

/// The configuration of such a model, which says what becomes of the two signals of
/// [the normalised graph](super::graph).
pub trait Filter: Clone + Send + Sync {
    /// Which model this is.
    fn model(self) -> ModelConfig;

    /// The low-pass beside the two hops.
    fn low_pass(&self) -> LowPassConfig;

    /// Turns signals after two hops into scores, given those after the low-pass, both lanes × items; `operator` is R̃ᵀR̃.
    fn filter(&self, operator: &GramOperator, hopped: &mut Vec<f32>, low: &[f32]);

    /// The weight of the low-pass in models whose scores are both signals added up; `None` in all others.
    fn share_of_low_pass(&self) -> Option<f32> {
        None
    }
}

/// A model with a [`Filter`].
#[derive(Clone, Debug)]
pub struct TwoHops<F> {
    config: F,
    low_pass: LowPass,
    graph: StoredGraph,
}

impl<F: Filter> TwoHops<F> {
    /// Normalises the interactions and computes their singular vectors.
    ///
    /// # Errors
    /// [`FitError::Rank`] when there are fewer than asked for.
    pub fn fit(config: &F, train: &Interactions) -> Result<Self, FitError> {
        let low_pass = config.low_pass();
        let graph = Graph::new(train, low_pass.weights);
        Ok(Self { config: config.clone(), low_pass: LowPass::of(low_pass, &graph)?, graph: graph.into() })
    }

    /// Restores a model from what [`Model::tensors`] and [`Model::indices`] list.
    ///
    /// # Errors
    /// [`RestoreError`] when something of it is not usable.
    pub fn restore(config: &F, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let low_pass = LowPass::restore(&config.low_pass(), items, tensors)?;
        Ok(Self { config: config.clone(), low_pass, graph: StoredGraph::restore(items, tensors)? })
    }
}

impl<F: Filter> Model for TwoHops<F> {
    fn config(&self) -> ModelConfig {
        self.config.clone().model()
    }

    fn items(&self) -> usize {
        self.low_pass.items()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        let input = (self.config.low_pass().weights, histories);
        let filter = |hopped: &mut Vec<f32>, low: &[f32]| self.config.filter(self.graph.operator(), hopped, low);
        let scores = self.graph.scores(&self.low_pass.basis, input, filter);
        Query::new(histories.len(), QueryState::Dense(scores))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        whole::score_block(query.dense(), items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        whole::score_items(query.dense(), user, items, out);
    }

    fn user_space(&self) -> Option<Space> {
        self.low_pass.user_space()
    }

    fn item_space(&self) -> Option<Space> {
        self.low_pass.item_space()
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        self.low_pass.embed_users(histories)
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        self.low_pass.embed_items(items)
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        [self.low_pass.tensors(), self.graph.tensors()].concat()
    }

    fn indices(&self) -> Vec<Indices<'_>> {
        self.graph.indices()
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        let share = self.config.share_of_low_pass()?;
        let low = self.low_pass.terms(history, item)?;
        let hopped = self.graph.terms(self.config.low_pass().weights, history, item);
        Some(hopped.into_iter().zip(low).map(|(hopped, low)| hopped + share * low).collect())
    }
}
