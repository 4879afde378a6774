//! What became of the requests, while they come in.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use tonic::Code;

use super::report::{CodeReport, CurvePoint, Percentiles, Report, WindowReport, millis};
use crate::serve::{code_name, pb};

/// Parts into which the measured time is divided.
const WINDOWS: usize = 60;

/// What the name of a code is where all went well.
const OK: &str = "OK";

/// One request, with times since the start of the test.
pub(super) struct Outcome {
    /// When it should have been sent.
    pub due: Duration,
    /// When it was.
    pub sent: Duration,
    /// When its answer was there.
    pub done: Duration,
    /// The answer, or why there is none.
    pub answer: Result<Answer, Code>,
}

/// Who answered.
pub(super) struct Answer {
    pub version: String,
    pub tier: pb::Tier,
}

/// Counts of the requests that were due from `warm_up` to `end`.
pub(super) struct Tally {
    rate: f64,
    warm_up: Duration,
    end: Duration,
    last_done: Duration,
    offered: u64,
    not_sent: u64,
    lag: Histogram<u64>,
    codes: BTreeMap<&'static str, Latencies>,
    versions: BTreeMap<String, u64>,
    tiers: BTreeMap<&'static str, u64>,
    windows: Vec<Window>,
}

/// Microseconds.
struct Latencies {
    due: Histogram<u64>,
    sent: Histogram<u64>,
}

#[derive(Clone)]
struct Window {
    offered: u64,
    ok: Histogram<u64>,
}

/// The longest time told apart, in microseconds: what takes longer than an hour counts as that.
const LONGEST: u64 = 3_600_000_000;

/// A histogram of microseconds that keeps `digits` digits.
fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, digits).unwrap_or_else(|_| unreachable!("bounds and digits are in range"))
}

impl Latencies {
    fn new() -> Self {
        Self { due: histogram(3), sent: histogram(3) }
    }
}

impl Tally {
    pub fn new(rate: f64, warm_up: Duration, end: Duration) -> Self {
        Self {
            rate,
            warm_up,
            end,
            last_done: end,
            offered: 0,
            not_sent: 0,
            lag: histogram(3),
            codes: BTreeMap::new(),
            versions: BTreeMap::new(),
            tiers: BTreeMap::new(),
            windows: vec![Window { offered: 0, ok: histogram(2) }; WINDOWS],
        }
    }

    /// A request is due.
    pub fn offered(&mut self, due: Duration) {
        if let Some(window) = self.window(due) {
            self.offered += 1;
            self.windows[window].offered += 1;
        }
    }

    /// A request that was due could not be sent.
    pub fn not_sent(&mut self, due: Duration) {
        self.not_sent += u64::from(self.window(due).is_some());
    }

    /// A request has its answer.
    pub fn answered(&mut self, outcome: Outcome) {
        let Outcome { due, sent, done, answer } = outcome;
        let Some(window) = self.window(due) else { return };
        let code = answer.as_ref().map_or_else(|code| code_name(*code), |_| OK);
        let latencies = self.codes.entry(code).or_insert_with(Latencies::new);
        latencies.due.saturating_record(micros(due, done));
        latencies.sent.saturating_record(micros(sent, done));
        self.lag.saturating_record(micros(due, sent));
        if let Ok(Answer { version, tier }) = answer {
            self.last_done = self.last_done.max(done);
            self.windows[window].ok.saturating_record(micros(due, done));
            *self.versions.entry(version).or_default() += 1;
            *self.tiers.entry(tier_name(tier)).or_default() += 1;
        }
    }

    /// `None` for what belongs to the warm-up.
    fn window(&self, due: Duration) -> Option<usize> {
        let since = due.checked_sub(self.warm_up)?;
        let share = since.as_secs_f64() / (self.end - self.warm_up).as_secs_f64();
        Some(((share * WINDOWS as f64) as usize).min(WINDOWS - 1))
    }

    /// What was found.
    pub fn report(&self) -> Report {
        let seconds = (self.end - self.warm_up).as_secs_f64();
        let answered: u64 = self.codes.values().map(|latencies| latencies.sent.len()).sum();
        let ok = self.codes.get(OK);
        let ok_count = ok.map_or(0, |latencies| latencies.sent.len());
        let mut codes: Vec<CodeReport> = self
            .codes
            .iter()
            .filter_map(|(&code, latencies)| {
                let latency_ms = Percentiles::of(&latencies.due)?;
                let service_ms = Percentiles::of(&latencies.sent)?;
                Some(CodeReport { code, count: latencies.sent.len(), latency_ms, service_ms })
            })
            .collect();
        codes.sort_by_key(|code| std::cmp::Reverse(code.count));
        Report {
            rate: self.rate,
            seconds,
            offered: self.offered,
            offered_per_second: self.offered as f64 / seconds,
            ok: ok_count,
            achieved_per_second: ok_count as f64 / (self.last_done - self.warm_up).as_secs_f64(),
            not_sent: self.not_sent,
            unanswered: self.offered.saturating_sub(self.not_sent + answered),
            latency_ms: ok.and_then(|latencies| Percentiles::of(&latencies.due)),
            service_ms: ok.and_then(|latencies| Percentiles::of(&latencies.sent)),
            lag_ms: Percentiles::of(&self.lag),
            codes,
            versions: self.versions.clone(),
            tiers: self.tiers.clone(),
            curve: ok.map(curve).unwrap_or_default(),
            windows: self.windows.iter().enumerate().map(|(at, window)| window.report(at, seconds)).collect(),
        }
    }
}

