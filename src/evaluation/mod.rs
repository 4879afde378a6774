//! How good are the lists? Metrics on ranked lists, and the protocols that decide who is ranked on what.

mod evaluate;
mod metric;
mod metrics;

pub use evaluate::{Evaluation, NothingToEvaluate, evaluate};
pub use metric::{Metric, MetricError, MetricKind};
pub use metrics::{capped_recall, ndcg, recall};
