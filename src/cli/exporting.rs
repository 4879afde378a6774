//! What the commands that write for many users share: whose histories, where to, and what to say about it.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Result, bail};

use super::args::{Format, Shards, Unit, Whose};
use super::console::{count, note, thousands};
use super::exit::Configuration;
use super::output::check_file;
use super::progress::Estimate;
use crate::artifact::{Artifact, fingerprint};
use crate::export::{Content, Histories, Job, Layout, Manifest, Output, Table, Users, check_directory, write};
use crate::interactions::{Interactions, LogRules, TimeUnit};
use crate::io::{EmbeddingFormat, Log, read_log_onto, read_selection};
use crate::models::{Metric, ModelConfig};

/// Users a shard unless stated otherwise: files of some hundred megabytes, each worth having when a run is
/// interrupted.
const SHARD_USERS: NonZeroUsize = NonZeroUsize::new(1_000_000).unwrap();

impl From<Format> for EmbeddingFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::Parquet,
            Format::Arrow => Self::Arrow,
            Format::Npy => Self::Npy,
            Format::Safetensors => Self::Safetensors,
        }
    }
}

impl Unit {
    /// The unit of whole numbers.
    fn of_numbers(self) -> Option<TimeUnit> {
        match self {
            Self::None => None,
            Self::Seconds => Some(TimeUnit::Seconds),
            Self::Milliseconds => Some(TimeUnit::Milliseconds),
            Self::Microseconds => Some(TimeUnit::Microseconds),
            Self::Nanoseconds => Some(TimeUnit::Nanoseconds),
        }
    }
}

/// The format that the extension of a path names.
fn named(path: &Path) -> Option<EmbeddingFormat> {
    let extension = path.extension()?.to_str()?;
    EmbeddingFormat::ALL.into_iter().find(|format| format.extension() == extension)
}

/// Format and layout of an output: a name with the extension of a format is one file of it, any other name a
/// directory.
///
/// # Errors
/// What was asked for contradicts the name, or does not fit into one file.
pub fn output<'a>(
    path: &'a Path,
    format: Option<EmbeddingFormat>,
    shards: &Shards,
) -> Result<(EmbeddingFormat, Output<'a>)> {
    let replace = shards.force;
    let Some(named) = named(path) else {
        let layout = Layout::Shards(shards.shard_users.unwrap_or(SHARD_USERS));
        return Ok((format.unwrap_or_default(), Output { path, layout, replace }));
    };
    let (extension, path_shown) = (named.extension(), path.display());
    if let Some(format) = format.filter(|format| *format != named) {
        bail!(Configuration(format!(
            "{path_shown} is a name for {extension}, not {}: change the extension, or give the name of a directory",
            format.extension()
        )));
    }
    if !named.holds_ids() {
        bail!(Configuration(format!(
            "a .{extension} file has no room for ids: give the name of a directory, in which they stand beside it, \
             for example --format {extension} --out {}",
            path.with_extension("").display()
        )));
    }
    if shards.shard_users.is_some() {
        bail!(Configuration(format!(
            "--shard-users divides a directory into files, and {path_shown} is the name of one file: leave out the \
             extension"
        )));
    }
    Ok((named, Output { path, layout: Layout::File, replace }))
}

/// Finds out whether the output could be written, before the work that leads up to it.
///
/// # Errors
/// It exists and may not be replaced, is something else, or its parent cannot be written to.
pub fn check(output: &Output<'_>) -> Result<()> {
    match output.layout {
        Layout::File => check_file(output.path, output.replace),
        Layout::Shards(_) => Ok(check_directory(output.path, output.replace)?),
    }
}

/// Histories to export for, and the job they make.
pub struct Source<'a> {
    artifact: &'a Artifact,
    log: Option<Log>,
    chosen: Option<Vec<u32>>,
    /// What they are and where they come from.
    pub job: Job,
}

impl<'a> Source<'a> {
    /// Reads the log and the chosen users, where there are any, with a word on everything left out.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn read(artifact: &'a Artifact, whose: &Whose) -> Result<Self> {
        let rules = rules(artifact, whose);
        let items = artifact.catalogue.ids();
        let log = match &whose.logs {
            None => None,
            Some(path) => {
                let log = read_log_onto(path, &rules, items, None)?;
                note(format_args!("{}: {}", path.display(), log.report));
                note_ratings(&artifact.manifest.model, &log.interactions);
                Some(log)
            }
        };
        let users = log.as_ref().map_or(&artifact.users, |log| &log.users);
        let chosen = match &whose.users {
            None => None,
            Some(path) => {
                let selection = read_selection(path, &rules.columns.user, users)?;
                note(format_args!("{}: {selection}", path.display()));
                Some(selection.chosen)
            }
        };
        let histories = log.as_ref().map_or(Histories::Stored, |log| Histories::Log {
            fingerprint: fingerprint(&log.users, items, &log.interactions),
        });
        Ok(Self { job: Job::new(&artifact.manifest, &rules, histories), artifact, log, chosen })
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> Users<'_> {
        let users = self.log.as_ref().map_or_else(|| Users::stored(self.artifact), Users::of_log);
        match &self.chosen {
            Some(chosen) => users.only(chosen),
            None => users,
        }
    }

    /// The users of whom something is known, with a word on the others.
    #[must_use]
    pub fn known_users(&self) -> Users<'_> {
        known(self.users())
    }
}

