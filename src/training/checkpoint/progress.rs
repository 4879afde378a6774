//! How far a run is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::training::TrainingSummary;

/// What the loop knows of itself after a step; with the tensors, all that it needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Epoch under way, from 1.
    pub epoch: usize,
    /// Steps done in it.
    pub step: usize,
    /// Steps done in the run.
    pub done: usize,
    /// Loss of the epoch so far, summed over its users.
    pub loss: f64,
    /// Seconds of training in the epoch so far.
    pub train_seconds: f64,
    /// Validations since the last improvement.
    pub stale: usize,
    /// The epochs that are over, and the best of them.
    pub summary: TrainingSummary,
}

impl Progress {
    /// Where this is.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, done: self.done }
    }

    /// True where a run of `epochs` epochs of `batches` steps can be.
    pub(super) fn is_possible(&self, epochs: usize, batches: usize) -> bool {
        let before = self.epoch.checked_sub(1);
        (1..=epochs).contains(&self.epoch)
            && self.step <= batches
            && before.and_then(|before| before.checked_mul(batches)?.checked_add(self.step)) == Some(self.done)
            && before == Some(self.summary.epochs.len())
    }
}

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Steps done in the run.
    pub done: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} (epoch {})", self.done, self.epoch)
    }
}
