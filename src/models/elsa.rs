//! ELSA: a linear autoencoder of low rank.
//!
//! Vančura, Alves, Kasalický, Kordík 2022, "Scalable Linear Shallow Autoencoder for Collaborative Filtering". Every item i has
//! a vector aᵢ of unit length, a column of A (d × items). A history x is embedded as u = A·x, and its scores are Aᵀ·u.
//!
//! In training an item does not explain itself: the prediction is y = x·(AᵀA − I), and the loss of a user is the squared
//! distance of directions, ‖y/‖y‖ − x/‖x‖‖² = 2 − 2·cos(x, y). What a list may hold is not in the history, and there the
//! −I makes no difference; so serving leaves it out, and scores are inner products.
//!
//! The prediction itself is never computed. For x of unit length and K = A·Aᵀ (d × d),
//! x·y = ‖u‖² − 1 and ‖y‖² = uᵀKu − 2‖u‖² + 1: a step of b users takes 4·d²·items operations where the products of
//! predictions with tables take 6·b·d·items, and no memory beside tables of d values an item or a user.

use std::ops::Range;
use std::sync::OnceLock;

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::decoder::{item_vectors, product_block, product_items};
use super::model::{InnerProducts, Metric, Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{InputWeights, ModelConfig};
use crate::interactions::HistoryRef;
use crate::linalg::{Columns, ColumnsMut, axpy, dots, gather, multiply, multiply_transposed, zeros};
use crate::nn::{GradientRef, Optimiser, gather_batch, scatter_batch, xavier_normal};
use crate::training::{Gradient, Network, Shard, TrainingConfig, Weights};
use crate::types::ItemIdx;

/// Parameters of ELSA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ElsaConfig {
    /// Dimensions d of the embeddings of users and items.
    pub dimensions: usize,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for ElsaConfig {
    fn default() -> Self {
        Self { dimensions: 256, weights: InputWeights::Binary }
    }
}

impl ElsaConfig {
    /// The paper's training: NAdam with large steps, over few epochs of large batches.
    #[must_use]
    pub fn training() -> TrainingConfig {
        let common = TrainingConfig::default();
        TrainingConfig { optimiser: Optimiser::Nadam, learning_rate: 0.1, batch_size: 512, epochs: 60, ..common }
    }
}

/// An ELSA.
#[derive(Clone, Debug)]
pub struct Elsa {
    config: ElsaConfig,
    /// d × items, what is trained: aᵢ is the direction of column i, whose length is free.
    table: Vec<f32>,
    /// A, computed from the table when it is first asked for.
    directions: OnceLock<Vec<f32>>,
}

/// A squared length below which a vector has no direction.
const NOTHING: f32 = 1e-24;

impl Elsa {
    /// A model with random vectors for a catalogue of `items`.
    #[must_use]
    pub fn new(config: &ElsaConfig, items: usize, seed: u64) -> Self {
        let table = xavier_normal((config.dimensions, items), seed, 0);
        Self { config: config.clone(), table, directions: OnceLock::new() }
    }

    /// Restores a model from its tensor `items`, of shape `[dimensions, items]`.
    ///
    /// # Errors
    /// [`RestoreError`] when the tensor is not usable.
    pub fn restore(config: &ElsaConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let table = tensors.take("items", &[config.dimensions, items])?;
        Ok(Self { config: config.clone(), table, directions: OnceLock::new() })
    }

    fn shape(&self) -> (usize, usize) {
        (self.config.dimensions, self.table.len() / self.config.dimensions)
    }

    /// A: `dimensions × items`, columns of unit length, or zero where the table's is.
    fn directions(&self) -> Columns<'_> {
        /// Items a task normalises.
        const ITEMS: usize = 256;
        let (dimensions, _) = self.shape();
        let directions = self.directions.get_or_init(|| {
            let mut directions = zeros(self.table.len());
            let chunks = directions.par_chunks_mut(ITEMS * dimensions).zip(self.table.par_chunks(ITEMS * dimensions));
            chunks.for_each(|(out, table)| {
                for (out, column) in out.chunks_exact_mut(dimensions).zip(table.chunks_exact(dimensions)) {
                    axpy(out, inverse_length(column), column);
                }
            });
            directions
        });
        Columns::new(directions, self.shape())
    }

    /// A·x of each history: `dimensions × users`.
    fn embed(&self, histories: &[HistoryRef<'_>]) -> DMatrix<f32> {
        let mut out = DMatrix::zeros(self.config.dimensions, histories.len());
        let columns = out.as_mut_slice().chunks_exact_mut(self.config.dimensions);
        for (column, history) in columns.zip(self.config.weights.histories(histories)) {
            let history = history.as_ref();
            gather(column, self.directions(), 0, history.items(), history.weights());
        }
        out
    }
}

/// a · b.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut product = [0.0];
    let column = |values| Columns::new(values, (a.len(), 1));
    dots(ColumnsMut::new(&mut product, (1, 1)), column(a), column(b));
    product[0]
}

/// 1 / ‖v‖; 0 for a vector of no length.
pub(super) fn inverse_length(v: &[f32]) -> f32 {
    let square = dot(v, v);
    if square > NOTHING { 1.0 / square.sqrt() } else { 0.0 }
}

impl Model for Elsa {
    fn config(&self) -> ModelConfig {
        ModelConfig::Elsa(self.config.clone())
    }

    fn items(&self) -> usize {
        self.shape().1
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Dense(self.embed(histories)))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        product_block(self.directions(), query.dense(), items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        product_items(self.directions(), query.dense(), user, items, out);
    }

    fn user_space(&self) -> Option<Space> {
        self.item_space()
    }

