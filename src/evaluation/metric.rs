//! A metric by name and cutoff, as people write it: `ndcg@100`.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::exposure::{coverage, gini, novelty, popularity};
use super::item_popularity::ItemPopularity;
use super::metrics::{Found, capped_recall, hit_rate, map, mrr, ndcg, precision, recall};
use crate::types::ItemIdx;

/// Which metric; the definitions stand above the functions of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// [`recall`]
    Recall,
    /// [`capped_recall`]
    CappedRecall,
    /// [`precision`]
    Precision,
    /// [`ndcg`]
    Ndcg,
    /// [`mrr`]
    Mrr,
    /// [`map`]
    Map,
    /// [`hit_rate`]
    HitRate,
    /// [`popularity`]
    Popularity,
    /// [`novelty`]
    Novelty,
    /// [`coverage`]
    Coverage,
    /// [`gini`]
    Gini,
}

/// What a metric is a function of.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// One user's list against the user's target; reported as the mean over users.
    Accuracy(fn(&Found, NonZeroUsize) -> f64),
    /// One user's list cut at `k`, whatever the target; reported as the mean over users.
    List(fn(&[ItemIdx], &ItemPopularity) -> f64),
    /// The lists of all users, as the number of lists that hold each item among their first `k`. Not a
    /// mean over users: it has no value for one user and no interval.
    Exposure(fn(&[u32]) -> f64),
}

impl MetricKind {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 11] = [
        Self::Recall,
        Self::CappedRecall,
        Self::Precision,
        Self::Ndcg,
        Self::Mrr,
        Self::Map,
        Self::HitRate,
        Self::Popularity,
        Self::Novelty,
        Self::Coverage,
        Self::Gini,
    ];

    /// The part before `@`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Recall => "recall",
            Self::CappedRecall => "capped_recall",
            Self::Precision => "precision",
            Self::Ndcg => "ndcg",
            Self::Mrr => "mrr",
            Self::Map => "map",
            Self::HitRate => "hit_rate",
            Self::Popularity => "popularity",
            Self::Novelty => "novelty",
            Self::Coverage => "coverage",
            Self::Gini => "gini",
        }
    }

    /// The function behind the name.
    #[must_use]
    pub fn measure(self) -> Measure {
        match self {
            Self::Recall => Measure::Accuracy(recall),
            Self::CappedRecall => Measure::Accuracy(capped_recall),
            Self::Precision => Measure::Accuracy(precision),
            Self::Ndcg => Measure::Accuracy(ndcg),
            Self::Mrr => Measure::Accuracy(mrr),
            Self::Map => Measure::Accuracy(map),
            Self::HitRate => Measure::Accuracy(hit_rate),
            Self::Popularity => Measure::List(popularity),
            Self::Novelty => Measure::List(novelty),
            Self::Coverage => Measure::Exposure(coverage),
            Self::Gini => Measure::Exposure(gini),
        }
    }

    /// The definition in one line, for readers of a report. T is a user's target.
    #[must_use]
    pub fn definition(self) -> &'static str {
        match self {
            Self::Recall => "hits in the first k / |T|",
            Self::CappedRecall => {
                "hits in the first k / min(k, |T|); what the papers on variational autoencoders call Recall@k"
            }
            Self::Precision => "hits in the first k / k",
            Self::Ndcg => {
                "Σ over hits in the first k of 1 / log₂(rank + 1), divided by the same sum of a list that begins with \
                 min(k, |T|) hits"
            }
            Self::Mrr => "1 / rank of the first hit, 0 without one in the first k",
            Self::Map => "Σ over hits in the first k of the precision at their rank, divided by min(k, |T|)",
            Self::HitRate => "1 when the first k hold any item of T, else 0",
            Self::Popularity => "mean over the first k items of the share of training users who have the item",
            Self::Novelty => {
                "mean over the first k items of −log₂ of the share of training users who have the item, in bits; an \
                 item of no training user counts as one of a single user"
            }
            Self::Coverage => "share of the catalogue that stands among the first k of at least one list",
            Self::Gini => {
                "inequality of the number of lists that hold an item among their first k, over the whole catalogue: 0 \
                 for equal shares, near 1 when few items take all places"
            }
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
    #[error("unknown metric `{name}` in `{text}`; available: {}, for example ndcg@100", available())]
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

fn available() -> String {
    MetricKind::ALL.map(|kind| format!("{}@k", kind.name())).join(", ")
}

impl Metric {
    /// NDCG@100: what validation optimises, as in Liang et al. 2018.
    pub const NDCG_100: Self = Self { kind: MetricKind::Ndcg, k: NonZeroUsize::new(100).unwrap() };

    /// True for metrics that are means over users of a value that each user has.
    #[must_use]
    pub fn is_per_user(self) -> bool {
        !matches!(self.kind.measure(), Measure::Exposure(_))
    }

    /// True for metrics that compare a list with a target.
    #[must_use]
    pub fn is_accuracy(self) -> bool {
        matches!(self.kind.measure(), Measure::Accuracy(_))
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
        for kind in MetricKind::ALL {
            let text = format!("{}@20", kind.name());
            let metric: Metric = text.parse().unwrap();
            assert_eq!((metric.to_string(), metric.kind), (text, kind));
        }
        assert_eq!("ndcg@100".parse(), Ok(Metric::NDCG_100));
    }

    #[test]
    fn errors_quote_the_text_and_say_what_exists() {
        let message = |text: &str| text.parse::<Metric>().unwrap_err().to_string();
        assert!(message("ngcg@100").contains("unknown metric `ngcg` in `ngcg@100`"));
        for kind in MetricKind::ALL {
            assert!(message("serendipity").contains(&format!("{}@k", kind.name())));
        }
        for text in ["ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@ten", "ndcg@5@6"] {
            assert!(message(text).contains(&format!("`{text}` needs a cutoff")), "{}", message(text));
        }
    }
}
