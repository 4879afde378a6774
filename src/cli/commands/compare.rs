//! `foldin compare`: several models on the same users, and whether the first of them is good enough.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::Serialize;

use crate::artifact::Artifact;
use crate::cli::args::Compare;
use crate::cli::comparison::Comparison;
use crate::cli::console::{note, table};
use crate::cli::contest::Entry;
use crate::cli::data;
use crate::cli::exit::{Configuration, GatesFailed};
use crate::cli::gates::{self, Verdict, shown_value};
use crate::cli::layers::{Layer, Resolved, resolve};
use crate::cli::report::{Report, Target, cutoff_metrics};
use crate::cli::settings::Settings;
use crate::cli::trials::{Occasion, base, on_artifacts, on_log};
use crate::evaluation::{Metric, MetricKind};
use crate::interactions::IdMap;
use crate::models::ModelConfig;

/// What always stands beside.
const FLOOR: &str = "popularity";

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    comparison: &'a Comparison,
    gates: &'a [Verdict],
}

/// Runs the command.
///
/// # Errors
/// Models or data that cannot be used, an output that exists; after everything else has been measured and told,
/// [`GatesFailed`], or why the candidate is left out.
pub fn run(args: &Compare, out: &mut dyn Write) -> Result<()> {
    let mut command = Layer::default();
    command.flag("--train", "input.log", args.data.train.as_deref());
    let artifacts = args.model_dir.iter().map(|path| Artifact::open(path)).collect::<Result<Vec<_>, _>>()?;
    let preset = Settings::default().model;
    let start = Settings { model: preset.clone(), ..base(artifacts.first()) };
    let Resolved { settings, notes } = resolve(start, &args.configuration.layers(command)?)?;
    notes.iter().for_each(note);
    if args.configuration.print_config {
        return Ok(write!(out, "{}", settings.to_toml())?);
    }
    let published: Vec<(&Path, &Artifact)> = args.model_dir.iter().map(PathBuf::as_path).zip(&artifacts).collect();
    let entries = Entry::all(&published, &args.with, &settings)?;
    let Some((candidate, others)) = entries.split_first() else {
        bail!(Configuration("nothing to compare: give model directories, --with PRESET or --with FILE.toml".into()));
    };
    if settings.model != preset && !args.with.iter().any(|name| name == settings.model.name()) {
        let name = settings.model.name();
        note(format_args!("the configured model is not compared: --with {name} adds it"));
    }
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let with_floor = !names.contains(&FLOOR);
    names.extend(with_floor.then_some(FLOOR));
    gates::check(&args.gate, &names)?;
    // Everything that can be refused is refused before the long work starts.
    let report = args.report.as_deref().map(|path| Target::check(path, args.force)).transpose()?;

    let log;
    let (occasion, items): (Occasion<'_>, &IdMap) = match artifacts.first() {
        Some(first) => (on_artifacts(&args.data, &settings, &artifacts)?, first.catalogue.ids()),
        None => {
            log = data::training_log(&settings, "give --train LOG")?;
            (on_log(&args.data, &settings, &log)?, &log.items)
        }
    };
    let trial = &occasion.trial;
    let mut comparison =
        Comparison::new(trial, occasion.split.clone(), &metrics(args), settings.training.seed).measuring_costs();
    if report.is_some() {
        comparison = comparison.measuring_also(cutoff_metrics(trial.train.items()));
    }
    if with_floor {
        comparison.add_baseline(trial, &ModelConfig::preset(FLOOR)?)?;
    }
    let ignore_memory = args.configuration.ignore_memory;
    for other in others {
        // Who cannot stand beside is told with the results.
        other.take_part(&mut comparison, (trial, items), ignore_memory, Comparison::add_beside)?;
    }
    let absent = candidate.take_part(&mut comparison, (trial, items), ignore_memory, Comparison::add)?;

    let verdicts = gates::judge(&args.gate, &comparison);
    if let Some(target) = report {
        target.write(&described(&entries, &comparison, &verdicts, artifacts.first(), &settings))?;
        note(format_args!("wrote {target}"));
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&Answer { comparison: &comparison, gates: &verdicts })?)?;
    } else {
        write!(out, "{comparison}")?;
        if let Some(metric) = comparison.leading().filter(|metric| metric.is_per_user()) {
            write!(out, "{}", comparison.by_bucket(metric))?;
        }
        write_verdicts(&verdicts, out)?;
    }
    let failed: Vec<String> =
        verdicts.iter().filter(|verdict| !verdict.passed).map(|verdict| verdict.to_string()).collect();
    // The results are out before the exit code says what they mean.
    out.flush()?;
    match absent {
        _ if !failed.is_empty() => bail!(GatesFailed { failed }),
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What was asked for, what gates ask for, and what lists show of the catalogue at the first cutoff.
fn metrics(args: &Compare) -> Vec<Metric> {
    let leading = args.metrics.iter().find(|metric| metric.is_accuracy()).or(args.metrics.first()).copied();
    let shown = leading
        .into_iter()
        .flat_map(|Metric { k, .. }| [MetricKind::Coverage, MetricKind::Gini].map(|kind| Metric { kind, k }));
    let gated = args.gate.iter().filter_map(|gate| gate.metric(leading?));
    args.metrics.iter().copied().chain(shown).chain(gated).collect()
}

fn described<'a>(
    entries: &'a [Entry<'_>],
    comparison: &'a Comparison,
    gates: &'a [Verdict],
    artifact: Option<&'a Artifact>,
    settings: &Settings,
) -> Report<'a> {
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let models = entries.iter().enumerate().map(|(at, entry)| {
        let role = if at == 0 { "the candidate, " } else { "" };
        (entry.name.clone(), format!("{role}{}", entry.description()))
    });
    Report {
        title: format!("Comparison of {}", names.join(", ")),
        models: models.collect(),
        data: super::evaluate::training_data(artifact, settings),
        comparison,
        gates,
        artifact,
        settings: entries.iter().filter_map(|entry| Some((entry.name.clone(), entry.settings()?))).collect(),
    }
}

fn write_verdicts(verdicts: &[Verdict], out: &mut dyn Write) -> Result<()> {
    if verdicts.is_empty() {
        return Ok(());
    }
    let mut rows = table(["gate", "value", "bound", "value − bound", "verdict"]);
    for verdict in verdicts {
        let [value, bound] = [verdict.value, verdict.bound].map(shown_value);
        rows.add_row([&verdict.gate, &value, &bound, &verdict.margin(), verdict.word()]);
    }
    Ok(writeln!(out, "{rows}")?)
}
