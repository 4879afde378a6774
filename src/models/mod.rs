//! Which model, and how does it turn a history into scores? One model, one file, one trait.

mod config;
mod decoder;
mod ease;
mod edlae;
mod elsa;
mod fit;
#[cfg(test)]
mod gradient_check;
mod input;
mod item_item;
mod model;
mod mult_dae;
mod mult_vae;
mod neighbourhood;
mod normalisation;
mod popularity;
mod ranges;
mod sparse_ease;
mod warm;

pub use config::{ModelConfig, UnknownPreset};
pub use ease::EaseConfig;
pub use edlae::EdlaeConfig;
pub use elsa::{Elsa, ElsaConfig, ElsaGradient, ElsaTrainer};
pub use fit::{FitError, Fitted, Observer, Start, Validate, fit, fit_until, fit_with_checkpoints, restore};
pub use input::InputWeights;
pub use item_item::ItemItem;
pub use model::{Draws, InnerProducts, Metric, Model, Query, RestoreError, Space, StoredTensors, Tensor};
pub use mult_dae::{MultDae, MultDaeConfig, MultDaeGradient, MultDaeTrainer};
pub use mult_vae::{MultVae, MultVaeConfig, MultVaeGradient, MultVaeTrainer};
pub use popularity::{Popularity, PopularityConfig};
pub use ranges::check_parameters;
pub use sparse_ease::{SparseEase, SparseEaseConfig};
pub use warm::{ItemChanges, WarmStartError, carry_over, check_shapes};
