//! From flags and data to a trial: who is trained on, who is measured, and what to call it.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Result, bail};

use super::args::TestData;
use super::console::{count, note};
use super::data::held_out_by_default;
use super::exit::Configuration;
use super::settings::Settings;
use crate::artifact::Artifact;
use crate::evaluation::{GivenUsers, TARGET_FRACTION, Trial, read_fold_in_target};
use crate::interactions::{IdMap, Interactions, LogRules, Timestamp, fold_in_target};
use crate::io::{Log, read_log_onto};
use crate::types::UserIdx;

/// A trial with the names of its users.
pub struct Occasion<'a> {
    /// The data.
    pub trial: Trial<'a>,
    /// Ids that the rows of the trial are found in.
    pub ids: Cow<'a, IdMap>,
    /// Where the test data comes from, in words.
    pub split: String,
}

impl<'a> Occasion<'a> {
    fn new(trial: Trial<'a>, ids: Cow<'a, IdMap>, split: String) -> Self {
        Self { trial, ids, split }
    }

    /// Which of `ids` a row of fold-in and target has.
    #[must_use]
    pub fn id_of(&self, row: UserIdx) -> UserIdx {
        self.trial.rows.as_ref().map_or(row, |rows| rows[row.at()])
    }
}

/// What settings start from: the defaults, or what a published model was made with.
#[must_use]
pub fn base(artifact: Option<&Artifact>) -> Settings {
    let Some(Artifact { manifest, .. }) = artifact else { return Settings::default() };
    // The window of time was that of the training log; another can be given by flag.
    let log = LogRules { since: None, until: None, ..manifest.rules.clone() };
    Settings { model: manifest.model.clone(), log, ..Settings::default() }
}

/// A trial on a training log: given test data, or a split of the log itself.
///
/// # Errors
/// Test data that cannot be used, a split that the log does not allow.
pub fn on_log<'a>(data: &TestData, settings: &Settings, log: &'a Log) -> Result<Occasion<'a>> {
    let users = Cow::Borrowed(&log.users);
    if let Some(given) = given(data, &settings.log, &log.items, &log.users)? {
        return Ok(given.occasion(Cow::Borrowed(&log.interactions), users));
    }
    if let Some(cut) = data.cut_at {
        let times = times(log, "--cut-at")?;
        check_cut(cut, times)?;
        let trial = Trial::temporal(&log.interactions, times, cut);
        return Ok(Occasion::new(trial, users, format!("trained on what happened before {cut}, tested on the rest")));
    }
    if data.leave_last_out {
        let trial = Trial::leave_last_out(&log.interactions, times(log, "--leave-last-out")?);
        return Ok(Occasion::new(trial, users, "the last interaction of every user with at least two".into()));
    }
    let all = log.interactions.users();
    let held_out = data.held_out_users.map_or_else(|| held_out_by_default(all), std::num::NonZeroUsize::get);
    if held_out + 2 > all {
        bail!(Configuration(format!("cannot hold out {held_out} of {all} users: at least 2 must be left to train on")));
    }
    let seed = settings.training.seed;
    let trial = Trial::split(&log.interactions, held_out, seed);
    let (users_held_out, target) = (count(held_out), 100.0 * TARGET_FRACTION);
    let split = format!("{users_held_out} users held out by seed {seed}, {target:.0} % of each history as target");
    Ok(Occasion::new(trial, users, split))
}

/// A trial of published models over the same items; the stored histories of the first one train the others that stand
/// beside them.
///
/// # Errors
/// Test data that is not named or cannot be used; models of different items.
pub fn on_artifacts<'a>(data: &TestData, settings: &Settings, artifacts: &'a [Artifact]) -> Result<Occasion<'a>> {
    let Some((artifact, others)) = artifacts.split_first() else {
        bail!(Configuration("no model directory to measure".into()));
    };
    others.iter().try_for_each(|other| check_items(artifact, other))?;
    let train = Cow::Owned(artifact.histories.range(0..artifact.users.len() as u32)?);
    let users = Cow::Borrowed(&artifact.users);
    if let Some(given) = given(data, &settings.log, artifact.catalogue.ids(), &artifact.users)? {
        return Ok(given.occasion(train, users));
    }
    let Some(log) = &data.log else {
        bail!(Configuration(
            "nothing to measure the model directory on: give --fold-in and --target, --test, or --log".into()
        ));
    };
    let (ids, histories) = unseen_users(log, settings, artifact.catalogue.ids(), artifacts)?;
    let (seed, target) = (settings.training.seed, 100.0 * TARGET_FRACTION);
    let split = format!(
        "{} users of {} that the model was not trained on, {target:.0} % of each history as target by seed {seed}",
        count(histories.users()),
        log.display()
    );
    let trial = Trial::strong(train, fold_in_target(&histories, TARGET_FRACTION, seed));
    Ok(Occasion::new(trial, Cow::Owned(ids), split))
}

