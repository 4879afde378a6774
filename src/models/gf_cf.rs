//! GF-CF: two hops on the user–item graph, and its ideal low-pass.
//!
//! Shen et al. 2021, "How Powerful is Graph Convolution for Recommendation?", eq. 12: scores
//! r · (R̃ᵀR̃ + α · D_I^{-1/2} V Vᵀ D_I^{1/2}), in the notation of [the normalised graph](super::graph).

use std::ops::Range;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::decoder::item_vectors;
use super::fit::FitError;
use super::graph::{Basis, Graph, StoredGraph};
use super::low_pass::space;
use super::model::{Indices, Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{InputWeights, ModelConfig, whole};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::ColumnsMut;
use crate::types::ItemIdx;

/// Parameters of GF-CF; the defaults are those of the authors' code for Gowalla and Yelp2018.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GfCfConfig {
    /// Singular vectors of the low-pass, which is the dimension of embeddings.
    pub rank: usize,
    /// Weight α of the low-pass beside the two hops.
    pub alpha: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for GfCfConfig {
    fn default() -> Self {
        Self { rank: 256, alpha: 0.3, weights: InputWeights::Binary }
    }
}

/// A GF-CF model.
#[derive(Clone, Debug)]
pub struct GfCf {
    config: GfCfConfig,
    basis: Basis,
    graph: StoredGraph,
}

impl GfCf {
    /// Normalises the interactions and computes their singular vectors.
    ///
    /// # Errors
    /// [`FitError::Rank`] when there are fewer than asked for.
    pub fn fit(config: &GfCfConfig, train: &Interactions) -> Result<Self, FitError> {
        let graph = Graph::new(train, config.weights);
        Ok(Self { config: config.clone(), basis: Basis::fit(&graph, config.rank)?, graph: graph.into() })
    }

    /// Restores a model from what [`Model::tensors`] and [`Model::indices`] list.
    ///
    /// # Errors
    /// [`RestoreError`] when something of it is not usable.
    pub fn restore(config: &GfCfConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let basis = Basis::restore(config.rank, items, tensors)?;
        Ok(Self { config: config.clone(), basis, graph: StoredGraph::restore(items, tensors)? })
    }
}

impl Model for GfCf {
    fn config(&self) -> ModelConfig {
        ModelConfig::GfCf(self.config.clone())
    }

    fn items(&self) -> usize {
        self.basis.output.outputs()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        let scores = self.graph.scores(&self.basis, (self.config.weights, histories), |hopped, low| {
            hopped.iter_mut().zip(low).for_each(|(score, low)| *score += self.config.alpha * low);
        });
        Query::new(histories.len(), QueryState::Dense(scores))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        whole::score_block(query.dense(), items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        whole::score_items(query.dense(), user, items, out);
    }

    fn user_space(&self) -> Option<Space> {
        space(self.config.rank)
    }

    fn item_space(&self) -> Option<Space> {
        space(self.config.rank)
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        Some(self.basis.project(self.config.weights, histories))
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        Some(item_vectors(self.basis.table(), items))
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        [self.basis.tensors(), self.graph.tensors()].concat()
    }

    fn indices(&self) -> Vec<Indices<'_>> {
        self.graph.indices()
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        // R̃ᵀR̃ is symmetric: the item's own signal reaches every item of the history as theirs reach it.
        let mut hopped = vec![0.0; self.items()];
        let signal: (&[u32], &[f32]) = (&[item.0], &[1.0]);
        self.graph.operator().apply_sparse(&[signal], ColumnsMut::new(&mut hopped, (1, self.items())));
        let GfCfConfig { alpha, weights, .. } = self.config;
        let low = self.basis.terms(weights, history, item.at());
        let terms = weights.of(history).zip(history.items()).zip(low);
        Some(terms.map(|((weight, &from), low)| weight * hopped[from as usize] + alpha * low).collect())
    }
}
