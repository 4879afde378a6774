//! The resolved settings of a run: what the defaults, a configuration file, the environment and the
//! flags come to together. Commands read these and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::exit::Configuration;
use super::serving::ServeSettings;
use super::tuning::TuneSettings;
use crate::interactions::{LogRules, TimeUnit, Timestamp};
use crate::io::ItemColumns;
use crate::models::{ModelConfig, MultVaeConfig};
use crate::training::TrainingConfig;

/// Everything a run that trains can be told; each field is a section of the configuration file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is read.
    pub input: InputSettings,
    /// What is written.
    pub output: OutputSettings,
    /// How rows of the log become interactions.
    pub log: LogRules,
    /// Which model, with which parameters.
    pub model: ModelConfig,
    /// The training loop of iterative models.
    pub training: TrainingConfig,
    /// The users that decide which epoch is kept.
    pub validation: ValidationSettings,
    /// Stopping and going on.
    pub checkpoint: CheckpointSettings,
    /// How a server behaves; a run that trains leaves it alone and does not print it.
    #[serde(default, skip_serializing_if = "ServeSettings::is_default")]
    pub serve: ServeSettings,
    /// A search for parameters; a run that trains leaves it alone.
    #[serde(default, skip_serializing_if = "TuneSettings::is_default")]
    pub tune: TuneSettings,
}

/// Section `[input]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputSettings {
    /// The log: a Parquet file, a directory of them at any depth, or a pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
    /// What is known of the items: a Parquet file, or a directory of them, with a row an item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<PathBuf>,
    /// Names of the columns of `items`.
    pub item_columns: ItemColumns,
    /// Keep items of `items` that nobody has yet: they can be recommended as soon as a model can score them.
    pub all_items: bool,
}

/// Section `[output]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputSettings {
    /// The model directory to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
}

/// Section `[validation]`: held-out users of the training log, or users of given files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationSettings {
    /// Share of the users that is held out of training, at least 0 and below 1; 0 switches validation off.
    pub fraction: f64,
    /// No more users than this are held out, whatever the share.
    pub max_users: usize,
    /// Histories of other users, to validate on those instead; goes with `target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold_in: Option<PathBuf>,
    /// What the users of `fold_in` went on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<PathBuf>,
}

/// Section `[checkpoint]`: what is kept of a run that is stopped. The model is the same with and without.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSettings {
    /// Optimiser steps from one checkpoint to the next, at least 1, in the middle of an epoch as well; none is
    /// written where this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<usize>,
    /// The file; by default the model directory's name with `.checkpoint` after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

impl Default for ValidationSettings {
    fn default() -> Self {
        Self { fraction: 0.1, max_users: 1000, fold_in: None, target: None }
    }
}

impl ValidationSettings {
    /// Refuses settings that cannot be meant.
    ///
    /// # Errors
    /// A share out of range; one given file without the other.
    pub fn check(&self) -> Result<(), Configuration> {
        if !(0.0..1.0).contains(&self.fraction) {
            let fraction = self.fraction;
            return Err(Configuration(format!("validation.fraction is {fraction}, must be at least 0 and below 1")));
        }
        if self.fold_in.is_some() != self.target.is_some() {
            let both = "validation.fold_in and validation.target go together; give both or neither";
            return Err(Configuration(both.into()));
        }
        Ok(())
    }
}

impl Default for Settings {
    /// A Mult-VAE with the parameters of its paper.
    fn default() -> Self {
        Self {
            input: InputSettings::default(),
            output: OutputSettings::default(),
            log: LogRules::default(),
            model: ModelConfig::MultVae(MultVaeConfig::default()),
            training: TrainingConfig::default(),
            validation: ValidationSettings::default(),
            checkpoint: CheckpointSettings::default(),
            serve: ServeSettings::default(),
            tune: TuneSettings::default(),
        }
    }
}

impl Settings {
    /// The same settings with a value for everything that may be left out: the keys that exist, and
    /// what type each has.
    pub(super) fn with_every_key(mut self) -> Self {
        self.input = InputSettings { log: Some("".into()), items: Some("".into()), ..self.input };
        self.output = OutputSettings { model: Some("".into()) };
        self.log = LogRules {
            time_unit: Some(TimeUnit::Seconds),
            since: Some(Timestamp(0)),
            until: Some(Timestamp(0)),
            event_weights: BTreeMap::from([("TYPE".into(), 1.0)]),
            min_weight: Some(0.0),
            half_life_days: Some(1.0),
            as_of: Some(Timestamp(0)),
            ..self.log
        };
        self.checkpoint = CheckpointSettings { every: Some(1), path: Some("".into()) };
        self.serve = self.serve.with_every_key();
        self.tune = self.tune.with_every_key();
        self.validation = ValidationSettings { fold_in: Some("".into()), target: Some("".into()), ..self.validation };
        if let ModelConfig::Stacked(stacked) = &mut self.model {
            stacked.decoder.get_or_insert_default();
        }
        self
    }

    /// The settings as a configuration file, complete, so that it can be fed back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# these settings cannot be written as TOML: {error}\n"))
    }
}
