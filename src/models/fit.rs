//! From a configuration and interactions, or stored tensors, to a model.

use std::time::Instant;

use super::model::{Model, RestoreError, StoredTensors};
use super::{Ease, ModelConfig, MultDae, MultDaeTrainer, MultVae, MultVaeTrainer, Popularity};
use crate::interactions::Interactions;
use crate::training::{Diverged, EpochReport, Network, TrainingConfig, TrainingSummary, Watch, run};

/// A function that scores a model on held-out users.
pub type Validate<'a> = dyn FnMut(&dyn Model) -> f64 + 'a;

/// What the weights of an iterative model are before its first step.
#[derive(Debug, Default)]
pub enum Start {
    /// Random, drawn from the seed.
    #[default]
    Random,
    /// Those of an earlier model, its items renumbered as in the new catalogue. Schedules are at their
    /// end from the first step on: a code that was annealed once is not set free again.
    Weights(StoredTensors),
}

/// The caller's side of a training run.
pub struct Observer<'a> {
    /// Scores a candidate model on validation users: higher is better (NDCG@100). `None`: no
    /// validation, the last epoch is kept.
    pub validate: Option<&'a mut Validate<'a>>,
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
    /// The model has no steps, so there is nothing to continue.
    #[error("{model} is solved in closed form: there is no earlier model to continue from, train it anew")]
    ClosedForm {
        /// The model's name.
        model: &'static str,
    },
    /// The weights to start from are not those of this model.
    #[error("cannot start from the weights given: {0}")]
    Start(#[from] RestoreError),
    /// The matrix of a closed-form model is not positive definite.
    #[error(
        "the regularised Gram matrix is not positive definite at item index {item}; raise `model.lambda` (now {lambda})"
    )]
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
/// [`FitError`] for parameters out of range, too little data, weights that do not fit, or divergence.
pub fn fit(
    config: &ModelConfig,
    training: &TrainingConfig,
    train: &Interactions,
    start: Start,
    observer: Observer<'_>,
) -> Result<Fitted, FitError> {
    check_parameters(config, training)?;
    let users = train.histories().filter(|history| !history.is_empty()).count();
    if users < 2 || train.items() < 2 {
        return Err(FitError::TooSmall { users, items: train.items(), interactions: train.len() });
    }
    let items = train.items();
    let (weights, schedules_from) = match start {
        Start::Random => (None, 0.0),
        Start::Weights(weights) => (Some(weights), 1.0),
    };
    match config {
        ModelConfig::Popularity(_) | ModelConfig::Ease(_) if weights.is_some() => {
            Err(FitError::ClosedForm { model: config.name() })
        }
        ModelConfig::Popularity(_) => Ok(closed_form(Instant::now(), Popularity::fit(train))),
        ModelConfig::Ease(config) => {
            let started = Instant::now();
            Ok(closed_form(started, Ease::fit(config, train)?))
        }
        ModelConfig::MultVae(config) => {
            let model = match weights {
                None => MultVae::new(config, items, training.seed),
                Some(mut weights) => MultVae::restore(config, items, &mut weights)?,
            };
            iterate(MultVaeTrainer::new(model), training, train, schedules_from, observer)
        }
        ModelConfig::MultDae(config) => {
            let model = match weights {
                None => MultDae::new(config, items, training.seed),
                Some(mut weights) => MultDae::restore(config, items, &mut weights)?,
            };
            iterate(MultDaeTrainer::new(model), training, train, schedules_from, observer)
        }
    }
}

fn closed_form(started: Instant, model: impl Model + 'static) -> Fitted {
    let summary = TrainingSummary { seconds: started.elapsed().as_secs_f64(), ..TrainingSummary::default() };
    Fitted { model: Box::new(model), summary }
}

