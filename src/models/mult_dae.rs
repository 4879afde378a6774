//! Mult-DAE: a denoising autoencoder with a multinomial likelihood.
//!
//! Liang, Krishnan, Hoffman, Jebara 2018, "Variational Autoencoders for Collaborative Filtering", sec. 2.2.2
//! and 3.3: one hidden layer, h = tanh(W₁ x + b₁), scores s = W₂ h + b₂; the history x is scaled to unit
//! norm and corrupted by dropout, and the loss of a user is −Σᵢ xᵢ log softmaxᵢ(s). The user embedding is h.

use std::ops::Range;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::decoder::{item_vectors, score_block, score_items, stored_dense, stored_input};
use super::model::{InnerProducts, Metric, Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{InputWeights, ModelConfig};
use crate::interactions::HistoryRef;
use crate::linalg::{ColumnsMut, at_least};
use crate::nn::{Dense, GradientRef, SparseGradient, SparseInput, multinomial_loss, tanh_backward};
use crate::training::{Gradient, Network, Shard, Weights};
use crate::types::ItemIdx;

/// Parameters of Mult-DAE; the defaults are the paper's items-200-items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultDaeConfig {
    /// Width of the hidden layer, which is the dimension of user embeddings.
    pub hidden: usize,
    /// Probability of dropping an input interaction during training.
    pub dropout: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for MultDaeConfig {
    fn default() -> Self {
        Self { hidden: 200, dropout: 0.5, weights: InputWeights::Binary }
    }
}

/// A Mult-DAE.
#[derive(Clone, Debug, PartialEq)]
pub struct MultDae {
    config: MultDaeConfig,
    /// W₁, b₁.
    input: SparseInput,
    /// W₂, b₂: hidden → items.
    output: Dense,
}

impl MultDae {
    /// A model with random weights for a catalogue of `items`.
    #[must_use]
    pub fn new(config: &MultDaeConfig, items: usize, seed: u64) -> Self {
        Self {
            config: config.clone(),
            input: SparseInput::new((items, config.hidden), seed, 0),
            output: Dense::new((config.hidden, items), seed, 2),
        }
    }

    /// Restores a model from the tensors that [`Model::tensors`] lists.
    ///
    /// # Errors
    /// [`RestoreError`] when a tensor is not usable.
    pub fn restore(config: &MultDaeConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        Ok(Self {
            config: config.clone(),
            input: stored_input(tensors, ["input.items", "input.bias"], (config.hidden, items))?,
            output: stored_dense(tensors, ["output.items", "output.bias"], (config.hidden, items))?,
        })
    }

    /// h of each history: `hidden × users`.
    fn hidden(&self, histories: &[HistoryRef<'_>]) -> DMatrix<f32> {
        let mut hidden = DMatrix::zeros(self.config.hidden, histories.len());
        self.input.forward(&self.config.weights.batch(histories), (&mut hidden).into());
        hidden
    }
}

impl Model for MultDae {
    fn config(&self) -> ModelConfig {
        ModelConfig::MultDae(self.config.clone())
    }

    fn items(&self) -> usize {
        self.output.outputs()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Dense(self.hidden(histories)))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        score_block(&self.output, query.dense(), items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        score_items(&self.output, query.dense(), user, items, out);
    }

    fn inner_products(&self) -> Option<InnerProducts<'_>> {
        Some(InnerProducts { vectors: self.output.columns(), bias: &self.output.bias })
    }

    fn user_space(&self) -> Option<Space> {
        Some(Space { id: "mult-dae/hidden".into(), dim: self.config.hidden, metric: Metric::Cosine })
    }

    fn item_space(&self) -> Option<Space> {
        Some(Space { id: "mult-dae/decoder".into(), dim: self.config.hidden, metric: Metric::Cosine })
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        Some(self.hidden(histories))
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        Some(item_vectors(self.output.columns(), items))
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![
            Tensor::matrix("input.items", &self.input.table, self.input.width()).by_item(),
            Tensor::vector("input.bias", &self.input.bias),
            Tensor::matrix("output.items", &self.output.weights, self.output.inputs()).by_item(),
            Tensor::vector("output.bias", &self.output.bias).by_item(),
        ]
    }
}

impl Weights for MultDae {
    fn named(&self) -> Vec<(&'static str, &[f32])> {
        self.tensors().into_iter().map(|tensor| (tensor.name, tensor.data)).collect()
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        let Self { input, output, .. } = self;
        vec![&mut input.table, &mut input.bias, &mut output.weights, &mut output.bias]
    }
}

/// The gradient of every parameter of a [`MultDae`].
pub struct MultDaeGradient {
    table: SparseGradient,
    input_bias: Vec<f32>,
    output: Dense,
}

impl Gradient for MultDaeGradient {
    fn add(&mut self, other: &Self) {
        self.table.add(&other.table);
        self.input_bias.iter_mut().zip(&other.input_bias).for_each(|(a, b)| *a += b);
        self.output.add(&other.output);
    }

    fn parts(&self) -> Vec<GradientRef<'_>> {
        let Self { table, input_bias, output } = self;
        let dense = [input_bias, &output.weights, &output.bias].map(|values| GradientRef::Dense(values));
        [GradientRef::Table(table)].into_iter().chain(dense).collect()
    }
}

/// A [`MultDae`] under training: the weights and the logits of a shard.
pub struct MultDaeTrainer {
    model: MultDae,
    /// items × users of a shard; kept, because it is the largest buffer of a step.
    logits: Vec<f32>,
}

impl MultDaeTrainer {
    /// Starts from a model's weights.
    #[must_use]
    pub fn new(model: MultDae) -> Self {
        Self { logits: Vec::new(), model }
    }
}

impl Network for MultDaeTrainer {
    type Weights = MultDae;
    type Gradient = MultDaeGradient;

    fn weights(&self) -> &MultDae {
        &self.model
    }

    fn weights_mut(&mut self) -> &mut MultDae {
        &mut self.model
    }

    fn new_gradient(&self) -> MultDaeGradient {
        let (hidden, items) = (self.model.config.hidden, self.model.items());
        MultDaeGradient {
            table: SparseGradient::new(hidden, items),
            input_bias: vec![0.0; hidden],
            output: Dense::zeros((hidden, items)),
        }
    }

    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut MultDaeGradient) -> f64 {
        let MultDae { config, input, output } = &self.model;
        let (users, hidden, items) = (shard.users.len(), config.hidden, output.outputs());
        let scale = 1.0 / shard.batch_users as f32;

        let batch = config.weights.corrupted_batch(shard, config.dropout);
        let mut h = DMatrix::zeros(hidden, users);
        input.forward(&batch, (&mut h).into());
        let mut logits = ColumnsMut::new(at_least(&mut self.logits, items * users), (items, users));
        output.logits((&h).into(), logits.reborrow());

        let targets = config.weights.targets(shard);
        let loss = multinomial_loss(logits.reborrow(), |user| targets.row(user), scale);

        output.backward((&h).into(), logits.as_ref(), &mut gradient.output);
        let mut dh = DMatrix::zeros(hidden, users);
        output.backward_input(logits.as_ref(), (&mut dh).into());
        tanh_backward(dh.as_mut_slice(), h.as_slice());
        input.backward(&batch, (&dh).into(), &mut gradient.table, &mut gradient.input_bias);
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::gradient_check;

    #[test]
    fn gradients_match_finite_differences() {
        let config = MultDaeConfig { hidden: 5, dropout: 0.3, weights: InputWeights::Binary };
        gradient_check::check(MultDaeTrainer::new(MultDae::new(&config, 7, 11)));
    }
}
