//! RecVAE: a variational autoencoder whose prior remembers, trained by turns.
//!
//! Shenbin, Alekseev, Tutubalina, Malykh, Nikolenko 2020, "RecVAE: a New Variational Autoencoder for Top-N
//! Recommendations with Implicit Feedback".
//!
//! A history x is scaled to unit norm and corrupted by dropout, then
//!
//! ```text
//! hₗ = LN(f(Wₗ hₗ₋₁ + bₗ + h₁ + … + hₗ₋₁)), h₀ = x     hidden each: the encoder, see [`Stack`]
//! μ, log σ² = V h + c                                  latent each: the user embedding is μ
//! z  = μ + ε·σ                                         in training; z = μ when serving
//! s  = U z + d                                         one score an item: the decoder
//! ```
//!
//! and the loss of a user is −Σᵢ xᵢ log softmaxᵢ(s) + γ · Σᵢ xᵢ · (log q(z) − log p(z)), the mean over a batch: the longer a
//! history, the more its code is held to the prior. That is a [`CompositePrior`], a mixture of what the encoder said a round
//! ago, of a standard and of a wide normal distribution.
//!
//! A round of training is some epochs that move the encoder alone, then some that move the decoder alone, on histories
//! without dropout; between them the encoder is remembered for the prior.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::decoder::{stored_dense, to_items};
use super::encoder::{Encoder, EncoderGradient, EncoderShape};
use super::linear_decoder::{Code, LinearDecoder};
use super::model::{InnerProducts, RestoreError, StoredTensors, Tensor};
use super::{InputWeights, ModelConfig};
use crate::interactions::HistoryRef;
use crate::linalg::{ColumnsMut, at_least};
use crate::nn::{
    Activation, CompositePrior, Dense, Gaussian, GradientRef, Loss, Objective, Sample, StackShape, gaussian_sample,
};
use crate::training::{Gradient, Network, Shard, TrainingConfig};

/// Parameters of RecVAE; the defaults are the paper's for MovieLens-20M.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecVaeConfig {
    /// Width of the encoder's layers.
    pub hidden: usize,
    /// Number of the encoder's layers.
    pub layers: usize,
    /// f, what a layer does to each of its values.
    pub activation: Activation,
    /// Width of the code, which is the dimension of user and item embeddings.
    pub latent: usize,
    /// Probability of dropping an input interaction while the encoder is trained.
    pub dropout: f32,
    /// Weight γ of the divergence from the prior, for each interaction of a history.
    pub gamma: f32,
    /// Share of the earlier posterior in the prior; what it and `prior_wide` leave is the standard normal distribution's.
    pub prior_old: f32,
    /// Share of the wide normal distribution in the prior.
    pub prior_wide: f32,
    /// Logarithm of the wide one's variance.
    pub wide_log_variance: f32,
    /// Epochs of a round that train the encoder.
    pub encoder_epochs: usize,
    /// Epochs of a round that train the decoder.
    pub decoder_epochs: usize,
    /// The likelihood: multinomial in the paper.
    pub loss: Loss,
    /// Weight of items that are not in a history, for losses that have one.
    pub negative_weight: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for RecVaeConfig {
    fn default() -> Self {
        Self {
            hidden: 600,
            layers: 5,
            activation: Activation::Swish,
            latent: 200,
            dropout: 0.5,
            gamma: 0.005,
            prior_old: 0.75,
            prior_wide: 0.1,
            wide_log_variance: 10.0,
            encoder_epochs: 3,
            decoder_epochs: 1,
            loss: Loss::Multinomial,
            negative_weight: 1.0,
            weights: InputWeights::Binary,
        }
    }
}

/// The half of the network that an epoch trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Encoder,
    Decoder,
}

impl RecVaeConfig {
    /// The authors' training: 50 rounds of four epochs, validated at the end of each. A small log has few steps an epoch, and
    /// wants more rounds or smaller batches.
    #[must_use]
    pub fn training() -> TrainingConfig {
        let common = TrainingConfig::default();
        TrainingConfig { learning_rate: 5e-4, batch_size: 500, epochs: 200, validate_every: 4, ..common }
    }

