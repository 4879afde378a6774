//! Training with everything around it: validation users, progress, notes.

use std::borrow::Cow;

use anyhow::{Result, bail};

use super::checkpointing::{self, add_validation};
use super::console::{count, note};
use super::progress::{Progress, epoch_line};
use super::settings::{Settings, ValidationSettings};
use super::validation::Validated;
use crate::evaluation::{Trial, read_fold_in_target};
use crate::interactions::{History, HistoryRef, IdMap, Interactions};
use crate::models::{Fitted, Model, Observer, Start, fit, fit_with_checkpoints};
use crate::training::Checkpoints;
use crate::types::{ItemIdx, UserIdx};

/// Fewest users of which one is held out for validation: two must be left to train on.
const FEWEST_USERS: usize = 3;

/// Users held out of `users` for validation. A share that is asked for holds at least one out, where
/// enough users are left.
pub fn held_out(settings: &ValidationSettings, users: usize) -> usize {
    let least = usize::from(settings.fraction > 0.0 && users >= FEWEST_USERS);
    ((users as f64 * settings.fraction).round() as usize).max(least).min(settings.max_users)
}

/// What training begins with: nothing, by default.
#[derive(Debug, Default)]
pub struct Beginning {
    /// The weights before the first step.
    pub start: Start,
    /// The users that those weights were not trained on, the first to be held out first; `None`: all of them.
    pub unseen: Option<Vec<UserIdx>>,
}

/// A trained model, and the rows of the log that were held out to validate it, ascending.
pub struct Trained {
    /// The model.
    pub fitted: Fitted,
    /// Rows that it was not trained on.
    pub held_out: Vec<UserIdx>,
    /// The whole histories of those who validated it, be they rows of the log or not; nobody without validation.
    pub unseen: Vec<History>,
    /// Fingerprint of all that it depends on, where there are checkpoints.
    pub run: Option<String>,
}

/// Sets validation users apart from the training data: those of given files, or held-out ones, of `unseen`
/// where given. `None` for closed-form models, where validation is switched off, and where nobody is left for it.
///
/// # Errors
/// Given files that cannot be used; settings that contradict each other.
pub fn validation_trial<'a>(
    settings: &Settings,
    log: &'a Interactions,
    items: &IdMap,
    unseen: Option<&[UserIdx]>,
) -> Result<Option<Trial<'a>>> {
    if settings.model.is_iterative() {
        return held_out_trial(settings, log, items, unseen);
    }
    settings.validation.check()?;
    Ok(None)
}

/// The same for any model; `None` where validation is switched off, and where nobody is left for it.
///
/// # Errors
/// As of [`validation_trial`].
pub fn held_out_trial<'a>(
    settings: &Settings,
    log: &'a Interactions,
    items: &IdMap,
    unseen: Option<&[UserIdx]>,
) -> Result<Option<Trial<'a>>> {
    let validation = &settings.validation;
    validation.check()?;
    let trial = if let (Some(fold_in), Some(target)) = (&validation.fold_in, &validation.target) {
        let given = read_fold_in_target(fold_in, target, &settings.log, items)?;
        for (what, report) in ["validation fold-in", "validation target"].iter().zip(&given.reports) {
            note(format_args!("{what}: {report}"));
        }
        Trial::strong(Cow::Borrowed(log), given.histories)
    } else {
        match (held_out(validation, log.users()), unseen) {
            (0, _) | (_, Some([])) => return Ok(None),
            (users, None) => Trial::split(log, users, settings.training.seed),
            (users, Some(unseen)) => {
                let mut rows = unseen[..users.min(unseen.len())].to_vec();
                rows.sort_unstable();
                Trial::holding_out(log, rows, settings.training.seed)
            }
        }
    };
    // Found out now rather than after the first epoch.
    if trial.target().is_empty() {
        bail!(super::exit::Configuration(
            "no validation user has a target: histories of a single item cannot be split; \
             raise log.min_user_items to 2 or more, or set validation.fraction = 0"
                .into()
        ));
    }
    Ok(Some(trial))
}

