//! Mult-VAE: a variational autoencoder with a multinomial likelihood.
//!
//! Liang, Krishnan, Hoffman, Jebara 2018, "Variational Autoencoders for Collaborative Filtering".
//!
//! A history x is scaled to unit norm and corrupted by dropout, then
//!
//! ```text
//! h  = tanh(W₁ x + b₁)          hidden
//! μ, log σ² = W₂ h + b₂         latent each: the user embedding is μ
//! z  = μ + ε·σ                  in training; z = μ when serving
//! g  = tanh(W₃ z + b₃)          hidden
//! s  = W₄ g + b₄                one score an item
//! ```
//!
//! and the loss of a user is −Σᵢ xᵢ log softmaxᵢ(s), or that of another [likelihood](Loss), + β · KL(N(μ, σ²) ‖ N(0, I)), the mean over a batch.
//! β rises linearly from 0 over a fraction of the planned steps to its cap.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::decoder::{stored_dense, stored_input, to_items};
use super::linear_decoder::{Code, LinearDecoder};
use super::model::{InnerProducts, RestoreError, StoredTensors, Tensor};
use super::{InputWeights, ModelConfig};
use crate::interactions::HistoryRef;
use crate::linalg::{Columns, ColumnsMut, at_least};
use crate::nn::{
    Dense, Gaussian, GradientRef, Loss, Objective, SparseGradient, SparseInput, gaussian_backward, gaussian_sample,
    kl_divergence, tanh_backward,
};
use crate::training::{Gradient, Network, Shard};

/// Parameters of Mult-VAE; the defaults are the paper's 600-200-600.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultVaeConfig {
    /// Width of the hidden layers on both sides of the code.
    pub hidden: usize,
    /// Width of the code, which is the dimension of user embeddings.
    pub latent: usize,
    /// Probability of dropping an input interaction during training.
    pub dropout: f32,
    /// Largest weight β of the KL term.
    pub kl_cap: f32,
    /// Fraction of the planned steps over which β rises from 0 to `kl_cap`.
    pub kl_anneal: f32,
    /// The likelihood: multinomial in the paper, which compares it with the others.
    pub loss: Loss,
    /// Weight of items that are not in a history, for losses that have one.
    pub negative_weight: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for MultVaeConfig {
    fn default() -> Self {
        Self {
            hidden: 600,
            latent: 200,
            dropout: 0.5,
            kl_cap: 0.2,
            kl_anneal: 0.65,
            loss: Loss::Multinomial,
            negative_weight: 1.0,
            weights: InputWeights::Binary,
        }
    }
}

impl MultVaeConfig {
    /// β after a fraction `progress` of the planned steps.
    fn beta(&self, progress: f64) -> f32 {
        let risen = if self.kl_anneal > 0.0 { (progress / f64::from(self.kl_anneal)).min(1.0) } else { 1.0 };
        (f64::from(self.kl_cap) * risen) as f32
    }
}

/// A Mult-VAE.
#[derive(Clone, Debug, PartialEq)]
pub struct MultVae {
    config: MultVaeConfig,
    /// W₁, b₁.
    input: SparseInput,
    /// W₂, b₂: hidden → μ above log σ².
    encoder: Dense,
    /// W₃, b₃: latent → hidden.
    decoder: Dense,
    /// W₄, b₄: hidden → items.
    output: Dense,
}

impl MultVae {
    /// A model with random weights for a catalogue of `items`.
    #[must_use]
    pub fn new(config: &MultVaeConfig, items: usize, seed: u64) -> Self {
        let (hidden, latent) = (config.hidden, config.latent);
        Self {
            config: config.clone(),
            input: SparseInput::new((items, hidden), seed, 0),
            encoder: Dense::new((hidden, 2 * latent), seed, 2),
            decoder: Dense::new((latent, hidden), seed, 4),
            output: Dense::new((hidden, items), seed, 6),
        }
    }

