//! Low-pass: a linear autoencoder whose code is the smooth part of a history.
//!
//! Shen et al. 2021, "How Powerful is Graph Convolution for Recommendation?", sec. 4: the ideal low-pass filter of
//! [the normalised graph](super::graph) on its own, scores r · D_I^{-1/2} V Vᵀ D_I^{1/2} with V the leading right singular
//! vectors of R̃. Users and items are embedded in one space, of which the scores are inner products.

use std::ops::Range;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::decoder::{item_vectors, score_block, score_items, to_items};
use super::fit::FitError;
use super::graph::{Basis, Graph};
use super::model::{InnerProducts, Metric, Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{InputWeights, ModelConfig};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::ColumnsMut;
use crate::types::ItemIdx;

/// Parameters of the low-pass; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LowPassConfig {
    /// Singular vectors kept, which is the dimension of embeddings.
    pub rank: usize,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for LowPassConfig {
    fn default() -> Self {
        Self { rank: 256, weights: InputWeights::Binary }
    }
}

/// A low-pass filter.
#[derive(Clone, Debug)]
pub struct LowPass {
    config: LowPassConfig,
    pub(super) basis: Basis,
}

impl LowPass {
    /// Computes the singular vectors.
    ///
    /// # Errors
    /// [`FitError::Rank`] when there are fewer than asked for.
    pub fn fit(config: &LowPassConfig, train: &Interactions) -> Result<Self, FitError> {
        Self::of(config.clone(), &Graph::new(train, config.weights))
    }

    /// The same of a graph that is there already.
    pub(super) fn of(config: LowPassConfig, graph: &Graph) -> Result<Self, FitError> {
        Ok(Self { basis: Basis::fit(graph, config.rank)?, config })
    }

    /// Restores a model from the tensors that [`Model::tensors`] lists.
    ///
    /// # Errors
    /// [`RestoreError`] when a tensor is not usable.
    pub fn restore(config: &LowPassConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        Ok(Self { config: config.clone(), basis: Basis::restore(config.rank, items, tensors)? })
    }
}

impl Model for LowPass {
    fn config(&self) -> ModelConfig {
        ModelConfig::LowPass(self.config.clone())
    }

    fn items(&self) -> usize {
        self.basis.output.outputs()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Dense(self.basis.project(self.config.weights, histories)))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        score_block(to_items(&self.basis.output), query.dense(), items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        score_items(to_items(&self.basis.output), query.dense(), user, items, out);
    }

    fn inner_products(&self) -> Option<InnerProducts<'_>> {
        Some(InnerProducts { vectors: self.basis.table(), bias: &self.basis.output.bias })
    }

    fn user_space(&self) -> Option<Space> {
        Some(Space { id: "low-pass/spectrum".into(), dim: self.config.rank, metric: Metric::Cosine })
    }

    fn item_space(&self) -> Option<Space> {
        self.user_space()
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        Some(self.basis.project(self.config.weights, histories))
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        Some(item_vectors(self.basis.table(), items))
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        self.basis.tensors()
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        Some(self.basis.terms(self.config.weights, history, item.at()))
    }
}
