//! AutoRec: an autoencoder of ratings.
//!
//! Sedhain, Menon, Sanner, Xie 2015, "AutoRec: Autoencoders Meet Collaborative Filtering", the user-based variant: an
//! [autoencoder](super::autoencoder) with one hidden layer, r̂ = W σ(V r + μ) + b, whose loss of a user is the squared error of
//! the ratings that there are, ½ Σ (r − r̂)² (eq. 1), with an L2 penalty on V and W: `training.weight_decay`. The user
//! embedding is h = σ(V r + μ).
//!
//! The paper's other variant has items as rows, and nothing to fold the history of a new user into.
//!
//! With `residual`, the network is given what lies beyond the [biases](super::biases) of users and items, and b begins at the
//! items': what little a short history says about its user's taste is then not drowned by what all users like. It is far
//! better on small logs, and not in the paper.

use serde::{Deserialize, Serialize};

use super::autoencoder::{Description, Ratings};
use super::biases::BiasesConfig;
use super::{InputWeights, ModelConfig};
use crate::nn::{Activation, Loss, Objective, Scaling};
use crate::training::TrainingConfig;

/// Parameters of AutoRec; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoRecConfig {
    /// Width of the hidden layer, which is the dimension of user embeddings.
    pub hidden: usize,
    /// f of the hidden layer: a sigmoid in the paper.
    pub activation: Activation,
    /// Probability of dropping a rating of the input during training: 0 in the paper.
    pub dropout: f32,
    /// True when the network is given ratings beyond their biases.
    pub residual: bool,
    /// Ratings of a user that weigh as much as the mean, with `residual`.
    pub user_lambda: f32,
    /// Ratings of an item that weigh as much as the mean, with `residual`.
    pub item_lambda: f32,
    /// Lowest rating there is.
    pub minimum: f32,
    /// Highest rating there is.
    pub maximum: f32,
}

impl Default for AutoRecConfig {
    fn default() -> Self {
        let BiasesConfig { user_lambda, item_lambda, minimum, maximum } = BiasesConfig::default();
        Self {
            hidden: 500,
            activation: Activation::Sigmoid,
            dropout: 0.0,
            residual: false,
            user_lambda,
            item_lambda,
            minimum,
            maximum,
        }
    }
}

impl AutoRecConfig {
    /// The paper's penalty, per user of a batch.
    #[must_use]
    pub fn training() -> TrainingConfig {
        TrainingConfig { weight_decay: 0.03, batch_size: 32, ..TrainingConfig::default() }
    }

    pub(super) fn description(&self) -> Description {
        let objective = Objective { loss: Loss::ObservedSquared, negative_weight: 0.0 };
        let common = Description::of(ModelConfig::AutoRec(self.clone()), self.hidden, objective);
        let Self { user_lambda, item_lambda, minimum, maximum, .. } = *self;
        let biases = BiasesConfig { user_lambda, item_lambda, minimum, maximum };
        Description {
            weights: InputWeights::Use,
            scaling: Scaling::AsIs,
            dropout: self.dropout,
            activation: self.activation,
            ratings: Some(Ratings { biases, residual: self.residual }),
            ..common
        }
    }
}
