//! What was measured? A metric, or one as if the targets in one part of the catalogue were all that there is.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::evaluation::{Metric, PopularityBucket};

/// What has one value a model, called as in a gate: `ndcg@100`, or `ndcg@100 of tail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The metric.
    pub metric: Metric,
    /// The part of the catalogue whose targets count; all of them without one.
    pub part: Option<PopularityBucket>,
}

impl From<Metric> for Measurement {
    fn from(metric: Metric) -> Self {
        Self { metric, part: None }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            None => write!(f, "{}", self.metric),
            Some(part) => write!(f, "{} of {}", self.metric, part.name()),
        }
    }
}

impl Serialize for Measurement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
