//! `foldin train`: a log in, a model directory out.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use crate::anomaly::Calibration;
use crate::artifact::{Ancestry, LogDetail, Manifest, Publication, StartedFrom, check_target, publish};
use crate::cli::args::Train;
use crate::cli::checkpointing::{self, published};
use crate::cli::console::{count, note};
use crate::cli::exit::Configuration;
use crate::cli::fitting::{self, Beginning, Trained};
use crate::cli::layers::{Layer, resolve};
use crate::cli::settings::Settings;
use crate::cli::validation::Validated;
use crate::cli::warm::Parent;
use crate::cli::{data, planning};
use crate::interactions::{Catalogue, History};
use crate::io::{Attributes, Log};
use crate::models::check_parameters;
use crate::plan::Room;
use crate::training::Checkpoints;

/// Runs the command.
///
/// # Errors
/// Anything that keeps the model from being trained and published; nothing is left behind then.
pub fn run(args: &Train, out: &mut dyn Write) -> Result<()> {
    let mut command = Layer::default();
    command.flag("LOG", "input.log", args.log.as_deref());
    command.flag("--items", "input.items", args.items.as_deref());
    command.flag("--item-id-column", "input.item_columns.item", args.item_id_column.as_deref());
    command.flag("--title-column", "input.item_columns.title", args.title_column.as_deref());
    command.flag("--all-items", "input.all_items", args.all_items.then_some("true"));
    command.flag("--out", "output.model", args.out.as_deref());
    let parent = args.from.as_deref().map(Parent::open).transpose()?;
    let base = parent.as_ref().map_or_else(Settings::default, Parent::settings);
    args.checkpoint.add_to(&mut command);
    let resolved = resolve(base, &args.configuration.layers(command)?)?;
    resolved.notes.iter().for_each(note);
    let settings = resolved.settings;
    if args.configuration.print_config {
        return Ok(write!(out, "{}", settings.to_toml())?);
    }
    let Some(target) = &settings.output.model else {
        bail!(Configuration("nowhere to write the model: give --out DIR, or set output.model".into()));
    };
    // Everything that can be refused is refused before the long work starts.
    check_parameters(&settings.model, &settings.training)?;
    let mut checkpoints = checkpointing::open(&settings.checkpoint, target, args.checkpoint.resume)?;
    let published = checkpoints.as_ref().is_some_and(|checkpoints| published(checkpoints, target));
    if published {
        note(format_args!("{} was published just before the run was stopped: it is published again", target.display()));
    }
    let replace = args.force || published;
    check_target(target, replace)?;
    if let Some(parent) = &parent {
        parent.check(&settings)?;
    }
    let continued = parent.as_ref().map_or(0, Parent::bytes);
    if !args.configuration.ignore_memory {
        planning::check_reading(&settings, continued, Room::now())?;
    }
    let log = data::training_log(&settings, "give it as first argument")?;
    let log = data::with_all_items(log, &settings.input)?;
    if !args.configuration.ignore_memory {
        let there_is = (Room::now(), planning::disk_room(&settings));
        planning::check_run(&settings, &log, checkpoints.as_ref(), continued, there_is)?;
    }
    let (catalogue, attributes) = data::catalogue(&log.items, &settings.input)?;
    if let Some(checkpoints) = &mut checkpoints {
        checkpointing::add_log(&mut checkpoints.facts, &settings, &log)?;
    }
    let (beginning, from) = match parent {
        None => (Beginning::default(), None),
        Some(parent) => {
            let (beginning, from) = parent.begin(&settings, &log)?;
            (beginning, Some(from))
        }
    };
    if let (Some(checkpoints), Some(from)) = (&mut checkpoints, &from) {
        checkpointing::add_parent(&mut checkpoints.facts, &from.from);
    }
    let trained = fitting::train(&settings, &log.interactions, &log.items, beginning, checkpoints.as_mut())?;
    let items = (&catalogue, &attributes);
    let published = publish_trained(target, &settings, &trained, from.as_ref(), items, &log, replace);
    if let (Err(_), Some(checkpoints)) = (&published, &checkpoints) {
        checkpointing::tell_kept(checkpoints);
    }
    let manifest = published?;
    // Only now: until the model has its name, the checkpoint is all there is.
    checkpoints.map_or(Ok(()), Checkpoints::remove)?;
    if args.json {
        let answer = json!({ "model_directory": target, "manifest": manifest, "log": log.report });
        return Ok(writeln!(out, "{answer:#}")?);
    }
    summarise(out, &manifest, target)
}

