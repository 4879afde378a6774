//! BSPM: the history is blurred on the user–item graph, then sharpened again.
//!
//! Choi et al. 2023, "Blurring-Sharpening Process Models for Collaborative Filtering". In the notation of
//! [the normalised graph](super::graph), with P = R̃ᵀR̃: the blurred signals are r · P (one Euler step of the heat equation)
//! and r · D_I^{-1/2} V Vᵀ D_I^{1/2}; sharpening follows dx/dt = −x · P (eq. 9) for a time T_s in K_s steps. A step of h by an
//! explicit Runge–Kutta method of order p is the Taylor polynomial Σ_{n ≤ p} (−hP)ⁿ / n!.

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
use crate::linalg::{Columns, ColumnsMut, axpy};
use crate::types::ItemIdx;

/// Parameters of BSPM. The defaults are those of the authors' code for Yelp2018; it has rank 448, beta 0.2, a sharpening
/// time of 2.5, order 4 and no average for Gowalla.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BspmConfig {
    /// Singular vectors of the low-pass, which is the dimension of embeddings.
    pub rank: usize,
    /// Weight β of the low-pass beside the two hops.
    pub beta: f32,
    /// Time T_s of the sharpening; 0 leaves it out.
    pub sharpening_time: f32,
    /// Steps K_s of the sharpening.
    pub sharpening_steps: usize,
    /// Order of its solver: 1 for Euler's method, 4 for the classical one of Runge and Kutta.
    pub order: usize,
    /// True when the low-pass is sharpened as well, false when it is added afterwards.
    pub sharpens_low_pass: bool,
    /// True when the score is the mean of the blurred signal and those after every step, false when it is the last.
    pub averages: bool,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for BspmConfig {
    fn default() -> Self {
        Self {
            rank: 384,
            beta: 0.3,
            sharpening_time: 1.2,
            sharpening_steps: 1,
            order: 1,
            sharpens_low_pass: true,
            averages: true,
            weights: InputWeights::Binary,
        }
    }
}

/// A BSPM model.
#[derive(Clone, Debug)]
pub struct Bspm {
    config: BspmConfig,
    basis: Basis,
    graph: StoredGraph,
}

impl Bspm {
    /// Normalises the interactions and computes their singular vectors.
    ///
    /// # Errors
    /// [`FitError::Rank`] when there are fewer than asked for.
    pub fn fit(config: &BspmConfig, train: &Interactions) -> Result<Self, FitError> {
        let graph = Graph::new(train, config.weights);
        Ok(Self { config: config.clone(), basis: Basis::fit(&graph, config.rank)?, graph: graph.into() })
    }

    /// Restores a model from what [`Model::tensors`] and [`Model::indices`] list.
    ///
    /// # Errors
    /// [`RestoreError`] when something of it is not usable.
    pub fn restore(config: &BspmConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let basis = Basis::restore(config.rank, items, tensors)?;
        Ok(Self { config: config.clone(), basis, graph: StoredGraph::restore(items, tensors)? })
    }

    /// Turns blurred signals into scores, given what the low-pass made of them; both lanes × items.
    fn sharpen(&self, signals: &mut Vec<f32>, low: &[f32]) {
        let BspmConfig { beta, sharpening_time, sharpening_steps, order, sharpens_low_pass, averages, .. } =
            self.config;
        let mut now = signals.clone();
        if sharpens_low_pass {
            axpy(&mut now, beta, low);
        }
        let step = -sharpening_time / sharpening_steps as f32;
        let shape = (now.len() / self.items(), self.items());
        let mut next = vec![0.0; now.len()];
        for _ in 0..sharpening_steps {
            let mut term = now.clone();
            for n in 1..=order {
                self.graph.operator().apply(Columns::new(&term, shape), ColumnsMut::new(&mut next, shape));
                next.iter_mut().for_each(|value| *value *= step / n as f32);
                now.iter_mut().zip(&next).for_each(|(now, next)| *now += next);
                std::mem::swap(&mut term, &mut next);
            }
            if averages {
                axpy(signals, 1.0, &now);
            }
        }
        if averages {
            let share = 1.0 / (1 + sharpening_steps) as f32;
            signals.iter_mut().for_each(|value| *value *= share);
        } else {
            *signals = now;
        }
        if !sharpens_low_pass {
            axpy(signals, beta, low);
        }
    }
}

impl Model for Bspm {
    fn config(&self) -> ModelConfig {
        ModelConfig::Bspm(self.config.clone())
    }

    fn items(&self) -> usize {
        self.basis.output.outputs()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        let input = (self.config.weights, histories);
        let scores = self.graph.scores(&self.basis, input, |signals, low| self.sharpen(signals, low));
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
}
