//! Stacked: a deep autoencoder.
//!
//! An [autoencoder](super::autoencoder) of any depth. What it can be given:
//!
//! - *Greedy pre-training* (Bengio, Lamblin, Popovici, Larochelle 2007, "Greedy Layer-Wise Training of Deep Networks"): the
//!   first layer learns to reconstruct histories, each further one the values of the layer below, then all are trained together.
//!   The decoder has to mirror the encoder.
//! - *Tied weights* (Vincent et al. 2010): the decoder has the encoder's matrices, transposed, and half of the parameters.
//! - *Dense re-feeding* (Kuchaiev & Ginsburg 2017, "Training Deep AutoEncoders for Collaborative Filtering", sec. 2.3): scores
//!   are fed in again and have to come out unchanged. They have to be what a history is, so the loss is a squared error and
//!   the input is not scaled; theirs takes a second step, here the gradients of both are added up.
//!
//! The defaults are a network that trains without any of them. Kuchaiev & Ginsburg have SELU, `code_dropout = 0.8`, one
//! re-feeding and `observed-squared`, on ratings.

use serde::{Deserialize, Serialize};

use super::autoencoder::Description;
use super::{InputWeights, ModelConfig};
use crate::nn::{Activation, Loss, Objective, Scaling};

/// Parameters of a stacked autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StackedConfig {
    /// Widths of the encoder's layers; the last is the code, the dimension of user embeddings.
    pub encoder: Vec<usize>,
    /// Widths of the decoder's layers before its output; absent, they mirror the encoder's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Vec<usize>>,
    /// f of all layers but the output.
    pub activation: Activation,
    /// True when the decoder has the encoder's matrices, transposed.
    pub tied: bool,
    /// Probability of dropping an interaction of the input during training.
    pub dropout: f32,
    /// Probability of dropping a value of the code during training.
    pub code_dropout: f32,
    /// What the input is divided by: the norm of a history, or nothing.
    pub scaling: Scaling,
    /// The loss.
    pub loss: Loss,
    /// Weight of items that are not in a history, for losses that have one.
    pub negative_weight: f32,
    /// Times that the scores of a step are fed in again.
    pub refeeding: usize,
    /// Epochs in which each layer of the encoder is trained alone, one number a layer; part of `training.epochs`.
    pub pretraining: Vec<usize>,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for StackedConfig {
    fn default() -> Self {
        Self {
            encoder: vec![600, 200],
            decoder: None,
            activation: Activation::Tanh,
            tied: false,
            dropout: 0.5,
            code_dropout: 0.0,
            scaling: Scaling::UnitNorm,
            loss: Loss::Multinomial,
            negative_weight: 1.0,
            refeeding: 0,
            pretraining: Vec::new(),
            weights: InputWeights::Binary,
        }
    }
}

impl StackedConfig {
    /// Widths of the decoder's layers before its output.
    #[must_use]
    pub fn decoder(&self) -> Vec<usize> {
        self.decoder.clone().unwrap_or_else(|| Description::mirrored(&self.encoder))
    }

    pub(super) fn description(&self) -> Description {
        let objective = Objective { loss: self.loss, negative_weight: self.negative_weight };
        let common = Description::of(ModelConfig::Stacked(self.clone()), 0, objective);
        Description {
            weights: self.weights,
            scaling: self.scaling,
            dropout: self.dropout,
            code_dropout: self.code_dropout,
            encoder: self.encoder.clone(),
            decoder: self.decoder(),
            activation: self.activation,
            tied: self.tied,
            refeeding: self.refeeding,
            pretraining: self.pretraining.clone(),
            ..common
        }
    }
}
