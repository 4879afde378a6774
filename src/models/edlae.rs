//! EDLAE: EASE that is kept from overfitting towards the identity by dropout.
//!
//! Steck 2020, "Autoencoders that don't overfit towards the Identity", of full rank: interactions are dropped from the
//! input with probability p, and the expectation over all ways to drop them is minimised. It is the
//! [closed form](super::item_item) with Λ = p / (1 − p) · diag(XᵀX) + λI and ξ = 0. A limit ξ > 0 relaxes the
//! diagonal (RDLAE; for p = 0 RLAE; Moon, Kim, Lee 2023); for ξ = 1 it is a denoising autoencoder without a limit.

use serde::{Deserialize, Serialize};

use super::fit::FitError;
use super::item_item::{ItemItem, Objective};
use super::normalisation::Normalisation;
use super::{InputWeights, ModelConfig};
use crate::interactions::Interactions;

/// Parameters of EDLAE; the defaults did best on a validation part of MovieLens-1M.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdlaeConfig {
    /// Probability p of dropping an input interaction.
    pub dropout: f32,
    /// L2 regularisation λ.
    pub lambda: f32,
    /// The largest weight ξ that an item may give itself: 0 for none, 1 for no limit.
    pub diagonal: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
    /// Power α of a user's number of interactions, by which their row is divided: 0 leaves it as it is.
    pub user_power: f32,
    /// Power β of an item's number of interactions, by which its column is divided: 0 leaves it as it is.
    pub item_power: f32,
}

impl Default for EdlaeConfig {
    fn default() -> Self {
        let (weights, user_power, item_power) = (InputWeights::Binary, 0.0, 0.0);
        Self { dropout: 0.5, lambda: 300.0, diagonal: 0.0, weights, user_power, item_power }
    }
}

impl EdlaeConfig {
    /// Solves for the weights. Memory: one items × items matrix.
    ///
    /// # Errors
    /// [`FitError::NotPositiveDefinite`] when λ is too small for the data.
    pub fn fit(&self, train: &Interactions) -> Result<ItemItem, FitError> {
        let Self { dropout, lambda, diagonal, weights, user_power, item_power } = *self;
        let normalisation = Normalisation { user_power, item_power };
        let objective = Objective { weights, normalisation, lambda, dropout, diagonal };
        ItemItem::solve(ModelConfig::Edlae(self.clone()), &objective, train)
    }
}
