//! From a configuration and interactions, or stored tensors, to a model.

use std::ops::ControlFlow;
use std::time::Instant;

use super::model::{Model, RestoreError, StoredTensors};
use super::ranges::check_parameters;
use super::{
    Autoencoder, AutoencoderTrainer, Biases, Blend, Bspm, CompressedElsa, CompressedElsaTrainer, Description,
    EaseConfig, EdlaeConfig, Elsa, ElsaTrainer, GfCf, ItemItem, LowPass, ModelConfig, MultVae, MultVaeTrainer,
    Popularity, RecVae, RecVaeTrainer, SparseEase, WarmStartError,
};
use crate::interactions::Interactions;
use crate::linalg::{EigenError, instructions};
use crate::training::{
    CheckpointError, Checkpoints, Diverged, EpochReport, Network, Plan, TrainingConfig, TrainingError, TrainingSummary,
    Watch, run,
};

/// A function that scores a model on held-out users.
pub type Validate<'a> = dyn FnMut(&dyn Model) -> f64 + 'a;

/// A function that says after an epoch whether the run is to end there.
pub type Stop<'a> = dyn FnMut(&EpochReport) -> bool + 'a;

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
#[derive(Debug, thiserror::Error)]
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
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// A checkpoint cannot be continued or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The settings cannot be written down, to be compared with those of a checkpoint.
    #[error("the settings cannot be noted in a checkpoint: {0}")]
    Settings(#[from] serde_json::Error),
    /// The model cannot be continued.
    #[error(transparent)]
    WarmStart(#[from] WarmStartError),
    /// The weights to start from are not those of this model.
    #[error("cannot start from the weights given: {0}")]
    Start(#[from] RestoreError),
    /// Ratings that there should not be.
    #[error(
        "{outside} of {ratings} ratings are outside the scale from model.minimum = {minimum} to model.maximum = {maximum}, the \
         first is {first}: correct the log, or the scale"
    )]
    Scale {
        /// Ratings outside.
        outside: usize,
        /// All ratings.
        ratings: usize,
        /// The first one outside.
        first: f32,
        /// Lowest rating declared.
        minimum: f32,
        /// Highest rating declared.
        maximum: f32,
    },
    /// Ratings that say nothing.
    #[error(
        "all ratings are {value}: a model of ratings needs some that differ; name their column with --weight-column"
    )]
    ConstantRatings {
        /// The one rating.
        value: f32,
    },
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
    /// More singular vectors are asked for than the interactions have.
    #[error(
        "model.rank is {asked}, and the normalised interactions have rank {rank}: lower model.rank to that or less"
    )]
    Rank {
        /// Singular vectors asked for.
        asked: usize,
        /// The most that there are.
        rank: usize,
    },
    /// A blend has no training of its own.
    #[error("a blend is made of models that are trained already: see `foldin blend`")]
    Blend,
    /// The singular vectors cannot be computed.
    #[error("the singular vectors of the interactions cannot be computed: {0}; are weights of the log far too large?")]
    Spectrum(EigenError),
}

impl From<TrainingError> for FitError {
    fn from(error: TrainingError) -> Self {
        match error {
            TrainingError::Diverged(diverged) => diverged.into(),
            TrainingError::Checkpoint(error) => error.into(),
        }
    }
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
    fit_from(config, training, train, start, (None, Watched { observer, stop: None }))
}

/// The same, until `stop` says after an epoch that it is enough: the best weights until then are kept. Closed-form models
/// have no epochs, and do not ask.
///
/// # Errors
/// As [`fit`].
pub fn fit_until(
    config: &ModelConfig,
    training: &TrainingConfig,
    train: &Interactions,
    start: Start,
    observer: Observer<'_>,
    stop: &mut Stop<'_>,
) -> Result<Fitted, FitError> {
    fit_from(config, training, train, start, (None, Watched { observer, stop: Some(stop) }))
}

