//! Which model, and how does it turn a history into scores? One model, one file, one trait.

mod config;
mod decoder;
mod ease;
mod fit;
#[cfg(test)]
mod gradient_check;
mod input;
mod model;
mod mult_dae;
mod mult_vae;
mod popularity;
mod ranges;
mod warm;

pub use config::{ModelConfig, UnknownPreset};
pub use ease::{Ease, EaseConfig};
pub use fit::{FitError, Fitted, Observer, Start, Validate, fit, fit_until, fit_with_checkpoints, restore};
pub use input::InputWeights;
pub use model::{Draws, InnerProducts, Metric, Model, Query, RestoreError, Space, StoredTensors, Tensor};
pub use mult_dae::{MultDae, MultDaeConfig, MultDaeGradient, MultDaeTrainer};
pub use mult_vae::{MultVae, MultVaeConfig, MultVaeGradient, MultVaeTrainer};
pub use popularity::{Popularity, PopularityConfig};
pub use ranges::check_parameters;
pub use warm::{ItemChanges, WarmStartError, carry_over, check_shapes};
