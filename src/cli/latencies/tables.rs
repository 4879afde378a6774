//! The results of a load test on the terminal.

use std::fmt::{self, Formatter};

use serde_json::{Value, json};

use crate::cli::console::{table, thousands};
use crate::load_test::{Percentiles, Report, WindowReport};

/// The results at one rate, or at several.
pub struct Latencies<'a> {
    /// One a rate, in the order measured.
    pub reports: &'a [Report],
    /// Whether capacity was asked for.
    pub sweep: bool,
    /// See [`Report::meets`].
    pub objective_ms: f64,
}

impl Latencies<'_> {
    /// The result with the highest rate that the server kept up with.
    fn capacity(&self) -> Option<&Report> {
        let kept = self.reports.iter().filter(|report| report.meets(self.objective_ms));
        kept.max_by(|a, b| a.rate.total_cmp(&b.rate))
    }

    /// Everything, for machines.
    #[must_use]
    pub fn json(&self, server: &str) -> Value {
        let mut told = json!({ "server": server, "results": self.reports });
        if self.sweep {
            told["objective_ms"] = json!(self.objective_ms);
            told["capacity"] = json!(self.capacity().map(|report| report.rate));
        }
        told
    }

    /// What a reader must know before believing the numbers.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for report in self.reports.iter().filter(|report| report.generator_was_late()) {
            let mut text = format!("at {} requests/s the generator was late: ", report.rate);
            if report.not_sent > 0 {
                let unsent = thousands(report.not_sent);
                text += &format!("{unsent} requests were not sent, as too many were in flight (--in-flight); ");
            }
            let lag = report.lag_ms.map_or(0.0, |lag| lag.p99);
            text += &format!(
                "99 % of those sent left within {} ms of the moment they were due; give it cores of its own",
                milliseconds(lag)
            );
            remarks.push(text);
        }
        let highest = self.reports.iter().max_by(|a, b| a.rate.total_cmp(&b.rate));
        if self.sweep && highest.is_some_and(|report| report.meets(self.objective_ms)) {
            remarks.push("the server kept up with the highest rate: its capacity may be higher".into());
        }
        remarks
    }
}

impl fmt::Display for Latencies<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.sweep {
            return self.reports.iter().try_for_each(|report| one(f, report));
        }
        let mut rates =
            table(["rate", "offered/s", "OK/s", "OK", "refused", "late", "other", "p50", "p99", "p99.9", "max", ""]);
        for report in self.reports {
            let of = |code: &str| report.codes.iter().filter(|c| c.code == code).map(|c| c.count).sum::<u64>();
            let (refused, late) = (of("RESOURCE_EXHAUSTED"), of("DEADLINE_EXCEEDED"));
            let other = report.offered.saturating_sub(report.ok + refused + late);
            let mut row = vec![
                report.rate.to_string(),
                format!("{:.1}", report.offered_per_second),
                format!("{:.1}", report.achieved_per_second),
                share(report.ok, report.offered),
                thousands(refused),
                thousands(late),
                thousands(other),
            ];
            let at = |percentile: fn(&Percentiles) -> f64| {
                report.latency_ms.as_ref().map_or_else(|| "–".into(), |found| milliseconds(percentile(found)))
            };
            row.extend([at(|l| l.p50), at(|l| l.p99), at(|l| l.p99_9), at(|l| l.max)]);
            row.push(if report.meets(self.objective_ms) { "kept up" } else { "" }.into());
            rates.add_row(row);
        }
        writeln!(f, "{rates}")?;
        writeln!(f, "latencies in ms from the moment a request was due, of those answered with OK")?;
        let objective = format!("99 % answered with OK, 99 % of these within {} ms", self.objective_ms);
        match self.capacity() {
            Some(report) => writeln!(f, "capacity: {} requests/s ({objective})", report.rate),
            None => writeln!(f, "capacity: below the lowest rate ({objective})"),
        }
    }
}