impl Window {
    fn report(&self, at: usize, seconds: f64) -> WindowReport {
        let percentile = |share| (!self.ok.is_empty()).then(|| millis(self.ok.value_at_quantile(share)));
        WindowReport {
            from: seconds * at as f64 / WINDOWS as f64,
            ok: self.ok.len(),
            failed: self.offered.saturating_sub(self.ok.len()),
            p50_ms: percentile(0.5),
            p99_ms: percentile(0.99),
        }
    }
}

/// Ever finer towards the slowest request, ten points for each further nine, as far as there are requests to tell
/// them apart.
fn curve(latencies: &Latencies) -> Vec<CurvePoint> {
    let most = (latencies.due.len() as f64).log10();
    (0..)
        .map(|step| f64::from(step) / 10.0)
        .take_while(|nines| *nines <= most)
        .map(|nines| 1.0 - 10f64.powf(-nines))
        .map(|share| CurvePoint {
            share,
            latency_ms: millis(latencies.due.value_at_quantile(share)),
            service_ms: millis(latencies.sent.value_at_quantile(share)),
        })
        .collect()
}

/// At least one.
fn micros(from: Duration, to: Duration) -> u64 {
    to.saturating_sub(from).as_micros().clamp(1, LONGEST.into()) as u64
}

fn tier_name(tier: pb::Tier) -> &'static str {
    match tier {
        pb::Tier::Unspecified => "unspecified",
        pb::Tier::Personal => "personal",
        pb::Tier::Popularity => "popularity",
        pb::Tier::PopularityFiltered => "popularity within the filter",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn ok(due: u64, sent: u64, done: u64) -> Outcome {
        let answer = Ok(Answer { version: "v".into(), tier: pb::Tier::Personal });
        Outcome { due: ms(due), sent: ms(sent), done: ms(done), answer }
    }

    #[test]
    fn a_stall_is_charged_to_all_who_would_have_waited() {
        // A request every 10 ms; the generator can send none from 500 to 1,000 ms, as the server stalls. Answers take 1 ms.
        let mut tally = Tally::new(100.0, ms(0), ms(1_000));
        for due in (0..1_000).step_by(10) {
            let sent = if due < 500 { due } else { 1_000 };
            tally.offered(ms(due));
            tally.answered(ok(due, sent, sent + 1));
        }
        let report = tally.report();
        assert_eq!((report.offered, report.ok, report.not_sent, report.unanswered), (100, 100, 0, 0));
        let (latency, service) = (report.latency_ms.unwrap(), report.service_ms.unwrap());
        // From the send, nobody waited at all; in truth half of them did, the slowest for half a second.
        assert!(service.max < 1.01, "{service:?}");
        assert!((latency.p99 - 491.0).abs() < 1.0 && (latency.max - 501.0).abs() < 1.0, "{latency:?}");
        assert!((latency.p50 - 1.0).abs() < 0.01, "{latency:?}");
        assert!(report.generator_was_late());
        assert!(report.meets(500.0) && !report.meets(400.0));
    }

    #[test]
    fn what_fails_is_counted_by_code_and_not_among_the_latencies() {
        let mut tally = Tally::new(1.0, ms(100), ms(1_100));
        // The warm-up does not count.
        tally.offered(ms(50));
        tally.answered(ok(50, 50, 900));
        for due in [200, 300, 400, 500] {
            tally.offered(ms(due));
        }
        tally.answered(ok(200, 200, 203));
        let refused = Err(Code::ResourceExhausted);
        tally.answered(Outcome { due: ms(300), sent: ms(300), done: ms(301), answer: refused });
        tally.not_sent(ms(400));
        let report = tally.report();
        assert_eq!((report.offered, report.ok, report.not_sent, report.unanswered), (4, 1, 1, 1));
        assert!((report.share_ok() - 0.25).abs() < 1e-9 && !report.meets(1e9));
        assert!((report.latency_ms.unwrap().max - 3.0).abs() < 0.01);
        let codes: Vec<_> = report.codes.iter().map(|code| (code.code, code.count)).collect();
        assert_eq!(codes, [("OK", 1), ("RESOURCE_EXHAUSTED", 1)]);
        assert_eq!((report.versions["v"], report.tiers["personal"]), (1, 1));
        let windows = report.windows.iter().fold((0, 0), |(ok, failed), w| (ok + w.ok, failed + w.failed));
        assert_eq!(windows, (1, 3));
        let window = report.windows.iter().find(|window| window.ok > 0).unwrap();
        assert!((window.p99_ms.unwrap() - 3.0).abs() < 0.05, "{window:?}");
    }

    #[test]
    fn a_backlog_counts_against_what_was_achieved() {
        let mut tally = Tally::new(10.0, ms(0), ms(1_000));
        for due in 0..10 {
            tally.offered(ms(due * 100));
            tally.answered(ok(due * 100, due * 100, 2_000));
        }
        assert!((tally.report().achieved_per_second - 5.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_at_all() {
        let report = Tally::new(1.0, ms(0), ms(10)).report();
        assert_eq!((report.offered, report.latency_ms, report.curve.len()), (0, None, 0));
        assert!(report.share_ok().abs() < 1e-9);
    }
}
