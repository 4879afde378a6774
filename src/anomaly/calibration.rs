//! How unusual is a statistic among normal users with histories as long?
//!
//! Long histories hold rarer items than short ones, and their means vary less, so statistics are compared at a given
//! length, in two steps. The logarithm of a statistic is standardised by mean and deviation of the calibration users at
//! that length: those of groups of at least [`GROUP`] users next to each other in length, in between by straight lines over
//! the logarithm of the length. Then it is ranked (conformal prediction, Vovk et al. 2005):
//!
//! ```text
//! p = (1 + #{calibration users alike in length whose standardised statistic is at least as large}) / (1 + #{alike})
//! ```
//!
//! Were the users alike in length and the one asked about drawn from the same people, p would be uniform, or larger where
//! there are ties, whatever the model. Alike are the quarter of the calibration users that is nearest in length, but at least
//! [`ALIKE`] where there are so many: few enough to have the same distribution once location and spread are taken off, and
//! enough for small p-values, of which none is below 1 / (1 + alike).

use std::ops::Range;

use super::reconstruction::reconstruct;
use crate::interactions::HistoryRef;
use crate::models::Model;

/// Fewest users that can calibrate: with fewer, no p-value is below one in a hundred.
pub const FEWEST_USERS: usize = 100;

/// Fewest users whose mean and deviation count as those of their length.
const GROUP: usize = 100;

/// Fewest users alike in length that a history is ranked among, where there are so many.
const ALIKE: usize = 400;

/// The smallest deviation: statistics that are all the same have none.
const LEAST_DEVIATION: f64 = 1e-6;

/// Why users cannot calibrate.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// There are too few of them.
    #[error(
        "{found} users with a history are too few to calibrate with, at least {FEWEST_USERS} are needed; --logs takes histories of others"
    )]
    TooFew {
        /// Users with at least one item.
        found: usize,
    },
    /// The numbers are no statistics of histories.
    #[error("calibration user {position} has a history of {length} items with statistic {statistic}")]
    Value {
        /// Position of the user.
        position: usize,
        /// Its length, which must be at least 1.
        length: u32,
        /// Its statistic, which must be above 0 and at most 1.
        statistic: f64,
    },
}

/// The statistics of normal users, none of whom the model was trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Ascending.
    lengths: Vec<u32>,
    /// Parallel to `lengths`; ascending within a length.
    statistics: Vec<f64>,
    /// The same, standardised.
    residuals: Vec<f64>,
    knots: Vec<Knot>,
}

/// The statistics at a length: all three are of logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Knot {
    length: f64,
    mean: f64,
    deviation: f64,
}

/// What a statistic is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// Probability that a normal user with a history as long has a statistic at least as large.
    pub p_value: f64,
    /// The standardised statistic: in deviations from what is normal at the length. It tells apart what is beyond all that
    /// was calibrated with, where p-values are the same.
    pub surprise: f64,
    /// True where all histories that were calibrated with are longer, or all are shorter: the history is compared with those
    /// nearest in length, and its p-value means no more than that.
    pub outside: bool,
}