    fn item_space(&self) -> Option<Space> {
        Some(Space { id: "elsa/items".into(), dim: self.config.dimensions, metric: Metric::Cosine })
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        Some(self.embed(histories))
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        Some(item_vectors(self.directions(), items))
    }

    fn inner_products(&self) -> Option<InnerProducts<'_>> {
        Some(InnerProducts { vectors: self.directions(), bias: &[] })
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::matrix("items", &self.table, self.config.dimensions).by_item()]
    }

    fn terms(&self, history: HistoryRef<'_>, item: ItemIdx) -> Option<Vec<f32>> {
        let directions = self.directions();
        let weights = self.config.weights.of(history);
        let term =
            |(&from, weight): (&u32, f32)| weight * dot(directions.col(from as usize), directions.col(item.at()));
        Some(history.items().iter().zip(weights).map(term).collect())
    }
}

impl Weights for Elsa {
    fn named(&self) -> Vec<(&'static str, &[f32])> {
        vec![("items", &self.table)]
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        // What was computed from the table is no longer true of it.
        self.directions.take();
        vec![&mut self.table]
    }
}

/// The gradient of the table of an [`Elsa`], compressed or not.
pub struct ElsaGradient(pub(super) Vec<f32>);

impl Gradient for ElsaGradient {
    fn add(&mut self, other: &Self) {
        axpy(&mut self.0, 1.0, &other.0);
    }

    fn parts(&self) -> Vec<GradientRef<'_>> {
        vec![GradientRef::Dense(&self.0)]
    }
}

/// An [`Elsa`] under training.
pub struct ElsaTrainer(Elsa);

impl ElsaTrainer {
    /// Starts from a model's weights.
    #[must_use]
    pub fn new(model: Elsa) -> Self {
        Self(model)
    }
}

impl Network for ElsaTrainer {
    type Weights = Elsa;
    type Gradient = ElsaGradient;

    fn weights(&self) -> &Elsa {
        &self.0
    }

    fn weights_mut(&mut self) -> &mut Elsa {
        &mut self.0
    }

    fn new_gradient(&self) -> ElsaGradient {
        ElsaGradient(zeros(self.0.table.len()))
    }

    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut ElsaGradient) -> f64 {
        let (a, shape) = (self.0.directions(), self.0.shape());
        let lengths = Columns::new(&self.0.table, shape);
        let of_directions = ColumnsMut::new(&mut gradient.0, shape);
        gradient_of_directions(a, self.0.config.weights, shard, of_directions, |item, column| {
            across(column, a.col(item), inverse_length(lengths.col(item)));
        })
    }
}

/// Turns the gradient of a vector's direction into that of the vector: its part across the direction, divided by the
/// vector's length.
pub(super) fn across(gradient: &mut [f32], direction: &[f32], inverse_length: f32) {
    axpy(gradient, -dot(direction, gradient), direction);
    gradient.iter_mut().for_each(|value| *value *= inverse_length);
}

/// Overwrites `gradient` with that of the mean loss over the batch with respect to the directions A, each column `finish`ed
/// by its item, and returns the shard's summed loss.
///
/// With c = x·y and s = ‖y‖ the loss is 2 − 2c/s, and its gradient is 2c/s³·Ku − 4(s² + c)/s³·u with respect to u and
/// c/s³·u·uᵀ with respect to K. That of A is 2·Σᵤ(∂K)·A and, for each item of a history, xᵢ·∂u.
pub(super) fn gradient_of_directions(
    a: Columns<'_>,
    weights: InputWeights,
    shard: &Shard<'_>,
    mut gradient: ColumnsMut<'_>,
    finish: impl Fn(usize, &mut [f32]) + Sync,
) -> f64 {
    let dimensions = a.rows();
    let users = shard.users.len();
    let scale = 1.0 / shard.batch_users as f32;

    let batch = weights.batch(&shard.histories);
    let mut u = DMatrix::zeros(dimensions, users);
    gather_batch(a, &batch, (&mut u).into(), |_| {});
    let mut k = DMatrix::zeros(dimensions, dimensions);
    multiply_transposed((&mut k).into(), a, a);
    let mut ku = DMatrix::zeros(dimensions, users);
    multiply((&mut ku).into(), (&k).into(), (&u).into());

    // Ku becomes the gradient of u, and twice what each user adds to that of K goes into `outer`.
    let mut outer = u.clone();
    let columns = ku.as_mut_slice().par_chunks_exact_mut(dimensions);
    let columns = columns.zip(outer.as_mut_slice().par_chunks_exact_mut(dimensions));
    let columns = columns.zip(u.as_slice().par_chunks_exact(dimensions)).map(|((ku, outer), u)| {
        let (square, bent) = (dot(u, u), dot(u, ku));
        let (c, s2) = (square - 1.0, bent - 2.0 * square + 1.0);
        // A prediction of nothing has no direction, and gives none.
        let (cosine, cubed) = if s2 > NOTHING { (c / s2.sqrt(), scale / (s2 * s2.sqrt())) } else { (0.0, 0.0) };
        outer.iter_mut().for_each(|value| *value *= 2.0 * c * cubed);
        ku.iter_mut().zip(u).for_each(|(ku, u)| *ku = cubed * (2.0 * c * *ku - 4.0 * (s2 + c) * u));
        2.0 - 2.0 * f64::from(cosine)
    });
    let losses: Vec<f64> = columns.collect();

    multiply_transposed((&mut k).into(), (&outer).into(), (&u).into());
    multiply(gradient.reborrow(), (&k).into(), a);
    scatter_batch(&batch, (&ku).into(), gradient, finish);
    losses.into_iter().sum()
}

#[cfg(test)]
#[path = "elsa_tests.rs"]
mod tests;
