//! CDAE: a collaborative denoising autoencoder.
//!
//! Wu, DuBois, Zheng, Ester 2016, "Collaborative Denoising Auto-Encoders for Top-N Recommender Systems": an
//! [autoencoder](super::autoencoder) with one hidden layer, z = σ(W x̃ + Vᵤ + b), ŷ = W′ z + b′ (eq. 3 and 4), where x̃ is the
//! history with interactions dropped and the others scaled by 1 / (1 − q). The loss of a user is a binary cross-entropy or a
//! squared error. Where the paper draws some items that are not in the history, all of them count here, each with
//! `negative_weight`: the same in expectation, without the noise.
//!
//! Vᵤ is a node of the user's own. It **breaks the promise of folding in**: nobody who was not trained on has one. So
//! `user_nodes` is off unless asked for; with it, training has the nodes, and every history that is folded in, that of a
//! training user too, has their mean.

use serde::{Deserialize, Serialize};

use super::autoencoder::Description;
use super::{InputWeights, ModelConfig};
use crate::nn::{Activation, Loss, Objective, Scaling};
use crate::training::TrainingConfig;

/// Parameters of CDAE; the defaults are the paper's, without nodes of users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CdaeConfig {
    /// Width of the hidden layer, which is the dimension of user embeddings.
    pub hidden: usize,
    /// f of the hidden layer.
    pub activation: Activation,
    /// q, the probability of dropping an interaction of the input during training.
    pub dropout: f32,
    /// The loss: `bernoulli` or `squared` in the paper.
    pub loss: Loss,
    /// Weight of items that are not in a history. Five are drawn for each that is in it in the paper, of thousands.
    pub negative_weight: f32,
    /// True when every training user has a node, which folding in does without.
    pub user_nodes: bool,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for CdaeConfig {
    fn default() -> Self {
        Self {
            hidden: 50,
            activation: Activation::Sigmoid,
            dropout: 0.2,
            loss: Loss::Bernoulli,
            negative_weight: 0.1,
            user_nodes: false,
            weights: InputWeights::Binary,
        }
    }
}

impl CdaeConfig {
    /// A faster rate than other networks have: until units have found their items, all of them follow popularity.
    #[must_use]
    pub fn training() -> TrainingConfig {
        TrainingConfig { learning_rate: 5e-3, patience: 15, ..TrainingConfig::default() }
    }

    pub(super) fn description(&self) -> Description {
        let objective = Objective { loss: self.loss, negative_weight: self.negative_weight };
        let common = Description::of(ModelConfig::Cdae(self.clone()), self.hidden, objective);
        Description {
            weights: self.weights,
            scaling: Scaling::AsIs,
            dropout: self.dropout,
            activation: self.activation,
            user_nodes: self.user_nodes,
            ..common
        }
    }
}
