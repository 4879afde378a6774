//! EASE: a linear autoencoder in closed form.
//!
//! Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data". The item-item weights B minimise
//! ‖X − XB‖² + λ‖B‖² under diag(B) = 0: the [closed form](super::item_item) with Λ = λI and ξ = 0. Scores of a
//! history x are x·B. There is no user or item embedding.

use serde::{Deserialize, Serialize};

use super::fit::FitError;
use super::item_item::{ItemItem, Objective};
use super::normalisation::Normalisation;
use super::{InputWeights, ModelConfig};
use crate::interactions::Interactions;

/// Parameters of EASE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EaseConfig {
    /// L2 regularisation λ.
    pub lambda: f32,
    /// What the model makes of the weights of a history.
    pub weights: InputWeights,
    /// Power α of a user's number of interactions, by which their row is divided: 0 leaves it as it is.
    pub user_power: f32,
    /// Power β of an item's number of interactions, by which its column is divided: 0 leaves it as it is.
    pub item_power: f32,
}

impl Default for EaseConfig {
    fn default() -> Self {
        Self { lambda: 500.0, weights: InputWeights::Binary, user_power: 0.0, item_power: 0.0 }
    }
}

impl EaseConfig {
    /// Solves for the weights. Memory: one items × items matrix.
    ///
    /// # Errors
    /// [`FitError::NotPositiveDefinite`] when λ is too small for the data.
    pub fn fit(&self, train: &Interactions) -> Result<ItemItem, FitError> {
        let Self { lambda, weights, user_power, item_power } = *self;
        let normalisation = Normalisation { user_power, item_power };
        let objective = Objective { weights, normalisation, lambda, dropout: 0.0, diagonal: 0.0 };
        ItemItem::solve(ModelConfig::Ease(self.clone()), &objective, train)
    }
}
