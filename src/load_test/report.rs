//! What a load test found, as plain numbers.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

/// One rate's result. Latencies are in milliseconds.
///
/// Two latencies stand beside each other: `latency_ms` counts from the moment at which a request was due,
/// `service_ms` from the moment at which it was sent. Where they differ, requests had to wait for the generator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Requests a second that were asked for.
    pub rate: f64,
    /// Length of the measured time, in seconds; the warm-up is not part of it.
    pub seconds: f64,
    /// Requests that were due in that time.
    pub offered: u64,
    /// The same a second: what chance made of the rate.
    pub offered_per_second: f64,
    /// Requests answered with OK.
    pub ok: u64,
    /// The same a second, until the last answer came.
    pub achieved_per_second: f64,
    /// Requests that were not sent because too many were in flight already.
    pub not_sent: u64,
    /// Requests without any answer at the end of the test.
    pub unanswered: u64,
    /// Of requests answered with OK, from the moment they were due; none without such an answer.
    pub latency_ms: Option<Percentiles>,
    /// Of the same requests, from the moment they were sent.
    pub service_ms: Option<Percentiles>,
    /// How much later than due requests were sent.
    pub lag_ms: Option<Percentiles>,
    /// By status code, the most frequent first.
    pub codes: Vec<CodeReport>,
    /// Answers by version of the model.
    pub versions: BTreeMap<String, u64>,
    /// Answers by tier.
    pub tiers: BTreeMap<&'static str, u64>,
    /// Latency by share of the requests, for a plot.
    pub curve: Vec<CurvePoint>,
    /// The measured time in equal parts, by the moment at which requests were due.
    pub windows: Vec<WindowReport>,
}

/// A status code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CodeReport {
    /// Its name in gRPC, such as `RESOURCE_EXHAUSTED`.
    pub code: &'static str,
    /// Answers.
    pub count: u64,
    /// From the moment they were due.
    pub latency_ms: Percentiles,
    /// From the moment they were sent.
    pub service_ms: Percentiles,
}

/// Latencies that shares of the requests did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of the requests.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    #[serde(rename = "p99.9")]
    pub p99_9: f64,
    /// All.
    pub max: f64,
    /// On average.
    pub mean: f64,
}

/// A point of the latency curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Share of the requests, 0 to 1.
    pub share: f64,
    /// See [`Report::latency_ms`].
    pub latency_ms: f64,
    /// See [`Report::service_ms`].
    pub service_ms: f64,
}

/// A part of the measured time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WindowReport {
    /// Its start, in seconds.
    pub from: f64,
    /// Requests answered with OK.
    pub ok: u64,
    /// Requests answered otherwise, not sent or not answered.
    pub failed: u64,
    /// Of the former; none without any.
    pub p50_ms: Option<f64>,
    /// Of the former.
    pub p99_ms: Option<f64>,
}

impl Report {
    /// Share of the requests that were due which were answered with OK; 0 without any.
    #[must_use]
    pub fn share_ok(&self) -> f64 {
        if self.offered == 0 { 0.0 } else { self.ok as f64 / self.offered as f64 }
    }

    /// True when 99 of 100 requests were answered with OK and 99 of 100 of these within `objective_ms`.
    #[must_use]
    pub fn meets(&self, objective_ms: f64) -> bool {
        self.share_ok() >= 0.99 && self.latency_ms.is_some_and(|latency| latency.p99 <= objective_ms)
    }

    /// True when the latencies say more of the generator than of the server: it could not send all requests, or half
    /// of what the slowest took was waiting to be sent.
    #[must_use]
    pub fn generator_was_late(&self) -> bool {
        let slow = self.latency_ms.map_or(0.0, |latency| latency.p99);
        // A millisecond is what a busy machine takes to let a thread run.
        self.not_sent > 0 || self.lag_ms.is_some_and(|lag| lag.p99 > 1.0 && lag.p99 > slow / 2.0)
    }
}

impl Percentiles {
    /// Of microseconds; `None` without any.
    pub(super) fn of(micros: &Histogram<u64>) -> Option<Self> {
        if micros.is_empty() {
            return None;
        }
        let at = |share| millis(micros.value_at_quantile(share));
        Some(Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: millis(micros.max()),
            mean: micros.mean() / 1e3,
        })
    }
}

pub(super) fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}
