//! Compressed ELSA: an ELSA whose item vectors are sparse codes.
//!
//! Vančura, Spišák, Alves, Peška 2026, "Efficient Learning of Sparse Representations from Interactions". The vector aᵢ of an
//! item has d dimensions, of which only the k of the largest magnitude are kept; it has unit length, and model, loss and
//! scores are those of [`Elsa`](super::Elsa).
//!
//! Training begins dense and prunes gradually. After a share p of the planned steps
//!
//! k(p) = d·(k/d)^(p/q) for p < q, and k from there on,
//!
//! rounded, values are kept of each item: their number is divided by the same factor in equal stretches, as by the paper's
//! exponential schedule, and what is left of the training adjusts to the final number. A value that is not kept has no
//! gradient; it stands still, and comes back when one that is kept falls below it. The paper starts its optimiser anew
//! and drops pruned values for good at every stage; here neither is needed.
//!
//! Whatever the schedule, the model is the codes of k values: a validation before its end sees what pruning at that
//! moment would leave, and so the best epoch is one after it.

use std::ops::Range;
use std::sync::OnceLock;

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::elsa::{ElsaGradient, across, gradient_of_directions, inverse_length};
use super::model::{Indices, Metric, Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{ElsaConfig, InputWeights, ModelConfig};
use crate::codes::{SparseCodes, strongest};
use crate::interactions::HistoryRef;
use crate::linalg::{Columns, ColumnsMut, zeros};
use crate::nn::xavier_normal;
use crate::training::{Network, Shard, TrainingConfig, Weights};
use crate::types::ItemIdx;

/// Parameters of Compressed ELSA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompressedElsaConfig {
    /// Dimensions d of the embeddings of users and items: the latents that a code chooses from.
    pub dimensions: usize,
    /// Values k that are kept of each item's vector; 3 bytes each.
    pub kept: usize,
    /// Share q of the planned steps over which the number of values falls from d to k; 0: k from the first step on.
    pub pruning: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for CompressedElsaConfig {
    fn default() -> Self {
        Self { dimensions: 1024, kept: 64, pruning: 0.5, weights: InputWeights::Binary }
    }
}

impl CompressedElsaConfig {
    /// The training of ELSA to the end of the planned epochs: validations say little before the schedule is over. The step
    /// size falls, so that the few values that are left settle.
    #[must_use]
    pub fn training() -> TrainingConfig {
        let elsa = ElsaConfig::training();
        TrainingConfig { patience: elsa.epochs, final_rate: 0.05, ..elsa }
    }

    /// Values that are kept after a fraction `progress` of the planned steps.
    fn kept_at(&self, progress: f64) -> usize {
        let (all, kept, pruning) = (self.dimensions as f64, self.kept as f64, f64::from(self.pruning));
        if progress >= pruning { self.kept } else { (all * (kept / all).powf(progress / pruning)).round() as usize }
    }
}

/// A Compressed ELSA.
#[derive(Clone, Debug)]
pub struct CompressedElsa {
    config: CompressedElsaConfig,
    /// d × items, what is trained; empty in a restored model, whose codes are all there is.
    table: Vec<f32>,
    /// The codes of unit length, computed from the table when they are first asked for.
    codes: OnceLock<SparseCodes>,
}

/// The words of the codes, and their scales.
const CODES: &str = "codes";
const SCALES: &str = "scales";

impl CompressedElsa {
    /// A model with random vectors for a catalogue of `items`.
    #[must_use]
    pub fn new(config: &CompressedElsaConfig, items: usize, seed: u64) -> Self {
        let table = xavier_normal((config.dimensions, items), seed, 0);
        Self { config: config.clone(), table, codes: OnceLock::new() }
    }

    /// Restores a model from its codes: the tensor `scales` of shape `[items]`, and the words of [`SparseCodes`] an item.
    ///
    /// # Errors
    /// [`RestoreError`] when they are not usable.
    pub fn restore(
        config: &CompressedElsaConfig,
        items: usize,
        tensors: &mut StoredTensors,
    ) -> Result<Self, RestoreError> {
        let (scales, words) = (tensors.take(SCALES, &[items])?, tensors.take_indices(CODES)?);
        let codes = SparseCodes::new((config.dimensions, config.kept), words, scales)
            .map_err(|error| RestoreError::Sparse { name: CODES.into(), reason: error.to_string() })?;
        Ok(Self { config: config.clone(), table: Vec::new(), codes: OnceLock::from(codes) })
    }

    /// A: columns of unit length, or zero where the table's is.
    fn codes(&self) -> &SparseCodes {
        self.codes.get_or_init(|| {
            let table = Columns::new(&self.table, (self.config.dimensions, self.table.len() / self.config.dimensions));
            SparseCodes::of(table, self.config.kept).normalised()
        })
    }

    /// A·x of each history: `dimensions × users`.
    fn embed(&self, histories: &[HistoryRef<'_>]) -> DMatrix<f32> {
        let (codes, mut out) = (self.codes(), DMatrix::zeros(self.config.dimensions, histories.len()));
        for (column, &history) in out.as_mut_slice().chunks_exact_mut(self.config.dimensions).zip(histories) {
            for (&item, weight) in history.items().iter().zip(self.config.weights.of(history)) {
                codes.add_to(column, item as usize, weight);
            }
        }
        out
    }
}

impl Model for CompressedElsa {
    fn config(&self) -> ModelConfig {
        ModelConfig::CompressedElsa(self.config.clone())
    }

    fn items(&self) -> usize {
        self.codes().len()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Dense(self.embed(histories)))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, mut out: ColumnsMut<'_>) {
        let (codes, state) = (self.codes(), Columns::from(query.dense()));
        assert_eq!((out.rows(), out.cols()), (items.len(), query.users()), "items x users");
        for user in 0..query.users() {
            for (score, item) in out.col(user).iter_mut().zip(items.clone()) {
                *score = codes.dot(item as usize, state.col(user));
            }
        }
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        assert_eq!(items.len(), out.len(), "one score an item");
        let (codes, state) = (self.codes(), Columns::from(query.dense()));
        out.iter_mut().zip(items).for_each(|(score, item)| *score = codes.dot(item.at(), state.col(user)));
    }

    fn user_space(&self) -> Option<Space> {
        self.item_space()
    }

    fn item_space(&self) -> Option<Space> {
        Some(Space { id: "compressed-elsa/items".into(), dim: self.config.dimensions, metric: Metric::Cosine })
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        Some(self.embed(histories))
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        Some(self.codes().dense(items.start as usize..items.end as usize))
    }

    fn item_codes(&self) -> Option<&SparseCodes> {
        Some(self.codes())
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::vector(SCALES, self.codes().scales()).by_item()]
    }

    fn indices(&self) -> Vec<Indices<'_>> {
        vec![Indices::new(CODES, self.codes().words()).by_item()]
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        let codes = self.codes();
        let vector = codes.dense(item.at()..item.at() + 1);
        let term = |(&from, weight): (&u32, f32)| weight * codes.dot(from as usize, vector.as_slice());
        Some(history.items().iter().zip(self.config.weights.of(history)).map(term).collect())
    }
}

