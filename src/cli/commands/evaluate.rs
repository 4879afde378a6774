//! `foldin evaluate`: a model on held-out interactions, beside its baselines.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::artifact::Artifact;
use crate::cli::args::{Baselines, Evaluate};
use crate::cli::comparison::Comparison;
use crate::cli::console::{count, note};
use crate::cli::exit::Configuration;
use crate::cli::layers::{Layer, Resolved, resolve};
use crate::cli::settings::Settings;
use crate::cli::{data, fitting};
use crate::evaluation::{TARGET_FRACTION, Trial, read_fold_in_target};
use crate::interactions::{FoldInTarget, IdMap, Interactions, LogRules, fold_in_target};
use crate::io::read_log_onto;
use crate::models::ModelConfig;
use crate::types::UserIdx;

/// Runs the command.
///
/// # Errors
/// Data that cannot be used, a model that cannot be trained, or nobody to evaluate.
pub fn run(args: &Evaluate, out: &mut dyn Write) -> Result<()> {
    let mut command = Layer::default();
    command.flag("--train", "input.log", args.train.as_deref());
    let artifact = args.model_dir.as_deref().map(Artifact::open).transpose()?;
    let base = match &artifact {
        None => Settings::default(),
        Some(Artifact { manifest, .. }) => {
            Settings { model: manifest.model.clone(), log: manifest.rules.clone(), ..Settings::default() }
        }
    };
    let Resolved { settings, notes } = resolve(base, &args.configuration.layers(command)?)?;
    notes.iter().for_each(note);
    if args.configuration.print_config {
        return Ok(write!(out, "{}", settings.to_toml())?);
    }
    let comparison = match &artifact {
        None => trained_here(args, &settings)?,
        Some(artifact) if artifact.manifest.model == settings.model => published(args, artifact, &settings)?,
        Some(_) => bail!(Configuration(
            "a model directory is evaluated as it is: leave out --model and model.*, or give --train instead".into()
        )),
    };
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&comparison)?)?;
    } else {
        write!(out, "{comparison}")?;
    }
    Ok(())
}

/// A model trained for the occasion.
fn trained_here(args: &Evaluate, settings: &Settings) -> Result<Comparison> {
    let log = data::training_log(settings, "give --train LOG")?;
    let trial = match given(args, &settings.log, &log.items, &log.users)? {
        Some(Given::Strong(users)) => Trial::strong(Cow::Borrowed(&log.interactions), users),
        Some(Given::Weak(target)) => Trial::weak(Cow::Borrowed(&log.interactions), target),
        None => {
            let users = log.interactions.users();
            let held_out =
                args.held_out_users.map_or_else(|| data::held_out_by_default(users), std::num::NonZeroUsize::get);
            if held_out + 2 > log.interactions.users() {
                bail!(Configuration(format!(
                    "cannot hold out {held_out} of {} users: at least 2 must be left to train on",
                    log.interactions.users()
                )));
            }
            let trial = Trial::split(&log.interactions, held_out, settings.training.seed);
            if trial.unseen_in_training > 0 {
                let unseen = count(trial.unseen_in_training);
                note(format_args!("left out {unseen} interactions of held-out users with items nobody else has"));
            }
            trial
        }
    };
    let mut comparison = with_baselines(args, &trial, &settings.model)?;
    let started = Instant::now();
    let fitted = fitting::train(settings, &trial.train, &log.items)?;
    comparison.add(&trial, fitted.model.as_ref(), Some(started.elapsed().as_secs_f64()))?;
    Ok(comparison)
}

/// A model directory; its stored histories train the baselines.
fn published(args: &Evaluate, artifact: &Artifact, settings: &Settings) -> Result<Comparison> {
    let train = artifact.histories.range(0..artifact.users.len() as u32)?;
    let trial = match (given(args, &settings.log, artifact.catalogue.ids(), &artifact.users)?, &args.log) {
        (Some(Given::Strong(users)), _) => Trial::strong(Cow::Owned(train), users),
        (Some(Given::Weak(target)), _) => Trial::weak(Cow::Owned(train), target),
        (None, Some(log)) => Trial::strong(Cow::Owned(train), unseen_users(log, settings, artifact)?),
        (None, None) => bail!(Configuration(
            "nothing to measure the model directory on: give --fold-in and --target, --test, or --log".into()
        )),
    };
    let mut comparison = with_baselines(args, &trial, &artifact.manifest.model)?;
    comparison.add(&trial, artifact.model.as_ref(), None)?;
    Ok(comparison)
}

/// The test data of given files.
enum Given {
    Strong(FoldInTarget),
    Weak(Interactions),
}

fn given(args: &Evaluate, rules: &LogRules, items: &IdMap, users: &IdMap) -> Result<Option<Given>> {
    if let (Some(fold_in), Some(target)) = (&args.fold_in, &args.target) {
        let (users, reports) = read_fold_in_target(fold_in, target, rules, items)?;
        for (path, report) in [fold_in, target].into_iter().zip(reports) {
            note(format_args!("{}: {report}", path.display()));
        }
        return Ok(Some(Given::Strong(users)));
    }
    let Some(test) = &args.test else { return Ok(None) };
    let log = read_log_onto(test, rules, items, Some(users))?;
    note(format_args!("{}: {}", test.display(), log.report));
    Ok(Some(Given::Weak(log.interactions)))
}

/// Splits the histories of the users in a log that the model was not trained on.
fn unseen_users(path: &Path, settings: &Settings, artifact: &Artifact) -> Result<FoldInTarget> {
    let log = read_log_onto(path, &settings.log, artifact.catalogue.ids(), None)?;
    note(format_args!("{}: {}", path.display(), log.report));
    let unseen: Vec<UserIdx> = (0..log.users.len() as u32)
        .filter(|&user| artifact.users.index(&log.users.external(user)).is_none())
        .map(UserIdx)
        .collect();
    let known = log.users.len() - unseen.len();
    if unseen.is_empty() {
        bail!(Configuration(format!(
            "all {known} users of {} are in the model's training log: give users it has not seen, or --test with what \
             they did since",
            path.display()
        )));
    }
    note(format_args!(
        "evaluating {} users, leaving out {} that the model was trained on",
        count(unseen.len()),
        count(known)
    ));
    Ok(fold_in_target(&log.interactions.select_users(&unseen), TARGET_FRACTION, settings.training.seed))
}

/// A comparison that holds the baselines, `model` itself excepted.
fn with_baselines(args: &Evaluate, trial: &Trial<'_>, model: &ModelConfig) -> Result<Comparison> {
    let mut comparison = Comparison::new(trial, &args.metrics);
    let names: &[&str] = match args.baselines {
        Baselines::Popularity => &["popularity"],
        Baselines::Ease => &["popularity", "ease"],
    };
    for &name in names.iter().filter(|&&name| name != model.name()) {
        comparison.add_baseline(trial, &ModelConfig::preset(name)?)?;
    }
    Ok(comparison)
}