/// Publishes a trained model with the histories of every user; `from` is the model that it continues.
///
/// # Errors
/// As of [`publish`].
pub fn publish_trained(
    target: &Path,
    settings: &Settings,
    Trained { fitted, held_out, unseen, run }: &Trained,
    from: Option<&Ancestry>,
    (catalogue, attributes): (&Catalogue, &Attributes),
    log: &Log,
    replace: bool,
) -> Result<Manifest> {
    let validated = Validated::of(&settings.model);
    let named = |value| (format!("validation {validated}"), validated.shown(value));
    let metrics = fitted.summary.best_validation.map(named);
    let unseen: Vec<_> = unseen.iter().map(History::as_ref).collect();
    let calibration = match Calibration::of(fitted.model.as_ref(), &unseen) {
        Ok(calibration) => Some(calibration),
        Err(error) => {
            if !unseen.is_empty() {
                note(format_args!("not calibrated for anomalies: {error}; `foldin calibrate` takes other users"));
            }
            None
        }
    };
    let publication = Publication {
        model: fitted.model.as_ref(),
        catalogue,
        attributes,
        users: &log.users,
        held_out,
        histories: &log.interactions,
        detail: LogDetail { times: log.times.as_deref(), sums: Some(&log.sums), events: Some(&log.events) },
        rules: &settings.log,
        training: settings.model.is_iterative().then_some(&settings.training),
        from,
        run: run.as_deref(),
        summary: &fitted.summary,
        calibration: calibration.as_ref(),
        metrics: metrics.into_iter().collect(),
    };
    Ok(publish(target, &publication, replace)?)
}

fn summarise(out: &mut dyn Write, manifest: &Manifest, target: &Path) -> Result<()> {
    let (summary, shapes) = (&manifest.summary, &manifest.shapes);
    writeln!(
        out,
        "{} {} trained in {:.1} s: {} users, {} items, {} interactions",
        manifest.model.name(),
        manifest.model_version,
        summary.seconds,
        count(shapes.users),
        count(shapes.items),
        count(shapes.interactions),
    )?;
    if let Some(StartedFrom { model_version, items }) = &manifest.from {
        let [kept, new, vanished] = [items.kept, items.new, items.vanished].map(count);
        writeln!(out, "continues {model_version}: {kept} items kept, {new} new, {vanished} vanished")?;
    }
    for through in manifest.events.values() {
        writeln!(out, "live events through {}, deletions through {}", through.events, through.deletions)?;
    }
    if let Some(validation) = summary.best_validation {
        let (best, epochs) = (summary.best_epoch, summary.epochs.len());
        let validated = Validated::of(&manifest.model);
        write!(out, "best epoch {best} of {epochs}, validation {validated} {:.4}", validated.shown(validation))?;
        match summary.start_validation {
            Some(_) if best == 0 => writeln!(out, ": no epoch was better than the earlier model, which is kept")?,
            Some(start) => writeln!(out, ", {:.4} before the first", validated.shown(start))?,
            None => writeln!(out)?,
        }
    }
    if manifest.is_calibrated() {
        writeln!(out, "calibrated for anomalies with its validation users")?;
    }
    let dir = target.display();
    writeln!(out, "model directory: {dir}\n\nnext:")?;
    writeln!(out, "  foldin inspect {dir}")?;
    let rated = if manifest.model.expects_ratings() { " --weights RATING,RATING" } else { "" };
    writeln!(out, "  foldin recommend {dir} --history ITEM,ITEM{rated}")?;
    Ok(writeln!(out, "  foldin serve {dir}")?)
}
