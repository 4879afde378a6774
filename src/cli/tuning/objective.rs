//! What a configuration is worth: a model trained with it, measured on validation data cut from the training log.

use std::time::Instant;

use anyhow::{Result, bail};

use super::journal::Ended;
use super::settings::Protocol;
use crate::cli::exit::Configuration;
use crate::cli::fitting::{held_out, held_out_trial};
use crate::cli::planning;
use crate::cli::settings::Settings;
use crate::cli::validation::Validated;
use crate::evaluation::Trial;
use crate::io::Log;
use crate::models::{FitError, Model, Observer, Start, fit_until};
use crate::plan::Room;
use crate::tuning::{Course, MedianRule};

/// Validation data with what is maximised on it.
pub struct Objective<'a> {
    /// Who is trained on and who is measured.
    pub trial: Trial<'a>,
    /// What is measured.
    pub validated: Validated,
}

/// What became of a configuration.
pub struct Outcome {
    /// The best validation, higher is better, where there is one.
    pub value: Option<f64>,
    /// The validations of an iterative model.
    pub course: Course,
    /// How it ended.
    pub ended: Ended,
    /// Seconds of training and validating.
    pub seconds: f64,
}

impl<'a> Objective<'a> {
    /// Cuts validation data from the log, as the settings say.
    ///
    /// # Errors
    /// Validation that is switched off, or users without anything to be found; given files that cannot be used.
    pub fn new(settings: &Settings, log: &'a Log) -> Result<Self> {
        let (tune, validation) = (&settings.tune, &settings.validation);
        let trial = match tune.protocol {
            Protocol::Strong => held_out_trial(settings, &log.interactions, &log.items, None)?,
            Protocol::Weak if validation.fold_in.is_some() => bail!(Configuration(
                "validation.fold_in names users outside the log, whom --protocol weak does not know; leave it out"
                    .into()
            )),
            Protocol::Weak => {
                validation.check()?;
                let users = held_out(validation, log.interactions.users());
                (users > 0).then(|| Trial::weak_split(&log.interactions, users, settings.training.seed))
            }
        };
        match trial {
            Some(trial) if !trial.target().is_empty() => Ok(Self { trial, validated: tune.metric_of(&settings.model) }),
            _ => bail!(Configuration(format!(
                "nobody to validate on: {} users with validation.fraction = {} leave none with something to be found",
                log.interactions.users(),
                validation.fraction
            ))),
        }
    }

    /// Bytes that a configuration takes beside what is in memory already.
    ///
    /// # Errors
    /// Parameters out of range.
    pub fn bytes(&self, settings: &Settings) -> Result<u64, FitError> {
        Ok(planning::ahead(settings, &self.trial, None)?.memory.ahead().1)
    }

    /// Trains and measures a configuration; `rule` may give it up on the way. A model that does not fit into `room`,
    /// or cannot be trained, has failed, and the search goes on without it.
    #[must_use]
    pub fn try_out(&self, settings: &Settings, rule: &MedianRule, room: Option<Room>) -> Outcome {
        let started = Instant::now();
        let mut course = Course::new();
        let mut given_up = false;
        let outcome = self.measure(settings, room, &mut |epoch, value| {
            // What is no number has no place in a file either.
            course.extend(value.is_finite().then_some((epoch, value)));
            given_up = epoch < settings.training.epochs && rule.gives_up(&course);
            given_up
        });
        let (value, ended) = match outcome {
            Ok(value) if given_up => (value, Ended::GivenUp),
            Ok(value) => (value, Ended::Finished),
            Err(reason) => (None, Ended::Failed(reason)),
        };
        let value = value.filter(|value| value.is_finite());
        Outcome { value, course, ended, seconds: started.elapsed().as_secs_f64() }
    }

    /// The best validation of a model, or in words why there is none.
    fn measure(
        &self,
        settings: &Settings,
        room: Option<Room>,
        stop: &mut dyn FnMut(usize, f64) -> bool,
    ) -> Result<Option<f64>, String> {
        let planned = planning::ahead(settings, &self.trial, room).map_err(|error| error.to_string())?;
        planned.check_ahead().map_err(|refusal| refusal.summary())?;
        let mut validate = |model: &dyn Model| self.validated.measure(&self.trial, model).unwrap_or(f64::NAN);
        let observer = Observer { validate: Some(&mut validate), epoch: &mut |_| {}, step: &mut |_, _| {} };
        let (model, training) = (&settings.model, &settings.training);
        let fitted = fit_until(model, training, &self.trial.train, Start::Random, observer, &mut |report| {
            report.validation.is_some_and(|value| stop(report.epoch, value))
        });
        let fitted = fitted.map_err(|error| error.to_string())?;
        // A closed form has nothing to validate on the way.
        let value = || self.validated.measure(&self.trial, fitted.model.as_ref());
        Ok(fitted.summary.best_validation.or_else(value))
    }
}
