//! EASE: a linear autoencoder in closed form.
//!
//! Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data". The item-item weights B minimise
//! ‖X − XB‖² + λ‖B‖² under diag(B) = 0. With P = (XᵀX + λI)⁻¹ the solution is
//! Bᵢⱼ = −Pᵢⱼ / Pⱼⱼ for i ≠ j (eq. 8). Scores of a history x are x·B. There is no user or item embedding.

use std::ops::Range;

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::fit::FitError;
use super::model::{Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{InputWeights, ModelConfig};
use crate::interactions::{History, HistoryRef, Interactions};
use crate::linalg::{Columns, ColumnsMut, gather, gram, invert_positive_definite, zeros};
use crate::types::ItemIdx;

/// Parameters of EASE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EaseConfig {
    /// L2 regularisation λ.
    pub lambda: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for EaseConfig {
    fn default() -> Self {
        Self { lambda: 500.0, weights: InputWeights::Binary }
    }
}

/// An EASE model.
#[derive(Clone, Debug)]
pub struct Ease {
    config: EaseConfig,
    /// items × items; column i holds what item i of a history adds to every score: Bᵢⱼ at row j.
    weights: Vec<f32>,
    items: usize,
}

impl Ease {
    /// Solves for the weights. Memory: one items × items matrix.
    ///
    /// # Errors
    /// [`FitError::NotPositiveDefinite`] when λ is too small for the data.
    pub fn fit(config: &EaseConfig, train: &Interactions) -> Result<Self, FitError> {
        let items = train.items();
        let mut p = zeros(items * items);
        match config.weights {
            InputWeights::Binary => gram(&mut p, train.clone().binarised().csr()),
            InputWeights::Use => gram(&mut p, train.csr()),
        }
        (0..items).for_each(|i| p[i * items + i] += config.lambda);
        invert_positive_definite(&mut p, items)
            .map_err(|error| FitError::NotPositiveDefinite { item: error.pivot, lambda: config.lambda })?;
        // P is symmetric, so its column i holds Pᵢⱼ at row j: scaling row j by −1/Pⱼⱼ gives B's row i.
        let scales: Vec<f32> = (0..items).map(|j| -1.0 / p[j * items + j]).collect();
        p.par_chunks_mut(items).enumerate().for_each(|(i, column)| {
            column.iter_mut().zip(&scales).for_each(|(value, scale)| *value *= scale);
            column[i] = 0.0;
        });
        Ok(Self { config: config.clone(), weights: p, items })
    }

    /// Restores the model from its tensor `items`, of shape `[items, items]`.
    ///
    /// # Errors
    /// [`RestoreError`] when the tensor is not usable.
    pub fn restore(config: &EaseConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        Ok(Self { config: config.clone(), weights: tensors.take("items", &[items, items])?, items })
    }
}

impl Model for Ease {
    fn config(&self) -> ModelConfig {
        ModelConfig::Ease(self.config.clone())
    }

    fn items(&self) -> usize {
        self.items
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        let input = |&history: &HistoryRef<'_>| {
            let weights: Vec<f32> = self.config.weights.of(history).collect();
            History::from(HistoryRef::from_sorted(history.items(), &weights))
        };
        Query::new(histories.len(), QueryState::Sparse(histories.iter().map(input).collect()))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, mut out: ColumnsMut<'_>) {
        assert_eq!((out.rows(), out.cols()), (items.len(), query.users()), "items x users");
        let table = Columns::new(&self.weights, (self.items, self.items));
        for (user, history) in query.sparse().iter().enumerate() {
            let (history, scores) = (history.as_ref(), out.col(user));
            scores.fill(0.0);
            gather(scores, table, items.start as usize, history.items(), history.weights());
        }
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        assert_eq!(items.len(), out.len(), "one score an item");
        let table = Columns::new(&self.weights, (self.items, self.items));
        let history = query.sparse()[user].as_ref();
        for (score, item) in out.iter_mut().zip(items) {
            *score = 0.0;
            gather(std::slice::from_mut(score), table, item.at(), history.items(), history.weights());
        }
    }

    fn user_space(&self) -> Option<Space> {
        None
    }

    fn item_space(&self) -> Option<Space> {
        None
    }

    fn embed_users(&self, _: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        None
    }

    fn embed_items(&self, _: Range<u32>) -> Option<DMatrix<f32>> {
        None
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::matrix("items", &self.weights, self.items).by_item()]
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        let column = |&from: &u32| self.weights[from as usize * self.items + item.at()];
        let weights = self.config.weights.of(history);
        Some(history.items().iter().zip(weights).map(|(from, weight)| weight * column(from)).collect())
    }
}
