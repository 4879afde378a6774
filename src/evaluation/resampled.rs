//! Bounds of a value from what it is on other users: resamples of them, or all but some.

use serde::Serialize;

use super::jackknife::Jackknife;

/// Share of what other users would give that lies between the bounds of an interval.
pub const CONFIDENCE: f64 = 0.95;

/// The quantile of the standard normal distribution that leaves half of the rest on either side.
const NORMAL: f64 = 1.959_963_985;

/// What a value is on other users.
#[derive(Clone, Debug, PartialEq)]
pub enum Resampled {
    /// A mean over users, on the resamples of a [`Bootstrap`](super::Bootstrap).
    Bootstrap(Vec<f64>),
    /// A value of all lists together.
    Jackknife(Jackknife),
}

/// Bounds of a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Resampled {
    /// The differences to those of another model, on the same users one by one.
    ///
    /// # Panics
    /// When the other value is of another kind.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let differences = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
        match (self, other) {
            (Self::Bootstrap(ours), Self::Bootstrap(theirs)) => Self::Bootstrap(differences(ours, theirs)),
            (Self::Jackknife(ours), Self::Jackknife(theirs)) => Self::Jackknife(Jackknife {
                whole: ours.whole - theirs.whole,
                without: differences(&ours.without, &theirs.without),
            }),
            _ => panic!("a mean over users and a value of all lists have no common resamples"),
        }
    }

    /// `factor` times every one of them, and `offset` more.
    #[must_use]
    pub fn scaled(&self, factor: f64, offset: f64) -> Self {
        let scaled = |values: &[f64]| values.iter().map(|value| factor * value + offset).collect();
        match self {
            Self::Bootstrap(means) => Self::Bootstrap(scaled(means)),
            Self::Jackknife(Jackknife { whole, without }) => {
                Self::Jackknife(Jackknife { whole: factor * whole + offset, without: scaled(without) })
            }
        }
    }

    /// Bounds that enclose [`CONFIDENCE`] of what other users would give.
    ///
    /// Of resamples the quantiles of 2.5 % and 97.5 %, interpolated between neighbours (Efron & Tibshirani 1993, §13.3, the
    /// percentile interval); NaN without any. Of a jackknife over G groups the value ± t standard errors, with Student's t of
    /// G − 1 degrees of freedom; the value itself where there is one group only.
    #[must_use]
    pub fn interval(&self) -> Interval {
        match self {
            Self::Bootstrap(means) => percentiles(means),
            Self::Jackknife(Jackknife { whole, without }) => {
                let groups = without.len() as f64;
                let mean = without.iter().sum::<f64>() / groups;
                let squares = without.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
                let error = ((groups - 1.0) / groups * squares).sqrt();
                let half = if without.len() > 1 { student(groups - 1.0) * error } else { 0.0 };
                Interval { low: whole - half, high: whole + half }
            }
        }
    }
}

fn percentiles(values: &[f64]) -> Interval {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let at = share * last as f64;
        let below = at.floor() as usize;
        let above = (below + 1).min(last);
        sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
    };
    Interval { low: quantile((1.0 - CONFIDENCE) / 2.0), high: quantile((1.0 + CONFIDENCE) / 2.0) }
}

/// The quantile of Student's distribution that [`NORMAL`] is of the normal one (Abramowitz & Stegun 1964, 26.7.5, to the
/// order 1/ν³).
fn student(freedom: f64) -> f64 {
    let z = NORMAL;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

impl Interval {
    /// True when the value lies between the bounds or on one of them.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_student_are_those_of_the_tables() {
        for (freedom, expected) in [(3.0, 3.1824), (5.0, 2.5706), (10.0, 2.2281), (31.0, 2.0395)] {
            assert!(
                (student(freedom) - expected).abs() < 0.03,
                "{freedom}: {} instead of {expected}",
                student(freedom)
            );
        }
    }

    #[test]
    fn a_difference_is_paired_and_a_multiple_scales() {
        let ours = Resampled::Jackknife(Jackknife { whole: 0.5, without: vec![0.4, 0.5, 0.45] });
        let theirs = ours.scaled(2.0, 0.1);
        let zero = theirs.minus(&ours.scaled(2.0, 0.1)).interval();
        assert_eq!(zero, Interval { low: 0.0, high: 0.0 });
        let width = |of: &Resampled| of.interval().high - of.interval().low;
        assert!((width(&theirs) / width(&ours) - 2.0).abs() < 1e-12);
        let alone = Resampled::Jackknife(Jackknife { whole: 0.3, without: vec![0.0] });
        assert_eq!(alone.interval(), Interval { low: 0.3, high: 0.3 });
    }
}
