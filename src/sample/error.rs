//! Why no sample was drawn.

use crate::artifact::ArtifactError;
use crate::io::TableError;
use crate::models::ModelConfig;
use crate::nn::Loss;

/// What keeps histories from being drawn.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The model says nothing of how histories come about.
    #[error(
        "model {model} knows no distribution of users to draw from; variational models do: {}",
        ModelConfig::variational().join(", ")
    )]
    NotVariational {
        /// The model's name.
        model: &'static str,
    },
    /// The likelihood is none of which items a history has.
    #[error(
        "model {model} was trained with the loss {}, whose scores are values and no probabilities of items; train it \
         with model.loss = \"multinomial\" or \"bernoulli\"",
        loss.name()
    )]
    NoProbabilities {
        /// The model's name.
        model: &'static str,
        /// Its loss.
        loss: Loss,
    },
    /// More different items than there are.
    #[error("length is {length}, the model has {items} items: give a number between 1 and {items}")]
    Length {
        /// The length asked for.
        length: usize,
        /// Items of the catalogue.
        items: usize,
    },
    /// There is no stored user to take a length or a code from.
    #[error("the model directory holds no history: nothing says how long one is")]
    NoHistories,
    /// A stored history cannot be read.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The log cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
}