    /// Restores a model from the tensors that [`LinearDecoder::tensors`] lists.
    ///
    /// # Errors
    /// [`RestoreError`] when a tensor is not usable.
    pub fn restore(config: &MultVaeConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let (hidden, latent) = (config.hidden, config.latent);
        Ok(Self {
            config: config.clone(),
            input: stored_input(tensors, ["input.items", "input.bias"], (hidden, items))?,
            encoder: stored_dense(tensors, ["encoder.weights", "encoder.bias"], (hidden, 2 * latent))?,
            decoder: stored_dense(tensors, ["decoder.weights", "decoder.bias"], (latent, hidden))?,
            output: stored_dense(tensors, ["output.items", "output.bias"], (hidden, items))?,
        })
    }
}

impl LinearDecoder for MultVae {
    fn model(&self) -> ModelConfig {
        ModelConfig::MultVae(self.config.clone())
    }

    fn layer(&self) -> &'static str {
        "latent"
    }

    fn dimensions(&self) -> usize {
        self.config.latent
    }

    fn code(&self, histories: &[HistoryRef<'_>]) -> Code {
        let users = histories.len();
        let mut hidden = DMatrix::zeros(self.config.hidden, users);
        self.input.forward(&self.config.weights.batch(histories), (&mut hidden).into());
        let mut codes = DMatrix::zeros(2 * self.config.latent, users);
        self.encoder.linear((&hidden).into(), (&mut codes).into());
        Code::Gaussians(codes)
    }

    fn state(&self, codes: DMatrix<f32>) -> DMatrix<f32> {
        let mut state = DMatrix::zeros(self.config.hidden, codes.ncols());
        self.decoder.tanh((&codes).into(), (&mut state).into());
        state
    }

    fn output(&self) -> InnerProducts<'_> {
        to_items(&self.output)
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        let MultVae { input, encoder, decoder, output, .. } = self;
        vec![
            Tensor::matrix("input.items", &input.table, input.width()).by_item(),
            Tensor::vector("input.bias", &input.bias),
            Tensor::matrix("encoder.weights", &encoder.weights, encoder.inputs()),
            Tensor::vector("encoder.bias", &encoder.bias),
            Tensor::matrix("decoder.weights", &decoder.weights, decoder.inputs()),
            Tensor::vector("decoder.bias", &decoder.bias),
            Tensor::matrix("output.items", &output.weights, output.inputs()).by_item(),
            Tensor::vector("output.bias", &output.bias).by_item(),
        ]
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        let Self { input, encoder, decoder, output, .. } = self;
        let layers = [encoder, decoder, output].into_iter().flat_map(|layer| [&mut layer.weights, &mut layer.bias]);
        [&mut input.table, &mut input.bias].into_iter().chain(layers).map(Vec::as_mut_slice).collect()
    }
}

/// The gradient of every parameter of a [`MultVae`].
pub struct MultVaeGradient {
    table: SparseGradient,
    input_bias: Vec<f32>,
    encoder: Dense,
    decoder: Dense,
    output: Dense,
}

impl Gradient for MultVaeGradient {
    fn add(&mut self, other: &Self) {
        self.table.add(&other.table);
        self.input_bias.iter_mut().zip(&other.input_bias).for_each(|(a, b)| *a += b);
        self.encoder.add(&other.encoder);
        self.decoder.add(&other.decoder);
        self.output.add(&other.output);
    }

    fn parts(&self) -> Vec<GradientRef<'_>> {
        let Self { table, input_bias, encoder, decoder, output } = self;
        let layers = [encoder, decoder, output].into_iter().flat_map(|layer| [&layer.weights, &layer.bias]);
        let input = [GradientRef::Table(table), GradientRef::Dense(input_bias)];
        input.into_iter().chain(layers.map(|values| GradientRef::Dense(values))).collect()
    }
}

/// A [`MultVae`] under training: the weights and the logits of a shard.
pub struct MultVaeTrainer {
    model: MultVae,
    /// items × users of a shard; kept, because it is the largest buffer of a step.
    logits: Vec<f32>,
}

impl MultVaeTrainer {
    /// Starts from a model's weights.
    #[must_use]
    pub fn new(model: MultVae) -> Self {
        Self { logits: Vec::new(), model }
    }
}

impl Network for MultVaeTrainer {
    type Weights = MultVae;
    type Gradient = MultVaeGradient;

    fn weights(&self) -> &MultVae {
        &self.model
    }

