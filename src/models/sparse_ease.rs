//! Sparse EASE: item-item weights for catalogues of which no items × items matrix fits.
//!
//! An approximate inverse with a bounded number of entries an item (Steck 2019, "Markov Random Fields for Collaborative
//! Filtering"; Spišák, Bartyzal, Hoskovec, Peška, Tůma 2023, "Scalable Approximate NonSymmetric Autoencoder for
//! Collaborative Filtering", has the same aim by another factorisation). The pattern comes from the thresholded Gram matrix: item
//! j has weights for the `neighbours` items N with the largest correlations Gᵢⱼ / √(Gᵢᵢ Gⱼⱼ) and no others. On
//! that pattern they are exact: b minimises ‖xⱼ − X_N·b‖² + ‖Λ^½·b‖², so b = (G_NN + Λ)⁻¹·G_Nj. Where all items are
//! neighbours it is EASE.
//!
//! Of the Gram matrix there is never more than one item's column and block. Scores of a history are sums of sparse rows.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sprs::CsMatI;

use super::fit::FitError;
use super::model::{Indices, Model, Query, QueryState, RestoreError, StoredTensors, Tensor};
use super::neighbourhood::{Gram, Neighbourhood, Scratch};
use super::normalisation::Normalisation;
use super::stored::offsets;
use super::{InputWeights, ModelConfig};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::{ColumnsMut, solve_positive_definite};
use crate::types::ItemIdx;

/// Parameters of sparse EASE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseEaseConfig {
    /// Items that an item has weights for, at most. Memory grows with it, time with its cube.
    pub neighbours: usize,
    /// L2 regularisation λ.
    pub lambda: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
    /// Power α of a user's number of interactions, by which their row is divided: 0 leaves it as it is.
    pub user_power: f32,
    /// Power β of an item's number of interactions, by which its column is divided: 0 leaves it as it is.
    pub item_power: f32,
}

impl Default for SparseEaseConfig {
    fn default() -> Self {
        let (weights, user_power, item_power) = (InputWeights::Binary, 0.0, 0.0);
        Self { neighbours: 100, lambda: 100.0, weights, user_power, item_power }
    }
}

/// A linear model with weights for some pairs of items.
#[derive(Clone, Debug)]
pub struct SparseEase {
    config: SparseEaseConfig,
    /// Row i holds what item i of a history adds to the scores of others: Bᵢⱼ.
    weights: CsMatI<f32, u32, usize>,
    /// How many values each row has.
    counts: Vec<u32>,
}

/// How many values the rows have, the items that they belong to, and the values.
const COUNTS: &str = "counts";
const ITEMS: &str = "items";
const WEIGHTS: &str = "weights";

impl SparseEase {
    /// Solves for the weights, item by item. Memory: 8 bytes a weight, twice.
    ///
    /// # Errors
    /// [`FitError::NotPositiveDefinite`] when λ is too small for the data.
    pub fn fit(config: &SparseEaseConfig, train: &Interactions) -> Result<Self, FitError> {
        let SparseEaseConfig { neighbours, lambda, weights, user_power, item_power } = *config;
        let items = train.items();
        let normalisation = Normalisation { user_power, item_power };
        let penalties: Vec<f32> =
            normalisation.penalty_factors(train).into_iter().map(|factor| lambda * factor).collect();
        let gram = Gram::new(normalisation.rows(weights, train));
        let column = |scratch: &mut Scratch, item: u32| -> Result<Vec<(u32, f32)>, FitError> {
            let Neighbourhood { items, mut block, column: mut weights } = gram.around(item, neighbours, scratch);
            let pivots = block.iter_mut().step_by(items.len() + 1);
            pivots.zip(&items).for_each(|(pivot, near)| *pivot += penalties[*near as usize]);
            solve_positive_definite(&mut block, &mut weights)
                .map_err(|error| FitError::NotPositiveDefinite { item: items[error.pivot] as usize, lambda })?;
            Ok(items.into_iter().zip(weights).collect())
        };
        let columns = (0..items as u32).into_par_iter().map_init(|| Scratch::new(&gram), column);
        Ok(Self::from_columns(config, columns.collect::<Result<Vec<_>, _>>()?))
    }

