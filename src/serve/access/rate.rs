//! How often the bearer of a token may ask.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A token bucket: it fills at a rate up to a bound, and every request takes one out.
///
/// A batch counts as its requests, or events. Their number is known when the message has been decoded, so they may
/// drive the bucket below zero; the next requests wait for it to recover.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: f64,
    burst: f64,
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    amount: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(rate: f64, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self { rate, burst, level: Mutex::new(Level { amount: burst, at: now }) }
    }

    /// True when the other bucket works the same way, so that its level can be kept.
    pub(super) fn alike(&self, other: &Self) -> bool {
        self.rate == other.rate && self.burst == other.burst
    }

    /// Takes one out.
    ///
    /// # Errors
    /// It is empty: how long until it is not.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut level = self.at(now);
        if level.amount < 1.0 {
            let wait = (1.0 - level.amount) / self.rate;
            return Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX));
        }
        level.amount -= 1.0;
        Ok(())
    }

    /// Takes out what was not known beforehand.
    pub(super) fn take_more(&self, amount: usize, now: Instant) {
        self.at(now).amount -= amount as f64;
    }

    fn at(&self, now: Instant) -> std::sync::MutexGuard<'_, Level> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(level.at).as_secs_f64();
        level.amount = (level.amount + passed * self.rate).min(self.burst);
        level.at = level.at.max(now);
        level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let start = Instant::now();
        let bucket = Bucket::new(10.0, 3, start);
        for _ in 0..3 {
            bucket.take(start).unwrap();
        }
        let wait = bucket.take(start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert!(bucket.take(start + wait).is_ok());
        assert!(bucket.take(start + wait).is_err());
        // It never holds more than the burst, however long nobody asks.
        let later = start + Duration::from_secs(1000);
        assert_eq!((0..10).filter(|_| bucket.take(later).is_ok()).count(), 3);
    }

    #[test]
    fn a_batch_is_paid_for_afterwards() {
        let start = Instant::now();
        let bucket = Bucket::new(100.0, 10, start);
        bucket.take(start).unwrap();
        bucket.take_more(19, start);
        assert_eq!(bucket.take(start).unwrap_err(), Duration::from_millis(110));
        assert!(bucket.take(start + Duration::from_millis(111)).is_ok());
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_fills_nothing() {
        let start = Instant::now() + Duration::from_secs(5);
        let bucket = Bucket::new(1e6, 1, start);
        bucket.take(start).unwrap();
        assert!(bucket.take(start - Duration::from_secs(5)).is_err());
        assert!(bucket.take(start).is_err());
    }
}