/// A word on ratings that a model cannot take as they are.
fn note_ratings(model: &ModelConfig, log: &Interactions) {
    let Some((minimum, maximum)) = model.rating_scale() else { return };
    let ratings = log.histories().flat_map(|history| history.weights().iter().copied());
    let outside = ratings.filter(|rating| !(minimum..=maximum).contains(rating)).count();
    if outside > 0 {
        let (outside, all) = (count(outside), count(log.len()));
        note(format_args!(
            "{outside} of {all} ratings are outside {minimum} to {maximum} and count as the nearest of these"
        ));
    }
}

/// Those of the users of whom something is known, with a word on the others.
pub fn known(users: Users<'_>) -> Users<'_> {
    let (users, unknown) = users.with_history();
    if unknown > 0 {
        let users = if unknown == 1 { "user" } else { "users" };
        note(format_args!("left out {} {users} without any item that the model knows", count(unknown)));
    }
    users
}

/// The rules of the model for another log: its columns may have other names, and the part of the training log
/// that was used says nothing of another one.
fn rules(artifact: &Artifact, whose: &Whose) -> LogRules {
    let mut rules = artifact.manifest.rules.clone();
    if whose.logs.is_some() {
        rules.since = whose.since;
        rules.until = whose.until;
        rules.as_of = whose.as_of.or(rules.as_of);
        rules.time_unit = whose.time_unit.map_or(rules.time_unit, Unit::of_numbers);
    }
    let columns = &mut rules.columns;
    for (column, name) in [
        (&mut columns.user, &whose.user_column),
        (&mut columns.item, &whose.item_column),
        (&mut columns.weight, &whose.weight_column),
        (&mut columns.time, &whose.time_column),
        (&mut columns.event, &whose.event_column),
    ] {
        if let Some(name) = name {
            column.clone_from(name);
        }
    }
    rules
}

/// Writes the tables of a job under a progress bar.
///
/// # Errors
/// As [`write`].
pub fn run(job: Job, tables: &[&dyn Table], output: &Output<'_>, label: &str) -> Result<Manifest> {
    let found = |shards: usize| {
        if shards > 0 {
            note(format_args!("going on after {} finished shards", count(shards)));
        }
    };
    let mut estimate = Estimate::new(label);
    let manifest = write(job, tables, output, found, &mut |done, total| estimate.at(done, total));
    estimate.finish();
    Ok(manifest?)
}

/// Prints what was written, a line a table.
///
/// # Errors
/// Standard output cannot be written to.
pub fn print(manifest: &Manifest, output: &Output<'_>, json: bool, out: &mut dyn Write) -> Result<()> {
    if json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(manifest)?)?);
    }
    for (job, table) in manifest.job.tables.iter().zip(&manifest.tables) {
        let entities = count(job.entities);
        match &job.content {
            Content::Embeddings { space, precision, .. } => {
                let metric = match space.metric {
                    Metric::Cosine => "cosine",
                    Metric::Dot => "inner product",
                };
                let precision = precision.name();
                write!(
                    out,
                    "{entities} {} x {} dimensions as {precision}, space {}, compared by {metric},",
                    job.table, space.dim, space.id
                )?;
            }
            Content::Variances { space, precision, .. } => {
                let (dim, precision) = (space.dim, precision.name());
                write!(out, "{entities} variances x {dim} dimensions as {precision}, of users in space {}", space.id)?;
            }
            Content::Recommendations { .. } => {
                write!(out, "{} recommendations for {entities} users", thousands(table.rows))?;
            }
        }
        match output.layout {
            Layout::File => writeln!(out, " in {}", output.path.display())?,
            Layout::Shards(_) => {
                let shards = table.shards.len();
                let plural = if shards == 1 { "" } else { "s" };
                writeln!(out, " in {} shard{plural} in {}", count(shards), output.path.display())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(shard_users: Option<usize>) -> Shards {
        Shards { shard_users: shard_users.and_then(NonZeroUsize::new), force: false }
    }

    #[test]
    fn the_name_decides_between_a_file_and_a_directory() {
        let outcome = |path: &str, format| {
            let (format, output) = output(Path::new(path), format, &shards(None)).unwrap();
            (format, output.layout)
        };
        let directory = Layout::Shards(SHARD_USERS);
        assert_eq!(outcome("a/users.parquet", None), (EmbeddingFormat::Parquet, Layout::File));
        assert_eq!(outcome("users.arrow", Some(EmbeddingFormat::Arrow)), (EmbeddingFormat::Arrow, Layout::File));
        assert_eq!(outcome("users", None), (EmbeddingFormat::Parquet, directory));
        assert_eq!(outcome("export-2026.01", Some(EmbeddingFormat::Npy)), (EmbeddingFormat::Npy, directory));
    }

    #[test]
    fn what_contradicts_the_name_is_refused() {
        let refused = |path: &str, format, shard_users| {
            output(Path::new(path), format, &shards(shard_users)).map(drop).unwrap_err().to_string()
        };
        assert!(refused("x.parquet", Some(EmbeddingFormat::Arrow), None).contains("x.parquet is a name for parquet"));
        assert!(refused("a/x.npy", None, None).contains("--format npy --out a/x"));
        assert!(refused("x.parquet", None, Some(5)).contains("--shard-users"));
    }
}
