//! Sparse autoencoder: a wide code of which little is active.
//!
//! Ng 2011, "Sparse Autoencoder" (CS294A lecture notes): an [autoencoder](super::autoencoder) with one hidden layer, wider than
//! it would need to be, whose loss has a [penalty](crate::nn::Penalty) on the activity h of the code: either
//! β · Σⱼ KL(ρ ‖ ρ̂ⱼ) with the mean activity ρ̂ⱼ of unit j over the users of a batch, for a sigmoid, or λ · Σⱼ |hⱼ|. A unit then
//! stands for a taste that few users have.

use serde::{Deserialize, Serialize};

use super::autoencoder::Description;
use super::{InputWeights, ModelConfig};
use crate::nn::{Activation, Loss, Objective, Penalty, Sparsity};

/// Parameters of a sparse autoencoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SparseAeConfig {
    /// Width of the code, which is the dimension of user embeddings.
    pub hidden: usize,
    /// f of the code: a sigmoid for `kl`.
    pub activation: Activation,
    /// The penalty, `kl` or `l1`.
    pub sparsity: Sparsity,
    /// β or λ, its weight beside the loss of a user.
    pub sparsity_weight: f32,
    /// ρ, the wished mean activity, for `kl`.
    pub activity: f32,
    /// Probability of dropping an interaction of the input during training.
    pub dropout: f32,
    /// The loss.
    pub loss: Loss,
    /// Weight of items that are not in a history, for losses that have one.
    pub negative_weight: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
}

impl Default for SparseAeConfig {
    fn default() -> Self {
        Self {
            hidden: 1000,
            activation: Activation::Sigmoid,
            sparsity: Sparsity::Kl,
            sparsity_weight: 0.01,
            activity: 0.05,
            dropout: 0.5,
            loss: Loss::Multinomial,
            negative_weight: 1.0,
            weights: InputWeights::Binary,
        }
    }
}

impl SparseAeConfig {
    pub(super) fn description(&self) -> Description {
        let objective = Objective { loss: self.loss, negative_weight: self.negative_weight };
        let common = Description::of(ModelConfig::SparseAe(self.clone()), self.hidden, objective);
        let penalty = Penalty { sparsity: self.sparsity, weight: self.sparsity_weight, activity: self.activity };
        Description {
            weights: self.weights,
            dropout: self.dropout,
            activation: self.activation,
            penalty: Some(penalty),
            ..common
        }
    }
}
