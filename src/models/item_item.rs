//! What the linear item-item models share: their closed form, and scores from a dense matrix of weights.
//!
//! The weights B minimise ‖X − XB‖² + ‖Λ^½·B‖² with a diagonal penalty Λ under Bⱼⱼ ≤ ξ. With G = XᵀX and P = (G + Λ)⁻¹,
//! column j is that of I − P·diag(κ) with κⱼ = max(Λⱼⱼ, (1 − ξ) / Pⱼⱼ) (Moon, Kim, Lee 2023, "It's Enough: Relaxing
//! Diagonal Constraints in Linear Autoencoders for Recommendation"): where ridge regression alone keeps to the
//! limit it is left alone, elsewhere the diagonal is ξ. For ξ = 0 it is Bᵢⱼ = −Pᵢⱼ / Pⱼⱼ (Steck 2019, eq. 8).

use std::ops::Range;

use rayon::prelude::*;

use super::fit::FitError;
use super::model::{Model, Query, QueryState, RestoreError, StoredTensors, Tensor};
use super::normalisation::Normalisation;
use super::{InputWeights, ModelConfig};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::{Columns, ColumnsMut, gather, gram, invert_positive_definite, zeros};
use crate::types::ItemIdx;

/// What the weights of a linear model minimise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Objective {
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
    /// What becomes of rows and columns.
    pub normalisation: Normalisation,
    /// The same penalty for all items, λ.
    pub lambda: f32,
    /// The probability p that an interaction is dropped from the input: the expectation over all ways to drop adds
    /// p / (1 − p) · diag(G) to the penalty.
    pub dropout: f32,
    /// The largest weight that an item may give itself, ξ.
    pub diagonal: f32,
}

/// A linear model with a weight for every pair of items.
#[derive(Clone, Debug)]
pub struct ItemItem {
    config: ModelConfig,
    input: InputWeights,
    /// items × items; column i holds what item i of a history adds to every score: Bᵢⱼ at row j.
    weights: Vec<f32>,
    items: usize,
}

impl ItemItem {
    /// Solves for the weights of a model of `config`. Memory: one items × items matrix.
    ///
    /// # Errors
    /// [`FitError::NotPositiveDefinite`] when the penalty is too small for the data.
    pub(super) fn solve(config: ModelConfig, objective: &Objective, train: &Interactions) -> Result<Self, FitError> {
        let Objective { weights, normalisation, lambda, dropout, diagonal } = *objective;
        let items = train.items();
        let mut p = zeros(items * items);
        gram(&mut p, &normalisation.rows(weights, train));
        let mut penalties = normalisation.penalty_factors(train);
        for (i, penalty) in penalties.iter_mut().enumerate() {
            let own = &mut p[i * items + i];
            *penalty = lambda * *penalty + dropout / (1.0 - dropout) * *own;
            *own += *penalty;
        }
        invert_positive_definite(&mut p, items)
            .map_err(|error| FitError::NotPositiveDefinite { item: error.pivot, lambda })?;
        // P is symmetric, so its column i holds Pᵢⱼ at row j: scaling row j by −κⱼ gives B's row i.
        let factors = penalties.iter().enumerate();
        let factors: Vec<f32> = factors.map(|(j, penalty)| -penalty.max((1.0 - diagonal) / p[j * items + j])).collect();
        p.par_chunks_mut(items).zip(&penalties).enumerate().for_each(|(i, (column, penalty))| {
            let own = (1.0 - penalty * column[i]).max(0.0).min(diagonal);
            column.iter_mut().zip(&factors).for_each(|(value, factor)| *value *= factor);
            column[i] = own;
        });
        Ok(Self { config, input: weights, weights: p, items })
    }

    /// Restores the model from its tensor `items`, of shape `[items, items]`.
    ///
    /// # Errors
    /// [`RestoreError`] when the tensor is not usable.
    pub(super) fn restore(
        config: ModelConfig,
        input: InputWeights,
        items: usize,
        tensors: &mut StoredTensors,
    ) -> Result<Self, RestoreError> {
        Ok(Self { config, input, weights: tensors.take("items", &[items, items])?, items })
    }

    fn columns(&self) -> Columns<'_> {
        Columns::new(&self.weights, (self.items, self.items))
    }
}

impl Model for ItemItem {
    fn config(&self) -> ModelConfig {
        self.config.clone()
    }

    fn items(&self) -> usize {
        self.items
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Sparse(self.input.histories(histories)))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, mut out: ColumnsMut<'_>) {
        assert_eq!((out.rows(), out.cols()), (items.len(), query.users()), "items x users");
        for (user, history) in query.sparse().iter().enumerate() {
            let (history, scores) = (history.as_ref(), out.col(user));
            scores.fill(0.0);
            gather(scores, self.columns(), items.start as usize, history.items(), history.weights());
        }
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        assert_eq!(items.len(), out.len(), "one score an item");
        let history = query.sparse()[user].as_ref();
        for (score, item) in out.iter_mut().zip(items) {
            *score = 0.0;
            gather(std::slice::from_mut(score), self.columns(), item.at(), history.items(), history.weights());
        }
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::matrix("items", &self.weights, self.items).by_item()]
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        let column = |&from: &u32| self.weights[from as usize * self.items + item.at()];
        let weights = self.input.of(history);
        Some(history.items().iter().zip(weights).map(|(from, weight)| weight * column(from)).collect())
    }
}

#[cfg(test)]
#[path = "item_item_tests.rs"]
mod tests;
