//! What one row of a log weighs under the rules, or why it does not count.

use super::rules::LogRules;
use super::time::Timestamp;

/// Why a row does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowDrop {
    /// It lies before `since`, or at or after `until`.
    OutsideWindow,
    /// Its type of event weighs nothing.
    EventType,
    /// Its value is below the minimum.
    BelowMinWeight,
    /// It lies after `as_of`.
    AfterAsOf,
    /// It weighs less than an `f32` can hold, as it has decayed.
    Decayed,
}

/// The rules about single rows, ready to apply.
#[derive(Clone, Copy, Debug)]
pub struct Weighting {
    since: Timestamp,
    until: Option<Timestamp>,
    min_weight: f32,
    as_of: Option<Timestamp>,
    /// In microseconds.
    half_life: Option<f64>,
    keeps_later: bool,
}

impl Weighting {
    /// The rules of `rules` that concern single rows.
    #[must_use]
    pub fn new(rules: &LogRules) -> Self {
        Self {
            since: rules.since.unwrap_or(Timestamp(i64::MIN)),
            until: rules.until,
            min_weight: rules.min_weight.unwrap_or(f32::NEG_INFINITY),
            as_of: rules.as_of,
            half_life: rules.half_life_days.map(|days| days * Timestamp::DAY as f64),
            keeps_later: rules.keeps_later,
        }
    }

    /// True when `time` lies in the window: at `since` or later, and before `until`.
    #[must_use]
    pub fn in_window(&self, time: Timestamp) -> bool {
        time >= self.since && self.until.is_none_or(|until| time < until)
    }

    /// True when `time` is not before the window.
    #[must_use]
    pub fn is_since(&self, time: Timestamp) -> bool {
        time >= self.since
    }

    /// True when some moment would lie outside of the window.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.since > Timestamp(i64::MIN) || self.until.is_some()
    }

    /// The weight of a row: `value` (that of the weight column, or 1) × `event_weight` (or 1) × 2^(−age / half-life).
    /// A product too large for an `f32` is infinite, but the largest finite number where later rows count: a weight
    /// that only time made so large is no mistake in the log.
    ///
    /// # Errors
    /// [`RowDrop`], the first reason in the order of the rules for which the row does not count.
    pub fn weigh(&self, value: f32, event_weight: f32, time: Option<Timestamp>) -> Result<f32, RowDrop> {
        if time.is_some_and(|time| !self.in_window(time)) {
            return Err(RowDrop::OutsideWindow);
        }
        if event_weight == 0.0 {
            return Err(RowDrop::EventType);
        }
        if value < self.min_weight {
            return Err(RowDrop::BelowMinWeight);
        }
        let weight = f64::from(value) * f64::from(event_weight);
        if weight > 0.0 && weight as f32 == 0.0 {
            return Err(RowDrop::Decayed);
        }
        let (Some(time), Some(as_of)) = (time, self.as_of) else { return Ok(weight as f32) };
        if time > as_of && !self.keeps_later {
            return Err(RowDrop::AfterAsOf);
        }
        let Some(half_life) = self.half_life else { return Ok(weight as f32) };
        // Not subtracted as integers: the span between two moments can be too long for one.
        let age = as_of.0 as f64 - time.0 as f64;
        match (weight * (-age / half_life).exp2()) as f32 {
            decayed if decayed > 0.0 && self.keeps_later => Ok(decayed.min(f32::MAX)),
            decayed if decayed > 0.0 => Ok(decayed),
            _ => Err(RowDrop::Decayed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> Option<Timestamp> {
        Some(Timestamp(days * Timestamp::DAY))
    }

    #[test]
    fn a_half_life_halves() {
        let rules = LogRules { half_life_days: Some(7.0), as_of: day(30), ..LogRules::default() };
        let weigh = |value, event, time| Weighting::new(&rules).weigh(value, event, time);
        assert_eq!(weigh(3.0, 2.0, day(30)), Ok(6.0));
        assert_eq!(weigh(3.0, 2.0, day(23)), Ok(3.0));
        assert_eq!(weigh(1.0, 1.0, day(2)), Ok(0.0625));
        assert_eq!(weigh(1.0, 1.0, Some(Timestamp(30 * Timestamp::DAY + 1))), Err(RowDrop::AfterAsOf));
        assert_eq!(weigh(1.0, 1.0, day(30 - 7 * 160)), Err(RowDrop::Decayed));
        assert_eq!(weigh(1.0, 1.0, Some(Timestamp(i64::MIN))), Err(RowDrop::Decayed));
    }

    #[test]
    fn what_happened_since_weighs_more() {
        let rules = LogRules { half_life_days: Some(7.0), as_of: day(30), until: day(31), ..LogRules::default() };
        let weigh = |time| Weighting::new(&rules.for_live()).weigh(3.0, 2.0, time);
        assert_eq!((weigh(day(23)), weigh(day(30)), weigh(day(44))), (Ok(3.0), Ok(6.0), Ok(24.0)));
        assert_eq!(weigh(day(30_000_000)), Ok(f32::MAX), "it stays finite");
    }

    #[test]
    fn the_first_reason_counts() {
        let rules = LogRules {
            since: day(10),
            until: day(20),
            min_weight: Some(4.0),
            as_of: day(15),
            half_life_days: Some(1.0),
            ..LogRules::default()
        };
        let weigh = |value, event, time| Weighting::new(&rules).weigh(value, event, time);
        assert_eq!(weigh(1.0, 0.0, day(9)), Err(RowDrop::OutsideWindow));
        assert_eq!(weigh(1.0, 0.0, day(20)), Err(RowDrop::OutsideWindow));
        assert_eq!(weigh(1.0, 0.0, day(19)), Err(RowDrop::EventType));
        // The minimum is one on the value itself, whatever the type of event weighs.
        assert_eq!(weigh(3.9, 9.0, day(19)), Err(RowDrop::BelowMinWeight));
        assert_eq!(weigh(4.0, 0.5, day(19)), Err(RowDrop::AfterAsOf));
        assert_eq!(weigh(4.0, 0.5, day(15)), Ok(2.0));
        assert_eq!(weigh(4.0, 0.5, day(10)), Ok(0.0625));
    }
}