/// The same with checkpoints: training goes on from the one that was found, if one was, and reaches the weights
/// that it would have reached without an interruption. Model, training, data, start, library version and
/// processor are added to [`Checkpoints::facts`]; what else the result depends on, above all what `observer` validates on, is up to the
/// caller. Closed-form models have no steps, so there is nothing to write.
///
/// # Errors
/// As [`fit`], and [`FitError::Checkpoint`].
pub fn fit_with_checkpoints(
    config: &ModelConfig,
    training: &TrainingConfig,
    train: &Interactions,
    start: Start,
    checkpoints: &mut Checkpoints,
    observer: Observer<'_>,
) -> Result<Fitted, FitError> {
    let facts = &mut checkpoints.facts;
    facts.add("foldin", env!("CARGO_PKG_VERSION"));
    facts.add("processor", instructions());
    facts.add_settings("model", config)?;
    facts.add_settings("training", training)?;
    facts.add_interactions("data", train);
    facts.add(
        "start",
        match &start {
            Start::Random => "random".into(),
            Start::Weights(weights) => format!("weights {}", weights.fingerprint()),
        },
    );
    // For closed-form models too, which never look at it.
    checkpoints.check()?;
    fit_from(config, training, train, start, (Some(checkpoints), Watched { observer, stop: None }))
}

/// Who looks on, and who may end the run.
struct Watched<'a, 's> {
    observer: Observer<'a>,
    stop: Option<&'s mut Stop<'s>>,
}

fn fit_from(
    config: &ModelConfig,
    training: &TrainingConfig,
    train: &Interactions,
    start: Start,
    (checkpoints, observer): (Option<&mut Checkpoints>, Watched<'_, '_>),
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
    if weights.is_some() && !config.is_iterative() {
        return Err(WarmStartError::without_steps(config).into());
    }
    let steps = Steps { weights, plan: Plan { config: training, train, schedules_from }, checkpoints, observer };
    let seed = training.seed;
    match config {
        ModelConfig::Popularity(_) => closed_form(|| Ok(Popularity::fit(train))),
        ModelConfig::Biases(config) => closed_form(|| Biases::fit(config, train)),
        ModelConfig::Ease(config) => closed_form(|| config.fit(train)),
        ModelConfig::Edlae(config) => closed_form(|| config.fit(train)),
        ModelConfig::SparseEase(config) => closed_form(|| SparseEase::fit(config, train)),
        ModelConfig::LowPass(config) => closed_form(|| LowPass::fit(config, train)),
        ModelConfig::GfCf(config) => closed_form(|| GfCf::fit(config, train)),
        ModelConfig::Bspm(config) => closed_form(|| Bspm::fit(config, train)),
        ModelConfig::Blend(_) => Err(FitError::Blend),
        ModelConfig::Elsa(config) => {
            let (new, restore) = (|| Elsa::new(config, items, seed), |w: &mut _| Elsa::restore(config, items, w));
            steps.take(new, restore, |model| Ok(ElsaTrainer::new(model)))
        }
        ModelConfig::CompressedElsa(config) => {
            let new = || CompressedElsa::new(config, items, seed);
            steps.take(
                new,
                |w| CompressedElsa::restore(config, items, w),
                |model| Ok(CompressedElsaTrainer::new(model)),
            )
        }
        ModelConfig::MultVae(config) => {
            let (new, restore) = (|| MultVae::new(config, items, seed), |w: &mut _| MultVae::restore(config, items, w));
            steps.take(new, restore, |model| Ok(MultVaeTrainer::new(model)))
        }
        ModelConfig::RecVae(config) => {
            let (new, restore) = (|| RecVae::new(config, items, seed), |w: &mut _| RecVae::restore(config, items, w));
            steps.take(new, restore, |model| Ok(RecVaeTrainer::new(model)))
        }
        ModelConfig::MultDae(config) => steps.autoencoder(&config.description()),
        ModelConfig::AutoRec(config) => steps.autoencoder(&config.description()),
        ModelConfig::Cdae(config) => steps.autoencoder(&config.description()),
        ModelConfig::Stacked(config) => steps.autoencoder(&config.description()),
        ModelConfig::SparseAe(config) => steps.autoencoder(&config.description()),
    }
}

fn closed_form<M: Model + 'static>(solve: impl FnOnce() -> Result<M, FitError>) -> Result<Fitted, FitError> {
    let started = Instant::now();
    let model = Box::new(solve()?);
    let summary = TrainingSummary { seconds: started.elapsed().as_secs_f64(), ..TrainingSummary::default() };
    Ok(Fitted { model, summary })
}