    /// Which half is trained in an epoch, from 1.
    fn half(&self, epoch: u64) -> Half {
        let (encoder, decoder) = (self.encoder_epochs as u64, self.decoder_epochs as u64);
        if (epoch - 1) % (encoder + decoder) < encoder { Half::Encoder } else { Half::Decoder }
    }

    fn shape(&self, items: usize) -> EncoderShape {
        /// ε of the normalisations, as in the authors' code.
        const EPSILON: f32 = 0.1;
        let (width, depth, activation) = (self.hidden, self.layers, self.activation);
        EncoderShape { items, layers: StackShape { width, depth, activation, epsilon: EPSILON }, latent: self.latent }
    }

    fn prior(&self) -> CompositePrior {
        CompositePrior { old: self.prior_old, wide: self.prior_wide, wide_log_variance: self.wide_log_variance }
    }
}

/// A RecVAE.
#[derive(Clone, Debug, PartialEq)]
pub struct RecVae {
    config: RecVaeConfig,
    encoder: Encoder,
    /// U, d: latent → items.
    output: Dense,
}

impl RecVae {
    /// A model with random weights for a catalogue of `items`.
    #[must_use]
    pub fn new(config: &RecVaeConfig, items: usize, seed: u64) -> Self {
        let output = Dense::new((config.latent, items), seed, 4);
        Self { config: config.clone(), encoder: Encoder::new(config.shape(items), seed), output }
    }

    /// Restores a model from the tensors that [`LinearDecoder::tensors`] lists.
    ///
    /// # Errors
    /// [`RestoreError`] when a tensor is not usable.
    pub fn restore(config: &RecVaeConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let encoder = Encoder::restore(config.shape(items), tensors)?;
        let output = stored_dense(tensors, ["output.items", "output.bias"], (config.latent, items))?;
        Ok(Self { config: config.clone(), encoder, output })
    }
}

impl LinearDecoder for RecVae {
    fn model(&self) -> ModelConfig {
        ModelConfig::RecVae(self.config.clone())
    }

    fn layer(&self) -> &'static str {
        "latent"
    }

    fn dimensions(&self) -> usize {
        self.config.latent
    }

    fn code(&self, histories: &[HistoryRef<'_>]) -> Code {
        Code::Gaussians(self.encoder.forward(&self.config.weights.batch(histories)).1)
    }

    fn output(&self) -> InnerProducts<'_> {
        to_items(&self.output)
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        let output = [
            Tensor::matrix("output.items", &self.output.weights, self.output.inputs()).by_item(),
            Tensor::vector("output.bias", &self.output.bias).by_item(),
        ];
        self.encoder.tensors().into_iter().chain(output).collect()
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        let Self { encoder, output, .. } = self;
        let output = [&mut output.weights, &mut output.bias];
        encoder.values_mut().into_iter().chain(output).map(Vec::as_mut_slice).collect()
    }
}

/// The gradient of one half of a [`RecVae`]; what is there for the other half means nothing.
pub struct RecVaeGradient {
    half: Half,
    encoder: EncoderGradient,
    output: Dense,
}

impl Gradient for RecVaeGradient {
    fn add(&mut self, other: &Self) {
        match self.half {
            Half::Encoder => self.encoder.add(&other.encoder),
            Half::Decoder => self.output.add(&other.output),
        }
    }

    fn parts(&self) -> Vec<GradientRef<'_>> {
        let output = [&self.output.weights, &self.output.bias].map(|values| GradientRef::Dense(values));
        self.encoder.parts().into_iter().chain(output).collect()
    }
}

/// A [`RecVae`] under training: the weights, the encoder of the round before and the logits of a shard.
pub struct RecVaeTrainer {
    model: RecVae,
    old: Encoder,
    /// items × users of a shard; kept, because it is the largest buffer of a step.
    logits: Vec<f32>,
}

impl RecVaeTrainer {
    /// Starts from a model's weights, which are those of the round before too.
    #[must_use]
    pub fn new(model: RecVae) -> Self {
        Self { logits: Vec::new(), old: model.encoder.clone(), model }
    }
}

