//! How good are the lists? Metrics on ranked lists, and the protocols that decide who is ranked on what.

mod bootstrap;
mod buckets;
mod evaluate;
mod exposure;
mod item_popularity;
mod jackknife;
mod mean;
mod metric;
mod metrics;
#[cfg(test)]
mod naive_tests;
mod ratings;
mod resampled;
mod trial;

pub use bootstrap::{Bootstrap, RESAMPLES};
pub use buckets::{HistoryBucket, TargetBucket, history_bounds};
pub use evaluate::{Counts, EvaluatedUser, Evaluation, NothingToEvaluate, evaluate};
pub use exposure::{coverage, gini, novelty, popularity};
pub use item_popularity::{BucketItems, ItemPopularity, PopularityBucket};
pub use jackknife::{GROUPS, Jackknife};
pub use metric::{Measure, Metric, MetricError, MetricKind};
pub use metrics::{Found, capped_recall, hit_rate, map, mrr, ndcg, precision, recall};
pub use ratings::{RatingErrors, rating_errors};
pub use resampled::{CONFIDENCE, Interval, Resampled};
pub use trial::{GivenUsers, LeftOut, Protocol, TARGET_FRACTION, Trial, read_fold_in_target};
