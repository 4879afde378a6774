//! `foldin blend`: trained models in, one model directory that weighs what they say out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result, bail};
use rand::seq::SliceRandom;
use serde_json::json;

use crate::artifact::{Artifact, Derived, TrainedUsers, check_target, publish_derived};
use crate::cli::args;
use crate::cli::console::{count, note};
use crate::cli::exit::Configuration;
use crate::evaluation::{Metric, TARGET_FRACTION, Trial, read_fold_in_target};
use crate::interactions::{FoldInTarget, IdMap, Interactions, fold_in_target};
use crate::models::{Blend, Model, search_weights};
use crate::random::{Purpose, stream};
use crate::types::UserIdx;

/// Ids named as examples of what two catalogues do not share.
const EXAMPLES: usize = 3;

/// Runs the command.
///
/// # Errors
/// Models that cannot be blended, weights that cannot be meant, nobody to find weights on, or an output that exists.
pub fn run(args: &args::Blend, out: &mut dyn Write) -> Result<()> {
    check_target(&args.out, args.force)?;
    let mut parts: Vec<Box<dyn Model>> = Vec::new();
    let mut first: Option<(Artifact, Vec<UserIdx>)> = None;
    for path in &args.models {
        let artifact = Artifact::open(path)?;
        match &mut first {
            None => {
                let held_out = artifact.held_out.clone();
                first = Some((artifact, held_out));
            }
            Some((first, held_out)) => {
                check_same(first, &artifact, args.mixed_data).with_context(|| {
                    format!("{} and {} cannot be blended", args.models[0].display(), path.display())
                })?;
                keep_unseen(held_out, &first.users, &artifact.trained_users()?);
                parts.push(artifact.model);
            }
        }
    }
    let Some((Artifact { manifest, model, catalogue, users, histories, .. }, held_out)) = first else {
        bail!(Configuration("no model is given".into()));
    };
    parts.insert(0, model);
    let names: Vec<&'static str> = parts.iter().map(|part| part.config().name()).collect();

    let equal = vec![1.0; parts.len()];
    let mut blend = Blend::new(parts, if args.fit { &equal } else { &args.weights })?;
    let mut metrics = BTreeMap::new();
    if args.fit {
        let shown = match (&args.fold_in, &args.target) {
            (Some(fold_in), Some(target)) => {
                let given = read_fold_in_target(fold_in, target, &manifest.rules, catalogue.ids())?;
                for (path, report) in [fold_in, target].into_iter().zip(&given.reports) {
                    note(format_args!("{}: {report}", path.display()));
                }
                given.histories
            }
            _ => split(&histories.range(0..users.len() as u32)?, &held_out, args.seed)?,
        };
        let trial = trial(shown, args.users.get(), args.seed)?;
        metrics.insert("validation ndcg@100".to_owned(), fit_weights(&mut blend, &trial, &names)?);
    }
    let derived = Derived { model: &blend, users: &users, held_out: &held_out, metrics };
    let manifest = publish_derived(&args.out, &args.models[0], &derived, args.force)?;
    if args.json {
        return Ok(writeln!(out, "{:#}", json!({ "model_directory": args.out, "manifest": manifest }))?);
    }
    writeln!(out, "blend {} of {}", manifest.model_version, told(&names, blend.weights()))?;
    if let Some(best) = manifest.metrics.get("validation ndcg@100") {
        writeln!(out, "validation ndcg@100 {best:.4}")?;
    }
    let dir = args.out.display();
    writeln!(out, "model directory: {dir}\n\nnext:")?;
    Ok(writeln!(out, "  foldin inspect {dir}\n  foldin recommend {dir} --history ITEM,ITEM\n  foldin serve {dir}")?)
}

