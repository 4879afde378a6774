//! Which model, and how does it turn a history into scores? One model, one file, one trait.

mod blend;
mod bspm;
mod config;
mod decoder;
mod ease;
mod edlae;
mod elsa;
mod fit;
mod gf_cf;
#[cfg(test)]
mod gradient_check;
mod graph;
mod input;
mod item_item;
mod low_pass;
mod model;
mod mult_dae;
mod mult_vae;
mod neighbourhood;
mod normalisation;
mod popularity;
mod ranges;
mod sparse_ease;
mod stored;
mod two_hops;
mod warm;
mod whole;

pub use blend::{Blend, BlendConfig, BlendError, BlendPart, search_weights};
pub use bspm::{Bspm, BspmConfig};
pub use config::{ModelConfig, UnknownPreset};
pub use ease::EaseConfig;
pub use edlae::EdlaeConfig;
pub use elsa::{Elsa, ElsaConfig, ElsaGradient, ElsaTrainer};
pub use fit::{FitError, Fitted, Observer, Start, Validate, fit, fit_until, fit_with_checkpoints, restore};
pub use gf_cf::{GfCf, GfCfConfig};
pub use graph::block_of;
pub use input::InputWeights;
pub use item_item::ItemItem;
pub use low_pass::{LowPass, LowPassConfig};
pub use model::{Draws, Indices, InnerProducts, Metric, Model, Query, RestoreError, Space, StoredTensors, Tensor};
pub use mult_dae::{MultDae, MultDaeConfig, MultDaeGradient, MultDaeTrainer};
pub use mult_vae::{MultVae, MultVaeConfig, MultVaeGradient, MultVaeTrainer};
pub use popularity::{Popularity, PopularityConfig};
pub use ranges::check_parameters;
pub use sparse_ease::{SparseEase, SparseEaseConfig};
pub use warm::{ItemChanges, WarmStartError, carry_over, check_shapes};
