//! Moments: when something happened, as a log says it and as a person writes it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00 UTC.
///
/// Microseconds, because every other unit converts to it without loss for any date a log can hold
/// (nanoseconds are rounded down). Reads and prints as `2026-01-31T12:00:00Z`; a bare date is its
/// midnight, a time without offset is UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Text that is not a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time; write a date (2026-01-31) or a date and time (2026-01-31T12:00:00Z)")]
pub struct BadTimestamp {
    /// What was given.
    pub text: String,
}

/// Unit of times that a log gives as whole numbers since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Seconds (what `time()` returns).
    Seconds,
    /// Milliseconds (JavaScript, Java).
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl TimeUnit {
    /// The moment that `count` units after 1970 are; `None` beyond what a [`Timestamp`] holds.
    #[must_use]
    pub fn timestamp(self, count: i64) -> Option<Timestamp> {
        match self {
            Self::Seconds => count.checked_mul(1_000_000),
            Self::Milliseconds => count.checked_mul(1_000),
            Self::Microseconds => Some(count),
            Self::Nanoseconds => Some(count.div_euclid(1_000)),
        }
        .map(Timestamp)
    }

    /// How many whole units after 1970 a moment is; nanoseconds as far as 64 bits reach.
    #[must_use]
    pub fn count(self, moment: Timestamp) -> i64 {
        match self {
            Self::Seconds => moment.0.div_euclid(1_000_000),
            Self::Milliseconds => moment.0.div_euclid(1_000),
            Self::Microseconds => moment.0,
            Self::Nanoseconds => moment.0.saturating_mul(1_000),
        }
    }
}

impl Timestamp {
    /// Microseconds in a day.
    pub const DAY: i64 = 86_400_000_000;

    /// The moment this is called.
    #[must_use]
    pub fn now() -> Self {
        Self(Utc::now().timestamp_micros())
    }

    /// The millisecond this lies in, as a text whose order is that of time.
    #[must_use]
    pub fn to_milliseconds(self) -> String {
        DateTime::<Utc>::from_timestamp_micros(self.0)
            .map_or_else(|| self.to_string(), |time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            // Some 250,000 years from now: no calendar date, but still a number.
            None => write!(f, "{} µs after 1970", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = BadTimestamp;

    fn from_str(text: &str) -> Result<Self, BadTimestamp> {
        let with_offset = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
        let utc = |format| NaiveDateTime::parse_from_str(text, format).map(|time| time.and_utc().timestamp_micros());
        let date = || {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")?;
            Ok::<_, chrono::ParseError>(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
        };
        with_offset
            .or_else(|_| utc("%Y-%m-%dT%H:%M:%S%.f"))
            .or_else(|_| utc("%Y-%m-%d %H:%M:%S%.f"))
            .or_else(|_| date())
            .map(Self)
            .map_err(|_| BadTimestamp { text: text.into() })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read() {
        let noon = Timestamp(1_769_860_800_000_000);
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00.000",
            "2026-01-31T13:00:00+01:00",
            "2026-01-31T12:00:00.000000999Z",
        ] {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
        assert_eq!("2026-01-31".parse(), Ok(Timestamp(noon.0 - Timestamp::DAY / 2)));
        for text in ["", "yesterday", "31.1.2026", "2026-02-30", "1769860800", "2026-01-31T25:00:00Z"] {
            let message = text.parse::<Timestamp>().unwrap_err().to_string();
            assert!(message.contains(&format!("`{text}` is not a time")), "{message}");
        }
    }

    #[test]
    fn times_print_as_they_are_read() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (253_402_300_799_000_000, "9999-12-31T23:59:59Z"),
            (1_769_860_800_120_000, "2026-01-31T12:00:00.120Z"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(micros)));
        }
        assert!(Timestamp(i64::MAX).to_string().contains("after 1970"));
        assert_eq!(Timestamp(-1).to_milliseconds(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(0).to_milliseconds(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn units_convert_exactly_and_round_down() {
        let second = Some(Timestamp(1_000_000));
        assert_eq!(TimeUnit::Seconds.timestamp(1), second);
        assert_eq!(TimeUnit::Milliseconds.timestamp(1_000), second);
        assert_eq!(TimeUnit::Microseconds.timestamp(1_000_000), second);
        assert_eq!(TimeUnit::Nanoseconds.timestamp(1_000_000_999), second);
        assert_eq!(TimeUnit::Nanoseconds.timestamp(-1), Some(Timestamp(-1)));
        assert_eq!(TimeUnit::Seconds.timestamp(i64::MAX), None);
    }
}