/// Trains the model of `settings` on `log`, holding validation users out where the model needs them; with
/// `checkpoints`, so that it can be stopped and go on.
///
/// # Errors
/// As of [`validation_trial`] and [`fit`].
pub fn train(
    settings: &Settings,
    log: &Interactions,
    items: &IdMap,
    beginning: Beginning,
    checkpoints: Option<&mut Checkpoints>,
) -> Result<Trained> {
    let Beginning { start, unseen } = beginning;
    let trial = validation_trial(settings, log, items, unseen.as_deref())?;
    let train = trial.as_ref().map_or(log, |trial| trial.train.as_ref());
    let name = settings.model.name();
    match &trial {
        Some(trial) => note(format_args!(
            "training {name} on {} users, validating on {} others",
            count(train.users()),
            count(trial.target().users())
        )),
        None if settings.model.is_iterative() => note(format_args!(
            "training {name} on {} users without validation: the last epoch is kept",
            count(train.users())
        )),
        None => note(format_args!("training {name} on {} users", count(train.users()))),
    }
    if settings.model.expects_ratings() {
        let alike =
            train.histories().filter(|history| history.weights().windows(2).all(|two| two[0] == two[1])).count();
        if alike > 0 {
            note(format_args!("{} of these users give all of their items the same rating", count(alike)));
        }
    }
    let progress = Progress::new(name);
    let validated = Validated::of(&settings.model);
    // Without anything to measure all epochs are alike.
    let mut validate = trial.as_ref().map(|trial| |model: &dyn Model| validated.measure(trial, model).unwrap_or(0.0));
    let observer = Observer {
        validate: validate.as_mut().map(|validate| validate as &mut dyn FnMut(&dyn Model) -> f64),
        epoch: &mut |report| progress.line(&epoch_line(report, validated)),
        step: &mut |done, planned| progress.at(done as u64, planned as u64),
    };
    let (model, training) = (&settings.model, &settings.training);
    let mut run = None;
    let fitted = match checkpoints {
        None => fit(model, training, train, start, observer),
        Some(checkpoints) => {
            add_validation(&mut checkpoints.facts, &settings.validation, trial.as_ref());
            match model.is_iterative() {
                true => checkpointing::announce(checkpoints, train.users(), training.batch_size),
                false => note(format_args!("{name} is solved in closed form: there are no steps to checkpoint")),
            }
            let progress = progress.clone();
            checkpoints.on_event = Box::new(move |event| progress.line(&checkpointing::line(event)));
            let fitted = fit_with_checkpoints(model, training, train, start, checkpoints, observer);
            run = Some(checkpoints.facts.fingerprint());
            fitted
        }
    };
    progress.finish();
    let held_out = trial.as_ref().and_then(|trial| trial.rows.clone()).unwrap_or_default();
    let unseen = match &trial {
        Some(trial) if trial.rows.is_none() => whole_histories(trial),
        _ => held_out.iter().map(|&row| log.history(row).into()).collect(),
    };
    Ok(Trained { fitted: fitted?, held_out, unseen, run })
}

/// What is folded in of each user of a trial and what has to be found, together.
fn whole_histories(trial: &Trial<'_>) -> Vec<History> {
    let pairs = |part: HistoryRef<'_>| {
        let pairs = part.items().iter().zip(part.weights()).map(|(&item, &weight)| (ItemIdx(item), weight));
        pairs.collect::<Vec<_>>()
    };
    let parts = trial.fold_in().histories().zip(trial.target().histories());
    let whole = parts.map(|(fold_in, target)| History::from_pairs([pairs(fold_in), pairs(target)].concat()));
    whole.map(|whole| whole.unwrap_or_else(|error| unreachable!("rows have usable weights: {error}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_users_is_held_out_up_to_the_cap() {
        let settings = ValidationSettings::default();
        assert_eq!(held_out(&settings, 500), 50);
        assert_eq!(held_out(&settings, 1_000_000), 1000);
        assert_eq!([2, 3, 4, 5].map(|users| held_out(&settings, users)), [0, 1, 1, 1]);
        assert_eq!(held_out(&ValidationSettings { fraction: 0.0, ..settings }, 500), 0);
    }
}
