//! Reading what a run needs, with a word on everything dropped.

use std::path::Path;

use anyhow::{Result, bail};

use super::console::note;
use super::exit::Configuration;
use super::settings::Settings;
use crate::interactions::{Catalogue, IdMap};
use crate::io::{Log, read_log, read_titles};

/// Reads the training log that the settings name and prints what was read and dropped.
///
/// # Errors
/// No log is named; the log cannot be used.
pub fn training_log(settings: &Settings, remedy: &str) -> Result<Log> {
    let Some(path) = &settings.input.log else {
        bail!(Configuration(format!("no log to train on: {remedy}, or set input.log in a configuration file")));
    };
    let log = read_log(path, &settings.log)?;
    note(format_args!("{}: {}", path.display(), log.report));
    Ok(log)
}

/// The items of a log with their titles, where a file of titles is given.
///
/// # Errors
/// The file cannot be used.
pub fn catalogue(items: &IdMap, titles: Option<&Path>) -> Result<Catalogue> {
    let catalogue = Catalogue::new(items.clone());
    let Some(path) = titles else { return Ok(catalogue) };
    let (titles, report) = read_titles(path, items)?;
    note(format_args!("{}: {report}", path.display()));
    Ok(catalogue.with_titles(titles))
}

/// Users that an own split holds out unless told otherwise: a tenth, at least one and at most a thousand.
#[must_use]
pub fn held_out_by_default(users: usize) -> usize {
    (users / 10).clamp(1, 1000)
}
