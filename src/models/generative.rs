//! How variational models say that histories come about.

use serde::{Deserialize, Serialize};

use super::ModelConfig;
use crate::nn::Loss;

/// Where codes z come from when nobody is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeSource {
    /// The standard normal distribution: z ~ N(0, I).
    Standard,
    /// What the encoder says of histories x of the data: z ~ q(z | x), the aggregated posterior.
    Posterior,
}

/// A model of how histories come about: a code z is drawn, and from its scores a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generative {
    /// Where codes come from, by the prior that the model was trained with.
    pub codes: CodeSource,
    /// What scores say of a history.
    pub likelihood: Loss,
}

impl ModelConfig {
    /// How histories come about according to the model; `None` for models that say nothing of it, which are all but the
    /// [variational](Self::variational) ones.
    ///
    /// The prior of RecVAE is one of each history, most of it what an earlier encoder said of that very history, which the
    /// posteriors of the data stand for. Its wide part makes outliers cheap and describes nobody: with a tenth of the
    /// dimensions at a deviation of e⁵ a softmax is one item.
    #[must_use]
    pub fn generative(&self) -> Option<Generative> {
        match self {
            Self::MultVae(vae) => Some(Generative { codes: CodeSource::Standard, likelihood: vae.loss }),
            Self::RecVae(vae) => Some(Generative { codes: CodeSource::Posterior, likelihood: vae.loss }),
            _ => None,
        }
    }

    /// The presets whose models have a prior and know how uncertain they are of a user.
    #[must_use]
    pub fn variational() -> Vec<&'static str> {
        let generative = |name: &&str| Self::preset(name).is_ok_and(|model| model.generative().is_some());
        Self::PRESETS.into_iter().filter(generative).collect()
    }
}
