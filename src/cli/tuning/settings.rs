//! Section `[tune]` of a configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cli::exit::Configuration;
use crate::cli::validation::Validated;
use crate::models::ModelConfig;
use crate::tuning::Method;

/// Section `[tune]`: a search for parameters; a run that trains leaves it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TuneSettings {
    /// Trials altogether, at least 1.
    pub trials: usize,
    /// No trial begins after so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How the next point is chosen.
    pub search: Method,
    /// What the best one is the best by; by default what epochs of the model are chosen by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<Validated>,
    /// How validation data is cut from the log.
    pub protocol: Protocol,
    /// Give trials up that are worse than the median of the others.
    pub early_stopping: bool,
    /// What is searched: keys of the configuration with their ranges.
    pub ranges: BTreeMap<String, String>,
}

/// How validation data is cut from the training log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Whole users are held out; a part of their histories is folded in.
    #[default]
    Strong,
    /// A part of the history of some users is held out; all users train.
    Weak,
}

impl Default for TuneSettings {
    fn default() -> Self {
        Self {
            trials: 20,
            seconds: None,
            search: Method::default(),
            metric: None,
            protocol: Protocol::default(),
            early_stopping: true,
            ranges: BTreeMap::new(),
        }
    }
}

impl TuneSettings {
    /// True when nothing was said about a search.
    pub(in crate::cli) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// A value for everything that may be left out.
    pub(in crate::cli) fn with_every_key(self) -> Self {
        Self {
            seconds: Some(1.0),
            metric: Some(Validated::Rmse),
            ranges: BTreeMap::from([("KEY".into(), "LOW..HIGH".into())]),
            ..self
        }
    }

    /// What the best configuration of `model` is the best by.
    #[must_use]
    pub fn metric_of(&self, model: &ModelConfig) -> Validated {
        self.metric.unwrap_or_else(|| Validated::of(model))
    }

    /// Refuses settings that cannot be meant for `model`.
    ///
    /// # Errors
    /// No trial, no time, nothing to search, a metric that has no value for a user, RMSE of a model that expects no ratings.
    pub fn check(&self, model: &ModelConfig) -> Result<(), Configuration> {
        let refuse = |why: String| Err(Configuration(why));
        if self.ranges.is_empty() {
            return refuse("nothing to search: give --range KEY=RANGE, or a table [tune.ranges]".into());
        }
        if self.trials == 0 {
            return refuse("tune.trials is 0, must be at least 1".into());
        }
        if let Some(seconds) = self.seconds.filter(|seconds| seconds.is_nan() || *seconds <= 0.0) {
            return refuse(format!("tune.seconds is {seconds}, must be greater than 0"));
        }
        match self.metric {
            Some(Validated::List(metric)) if !metric.is_accuracy() => {
                refuse(format!("tune.metric is {metric}, which says nothing of targets; take one such as ndcg@100"))
            }
            Some(Validated::Rmse) if !model.expects_ratings() => refuse(format!(
                "tune.metric is rmse, but {} expects no ratings; take one such as ndcg@100, or a model of ratings: auto-rec or biases",
                model.name()
            )),
            _ => Ok(()),
        }
    }
}