/// Refuses a model of other items than the first one's, or, unless that is wanted, of another log.
fn check_same(first: &Artifact, other: &Artifact, mixed_data: bool) -> Result<()> {
    let (ours, theirs) = (first.catalogue.ids(), other.catalogue.ids());
    if ours != theirs {
        if ours.type_name() != theirs.type_name() {
            let (ours, theirs) = (ours.type_name(), theirs.type_name());
            bail!(Configuration(format!("their item ids are of different types, {ours} and {theirs}")));
        }
        bail!(Configuration(format!(
            "they have different items, {} only in the first and {} only in the second: train both on one log",
            only(ours, theirs),
            only(theirs, ours)
        )));
    }
    let (ours, theirs) = (&first.manifest.data_fingerprint, &other.manifest.data_fingerprint);
    if ours != theirs && !mixed_data {
        bail!(Configuration(format!(
            "they were trained on different logs of the same items (fingerprints {} and {}): train both on one log, or give \
             --mixed-data",
            &ours[..12],
            &theirs[..12]
        )));
    }
    Ok(())
}

/// How many ids one map has that another one lacks, with examples.
fn only(these: &IdMap, others: &IdMap) -> String {
    let lacking: Vec<_> =
        (0..these.len() as u32).map(|id| these.external(id)).filter(|id| others.index(id).is_none()).collect();
    let named: Vec<&str> = lacking.iter().take(EXAMPLES).map(AsRef::as_ref).collect();
    match lacking.len() {
        0 => "0".into(),
        number if number > EXAMPLES => format!("{} ({}, …)", count(number), named.join(", ")),
        number => format!("{number} ({})", named.join(", ")),
    }
}

/// Leaves those of the held-out users that a further model was not trained on either.
fn keep_unseen(held_out: &mut Vec<UserIdx>, users: &IdMap, trained: &TrainedUsers) {
    held_out.retain(|user| !trained.contains(&users.external(user.0)));
}

/// The histories of held-out users, split into what is folded in and what has to be found.
fn split(histories: &Interactions, held_out: &[UserIdx], seed: u64) -> Result<FoldInTarget> {
    if held_out.is_empty() {
        bail!(Configuration(
            "there is no user that none of these models was trained on (closed forms are trained on all): give --fold-in \
             and --target, or --weights"
                .into()
        ));
    }
    Ok(fold_in_target(&histories.select_users(held_out), TARGET_FRACTION, seed))
}

/// A trial of at most so many of the users that have a target, drawn by the seed.
fn trial(shown: FoldInTarget, most: usize, seed: u64) -> Result<Trial<'static>> {
    let FoldInTarget { fold_in, target } = shown;
    let has_target = |user: &UserIdx| !target.history(*user).is_empty();
    let mut rows: Vec<UserIdx> = (0..target.users() as u32).map(UserIdx).filter(has_target).collect();
    if rows.is_empty() {
        bail!(Configuration("no user has anything to be found: weights cannot be fitted, give --weights".into()));
    }
    rows.shuffle(&mut stream(seed, Purpose::HoldOutUsers, [0, 0]));
    rows.truncate(most);
    rows.sort_unstable();
    note(format_args!("finding weights on {} users", count(rows.len())));
    let [fold_in, target] = [fold_in, target].map(|part| part.select_users(&rows));
    Ok(Trial::strong(Cow::Owned(fold_in.clone()), FoldInTarget { fold_in, target }))
}

/// Gives a blend the best weights for a trial; returns its NDCG@100.
fn fit_weights(blend: &mut Blend, trial: &Trial<'_>, names: &[&str]) -> Result<f64> {
    let (weights, best) = search_weights(names.len(), |weights| -> Result<f64> {
        blend.set_weights(weights)?;
        let found = trial.evaluate(blend, &[Metric::NDCG_100])?.mean(Metric::NDCG_100).unwrap_or(0.0);
        note(format_args!("  ndcg@100 {found:.5}  {}", told(names, weights)));
        Ok(found)
    })?;
    blend.set_weights(&weights)?;
    Ok(best)
}

/// Weights and names, as in `0.60 ease + 0.40 low-pass`.
fn told(names: &[&str], weights: &[f32]) -> String {
    let parts: Vec<String> = names.iter().zip(weights).map(|(name, weight)| format!("{weight:.3} {name}")).collect();
    parts.join(" + ")
}
