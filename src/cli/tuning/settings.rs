//! Section `[tune]` of a configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cli::exit::Configuration;
use crate::evaluation::Metric;
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
    /// What is maximised.
    pub metric: Metric,
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
            metric: Metric::NDCG_100,
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
        Self { seconds: Some(1.0), ranges: BTreeMap::from([("KEY".into(), "LOW..HIGH".into())]), ..self }
    }

    /// Refuses settings that cannot be meant.
    ///
    /// # Errors
    /// No trial, no time, nothing to search, a metric that has no value for a user.
    pub fn check(&self) -> Result<(), Configuration> {
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
        if !self.metric.is_accuracy() {
            let metric = self.metric;
            return refuse(format!(
                "tune.metric is {metric}, which says nothing of targets; take one such as ndcg@100"
            ));
        }
        Ok(())
    }
}
