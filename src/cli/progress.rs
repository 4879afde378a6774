//! Training as it goes: a bar where someone watches, a line an epoch everywhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::{note, thousands};
use crate::training::EpochReport;

/// The progress of one long task on standard error.
#[derive(Debug)]
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
pub fn epoch_line(report: &EpochReport) -> String {
    let width = report.epochs.to_string().len();
    let validation = report.validation.map_or_else(String::new, |ndcg| {
        format!("  validation ndcg@100 {ndcg:.4}{}", if report.best { " best" } else { "     " })
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
        let line = epoch_line(&report);
        assert_eq!(line, "epoch   7/100  loss 341.235  validation ndcg@100 0.3922 best  6,512 users/s  0.8 s");
        let unvalidated = EpochReport { validation: None, best: false, ..report };
        assert!(!epoch_line(&unvalidated).contains("ndcg"));
    }
    #[test]
    fn every_tenth_is_reached_once() {
        let mut steps = Steps::default();
        let reached: Vec<u64> = (0..=100).filter(|&done| steps.reached(done, 100)).collect();
        assert_eq!(reached, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        assert!(!Steps::default().reached(0, 0));
    }
}
