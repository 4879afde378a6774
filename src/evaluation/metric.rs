//! A metric by name and cutoff, as people write it: `ndcg@100`.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::metrics::{capped_recall, ndcg, recall};
use crate::types::ItemIdx;

/// Which metric; the definitions stand above the functions of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// [`recall`]
    Recall,
    /// [`capped_recall`]
    CappedRecall,
    /// [`ndcg`]
    Ndcg,
}

impl MetricKind {
    const ALL: [Self; 3] = [Self::Recall, Self::CappedRecall, Self::Ndcg];

    fn name(self) -> &'static str {
        match self {
            Self::Recall => "recall",
            Self::CappedRecall => "capped_recall",
            Self::Ndcg => "ndcg",
        }
    }
}

/// A metric at a cutoff; reads from and prints as `kind@k`, for example `capped_recall@50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Metric {
    /// Which one.
    pub kind: MetricKind,
    /// Places of the list that count.
    pub k: NonZeroUsize,
}

/// Text that does not name a metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// There is no metric of that name.
    #[error("unknown metric `{name}` in `{text}`; available: recall@k, capped_recall@k, ndcg@k, for example ndcg@100")]
    Unknown {
        /// The part before `@`.
        name: String,
        /// The whole text.
        text: String,
    },
    /// The part after `@` is missing, or not a whole number of at least 1.
    #[error("metric `{text}` needs a cutoff of at least 1 after `@`, for example ndcg@100")]
    Cutoff {
        /// The whole text.
        text: String,
    },
}

impl Metric {
    /// NDCG@100: what validation optimises, as in Liang et al. 2018.
    pub const NDCG_100: Self = Self { kind: MetricKind::Ndcg, k: NonZeroUsize::new(100).unwrap() };

    /// The value for one list, `None` for an empty target.
    ///
    /// `ranked` is best first; `target` ascending, each item once.
    #[must_use]
    pub fn value(self, ranked: &[ItemIdx], target: &[u32]) -> Option<f64> {
        match self.kind {
            MetricKind::Recall => recall(ranked, target, self.k),
            MetricKind::CappedRecall => capped_recall(ranked, target, self.k),
            MetricKind::Ndcg => ndcg(ranked, target, self.k),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.kind.name(), self.k)
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let (name, k) = text.split_once('@').unwrap_or((text, ""));
        let kind = MetricKind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| MetricError::Unknown { name: name.into(), text: text.into() })?;
        let k = k.parse().map_err(|_| MetricError::Cutoff { text: text.into() })?;
        Ok(Self { kind, k })
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["recall@20", "capped_recall@50", "ndcg@100"] {
            assert_eq!(text.parse::<Metric>().unwrap().to_string(), text);
        }
        assert_eq!("ndcg@100".parse(), Ok(Metric::NDCG_100));
    }

    #[test]
    fn errors_quote_the_text_and_say_what_exists() {
        let message = |text: &str| text.parse::<Metric>().unwrap_err().to_string();
        assert!(message("ngcg@100").contains("unknown metric `ngcg` in `ngcg@100`"));
        assert!(message("precision").contains("capped_recall@k"));
        for text in ["ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "ndcg@5@6"] {
            assert!(message(text).contains(&format!("`{text}` needs a cutoff")), "{}", message(text));
        }
    }
}
