//! Models that are compared: published ones and ones that are trained for it, each under a name of its own.

use std::path::Path;

use anyhow::{Error, Result, bail};

use super::comparison::{Comparison, Contender};
use super::exit::Configuration;
use super::fitting::{self, Beginning};
use super::layers::{Layer, resolve};
use super::planning;
use super::settings::Settings;
use crate::artifact::Artifact;
use crate::evaluation::Trial;
use crate::interactions::IdMap;
use crate::models::{FitError, ModelConfig, check_parameters};
use crate::plan::TooLarge;

/// A model that takes part.
pub struct Entry<'a> {
    /// What it is called.
    pub name: String,
    source: Source<'a>,
}

enum Source<'a> {
    Published(&'a Artifact),
    Trained(Box<Settings>),
}

impl<'a> Entry<'a> {
    /// Model directories, each with its artifact, then what is trained by `base` with another model: a preset, or the
    /// sections `[model]` and `[training]` of a configuration file.
    ///
    /// # Errors
    /// A preset or file that does not exist or cannot be used; two models of one name.
    pub fn all(published: &[(&Path, &'a Artifact)], with: &[String], base: &Settings) -> Result<Vec<Self>> {
        let mut entries: Vec<Self> = Vec::new();
        for &(directory, artifact) in published {
            let name = directory.file_name().unwrap_or(directory.as_os_str()).to_string_lossy().into_owned();
            let taken = published.iter().filter(|(other, _)| other.file_name() == directory.file_name()).count() > 1;
            let name = if taken { directory.display().to_string() } else { name };
            entries.push(Self { name, source: Source::Published(artifact) });
        }
        for text in with {
            let path = Path::new(text);
            let (name, layer) = if path.extension().is_some_and(|extension| extension == "toml") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                (name, Layer::from_file(path)?.of_sections(&["model", "training"]))
            } else {
                let mut layer = Layer::default();
                layer.flag(&format!("--with {text}"), "model.kind", Some(text));
                (text.clone(), layer)
            };
            let settings = resolve(base.clone(), &[layer])?.settings;
            check_parameters(&settings.model, &settings.training)?;
            entries.push(Self { name, source: Source::Trained(Box::new(settings)) });
        }
        for (at, entry) in entries.iter().enumerate() {
            if entries[..at].iter().any(|other| other.name == entry.name) {
                bail!(Configuration(format!("two models are called `{}`: rename one of them", entry.name)));
            }
        }
        Ok(entries)
    }

    /// The settings that it is trained by, where it is.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        match &self.source {
            Source::Published(_) => None,
            Source::Trained(settings) => Some(settings),
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn description(&self) -> String {
        match &self.source {
            Source::Published(Artifact { manifest, .. }) => {
                format!("{} {}, published {}", manifest.model.name(), manifest.model_version, manifest.created)
            }
            Source::Trained(settings) => format!("{}, trained for this comparison", settings.model.name()),
        }
    }

    /// Trains it, where it is not published, and hands it to `measure`.
    ///
    /// # Errors
    /// [`TooLarge`] unless `ignore_memory`; a model that cannot be trained; as of `measure`.
    fn enter(
        &self,
        trial: &Trial<'_>,
        items: &IdMap,
        ignore_memory: bool,
        measure: impl FnOnce(Contender<'_>) -> Result<()>,
    ) -> Result<()> {
        let name = &self.name;
        match &self.source {
            Source::Published(Artifact { manifest, model, .. }) => measure(Contender {
                name,
                model: model.as_ref(),
                training: Some(manifest.summary.clone()),
                // A blend was trained in parts.
                fit_seconds: (!matches!(manifest.model, ModelConfig::Blend(_))).then_some(manifest.summary.seconds),
            }),
            Source::Trained(settings) => {
                if !ignore_memory {
                    planning::check_fit(settings, &trial.train)?;
                }
                let fitted = fitting::train(settings, &trial.train, items, Beginning::default(), None)?.fitted;
                let fit_seconds = Some(fitted.summary.seconds);
                measure(Contender { name, model: fitted.model.as_ref(), training: Some(fitted.summary), fit_seconds })
            }
        }
    }

    /// Trains it, where it is not published, and measures it. One that does not fit into memory, or cannot be trained on
    /// these data, is left out and said to be; the error is returned.
    ///
    /// # Errors
    /// What keeps the others from being measured as well.
    pub fn take_part(
        &self,
        comparison: &mut Comparison,
        (trial, items): (&Trial<'_>, &IdMap),
        ignore_memory: bool,
        measure: impl FnOnce(&mut Comparison, &Trial<'_>, Contender<'_>) -> Result<()>,
    ) -> Result<Option<Error>> {
        let entered = self.enter(trial, items, ignore_memory, |contender| measure(comparison, trial, contender));
        let Err(error) = entered else { return Ok(None) };
        let too_large = error.downcast_ref::<TooLarge>().map(TooLarge::summary);
        let Some(reason) = too_large.or_else(|| error.downcast_ref::<FitError>().map(ToString::to_string)) else {
            return Err(error);
        };
        comparison.leave_out(&self.name, reason);
        Ok(Some(error))
    }
}