/// One rate in full.
fn one(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(
        f,
        "offered {:.1}/s for {} s ({} requests), answered with OK {:.1}/s ({})",
        report.offered_per_second,
        report.seconds,
        thousands(report.offered),
        report.achieved_per_second,
        share(report.ok, report.offered),
    )?;
    let mut latencies = table(["ms", "p50", "p90", "p99", "p99.9", "max", "mean"]);
    for (name, found) in [
        ("latency, from when a request was due", &report.latency_ms),
        ("service time, from when it was sent", &report.service_ms),
        ("sent later than due", &report.lag_ms),
    ] {
        let Some(found) = found else { continue };
        let values = [found.p50, found.p90, found.p99, found.p99_9, found.max, found.mean];
        latencies.add_row([name.to_owned()].into_iter().chain(values.map(milliseconds)));
    }
    writeln!(f, "{latencies}")?;
    let mut answers = table(["answer", "requests", "share", "p50 ms", "p99 ms", "max ms"]);
    for code in &report.codes {
        let at = code.latency_ms;
        let times = [at.p50, at.p99, at.max].map(milliseconds);
        let counts = [code.code.to_owned(), thousands(code.count), share(code.count, report.offered)];
        answers.add_row(counts.into_iter().chain(times));
    }
    for (name, number) in [("not sent", report.not_sent), ("no answer", report.unanswered)] {
        if number > 0 {
            answers.add_row([name.to_owned(), thousands(number), share(number, report.offered)]);
        }
    }
    writeln!(f, "{answers}")?;
    writeln!(f, "by version   {}", counted(report.versions.iter().map(|(name, count)| (name.as_str(), *count))))?;
    writeln!(f, "by tier      {}", counted(report.tiers.iter().map(|(name, count)| (*name, *count))))?;
    over_time(f, "p50", report, |window| window.p50_ms)?;
    over_time(f, "p99", report, |window| window.p99_ms)
}

/// A percentile of every part of the measured time, as a row of bars from 0 to the highest.
fn over_time(
    f: &mut Formatter<'_>,
    name: &str,
    report: &Report,
    percentile: impl Fn(&WindowReport) -> Option<f64>,
) -> fmt::Result {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<Option<f64>> = report.windows.iter().map(percentile).collect();
    let found = || values.iter().flatten().copied();
    let highest = found().fold(0.0, f64::max);
    if highest <= 0.0 {
        return Ok(());
    }
    let lowest = found().fold(f64::MAX, f64::min);
    let bar = |value: &Option<f64>| value.map_or(' ', |value| BARS[((value / highest * 8.0) as usize).min(7)]);
    let bars: String = values.iter().map(bar).collect();
    writeln!(f, "{name} in time  {bars}  {} to {} ms", milliseconds(lowest), milliseconds(highest))
}

fn counted<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let told: Vec<String> = counts.map(|(name, count)| format!("{name}: {}", thousands(count))).collect();
    if told.is_empty() { "nobody".into() } else { told.join(", ") }
}

/// Never rounded up to all: 1 of 100,000 that failed shows.
fn share(count: u64, of: u64) -> String {
    if of == 0 {
        return "–".into();
    }
    let share = count as f64 / of as f64 * 100.0;
    if count < of && share > 99.99 { "> 99.99 %".into() } else { format!("{share:.2} %") }
}

/// Three digits or more.
fn milliseconds(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rate: f64, ok: u64, p99: f64) -> Report {
        let at = Percentiles { p50: 1.0, p90: 2.0, p99, p99_9: p99, max: p99, mean: 1.0 };
        Report {
            rate,
            seconds: 10.0,
            offered: 1_000,
            offered_per_second: rate,
            ok,
            achieved_per_second: rate,
            not_sent: 0,
            unanswered: 0,
            latency_ms: Some(at),
            service_ms: Some(at),
            lag_ms: None,
            codes: Vec::new(),
            versions: Default::default(),
            tiers: Default::default(),
            curve: Vec::new(),
            windows: Vec::new(),
        }
    }

    #[test]
    fn capacity_is_the_highest_rate_that_was_kept_up_with() {
        // In any order; the third refuses too many, the last is too slow.
        let reports = [
            report(200.0, 995, 40.0),
            report(100.0, 1_000, 20.0),
            report(300.0, 900, 30.0),
            report(400.0, 1_000, 90.0),
        ];
        let found = Latencies { reports: &reports, sweep: true, objective_ms: 50.0 };
        assert_eq!(found.json("h:1")["capacity"], 200.0);
        assert!(found.to_string().contains("capacity: 200 requests/s"), "{found}");
        assert!(found.remarks().is_empty());
        let strict = Latencies { objective_ms: 5.0, ..found };
        assert!(strict.json("h:1")["capacity"].is_null());
        assert!(strict.to_string().contains("below the lowest rate"), "{strict}");
    }

    #[test]
    fn a_single_failure_shows() {
        assert_eq!(share(999_999, 1_000_000), "> 99.99 %");
        assert_eq!(share(1_000, 1_000), "100.00 %");
        assert_eq!(share(0, 0), "–");
    }
}
