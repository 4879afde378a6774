//! Long work as it goes: a bar where someone watches, lines everywhere else.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::{note, thousands};
use super::validation::Validated;
use crate::training::EpochReport;

/// The progress of one long task on standard error; copies are of the same bar.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
    watched: bool,
}

impl Progress {
    /// A bar labelled `label` when standard error is a terminal; otherwise only lines are printed.
    #[must_use]
    pub fn new(label: &str) -> Self {
        Self::styled(label, "{msg} [{bar:32}] {percent:>3} %  {elapsed} of ~{duration}")
    }

    /// The same for bytes, with the speed.
    #[must_use]
    pub fn of_bytes(label: &str) -> Self {
        let size = "{decimal_bytes} of {decimal_total_bytes}";
        Self::styled(
            label,
            &format!("{{msg}} [{{bar:24}}] {size}  {{decimal_bytes_per_sec}}  {{elapsed}} of ~{{duration}}"),
        )
    }

    fn styled(label: &str, template: &str) -> Self {
        let watched = std::io::stderr().is_terminal();
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_message(label.to_string());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, watched }
    }

    /// `done` of `planned` units are finished.
    pub fn at(&self, done: u64, planned: u64) {
        self.bar.set_length(planned);
        self.bar.set_position(done);
    }

    /// True when someone sees the bar.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.watched
    }

    /// Prints a line without disturbing the bar.
    pub fn line(&self, line: &str) {
        if self.watched { self.bar.println(line) } else { note(line) }
    }

    /// Removes the bar; the lines stay.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// The progress of work of a known size: a bar with the time left, or a line of it now and then.
#[derive(Debug)]
pub struct Estimate {
    progress: Progress,
    label: String,
    /// When and where it began: what an earlier run has done says nothing of the speed of this one.
    began: Option<(Instant, u64)>,
    said: Instant,
}

/// Time between two lines where nobody watches.
const LINES_EVERY: Duration = Duration::from_secs(10);

impl Estimate {
    /// Nothing is done yet.
    #[must_use]
    pub fn new(label: &str) -> Self {
        Self { progress: Progress::new(label), label: label.into(), began: None, said: Instant::now() }
    }

    /// `done` of `total` units are finished.
    pub fn at(&mut self, done: u64, total: u64) {
        self.progress.at(done, total);
        let (began, from) = *self.began.get_or_insert_with(|| {
            self.progress.bar.reset_eta();
            (Instant::now(), done)
        });
        if !self.progress.watched && self.said.elapsed() >= LINES_EVERY {
            self.said = Instant::now();
            note(estimate_line(&self.label, (from, done, total), began.elapsed()));
        }
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.progress.finish();
    }
}

/// How far it is, and how long it will take at the speed so far.
fn estimate_line(label: &str, (from, done, total): (u64, u64, u64), elapsed: Duration) -> String {
    let share = if total == 0 { 100 } else { u128::from(done) * 100 / u128::from(total) };
    let left = (total.saturating_sub(done)) as f64 * elapsed.as_secs_f64() / done.saturating_sub(from).max(1) as f64;
    let left = match left.round() {
        seconds if seconds < 120.0 => format!("{seconds} s"),
        seconds => format!("{} min", (seconds / 60.0).round()),
    };
    format!("{label}: {} of {} ({share} %), about {left} left", thousands(done), thousands(total))
}

/// Tenths of a task: when a line is due where nobody watches a bar.
#[derive(Debug, Default)]
pub struct Steps(u64);

impl Steps {
    /// True when another tenth of `planned` is done since it was last true, and at the end.
    pub fn reached(&mut self, done: u64, planned: u64) -> bool {
        let tenths = (u128::from(done) * 10 / u128::from(planned.max(1))) as u64;
        let reached = tenths > self.0;
        self.0 = self.0.max(tenths);
        reached
    }
}

/// One epoch as a line: loss, validation, speed, time.
#[must_use]
pub fn epoch_line(report: &EpochReport, validated: Validated) -> String {
    let width = report.epochs.to_string().len();
    let validation = report.validation.map_or_else(String::new, |value| {
        format!("  validation {validated} {:.4}{}", validated.shown(value), if report.best { " best" } else { "     " })
    });
    format!(
        "epoch {:>width$}/{}  loss {:.3}{validation}  {} users/s  {:.1} s",
        report.epoch,
        report.epochs,
        report.loss,
        thousands(report.users_per_second.max(0.0).round() as u64),
        report.train_seconds + report.validation_seconds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_goes_by_the_speed_of_this_run() {
        let line = |counts, seconds| estimate_line("exporting", counts, Duration::from_secs(seconds));
        // Half was there already; a fifth took a minute.
        assert_eq!(line((500, 700, 1_000), 60), "exporting: 700 of 1,000 (70 %), about 90 s left");
        assert_eq!(line((0, 1_000, 10_000), 60), "exporting: 1,000 of 10,000 (10 %), about 9 min left");
        assert_eq!(line((5, 5, 5), 1), "exporting: 5 of 5 (100 %), about 0 s left");
    }

    #[test]
    fn an_epoch_line_says_loss_validation_speed_and_time() {
        let report = EpochReport {
            epoch: 7,
            epochs: 100,
            loss: 341.2349,
            validation: Some(0.39217),
            best: true,
            users_per_second: 6512.4,
            train_seconds: 0.6,
            validation_seconds: 0.15,
        };
        let line = epoch_line(&report, Validated::by_ratings(false));
        assert_eq!(line, "epoch   7/100  loss 341.235  validation ndcg@100 0.3922 best  6,512 users/s  0.8 s");
        let of_ratings = EpochReport { validation: Some(-0.92), ..report.clone() };
        assert!(epoch_line(&of_ratings, Validated::Rmse).contains("validation rmse 0.9200 best"));
        let unvalidated = EpochReport { validation: None, best: false, ..report };
        assert!(!epoch_line(&unvalidated, Validated::by_ratings(false)).contains("ndcg"));
    }
    #[test]
    fn every_tenth_is_reached_once() {
        let mut steps = Steps::default();
        let reached: Vec<u64> = (0..=100).filter(|&done| steps.reached(done, 100)).collect();
        assert_eq!(reached, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        assert!(!Steps::default().reached(0, 0));
    }
}
