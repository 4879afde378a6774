//! Reading what a run needs, with a word on everything dropped.

use anyhow::{Result, bail};

use super::console::{count, note};
use super::exit::Configuration;
use super::settings::{InputSettings, Settings};
use crate::interactions::{Catalogue, IdMap};
use crate::io::{Attributes, ItemMetadata, Log, read_all_items, read_items, read_log};

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

/// The log over all items of the items file as well, where the settings ask for it.
///
/// # Errors
/// The items file is missing or cannot be used.
pub fn with_all_items(mut log: Log, input: &InputSettings) -> Result<Log> {
    if !input.all_items {
        return Ok(log);
    }
    let Some(path) = &input.items else {
        bail!(Configuration("input.all_items needs a file of items: give --items FILE, or set input.items".into()));
    };
    let (items, places) = read_all_items(path, &input.item_columns, &log.items)?;
    note(format_args!("added {} items that nobody has yet", count(items.len() - log.items.len())));
    log.interactions = log.interactions.over_items(items.len(), &places)?;
    log.items = items;
    Ok(log)
}

/// The items of a log with what is known of them, where a file of items is given.
///
/// # Errors
/// The file cannot be used.
pub fn catalogue(items: &IdMap, input: &InputSettings) -> Result<(Catalogue, Attributes)> {
    let catalogue = Catalogue::new(items.clone());
    let Some(path) = &input.items else { return Ok((catalogue, Attributes::default())) };
    let ItemMetadata { titles, attributes, report } = read_items(path, &input.item_columns, items)?;
    note(format_args!("{}: {report}", path.display()));
    Ok((catalogue.with_titles(titles), attributes))
}

/// Users that an own split holds out unless told otherwise: a tenth, at least one and at most a thousand.
#[must_use]
pub fn held_out_by_default(users: usize) -> usize {
    (users / 10).clamp(1, 1000)
}