impl Weights for CompressedElsa {
    fn named(&self) -> Vec<(&'static str, &[f32])> {
        vec![("items", &self.table)]
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        // What was computed from the table is no longer true of it.
        self.codes.take();
        vec![&mut self.table]
    }
}

/// A [`CompressedElsa`] under training.
pub struct CompressedElsaTrainer {
    model: CompressedElsa,
    /// A with as many values an item as the schedule keeps, written out: d × items.
    directions: Vec<f32>,
}

impl CompressedElsaTrainer {
    /// Starts from a model's weights. What a restored model's codes do not hold is zero.
    #[must_use]
    pub fn new(mut model: CompressedElsa) -> Self {
        if model.table.is_empty() {
            model.table = model.codes().dense(0..model.items()).data.into();
        }
        Self { directions: zeros(model.table.len()), model }
    }

    /// Writes the directions out that a table has after a fraction `progress` of the steps; returns 1 / length of each
    /// item's pruned vector.
    fn prune(&mut self, progress: f64) -> Vec<f32> {
        let CompressedElsaConfig { dimensions, .. } = self.model.config;
        let kept = self.model.config.kept_at(progress);
        let columns =
            self.directions.par_chunks_exact_mut(dimensions).zip(self.model.table.par_chunks_exact(dimensions));
        let columns = columns.map_init(Vec::new, |order, (direction, column)| {
            direction.fill(0.0);
            for &place in strongest(column, kept, order) {
                direction[place as usize] = column[place as usize];
            }
            let inverse = inverse_length(direction);
            direction.iter_mut().for_each(|value| *value *= inverse);
            inverse
        });
        columns.collect()
    }
}

impl Network for CompressedElsaTrainer {
    type Weights = CompressedElsa;
    type Gradient = ElsaGradient;

    fn weights(&self) -> &CompressedElsa {
        &self.model
    }

    fn weights_mut(&mut self) -> &mut CompressedElsa {
        &mut self.model
    }

    fn new_gradient(&self) -> ElsaGradient {
        ElsaGradient(zeros(self.model.table.len()))
    }

    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut ElsaGradient) -> f64 {
        let inverse_lengths = self.prune(shard.progress);
        let shape = (self.model.config.dimensions, inverse_lengths.len());
        let directions = Columns::new(&self.directions, shape);
        let of_directions = ColumnsMut::new(&mut gradient.0, shape);
        gradient_of_directions(directions, self.model.config.weights, shard, of_directions, |item, column| {
            let direction = directions.col(item);
            across(column, direction, inverse_lengths[item]);
            // What is not kept does not move.
            let pruned = column.iter_mut().zip(direction).filter(|(_, direction)| **direction == 0.0);
            pruned.for_each(|(value, _)| *value = 0.0);
        })
    }
}

#[cfg(test)]
#[path = "compressed_elsa_tests.rs"]
mod tests;