impl Calibration {
    /// Calibrates a model with users that it was not trained on. Empty histories do not count.
    ///
    /// # Errors
    /// [`CalibrationError::TooFew`].
    pub fn of(model: &dyn Model, histories: &[HistoryRef<'_>]) -> Result<Self, CalibrationError> {
        let reconstructions = reconstruct(model, histories);
        let statistics = histories.iter().zip(reconstructions).filter_map(|(history, reconstruction)| {
            reconstruction.statistic().map(|statistic| (history.len() as u32, statistic))
        });
        Self::from_statistics(statistics.collect())
    }

    /// The calibration by users of given (length, statistic), in any order.
    ///
    /// # Errors
    /// [`CalibrationError`] for too few users, or numbers that cannot be.
    pub fn from_statistics(mut users: Vec<(u32, f64)>) -> Result<Self, CalibrationError> {
        if users.len() < FEWEST_USERS {
            return Err(CalibrationError::TooFew { found: users.len() });
        }
        let possible = |&(length, statistic): &(u32, f64)| length > 0 && statistic > 0.0 && statistic <= 1.0;
        if let Some(position) = users.iter().position(|user| !possible(user)) {
            let (length, statistic) = users[position];
            return Err(CalibrationError::Value { position, length, statistic });
        }
        users.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (lengths, statistics): (Vec<u32>, Vec<f64>) = users.into_iter().unzip();
        let knots = knots(&lengths, &statistics);
        let residuals = lengths.iter().zip(&statistics).map(|(&l, &s)| standardised(&knots, f64::from(l), s)).collect();
        Ok(Self { lengths, statistics, residuals, knots })
    }

    /// Number of users.
    #[must_use]
    pub fn users(&self) -> usize {
        self.lengths.len()
    }

    /// The length of the history of every user, ascending.
    #[must_use]
    pub fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// The statistic of every user, parallel to [`lengths`](Self::lengths).
    #[must_use]
    pub fn statistics(&self) -> &[f64] {
        &self.statistics
    }

    /// What the statistic of a history of `length` items is worth.
    #[must_use]
    pub fn assess(&self, length: usize, statistic: f64) -> Assessment {
        let surprise = standardised(&self.knots, length as f64, statistic);
        let alike = &self.residuals[self.alike(length as u64)];
        let as_large = alike.iter().filter(|&&residual| residual >= surprise).count();
        let (least, most) = (self.lengths[0], self.lengths[self.lengths.len() - 1]);
        Assessment {
            p_value: (1 + as_large) as f64 / (1 + alike.len()) as f64,
            surprise,
            outside: length < least as usize || length > most as usize,
        }
    }

    /// The users nearest in length, by ratio; all or none of those with the same length.
    fn alike(&self, length: u64) -> Range<usize> {
        let users = self.lengths.len();
        let enough = (users / 4).max(ALIKE).min(users);
        let start = self.lengths.partition_point(|&l| u64::from(l) < length);
        let mut range = start..start;
        while range.len() < enough {
            let below = range.start.checked_sub(1).map(|at| self.lengths[at]);
            let above = self.lengths.get(range.end).copied();
            let lower = match (below, above) {
                // length / below < above / length
                (Some(below), Some(above)) => length * length < u64::from(below) * u64::from(above),
                (below, _) => below.is_some(),
            };
            match (lower, below, above) {
                (true, Some(below), _) => range.start = self.lengths.partition_point(|&l| l < below),
                (_, _, Some(above)) => range.end = self.lengths.partition_point(|&l| l <= above),
                _ => break,
            }
        }
        range
    }
}

/// The statistics of groups of users next to each other in length, in ascending order. Users with the same length are in
/// one group.
fn knots(lengths: &[u32], statistics: &[f64]) -> Vec<Knot> {
    let users = lengths.len();
    let mut knots = Vec::new();
    let mut start = 0;
    while start < users {
        let last = lengths[(start + GROUP).min(users) - 1];
        let end = lengths.partition_point(|&length| length <= last);
        let group = start..if users - end < GROUP { users } else { end };
        let (length, _) = moments(lengths[group.clone()].iter().map(|&length| f64::from(length).ln()));
        let (mean, deviation) = moments(statistics[group.clone()].iter().map(|statistic| statistic.ln()));
        knots.push(Knot { length, mean, deviation: deviation.max(LEAST_DEVIATION) });
        start = group.end;
    }
    knots
}

/// Mean and deviation.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt())
}

/// The logarithm of a statistic, less the mean at a length, over the deviation there. Beyond the knots both stay as they are.
fn standardised(knots: &[Knot], length: f64, statistic: f64) -> f64 {
    let at = length.ln();
    let next = knots.partition_point(|knot| knot.length <= at);
    let (mean, deviation) = match (next.checked_sub(1).map(|before| &knots[before]), knots.get(next)) {
        (Some(a), Some(b)) => {
            let share = (at - a.length) / (b.length - a.length);
            let between = |a: f64, b: f64| a + share * (b - a);
            (between(a.mean, b.mean), between(a.deviation, b.deviation))
        }
        (Some(end), None) | (None, Some(end)) => (end.mean, end.deviation),
        (None, None) => unreachable!("there is a knot for every group of users, and users there are"),
    };
    (statistic.ln() - mean) / deviation
}

#[cfg(test)]
#[path = "calibration_tests.rs"]
mod tests;
