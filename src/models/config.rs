//! Which model, with which parameters: what a preset expands to, a configuration file overrides and
//! an artifact records.

use serde::{Deserialize, Serialize};

use super::{
    AutoRecConfig, BiasesConfig, BlendConfig, BspmConfig, CdaeConfig, CompressedElsaConfig, Description, EaseConfig,
    EdlaeConfig, ElsaConfig, GfCfConfig, LowPassConfig, MultDaeConfig, MultVaeConfig, PopularityConfig, RecVaeConfig,
    SparseAeConfig, SparseEaseConfig, StackedConfig,
};
use crate::nn::{Activation, Loss};
use crate::training::TrainingConfig;

/// A model by name with all its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModelConfig {
    /// Most popular items, the same for everyone.
    Popularity(PopularityConfig),
    /// What ratings are expected from the means of user and item alone.
    Biases(BiasesConfig),
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
    /// Autoencoder of ratings.
    AutoRec(AutoRecConfig),
    /// Denoising autoencoder with a pointwise loss.
    Cdae(CdaeConfig),
    /// Autoencoder of any depth.
    Stacked(StackedConfig),
    /// Autoencoder with a wide code of which little is active.
    SparseAe(SparseAeConfig),
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
    pub const PRESETS: [&'static str; 17] = [
        "popularity",
        "biases",
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
        "auto-rec",
        "cdae",
        "stacked",
        "sparse-ae",
    ];

    /// A model with the parameters of its paper.
    ///
    /// # Errors
    /// [`UnknownPreset`] listing the names that exist.
    pub fn preset(name: &str) -> Result<Self, UnknownPreset> {
        match name {
            "popularity" => Ok(Self::Popularity(PopularityConfig::default())),
            "biases" => Ok(Self::Biases(BiasesConfig::default())),
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
            "auto-rec" => Ok(Self::AutoRec(AutoRecConfig::default())),
            "cdae" => Ok(Self::Cdae(CdaeConfig::default())),
            "stacked" => Ok(Self::Stacked(StackedConfig::default())),
            "sparse-ae" => Ok(Self::SparseAe(SparseAeConfig::default())),
            _ => Err(UnknownPreset { name: name.into() }),
        }
    }

    /// The preset's name, which is also how reports and artifacts call the model.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Popularity(_) => "popularity",
            Self::Biases(_) => "biases",
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
            Self::AutoRec(_) => "auto-rec",
            Self::Cdae(_) => "cdae",
            Self::Stacked(_) => "stacked",
            Self::SparseAe(_) => "sparse-ae",
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
            Self::AutoRec(_) => AutoRecConfig::training(),
            Self::Cdae(_) => CdaeConfig::training(),
            _ => TrainingConfig::default(),
        }
    }

    /// True for models that are trained epoch by epoch, and so need users to stop on; false for closed forms and blends.
    #[must_use]
    pub fn is_iterative(&self) -> bool {
        !self.widths().is_empty()
    }

    /// True for models that learn from ratings and expect some; of a blend, when a part does.
    #[must_use]
    pub fn expects_ratings(&self) -> bool {
        match self {
            Self::AutoRec(_) | Self::Biases(_) => true,
            Self::Blend(blend) => blend.parts.iter().any(|part| part.model.expects_ratings()),
            _ => false,
        }
    }

    /// Lowest and highest rating of a model of ratings; `None` for others.
    #[must_use]
    pub fn rating_scale(&self) -> Option<(f32, f32)> {
        match self {
            Self::AutoRec(AutoRecConfig { minimum, maximum, .. })
            | Self::Biases(BiasesConfig { minimum, maximum, .. }) => Some((*minimum, *maximum)),
            _ => None,
        }
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

    /// What autoencoders are by their description; `None` for other models.
    #[must_use]
    pub fn autoencoder(&self) -> Option<Description> {
        match self {
            Self::MultDae(config) => Some(config.description()),
            Self::AutoRec(config) => Some(config.description()),
            Self::Cdae(config) => Some(config.description()),
            Self::Stacked(config) => Some(config.description()),
            Self::SparseAe(config) => Some(config.description()),
            _ => None,
        }
    }

    /// What the scores of a code say of a history, p(x | z), in variational models: those that know how uncertain they are
    /// of a user, and can make one up. `None` for other models.
    #[must_use]
    pub fn likelihood(&self) -> Option<Loss> {
        match self {
            Self::MultVae(MultVaeConfig { loss, .. }) | Self::RecVae(RecVaeConfig { loss, .. }) => Some(*loss),
            _ => None,
        }
    }

    /// The presets of variational models.
    #[must_use]
    pub fn variational() -> Vec<&'static str> {
        let variational = |name: &&str| Self::preset(name).is_ok_and(|model| model.likelihood().is_some());
        Self::PRESETS.into_iter().filter(variational).collect()
    }

    /// The widths of the layers by their name in the configuration; none for models without layers.
    #[must_use]
    pub fn widths(&self) -> Vec<(&'static str, usize)> {
        match self {
            Self::Popularity(_)
            | Self::Biases(_)
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
            Self::MultDae(MultDaeConfig { hidden, .. })
            | Self::AutoRec(AutoRecConfig { hidden, .. })
            | Self::Cdae(CdaeConfig { hidden, .. })
            | Self::SparseAe(SparseAeConfig { hidden, .. }) => vec![("model.hidden", *hidden)],
            Self::Stacked(stacked) => {
                let encoder = stacked.encoder.iter().map(|&width| ("model.encoder", width));
                encoder.chain(stacked.decoder().into_iter().map(|width| ("model.decoder", width))).collect()
            }
            Self::RecVae(vae) => {
                vec![("model.hidden", vae.hidden), ("model.layers", vae.layers), ("model.latent", vae.latent)]
            }
        }
    }

    /// What the weights of an iterative model mean nothing without, by name in the configuration: widths, and what a layer
    /// does to its values.
    #[must_use]
    pub fn shape(&self) -> Vec<(&'static str, String)> {
        let said = |activation: &Activation| ("model.activation", format!("{activation:?}").to_lowercase());
        let mut shape: Vec<(&'static str, String)> = match self {
            Self::Stacked(stacked) => {
                let [encoder, decoder] = [&stacked.encoder, &stacked.decoder()].map(|widths| format!("{widths:?}"));
                vec![("model.encoder", encoder), ("model.decoder", decoder), ("model.tied", stacked.tied.to_string())]
            }
            _ => self.widths().into_iter().map(|(name, width)| (name, width.to_string())).collect(),
        };
        match self {
            Self::RecVae(RecVaeConfig { activation, .. })
            | Self::AutoRec(AutoRecConfig { activation, .. })
            | Self::Cdae(CdaeConfig { activation, .. })
            | Self::Stacked(StackedConfig { activation, .. })
            | Self::SparseAe(SparseAeConfig { activation, .. }) => shape.push(said(activation)),
            _ => {}
        }
        shape
    }
}
