//! Many times of the same thing, summarised.

use std::time::Duration;

use serde_json::{Value, json};

/// Median, 99th percentile and least, in microseconds.
///
/// # Panics
/// When there is no time.
pub fn in_micros(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e6;
    json!({ "count": times.len(), "p50_us": at(0.5), "p99_us": at(0.99), "min_us": at(0.0) })
}