    /// Turns columns, the weights that each score is made of, into rows, what each item adds.
    fn from_columns(config: &SparseEaseConfig, columns: Vec<Vec<(u32, f32)>>) -> Self {
        let items = columns.len();
        let mut counts = vec![0; items];
        columns.iter().flatten().for_each(|(item, _)| counts[*item as usize] += 1);
        let starts = offsets(&counts);
        let mut places = starts.clone();
        let (mut scored, mut weights) = (vec![0; starts[items]], vec![0.0; starts[items]]);
        for (score, column) in columns.into_iter().enumerate() {
            for (item, weight) in column {
                let place = &mut places[item as usize];
                (scored[*place], weights[*place]) = (score as u32, weight);
                *place += 1;
            }
        }
        Self { config: config.clone(), weights: CsMatI::new((items, items), starts, scored, weights), counts }
    }

    /// Restores the model from what [`Model::tensors`] and [`Model::indices`] list.
    ///
    /// # Errors
    /// [`RestoreError`] when something of it is not usable.
    pub fn restore(config: &SparseEaseConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let (weights, counts) = tensors.take_sparse([COUNTS, ITEMS, WEIGHTS], (items, Some(items)))?;
        Ok(Self { config: config.clone(), weights, counts })
    }

    /// What item `from` adds to the scores of a range of items: their numbers, ascending, and the weights.
    fn row(&self, from: u32, items: Range<u32>) -> (&[u32], &[f32]) {
        let row = self.weights.indptr().outer_inds_sz(from as usize);
        let (columns, weights) = (&self.weights.indices()[row.clone()], &self.weights.data()[row]);
        let first = columns.partition_point(|item| *item < items.start);
        let len = columns[first..].partition_point(|item| *item < items.end);
        (&columns[first..first + len], &weights[first..first + len])
    }

    /// Bᵢⱼ.
    fn weight(&self, from: u32, to: ItemIdx) -> f32 {
        let (_, weights) = self.row(from, to.0..to.0 + 1);
        weights.first().copied().unwrap_or(0.0)
    }
}

impl Model for SparseEase {
    fn config(&self) -> ModelConfig {
        ModelConfig::SparseEase(self.config.clone())
    }

    fn items(&self) -> usize {
        self.weights.rows()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Sparse(self.config.weights.histories(histories)))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, mut out: ColumnsMut<'_>) {
        assert_eq!((out.rows(), out.cols()), (items.len(), query.users()), "items x users");
        assert!(items.end as usize <= self.items(), "items {items:?} of {}", self.items());
        for (user, history) in query.sparse().iter().enumerate() {
            let (history, scores) = (history.as_ref(), out.col(user));
            scores.fill(0.0);
            for (&from, &given) in history.items().iter().zip(history.weights()) {
                let (columns, weights) = self.row(from, items.clone());
                for (item, weight) in columns.iter().zip(weights) {
                    scores[(*item - items.start) as usize] += given * weight;
                }
            }
        }
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        assert_eq!(items.len(), out.len(), "one score an item");
        let history = query.sparse()[user].as_ref();
        for (score, item) in out.iter_mut().zip(items) {
            assert!(item.at() < self.items(), "item {} of {}", item.0, self.items());
            *score = 0.0;
            for (&from, &given) in history.items().iter().zip(history.weights()) {
                *score += given * self.weight(from, *item);
            }
        }
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::vector(WEIGHTS, self.weights.data())]
    }

    fn indices(&self) -> Vec<Indices<'_>> {
        vec![Indices::new(COUNTS, &self.counts), Indices::new(ITEMS, self.weights.indices())]
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        let weights = self.config.weights.of(history);
        Some(history.items().iter().zip(weights).map(|(&from, weight)| weight * self.weight(from, item)).collect())
    }
}

#[cfg(test)]
#[path = "sparse_ease_tests.rs"]
mod tests;
