//! The histories that are measured with.

use std::path::Path;

use anyhow::Context;
use foldin::interactions::{IdMap, Interactions, LogRules};
use foldin::io::read_log;

use super::interactions::interactions;

/// Histories with the ids of their axes.
pub struct Data {
    /// Users × items.
    pub interactions: Interactions,
    /// The ids of the rows.
    pub users: IdMap,
    /// The ids of the columns.
    pub items: IdMap,
}

/// The training part of a dataset, or made-up interactions of about the same shape.
pub fn load(folder: Option<&Path>) -> anyhow::Result<Data> {
    let Some(folder) = folder else {
        let (users, items) = (20_000, 10_000);
        let ids = |count: usize| IdMap::Int((0..count as i64).collect());
        let interactions = interactions(users, items, 77);
        return Ok(Data { interactions, users: ids(users), items: ids(items) });
    };
    read(&folder.join("train.parquet")).context("--data")
}

/// A log with its ids.
pub fn read(log: &Path) -> anyhow::Result<Data> {
    let log = read_log(log, &LogRules::default())?;
    Ok(Data { interactions: log.interactions, users: log.users, items: log.items })
}
