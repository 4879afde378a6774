//! How good are the lists? Metrics on ranked lists, and the protocols that decide who is ranked on what.

mod evaluate;
mod metric;
mod metrics;
mod trial;

pub use evaluate::{Counts, Evaluation, NothingToEvaluate, evaluate};
pub use metric::{Metric, MetricError, MetricKind};
pub use metrics::{capped_recall, ndcg, recall};
pub use trial::{Protocol, TARGET_FRACTION, Trial, read_fold_in_target};
