//! From a configuration to files.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::config::GenerateConfig;
use super::events::{EVENT_TYPES, user_events};
use super::facts::Facts;
use super::history::{Explorer, Lengths};
use super::names::Titles;
use super::taste::{Draw, Taste, World, random};
use crate::io::{CatalogueItem, Event, ItemWriter, LogWriter, TableError};

/// Rows generated together before they are written: what bounds the memory.
const CHUNK_ROWS: usize = 1 << 18;

/// Users generated together at most.
const CHUNK_USERS: usize = 1 << 14;

/// What has been generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The log: `user_id`, `item_id`, `timestamp`, `event_type`, `weight`.
    pub log: PathBuf,
    /// The catalogue: `item_id`, `title`, `category`, `tags`, `price`, `year`, `adult`.
    pub items: PathBuf,
    /// Rows of the log.
    pub rows: u64,
    /// Users in the log.
    pub users: u64,
    /// Items in the catalogue.
    pub catalogue_items: u64,
    /// Items that occur in the log.
    pub logged_items: u64,
}

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A parameter that describes no possible log.
    #[error("{field} is {value}, must be {range}")]
    Parameter {
        /// Its name in the configuration.
        field: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        range: String,
    },
    /// The output directory holds something.
    #[error("{} exists and is not empty; choose another directory or empty it", directory.display())]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
    },
    /// The output directory cannot be made or read.
    #[error("cannot write to {}: {source}", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The reason given by the operating system.
        source: std::io::Error,
    },
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Generates `log.parquet` and `items.parquet` in the directory `out`, which must be empty or absent.
///
/// The same configuration gives the same bytes. Memory is bounded by the catalogue and a chunk of rows, whatever
/// the number of rows. `progress` is called with (rows written, rows planned). Users are generated in
/// parallel on the rayon pool of the caller.
///
/// # Errors
/// [`GenerateError`]; what was written so far is removed.
pub fn generate(
    config: &GenerateConfig,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Generated, GenerateError> {
    config.validate()?;
    let created = prepare(out)?;
    let (log, items) = (out.join("log.parquet"), out.join("items.parquet"));
    let outcome = write(config, &log, &items, progress);
    if outcome.is_err() {
        // The error at hand says more than one from tidying up.
        let _ = fs::remove_file(&items);
        if created {
            let _ = fs::remove_dir(out);
        }
    }
    outcome
}

/// Makes sure that the directory is there and empty; true when it had to be created.
fn prepare(out: &Path) -> Result<bool, GenerateError> {
    let refused = |source| GenerateError::Directory { directory: out.into(), source };
    match fs::read_dir(out) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(GenerateError::NotEmpty { directory: out.into() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(out).map_err(refused)?;
            Ok(true)
        }
        Err(error) => Err(refused(error)),
    }
}

fn write(
    config: &GenerateConfig,
    log: &Path,
    items: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Generated, GenerateError> {
    let world = World::new(config);
    let item_id = |item: u64| numbered('i', item, config.items.max(100_000));

    let mut item_writer = ItemWriter::create(items)?;
    let mut titles = Titles::new();
    for item in 0..config.items {
        let (category, title) = titles.next(world.main_group(item as usize));
        let mut tags: Vec<String> = Vec::new();
        for tag in world.groups(config, item as usize).into_iter().map(|group| titles.category(group)) {
            if tags.iter().all(|other| other != tag) {
                tags.push(tag.into());
            }
        }
        let Facts { price, year, adult } = Facts::draw(config, item);
        let (item_id, category) = (item_id(item), category.into());
        item_writer.append(CatalogueItem { item_id, title, category, tags, price, year, adult })?;
    }

    let types = EVENT_TYPES.map(|(name, _)| name);
    let mut log_writer = LogWriter::create(log, (0..config.items).map(item_id), &types)?;
    let mut logged = vec![false; config.items as usize];
    let mut rows = 0;
    let mut lengths = Lengths::new(config).peekable();
    while lengths.peek().is_some() {
        let chunk = next_chunk(&mut lengths);
        for (user, events) in generate_users(config, &world, &chunk) {
            log_writer.append(numbered('u', user, config.users.max(1_000_000)), &events)?;
            events.iter().for_each(|event| logged[event.item.at()] = true);
            rows += events.len() as u64;
        }
        progress(rows, config.interactions);
    }
    item_writer.finish()?;
    Ok(Generated {
        rows: log_writer.finish()?,
        log: log.into(),
        items: items.into(),
        users: config.users,
        catalogue_items: config.items,
        logged_items: logged.iter().filter(|&&item| item).count() as u64,
    })
}

/// The next users with their numbers of rows, as many as are worth generating together.
fn next_chunk(lengths: &mut impl Iterator<Item = (u64, usize)>) -> Vec<(u64, usize)> {
    let mut chunk = Vec::new();
    let mut rows = 0;
    for (user, length) in lengths {
        chunk.push((user, length));
        rows += length;
        if rows >= CHUNK_ROWS || chunk.len() == CHUNK_USERS {
            break;
        }
    }
    chunk
}

/// The events of some users, in parallel; each depends on its own random numbers only.
fn generate_users(config: &GenerateConfig, world: &World, users: &[(u64, usize)]) -> Vec<(u64, Vec<Event>)> {
    users
        .par_iter()
        .map_init(
            || Explorer::new(config, world),
            |explorer, &(user, rows)| {
                let mut random = random(config, Draw::User, user);
                let taste = Taste::draw(config, world, &mut random);
                let mut events = Vec::with_capacity(rows + 2);
                user_events(config, explorer, &taste, rows, &mut random, &mut events);
                (user, events)
            },
        )
        .collect()
}

/// An id such as `u000042`, of the same length for all numbers below `count`, so that ids sort like numbers.
fn numbered(prefix: char, number: u64, count: u64) -> String {
    let width = (count - 1).to_string().len();
    format!("{prefix}{number:0width$}")
}
