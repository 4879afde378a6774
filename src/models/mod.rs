//! Which model, and how does it turn a history into scores? One model, one file, one trait.

mod config;
mod ease;
mod fit;
mod model;
mod mult_dae;
mod mult_vae;
mod popularity;

pub use config::{ModelConfig, UnknownPreset};
pub use ease::EaseConfig;
pub use fit::{FitError, Fitted, Observer, fit, restore};
pub use model::{Metric, Model, Query, RestoreError, Space, StoredTensors, Tensor};
pub use mult_dae::MultDaeConfig;
pub use mult_vae::MultVaeConfig;
pub use popularity::{Popularity, PopularityConfig};

use serde::{Deserialize, Serialize};

/// What a model makes of the weights of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputWeights {
    /// Every interaction counts 1, as in the papers on implicit feedback.
    #[default]
    Binary,
    /// The weights of the log are used as they are.
    Use,
}
