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
        let watched = std::io::stderr().is_terminal();
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_message(label.to_string());
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:32}] {percent:>3} %  {elapsed} of ~{duration}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, watched }
    }

    /// `done` of `planned` units are finished.
    pub fn at(&self, done: u64, planned: u64) {
        self.bar.set_length(planned);
        self.bar.set_position(done);
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
}
