//! Which model, with which parameters: what a preset expands to, a configuration file overrides and
//! an artifact records.

use serde::{Deserialize, Serialize};

use super::{
    BlendConfig, BspmConfig, CompressedElsaConfig, EaseConfig, EdlaeConfig, ElsaConfig, GfCfConfig, LowPassConfig,
    MultDaeConfig, MultVaeConfig, PopularityConfig, RecVaeConfig, SparseEaseConfig,
};
use crate::training::TrainingConfig;

/// A model by name with all its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelConfig {
    /// Most popular items, the same for everyone.
    Popularity(PopularityConfig),
    /// Linear item-item model in closed form.
    Ease(EaseConfig),
    /// EASE with dropout, and with a relaxed diagonal.
    Edlae(EdlaeConfig),
    /// EASE with a bounded number of weights an item.
    SparseEase(SparseEaseConfig),
    /// Linear autoencoder of low rank.
    Elsa(ElsaConfig),
    /// The same with sparse item vectors.
    CompressedElsa(CompressedElsaConfig),
    /// Ideal low-pass filter of the user–item graph.
    LowPass(LowPassConfig),
    /// Two hops on the user–item graph and its low-pass.
    GfCf(GfCfConfig),
    /// The same, sharpened.
    Bspm(BspmConfig),
    /// Variational autoencoder with a multinomial likelihood.
    MultVae(MultVaeConfig),
    /// Denoising autoencoder with a multinomial likelihood.
    MultDae(MultDaeConfig),
    /// Variational autoencoder whose prior remembers, trained by turns.
    RecVae(RecVaeConfig),
    /// Several trained models together; not trained itself, and no preset.
    Blend(BlendConfig),
}

/// A preset name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown model `{name}`; available: {}", ModelConfig::PRESETS.join(", "))]
pub struct UnknownPreset {
    /// The name asked for.
    pub name: String,
}

impl ModelConfig {
    /// The names [`preset`](Self::preset) understands.
    pub const PRESETS: [&'static str; 12] = [
        "popularity",
        "ease",
        "edlae",
        "sparse-ease",
        "elsa",
        "compressed-elsa",
        "low-pass",
        "gf-cf",
        "bspm",
        "mult-vae",
        "mult-dae",
        "rec-vae",
    ];

    /// A model with the parameters of its paper.
    ///
    /// # Errors
    /// [`UnknownPreset`] listing the names that exist.
    pub fn preset(name: &str) -> Result<Self, UnknownPreset> {
        match name {
            "popularity" => Ok(Self::Popularity(PopularityConfig::default())),
            "ease" => Ok(Self::Ease(EaseConfig::default())),
            "edlae" => Ok(Self::Edlae(EdlaeConfig::default())),
            "sparse-ease" => Ok(Self::SparseEase(SparseEaseConfig::default())),
            "elsa" => Ok(Self::Elsa(ElsaConfig::default())),
            "compressed-elsa" => Ok(Self::CompressedElsa(CompressedElsaConfig::default())),
            "low-pass" => Ok(Self::LowPass(LowPassConfig::default())),
            "gf-cf" => Ok(Self::GfCf(GfCfConfig::default())),
            "bspm" => Ok(Self::Bspm(BspmConfig::default())),
            "mult-vae" => Ok(Self::MultVae(MultVaeConfig::default())),
            "mult-dae" => Ok(Self::MultDae(MultDaeConfig::default())),
            "rec-vae" => Ok(Self::RecVae(RecVaeConfig::default())),
            _ => Err(UnknownPreset { name: name.into() }),
        }
    }

    /// The preset's name, which is also how reports and artifacts call the model.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Popularity(_) => "popularity",
            Self::Ease(_) => "ease",
            Self::Edlae(_) => "edlae",
            Self::SparseEase(_) => "sparse-ease",
            Self::Elsa(_) => "elsa",
            Self::CompressedElsa(_) => "compressed-elsa",
            Self::LowPass(_) => "low-pass",
            Self::GfCf(_) => "gf-cf",
            Self::Bspm(_) => "bspm",
            Self::MultVae(_) => "mult-vae",
            Self::MultDae(_) => "mult-dae",
            Self::RecVae(_) => "rec-vae",
            Self::Blend(_) => "blend",
        }
    }

    /// The training that the preset of this model goes with.
    #[must_use]
    pub fn training(&self) -> TrainingConfig {
        match self {
            Self::Elsa(_) => ElsaConfig::training(),
            Self::CompressedElsa(_) => CompressedElsaConfig::training(),
            Self::RecVae(_) => RecVaeConfig::training(),
            _ => TrainingConfig::default(),
        }
    }

    /// True for models that are trained epoch by epoch, and so need users to stop on; false for closed forms and blends.
    #[must_use]
    pub fn is_iterative(&self) -> bool {
        !self.widths().is_empty()
    }

    /// How many parts of the model hold the interactions: once in its file, and by user as well as by item in memory.
    #[must_use]
    pub fn graphs(&self) -> usize {
        match self {
            Self::GfCf(_) | Self::Bspm(_) => 1,
            Self::Blend(blend) => blend.parts.iter().map(|part| part.model.graphs()).sum(),
            _ => 0,
        }
    }

    /// The widths of the layers by their name in the configuration; none for models without layers.
    #[must_use]
    pub fn widths(&self) -> Vec<(&'static str, usize)> {
        match self {
            Self::Popularity(_)
            | Self::Ease(_)
            | Self::Edlae(_)
            | Self::SparseEase(_)
            | Self::LowPass(_)
            | Self::GfCf(_)
            | Self::Bspm(_)
            | Self::Blend(_) => Vec::new(),
            Self::Elsa(elsa) => vec![("model.dimensions", elsa.dimensions)],
            Self::CompressedElsa(elsa) => vec![("model.dimensions", elsa.dimensions), ("model.kept", elsa.kept)],
            Self::MultVae(vae) => vec![("model.hidden", vae.hidden), ("model.latent", vae.latent)],
            Self::MultDae(dae) => vec![("model.hidden", dae.hidden)],
            Self::RecVae(vae) => {
                vec![("model.hidden", vae.hidden), ("model.layers", vae.layers), ("model.latent", vae.latent)]
            }
        }
    }
}
