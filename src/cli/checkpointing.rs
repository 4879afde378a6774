//! Where a run keeps its checkpoint, and what is said of it.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::console::{bytes, note, thousands};
use super::exit::Configuration;
use super::settings::{CheckpointSettings, Settings, ValidationSettings};
use crate::artifact::{Manifest, StartedFrom, fingerprint};
use crate::evaluation::Trial;
use crate::io::Log;
use crate::training::{CheckpointEvent, Checkpoints, Facts};

/// The file beside a model directory, unless the settings name another.
#[must_use]
pub fn place(settings: &CheckpointSettings, target: &Path) -> PathBuf {
    settings.path.clone().unwrap_or_else(|| {
        let mut name = target.file_name().map_or_else(OsString::new, OsString::from);
        name.push(".checkpoint");
        target.with_file_name(name)
    })
}

/// The checkpoint of a run that writes the model directory `target`. `None` where the run neither writes one nor
/// finds one.
///
/// # Errors
/// The checkpoint of an unfinished run is there and `resume` is false, it cannot be used, or another process uses
/// it; checkpoint and model directory are in each other's way.
pub fn open(settings: &CheckpointSettings, target: &Path, resume: bool) -> Result<Option<Checkpoints>> {
    let every = match settings.every.map(NonZeroUsize::new) {
        Some(None) => {
            bail!(Configuration("checkpoint.every is 0, must be at least 1; leave it out for no checkpoint".into()))
        }
        every => every.flatten(),
    };
    if let Some(path) = &settings.path {
        check_place(path, target)?;
    }
    let path = place(settings, target);
    if every.is_none() && !resume && path.symlink_metadata().is_err() {
        if settings.path.is_some() {
            note("no checkpoint is written: checkpoint.path says where, and checkpoint.every is not set");
        }
        return Ok(None);
    }
    let checkpoints = Checkpoints::open(&path, every, resume)?;
    if resume && checkpoints.position().is_none() {
        note(format_args!("no checkpoint in {}: training from the start", path.display()));
    }
    Ok(Some(checkpoints))
}

/// Refuses a checkpoint that the model directory would replace, or that would stand where the directory has to be.
fn check_place(checkpoint: &Path, target: &Path) -> Result<()> {
    let [file, directory] = [checkpoint, target].map(without_links);
    let relation = match (file.starts_with(&directory), directory.starts_with(&file)) {
        (true, true) => "is the model directory itself",
        (true, false) => "is inside the model directory",
        (false, true) => "is a file where the model directory needs a directory",
        (false, false) => return Ok(()),
    };
    bail!(Configuration(format!(
        "the checkpoint {} {relation}, {}: name a place outside of it with --checkpoint",
        checkpoint.display(),
        target.display()
    )))
}

/// The path with the links of all that is there of it followed, so that two names of one place are the same.
fn without_links(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let known = absolute.ancestors().find_map(|ancestor| {
        let rest = absolute.strip_prefix(ancestor).ok()?;
        Some(ancestor.canonicalize().ok()?.join(rest))
    });
    known.unwrap_or(absolute)
}

/// True when the very run that left this checkpoint published the model at `target` and was stopped before it could
/// remove the checkpoint. The same run may publish it again.
#[must_use]
pub fn published(checkpoints: &Checkpoints, target: &Path) -> bool {
    let saved = checkpoints.saved_facts().map(Facts::fingerprint);
    saved.is_some() && Manifest::read(target).is_ok_and(|manifest| manifest.run == saved)
}

/// Adds what the result depends on of a log: its rules, its ids and all that they did.
///
/// # Errors
/// Rules that cannot be written down.
pub fn add_log(facts: &mut Facts, settings: &Settings, log: &Log) -> Result<()> {
    facts.add_settings("log", &settings.log)?;
    facts.add("log.fingerprint", fingerprint(&log.users, &log.items, &log.interactions));
    Ok(())
}

/// Adds the model that is continued.
pub fn add_parent(facts: &mut Facts, from: &StartedFrom) {
    facts.add("from", &from.model_version);
}

/// Adds the users that decide which epoch is kept.
pub fn add_validation(facts: &mut Facts, settings: &ValidationSettings, trial: Option<&Trial<'_>>) {
    if settings.fold_in.is_none() {
        facts.add("validation.fraction", settings.fraction);
        facts.add("validation.max_users", settings.max_users);
    }
    if let Some(trial) = trial {
        facts.add_interactions("validation.fold_in", trial.fold_in());
        facts.add_interactions("validation.target", trial.target());
    }
}

/// Says what is written on the way.
pub fn announce(checkpoints: &Checkpoints, users: usize, batch_size: usize) {
    match checkpoints.every() {
        Some(every) => note(format_args!(
            "a checkpoint every {} steps in {}; an epoch has {} steps",
            thousands(every.get() as u64),
            checkpoints.path().display(),
            thousands(users.div_ceil(batch_size.max(1)) as u64)
        )),
        None => note("no further checkpoint is written: checkpoint.every is not set"),
    }
}

/// Says that a run which could not publish its model need not begin again.
pub fn tell_kept(checkpoints: &Checkpoints) {
    if let Some(position) = checkpoints.position() {
        let path = checkpoints.path().display();
        note(format_args!("the checkpoint of {position} is kept in {path}: --resume goes on from there"));
    }
}

/// What happens to a checkpoint as a line.
#[must_use]
pub fn line(event: CheckpointEvent) -> String {
    match event {
        CheckpointEvent::Continued(position) => format!("going on after {position}"),
        CheckpointEvent::Written { position, bytes: size, seconds } => {
            format!("checkpoint at {position}: {} in {seconds:.2} s", bytes(size))
        }
    }
}