    fn weights_mut(&mut self) -> &mut MultVae {
        &mut self.model
    }

    fn new_gradient(&self) -> MultVaeGradient {
        let shape = |layer: &Dense| Dense::zeros((layer.inputs(), layer.outputs()));
        MultVaeGradient {
            table: SparseGradient::new(self.model.config.hidden, self.model.output.outputs()),
            input_bias: vec![0.0; self.model.config.hidden],
            encoder: shape(&self.model.encoder),
            decoder: shape(&self.model.decoder),
            output: shape(&self.model.output),
        }
    }

    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut MultVaeGradient) -> f64 {
        let MultVae { config, input, encoder, decoder, output } = &self.model;
        let (users, hidden, latent, items) = (shard.users.len(), config.hidden, config.latent, output.outputs());
        let beta = config.beta(shard.progress);
        let scale = 1.0 / shard.batch_users as f32;

        // Forward.
        let batch = config.weights.corrupted_batch(shard, config.dropout);
        let mut h = DMatrix::zeros(hidden, users);
        input.forward(&batch, (&mut h).into());
        let mut code = DMatrix::zeros(2 * latent, users);
        encoder.linear((&h).into(), (&mut code).into());
        let gaussian = Gaussian { parameters: (&code).into() };
        let (mut noise, mut z) = (DMatrix::zeros(latent, users), DMatrix::zeros(latent, users));
        gaussian_sample(gaussian, |user| shard.stream_of(user), (&mut noise).into(), (&mut z).into());
        let mut g = DMatrix::zeros(hidden, users);
        decoder.tanh((&z).into(), (&mut g).into());
        let mut logits = ColumnsMut::new(at_least(&mut self.logits, items * users), (items, users));
        output.logits((&g).into(), logits.reborrow());

        // Loss; the logits become their gradient.
        let targets = config.weights.targets(shard);
        let objective = Objective { loss: config.loss, negative_weight: config.negative_weight };
        let fit = objective.loss(logits.reborrow(), |user| targets.row(user), scale);
        let loss = fit + f64::from(beta) * kl_divergence(gaussian);

        // Backward, in the opposite order.
        let delta: Columns<'_> = logits.as_ref();
        output.backward((&g).into(), delta, &mut gradient.output);
        let mut dg = DMatrix::zeros(hidden, users);
        output.backward_input(delta, (&mut dg).into());
        tanh_backward(dg.as_mut_slice(), g.as_slice());
        decoder.backward((&z).into(), (&dg).into(), &mut gradient.decoder);
        let mut dz = DMatrix::zeros(latent, users);
        decoder.backward_input((&dg).into(), (&mut dz).into());
        let mut dcode = DMatrix::zeros(2 * latent, users);
        gaussian_backward(gaussian, (&noise).into(), (&dz).into(), beta * scale, (&mut dcode).into());
        encoder.backward((&h).into(), (&dcode).into(), &mut gradient.encoder);
        let mut dh = DMatrix::zeros(hidden, users);
        encoder.backward_input((&dcode).into(), (&mut dh).into());
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
        for (loss, weights) in [
            (Loss::Multinomial, InputWeights::Binary),
            (Loss::Multinomial, InputWeights::Use),
            (Loss::Bernoulli, InputWeights::Binary),
            (Loss::Squared, InputWeights::Use),
        ] {
            let shape = MultVaeConfig { hidden: 5, latent: 3, dropout: 0.3, ..MultVaeConfig::default() };
            let config = MultVaeConfig { kl_cap: 0.7, kl_anneal: 0.5, loss, negative_weight: 0.4, weights, ..shape };
            gradient_check::check(MultVaeTrainer::new(MultVae::new(&config, 7, 11)));
        }
    }

    #[test]
    fn beta_rises_over_a_fraction_of_the_planned_steps() {
        let config = MultVaeConfig { kl_cap: 0.2, kl_anneal: 0.5, ..MultVaeConfig::default() };
        assert_eq!([0.0, 0.25, 0.5, 0.9].map(|p| config.beta(p)), [0.0, 0.1, 0.2, 0.2]);
        assert_eq!(MultVaeConfig { kl_anneal: 0.0, ..config }.beta(0.0), 0.2);
    }
}
