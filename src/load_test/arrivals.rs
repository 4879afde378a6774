//! When requests are due.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp};

use super::LoadTestError;
use crate::random::{Purpose, stream};

/// Most requests a second.
pub const MAX_RATE: f64 = 1e6;

/// Longest test, in seconds: a day.
pub const MAX_SECONDS: f64 = 86_400.0;

/// The arrivals of a Poisson process, as times since its start: the gaps between them are independent and
/// exponentially distributed.
#[derive(Clone, Debug)]
pub struct Arrivals {
    gaps: Exp<f64>,
    random: ChaCha8Rng,
    /// Of the arrival before, in seconds.
    last: f64,
    end: f64,
}

impl Arrivals {
    /// Arrivals at `rate` a second until `end`. The same seed and part of the test give the same arrivals.
    ///
    /// # Errors
    /// [`LoadTestError::Value`] for a rate outside 0 (exclusive) to [`MAX_RATE`].
    pub fn new(rate: f64, end: Duration, seed: u64, part: u64) -> Result<Self, LoadTestError> {
        let bad =
            LoadTestError::Value { what: "rate", value: rate, range: "more than 0 and at most 1,000,000 a second" };
        if !(rate > 0.0 && rate <= MAX_RATE) {
            return Err(bad);
        }
        let gaps = Exp::new(rate).map_err(|_| bad)?;
        Ok(Self { gaps, random: stream(seed, Purpose::LoadTest, [2 * part, 0]), last: 0.0, end: end.as_secs_f64() })
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.last += self.gaps.sample(&mut self.random);
        (self.last < self.end).then(|| Duration::from_secs_f64(self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(rate: f64, seconds: u64, seed: u64) -> Vec<Duration> {
        Arrivals::new(rate, Duration::from_secs(seconds), seed, 0).unwrap().collect()
    }

    #[test]
    fn as_many_as_asked_at_moments_that_do_not_depend_on_each_other() {
        let times = arrivals(500.0, 200, 1);
        // 100,000 expected with a standard deviation of 316.
        assert!((98_700..101_300).contains(&times.len()), "{}", times.len());
        assert!(times.is_sorted() && times.last().unwrap() < &Duration::from_secs(200));
        // Gaps that are exponentially distributed vary as much as their mean; those of a metronome do not vary.
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "{}", variance.sqrt() / mean);
        // The second gap knows nothing of the first.
        let product = gaps.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>();
        assert!((product / gaps.len() as f64 / variance).abs() < 0.02);
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(arrivals(50.0, 2, 7), arrivals(50.0, 2, 7));
        assert_ne!(arrivals(50.0, 2, 7), arrivals(50.0, 2, 8));
    }

    #[test]
    fn rates_that_are_none() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e7] {
            let error = Arrivals::new(rate, Duration::from_secs(1), 1, 0).unwrap_err();
            assert!(error.to_string().contains("rate"), "{error}");
        }
    }
}