fn iterate<N>(
    network: N,
    training: &TrainingConfig,
    train: &Interactions,
    schedules_from: f64,
    observer: Observer<'_>,
) -> Result<Fitted, FitError>
where
    N: Network,
    N::Weights: Model + 'static,
{
    let Observer { validate, epoch, step } = observer;
    let mut adapted = validate.map(|validate| move |weights: &N::Weights| validate(weights));
    let validate = adapted.as_mut().map(|validate| validate as &mut dyn FnMut(&N::Weights) -> f64);
    let (model, summary) = run(network, training, train, schedules_from, Watch { validate, epoch, step })
        .map_err(|Diverged { what, epoch, step }| FitError::Diverged { what: what.into(), epoch, step })?;
    Ok(Fitted { model: Box::new(model), summary })
}

/// Refuses parameters that cannot be meant, each with its name, value and range.
///
/// # Errors
/// [`FitError::Parameter`] for the first one.
pub fn check_parameters(config: &ModelConfig, training: &TrainingConfig) -> Result<(), FitError> {
    let require = |parameter, value: f64, ok: bool, range| {
        if ok { Ok(()) } else { Err(FitError::Parameter { parameter, value: value.to_string(), range }) }
    };
    let width =
        |parameter, value: usize| require(parameter, value as f64, (1..=65_536).contains(&value), "from 1 to 65536");
    let fraction = |parameter, value: f32, ok: bool, range| require(parameter, f64::from(value), ok, range);
    let dropout = |value: f32| fraction("model.dropout", value, (0.0..1.0).contains(&value), "at least 0 and below 1");
    match config {
        ModelConfig::Popularity(_) => return Ok(()),
        ModelConfig::Ease(ease) => {
            let ok = ease.lambda > 0.0 && ease.lambda.is_finite();
            return fraction("model.lambda", ease.lambda, ok, "a finite number greater than 0");
        }
        ModelConfig::MultVae(vae) => {
            width("model.hidden", vae.hidden)?;
            width("model.latent", vae.latent)?;
            dropout(vae.dropout)?;
            let cap = vae.kl_cap;
            fraction("model.kl_cap", cap, cap >= 0.0 && cap.is_finite(), "a finite number of at least 0")?;
            fraction("model.kl_anneal", vae.kl_anneal, (0.0..=1.0).contains(&vae.kl_anneal), "from 0 to 1")?;
        }
        ModelConfig::MultDae(dae) => {
            width("model.hidden", dae.hidden)?;
            dropout(dae.dropout)?;
        }
    }
    let count = |parameter, value: usize| require(parameter, value as f64, value >= 1, "at least 1");
    let epochs = training.epochs;
    require("training.epochs", epochs as f64, (1..=1_000_000).contains(&epochs), "from 1 to 1000000")?;
    count("training.batch_size", training.batch_size)?;
    count("training.validate_every", training.validate_every)?;
    count("training.patience", training.patience)?;
    count("training.shards", training.shards)?;
    let (rate, decay) = (training.learning_rate, training.weight_decay);
    fraction("training.learning_rate", rate, rate > 0.0 && rate.is_finite(), "a finite number greater than 0")?;
    fraction("training.weight_decay", decay, decay >= 0.0 && decay.is_finite(), "a finite number of at least 0")
}

/// Restores a model of `items` items from its stored tensors.
///
/// # Errors
/// [`RestoreError`] when tensors are missing, misshapen, not finite or superfluous.
pub fn restore(config: &ModelConfig, items: usize, mut tensors: StoredTensors) -> Result<Box<dyn Model>, RestoreError> {
    let model: Box<dyn Model> = match config {
        ModelConfig::Popularity(_) => Box::new(Popularity::restore(items, &mut tensors)?),
        ModelConfig::Ease(config) => Box::new(Ease::restore(config, items, &mut tensors)?),
        ModelConfig::MultVae(config) => Box::new(MultVae::restore(config, items, &mut tensors)?),
        ModelConfig::MultDae(config) => Box::new(MultDae::restore(config, items, &mut tensors)?),
    };
    tensors.finish()?;
    Ok(model)
}
