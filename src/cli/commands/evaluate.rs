//! `foldin evaluate`: a model on held-out interactions, beside its baselines.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::artifact::Artifact;
use crate::cli::args::{Baselines, Evaluate};
use crate::cli::comparison::{Comparison, Contender, write_per_user};
use crate::cli::console::{count, note};
use crate::cli::exit::Configuration;
use crate::cli::fitting::Beginning;
use crate::cli::layers::{Layer, Resolved, resolve};
use crate::cli::output::check_file;
use crate::cli::report::{Report, Target, cutoff_metrics};
use crate::cli::settings::Settings;
use crate::cli::trials::{Occasion, base, on_artifacts, on_log};
use crate::cli::{data, fitting, planning};
use crate::models::{AutoRecConfig, BiasesConfig, ModelConfig};

/// Runs the command.
///
/// # Errors
/// Data that cannot be used, a model that cannot be trained, nobody to evaluate, or an output that exists.
pub fn run(args: &Evaluate, out: &mut dyn Write) -> Result<()> {
    let mut command = Layer::default();
    command.flag("--train", "input.log", args.data.train.as_deref());
    let artifact = args.model_dir.as_deref().map(Artifact::open).transpose()?;
    let Resolved { settings, notes } = resolve(base(artifact.as_ref()), &args.configuration.layers(command)?)?;
    notes.iter().for_each(note);
    if args.configuration.print_config {
        return Ok(write!(out, "{}", settings.to_toml())?);
    }
    // Everything that can be refused is refused before the long work starts.
    let report = args.report.as_deref().map(|path| Target::check(path, args.force)).transpose()?;
    if let Some(path) = &args.per_user {
        check_file(path, args.force)?;
    }
    let comparison = match &artifact {
        None => trained_here(args, &settings)?,
        Some(artifact) if artifact.manifest.model == settings.model => published(args, artifact, &settings)?,
        Some(_) => bail!(Configuration(
            "a model directory is evaluated as it is: leave out --model and model.*, or give --train instead".into()
        )),
    };
    if let Some(target) = report {
        target.write(&described(&comparison, &settings, artifact.as_ref()))?;
        note(format_args!("wrote {target}"));
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&comparison)?)?;
        return Ok(());
    }
    write!(out, "{comparison}")?;
    match comparison.metrics.iter().find(|metric| metric.is_per_user()) {
        Some(&metric) => Ok(write!(out, "{}", comparison.by_bucket(metric))?),
        None => Ok(()),
    }
}

fn described<'a>(comparison: &'a Comparison, settings: &'a Settings, artifact: Option<&'a Artifact>) -> Report<'a> {
    let name = settings.model.name();
    let model = artifact.map_or_else(|| name.into(), |artifact| format!("{name} {}", artifact.manifest.model_version));
    Report {
        title: format!("Evaluation of {model}"),
        models: vec![("Model".into(), model)],
        data: training_data(artifact, settings),
        comparison,
        gates: &[],
        artifact,
        settings: vec![(name.into(), settings)],
    }
}

/// What models are trained on, in words.
pub fn training_data(artifact: Option<&Artifact>, settings: &Settings) -> String {
    match (artifact, &settings.input.log) {
        (Some(artifact), _) => format!("the stored histories of {}", artifact.manifest.model_version),
        (None, Some(log)) => log.display().to_string(),
        (None, None) => String::new(),
    }
}

/// A model trained for the occasion.
fn trained_here(args: &Evaluate, settings: &Settings) -> Result<Comparison> {
    let log = data::training_log(settings, "give --train LOG")?;
    let occasion = on_log(&args.data, settings, &log)?;
    let mut comparison = with_baselines(args, &occasion, settings)?;
    if !args.configuration.ignore_memory {
        planning::check_fit(settings, &occasion.trial.train)?;
    }
    let started = Instant::now();
    let fitted = fitting::train(settings, &occasion.trial.train, &log.items, Beginning::default(), None)?.fitted;
    let seconds = started.elapsed().as_secs_f64();
    let (name, model) = (settings.model.name(), fitted.model.as_ref());
    let contender = Contender { name, model, training: Some(fitted.summary), fit_seconds: Some(seconds) };
    comparison.add(&occasion.trial, contender)?;
    write_users(args, &comparison, &occasion)?;
    Ok(comparison)
}

/// A model directory.
fn published(args: &Evaluate, artifact: &Artifact, settings: &Settings) -> Result<Comparison> {
    let occasion = on_artifacts(&args.data, settings, std::slice::from_ref(artifact))?;
    let mut comparison = with_baselines(args, &occasion, settings)?;
    let (name, model, training) = (settings.model.name(), artifact.model.as_ref(), artifact.manifest.summary.clone());
    comparison.add(&occasion.trial, Contender { name, model, training: Some(training), fit_seconds: None })?;
    write_users(args, &comparison, &occasion)?;
    Ok(comparison)
}

/// A comparison that holds the baselines, the evaluated model itself excepted.
fn with_baselines(args: &Evaluate, occasion: &Occasion<'_>, settings: &Settings) -> Result<Comparison> {
    let Occasion { trial, split, .. } = occasion;
    let mut comparison = Comparison::new(trial, split.clone(), &args.metrics, settings.training.seed);
    if args.report.is_some() {
        comparison = comparison.measuring_also(cutoff_metrics(trial.train.items()));
    }
    let names: &[&str] = match args.baselines {
        Baselines::Popularity => &["popularity"],
        Baselines::Ease => &["popularity", "ease"],
    };
    let mut baselines = names.iter().map(|name| ModelConfig::preset(name)).collect::<Result<Vec<_>, _>>()?;
    if let ModelConfig::AutoRec(AutoRecConfig { user_lambda, item_lambda, minimum, maximum, .. }) = settings.model {
        baselines.push(ModelConfig::Biases(BiasesConfig { user_lambda, item_lambda, minimum, maximum }));
    }
    for baseline in baselines.iter().filter(|baseline| baseline.name() != settings.model.name()) {
        comparison.add_baseline(trial, baseline)?;
    }
    Ok(comparison)
}

/// The values of every user, where they are wanted.
fn write_users(args: &Evaluate, comparison: &Comparison, occasion: &Occasion<'_>) -> Result<()> {
    let Some(path) = &args.per_user else { return Ok(()) };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    let rows = write_per_user(path, comparison, &occasion.ids, |row| occasion.id_of(row))?;
    note(format_args!("wrote {} users to {}", count(rows as usize), path.display()));
    Ok(())
}