impl Network for RecVaeTrainer {
    type Weights = RecVae;
    type Gradient = RecVaeGradient;

    fn weights(&self) -> &RecVae {
        &self.model
    }

    fn weights_mut(&mut self) -> &mut RecVae {
        &mut self.model
    }

    fn new_gradient(&self) -> RecVaeGradient {
        let RecVae { config, output, .. } = &self.model;
        RecVaeGradient {
            half: Half::Encoder,
            encoder: EncoderGradient::zeros(config.shape(output.outputs())),
            output: Dense::zeros((output.inputs(), output.outputs())),
        }
    }

    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut RecVaeGradient) -> f64 {
        let RecVae { config, encoder, output } = &self.model;
        let (users, latent, items) = (shard.users.len(), config.latent, output.outputs());
        let scale = 1.0 / shard.batch_users as f32;
        gradient.half = config.half(shard.epoch);

        // Forward. While the decoder is trained, the encoder of the round before is the encoder itself.
        let whole = config.weights.batch(&shard.histories);
        let (batch, old) = match gradient.half {
            Half::Encoder => (config.weights.corrupted_batch(shard, config.dropout), Some(self.old.forward(&whole).1)),
            Half::Decoder => (whole, None),
        };
        let (layers, code) = encoder.forward(&batch);
        let posterior = Gaussian { parameters: (&code).into() };
        let (mut noise, mut z) = (DMatrix::zeros(latent, users), DMatrix::zeros(latent, users));
        gaussian_sample(posterior, |user| shard.stream_of(user), (&mut noise).into(), (&mut z).into());
        let old = Gaussian { parameters: old.as_ref().unwrap_or(&code).into() };
        let sample = Sample { posterior, old, noise: (&noise).into(), z: (&z).into() };
        let mut logits = ColumnsMut::new(at_least(&mut self.logits, items * users), (items, users));
        output.logits((&z).into(), logits.reborrow());

        // Loss; the logits become their gradient.
        let targets = config.weights.targets(shard);
        let objective = Objective { loss: config.loss, negative_weight: config.negative_weight };
        let fit = objective.loss(logits.reborrow(), |user| targets.row(user), scale);
        let held = |&history: &HistoryRef<'_>| {
            let interactions: f64 = config.weights.of(history).map(f64::from).sum();
            (f64::from(config.gamma) * interactions) as f32
        };
        let held: Vec<f32> = shard.histories.iter().map(held).collect();
        let loss = fit + config.prior().divergence(sample, &held);

        // Backward, through the half that moves.
        let delta = logits.as_ref();
        match gradient.half {
            Half::Decoder => output.backward((&z).into(), delta, &mut gradient.output),
            Half::Encoder => {
                let held: Vec<f32> = held.iter().map(|weight| scale * weight).collect();
                let (mut dz, mut dcode) = (DMatrix::zeros(latent, users), DMatrix::zeros(2 * latent, users));
                output.backward_input(delta, (&mut dz).into());
                config.prior().backward(sample, &held, (&mut dz).into(), (&mut dcode).into());
                encoder.backward(&batch, &layers, &dcode, &mut gradient.encoder);
            }
        }
        loss
    }

    fn begin_epoch(&mut self, epoch: u64) {
        if self.model.config.half(epoch) == Half::Decoder {
            let encoder = self.model.encoder.tensors();
            self.old.values_mut().into_iter().zip(encoder).for_each(|(old, now)| old.copy_from_slice(now.data));
        }
    }

    fn moves(&self, tensor: usize, epoch: u64) -> bool {
        let half = if tensor < Encoder::TENSORS { Half::Encoder } else { Half::Decoder };
        self.model.config.half(epoch) == half
    }

    fn carried(&self) -> Vec<(&'static str, &[f32])> {
        self.old.tensors().into_iter().map(|tensor| (tensor.name, tensor.data)).collect()
    }

    fn carried_mut(&mut self) -> Vec<&mut [f32]> {
        self.old.values_mut().into_iter().map(Vec::as_mut_slice).collect()
    }
}

#[cfg(test)]
#[path = "rec_vae_tests.rs"]
mod tests;