/// The steps that an iterative model takes, and what it takes them from.
struct Steps<'a, 'c, 'o, 's> {
    weights: Option<StoredTensors>,
    plan: Plan<'a>,
    checkpoints: Option<&'c mut Checkpoints>,
    observer: Watched<'o, 's>,
}

impl Steps<'_, '_, '_, '_> {
    /// From random weights, or those given, to a trained model.
    fn take<N>(
        mut self,
        new: impl FnOnce() -> N::Weights,
        restore: impl FnOnce(&mut StoredTensors) -> Result<N::Weights, RestoreError>,
        trainer: impl FnOnce(N::Weights) -> Result<N, FitError>,
    ) -> Result<Fitted, FitError>
    where
        N: Network,
        N::Weights: Model + 'static,
    {
        let network = trainer(match &mut self.weights {
            None => new(),
            Some(weights) => restore(weights)?,
        })?;
        let Watched { observer: Observer { validate, epoch, step }, mut stop } = self.observer;
        let epoch = &mut |report: &EpochReport| {
            epoch(report);
            let enough = stop.as_mut().is_some_and(|stop| stop(report));
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut adapted = validate.map(|validate| move |weights: &N::Weights| validate(weights));
        let validate = adapted.as_mut().map(|validate| validate as &mut dyn FnMut(&N::Weights) -> f64);
        let (model, summary) = run(network, self.plan, self.checkpoints, Watch { validate, epoch, step })?;
        Ok(Fitted { model: Box::new(model), summary })
    }

    fn autoencoder(self, description: &Description) -> Result<Fitted, FitError> {
        let Plan { config, train, .. } = self.plan;
        let new = || Autoencoder::new(description.clone(), train.items(), config.seed);
        let restore = |weights: &mut _| Autoencoder::restore(description.clone(), train.items(), weights);
        self.take(new, restore, |mut model: Autoencoder| {
            model.meet(train)?;
            Ok(AutoencoderTrainer::new(model))
        })
    }
}

/// Restores a model of `items` items from its stored tensors.
///
/// # Errors
/// [`RestoreError`] when tensors are missing, misshapen, not finite or superfluous.
pub fn restore(config: &ModelConfig, items: usize, mut tensors: StoredTensors) -> Result<Box<dyn Model>, RestoreError> {
    let model: Box<dyn Model> = match config {
        ModelConfig::Popularity(_) => Box::new(Popularity::restore(items, &mut tensors)?),
        ModelConfig::Biases(config) => Box::new(Biases::restore(config, items, &mut tensors, "items")?),
        ModelConfig::Ease(EaseConfig { weights, .. }) | ModelConfig::Edlae(EdlaeConfig { weights, .. }) => {
            Box::new(ItemItem::restore(config.clone(), *weights, items, &mut tensors)?)
        }
        ModelConfig::SparseEase(config) => Box::new(SparseEase::restore(config, items, &mut tensors)?),
        ModelConfig::Elsa(config) => Box::new(Elsa::restore(config, items, &mut tensors)?),
        ModelConfig::CompressedElsa(config) => Box::new(CompressedElsa::restore(config, items, &mut tensors)?),
        ModelConfig::LowPass(config) => Box::new(LowPass::restore(config, items, &mut tensors)?),
        ModelConfig::GfCf(config) => Box::new(GfCf::restore(config, items, &mut tensors)?),
        ModelConfig::Bspm(config) => Box::new(Bspm::restore(config, items, &mut tensors)?),
        ModelConfig::Blend(config) => Box::new(Blend::restore(config, items, &mut tensors)?),
        ModelConfig::MultVae(config) => Box::new(MultVae::restore(config, items, &mut tensors)?),
        ModelConfig::MultDae(config) => Box::new(Autoencoder::restore(config.description(), items, &mut tensors)?),
        ModelConfig::AutoRec(config) => Box::new(Autoencoder::restore(config.description(), items, &mut tensors)?),
        ModelConfig::Cdae(config) => Box::new(Autoencoder::restore(config.description(), items, &mut tensors)?),
        ModelConfig::Stacked(config) => Box::new(Autoencoder::restore(config.description(), items, &mut tensors)?),
        ModelConfig::SparseAe(config) => Box::new(Autoencoder::restore(config.description(), items, &mut tensors)?),
        ModelConfig::RecVae(config) => Box::new(RecVae::restore(config, items, &mut tensors)?),
    };
    tensors.finish()?;
    Ok(model)
}
