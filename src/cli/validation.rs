//! What do validation users measure?

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::evaluation::{Metric, MetricError, Trial, rating_errors};
use crate::models::{Model, ModelConfig};

/// What decides which epoch is kept, and which configuration is the best. As text, `ndcg@100` or `rmse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validated {
    /// A metric of the lists.
    List(Metric),
    /// The root mean squared error of expected ratings, for models of ratings; smaller is better, so it counts as negative.
    Rmse,
}

/// Text that names neither a metric of lists nor RMSE.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; or rmse, for models of ratings")]
pub struct UnknownValue(#[from] MetricError);

impl Validated {
    /// What epochs of a model are chosen by: NDCG@100, or RMSE where it expects ratings.
    pub fn of(model: &ModelConfig) -> Self {
        Self::by_ratings(model.expects_ratings())
    }

    /// The same for a model that expects ratings, or does not.
    pub fn by_ratings(expected: bool) -> Self {
        if expected { Self::Rmse } else { Self::List(Metric::NDCG_100) }
    }

    /// A model on validation users, higher is better; `None` where nobody has anything to be found beyond what is folded in.
    pub fn measure(self, trial: &Trial<'_>, model: &dyn Model) -> Option<f64> {
        match self {
            Self::List(metric) => trial.evaluate(model, &[metric]).ok()?.mean(metric),
            Self::Rmse => rating_errors(model, trial.fold_in(), trial.target()).map(|errors| -errors.rmse),
        }
    }

    /// The value as people know it, of one that is better when higher.
    pub fn shown(self, value: f64) -> f64 {
        match self {
            Self::List(_) => value,
            Self::Rmse => -value,
        }
    }
}

impl fmt::Display for Validated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(metric) => metric.fmt(f),
            Self::Rmse => f.write_str("rmse"),
        }
    }
}

impl FromStr for Validated {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        if text == "rmse" { Ok(Self::Rmse) } else { Ok(Self::List(text.parse()?)) }
    }
}

impl Serialize for Validated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Validated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
