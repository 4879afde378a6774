//! `foldin tune`: ranges in, the best configuration out.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::cli::args::Tune;
use crate::cli::checkpointing::{add_log, add_validation};
use crate::cli::console::{count, note};
use crate::cli::exit::Configuration;
use crate::cli::layers::{Resolved, resolve};
use crate::cli::output::check_file;
use crate::cli::settings::Settings;
use crate::cli::tuning::{
    Ended, Journal, Limits, Objective, Trial, TuneSettings, Tuning, check_ranges, place, table_of,
};
use crate::cli::{data, planning};
use crate::linalg::instructions;
use crate::models::check_parameters;
use crate::plan::Room;
use crate::storage::AtomicFile;
use crate::training::Facts;
use crate::tuning::{Range, Search};

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    configuration: &'a Path,
    metric: String,
    ranges: &'a BTreeMap<String, String>,
    best: Trial,
    trials: Vec<Trial>,
}

/// Runs the command.
///
/// # Errors
/// Ranges or data that cannot be used, trials of another search, an output that exists; no trial that could be
/// measured.
pub fn run(args: &Tune, out: &mut dyn Write) -> Result<()> {
    let Resolved { settings, notes } = resolve(Settings::default(), &args.configuration.layers(args.layer()?)?)?;
    notes.iter().for_each(note);
    if args.configuration.print_config {
        return Ok(write!(out, "{}", settings.to_toml())?);
    }
    // Everything that can be refused is refused before the long work starts.
    let tune = &settings.tune;
    tune.check(&settings.model)?;
    check_parameters(&settings.model, &settings.training)?;
    let ranges = check_ranges(&settings)?;
    let Some(target) = &args.out else {
        bail!(Configuration("nowhere to write the best configuration: give --out FILE".into()));
    };
    let noted = Journal::beside(target);
    // A search that goes on may replace what it wrote before.
    check_file(target, args.force || noted.exists())?;
    let ignore_memory = args.configuration.ignore_memory;
    if !ignore_memory {
        planning::check_reading(&settings, 0, Room::now())?;
    }
    let log = data::training_log(&settings, "give it as first argument")?;
    let objective = Objective::new(&settings, &log)?;
    let mut job = facts(&settings, &ranges)?;
    add_log(&mut job, &settings, &log)?;
    add_validation(&mut job, &settings.validation, Some(&objective.trial));
    let journal = Journal::open(&noted, job, args.force)?;
    if !journal.trials().is_empty() {
        note(format_args!("{}: going on after {} trials", noted.display(), count(journal.trials().len())));
    }
    note(format_args!(
        "searching {} parameters of {} on {} users, validating on {}",
        ranges.len(),
        settings.model.name(),
        count(objective.trial.train.users()),
        count(validated(&objective))
    ));
    let users = validated(&objective);
    let room = if ignore_memory { None } else { Room::now() };
    let limits = Limits { trials: tune.trials, seconds: tune.seconds, jobs: args.jobs.get(), room };
    let search = Search { ranges, method: tune.search, seed: settings.training.seed };
    let tuning = Tuning { settings: &settings, search, objective, limits };
    let journal = tuning.run(journal)?;

    let ranges = &tuning.search.ranges;
    let Some(best) = journal.best() else { bail!(nothing_found(journal.trials(), &noted)) };
    let trials = journal.trials().len();
    let validated = tuning.objective.validated;
    let value = validated.shown(best.value.unwrap_or(f64::NAN));
    let found = format!("the best of {trials} trials: {validated} {value:.4} on {} validation users", count(users));
    write_best(target, &place(&settings, ranges, &best.point)?, &found)?;
    if args.json {
        let answer = Answer {
            configuration: target,
            metric: validated.to_string(),
            ranges: &tune.ranges,
            best: best.shown(validated),
            trials: journal.trials().iter().map(|trial| trial.shown(validated)).collect(),
        };
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?);
    }
    writeln!(out, "{}", table_of(journal.trials(), ranges, validated))?;
    let target = target.display();
    writeln!(out, "{target}: {found}\n\nnext:")?;
    Ok(writeln!(out, "  foldin train --config {target} --out model")?)
}

/// Users with something to be found.
fn validated(objective: &Objective<'_>) -> usize {
    objective.trial.target().histories().filter(|history| !history.is_empty()).count()
}

/// What the trials depend on beside the data; how many there are and how long they take is not part of it.
fn facts(settings: &Settings, ranges: &[Range]) -> Result<Facts> {
    let TuneSettings { search, protocol, early_stopping, .. } = &settings.tune;
    let metric = settings.tune.metric_of(&settings.model);
    let mut facts = Facts::default();
    facts.add("foldin", env!("CARGO_PKG_VERSION"));
    facts.add("processor", instructions());
    facts.add_settings("model", &settings.model)?;
    facts.add_settings("training", &settings.training)?;
    facts.add_settings("tune", &serde_json::json!({ "search": search, "metric": metric, "protocol": protocol }))?;
    facts.add("tune.early_stopping", early_stopping);
    ranges.iter().for_each(|range| facts.add(format!("range {}", range.key), &range.domain));
    Ok(facts)
}

/// Why no trial is the best.
fn nothing_found(trials: &[Trial], noted: &Path) -> anyhow::Error {
    let reason = trials.iter().find_map(|trial| match &trial.ended {
        Ended::Failed(reason) => Some(reason.as_str()),
        Ended::Finished | Ended::GivenUp => None,
    });
    let reason = reason.unwrap_or("there was no time for one");
    anyhow::anyhow!("none of {} trials has a value; the first: {reason} (see {})", trials.len(), noted.display())
}

fn write_best(target: &Path, settings: &Settings, found: &str) -> Result<()> {
    let mut file = AtomicFile::create(target, true)?;
    let text = format!("# Written by foldin tune, {found}.\n{}", settings.to_toml());
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", target.display()))?;
    Ok(file.commit()?)
}