/// Lists compare only where every model could have listed the same items.
fn check_items(one: &Artifact, other: &Artifact) -> Result<()> {
    let [ours, theirs] = [one, other].map(|artifact| artifact.catalogue.ids());
    if ours != theirs {
        let shared = (0..theirs.len() as u32).filter(|&item| ours.index(&theirs.external(item)).is_some()).count();
        bail!(Configuration(format!(
            "model {} has {} items and model {} has {}, {} of them the same: models compare over one catalogue only; \
             train them on the same log",
            one.manifest.model_version,
            count(ours.len()),
            other.manifest.model_version,
            count(theirs.len()),
            count(shared)
        )));
    }
    if one.manifest.data_fingerprint != other.manifest.data_fingerprint {
        note(format_args!(
            "models {} and {} were trained on different logs of the same items",
            one.manifest.model_version, other.manifest.model_version
        ));
    }
    Ok(())
}

/// The test data of given files.
enum Given {
    Strong(Box<GivenUsers>, String),
    Weak(Interactions, String),
}

impl Given {
    fn occasion<'a>(self, train: Cow<'a, Interactions>, users: Cow<'a, IdMap>) -> Occasion<'a> {
        match self {
            Self::Strong(given, split) => {
                Occasion::new(Trial::strong(train, given.histories), Cow::Owned(given.ids), split)
            }
            Self::Weak(target, split) => Occasion::new(Trial::weak(train, target), users, split),
        }
    }
}

fn given(data: &TestData, rules: &LogRules, items: &IdMap, users: &IdMap) -> Result<Option<Given>> {
    if let (Some(fold_in), Some(target)) = (&data.fold_in, &data.target) {
        let read = read_fold_in_target(fold_in, target, rules, items)?;
        for (path, report) in [fold_in, target].into_iter().zip(&read.reports) {
            note(format_args!("{}: {report}", path.display()));
        }
        let split = format!("{} folded in, {} to be found", fold_in.display(), target.display());
        return Ok(Some(Given::Strong(Box::new(read), split)));
    }
    let Some(test) = &data.test else { return Ok(None) };
    let log = read_log_onto(test, &rules.for_targets(), items, Some(users))?;
    note(format_args!("{}: {}", test.display(), log.report));
    Ok(Some(Given::Weak(log.interactions, format!("{} to be found", test.display()))))
}

/// Ids and histories of the users in a log that none of the models was trained on.
fn unseen_users(
    path: &Path,
    settings: &Settings,
    items: &IdMap,
    artifacts: &[Artifact],
) -> Result<(IdMap, Interactions)> {
    let log = read_log_onto(path, &settings.log, items, None)?;
    note(format_args!("{}: {}", path.display(), log.report));
    let is_known = |user: u32| {
        let id = log.users.external(user);
        artifacts.iter().any(|artifact| artifact.users.index(&id).is_some())
    };
    let unseen: Vec<u32> = (0..log.users.len() as u32).filter(|&user| !is_known(user)).collect();
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
    let rows: Vec<UserIdx> = unseen.iter().copied().map(UserIdx).collect();
    Ok((log.users.select(&unseen), log.interactions.select_users(&rows)))
}

/// The times of a log's interactions.
fn times<'a>(log: &'a Log, flag: &str) -> Result<&'a [Timestamp]> {
    match &log.times {
        Some(times) => Ok(times),
        None => bail!(Configuration(format!(
            "{flag} needs to know when things happened: name the column of times with --time-column"
        ))),
    }
}

/// Refuses a cut that leaves nothing on one side.
fn check_cut(cut: Timestamp, times: &[Timestamp]) -> Result<()> {
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else { return Ok(()) };
    if cut <= *first || cut > *last {
        let side = if cut <= *first { "nothing would be left to train on" } else { "nothing would be left to predict" };
        bail!(Configuration(format!("--cut-at {cut} is outside the log, which goes from {first} to {last}: {side}")));
    }
    Ok(())
}
