//! A parameter with the values that it may take.
//!
//! ```text
//! range   = [ "log:" ] number ".." number
//!         | value "|" value { "|" value }
//! ```

use std::fmt;

/// Digits that a drawn number is rounded to: more would tell apart what no validation can.
const DIGITS: usize = 4;

/// A parameter with the values that it may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Its key in the configuration, for example `model.lambda`.
    pub key: String,
    /// Its values.
    pub domain: Domain,
}

/// Values that a parameter may take.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Numbers from `low` to `high`, both included.
    Numbers {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// Where they are equally dense.
        scale: Scale,
        /// True when only whole numbers are meant.
        whole: bool,
    },
    /// One of these, as written.
    Choices(Vec<String>),
}

/// On which scale numbers are equally dense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    Linear,
    /// By their logarithm: as many draws between 1 and 10 as between 10 and 100.
    Log,
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RangeError {
    /// It has neither form.
    #[error("range {key}={text}: expected LOW..HIGH, log:LOW..HIGH or VALUE|VALUE, for example {key}=log:1..1000")]
    Form {
        /// The parameter.
        key: String,
        /// The text.
        text: String,
    },
    /// An end is no number.
    #[error("range {key}={text}: `{end}` is not a finite number")]
    Number {
        /// The parameter.
        key: String,
        /// The text.
        text: String,
        /// The end.
        end: String,
    },
    /// The ends are the wrong way round, or the same.
    #[error("range {key}={text}: the lower end, {low}, must be below the upper end, {high}")]
    Order {
        /// The parameter.
        key: String,
        /// The text.
        text: String,
        /// The first end.
        low: f64,
        /// The second end.
        high: f64,
    },
    /// Numbers without a logarithm.
    #[error("range {key}={text}: log: needs a lower end above 0, {low} has no logarithm; leave out log: or raise it")]
    Logarithm {
        /// The parameter.
        key: String,
        /// The text.
        text: String,
        /// The lower end.
        low: f64,
    },
    /// A choice without a choice.
    #[error("range {key}={text}: `{value}` is given twice")]
    Twice {
        /// The parameter.
        key: String,
        /// The text.
        text: String,
        /// The value.
        value: String,
    },
}

impl Range {
    /// Reads what a range is written as, of numbers that need not be whole.
    ///
    /// # Errors
    /// [`RangeError`] naming the parameter, the text and the rule.
    pub fn parse(key: &str, text: &str) -> Result<Self, RangeError> {
        let (key, text) = (key.to_owned(), text.trim().to_owned());
        if text.contains('|') {
            let values: Vec<String> = text.split('|').map(|value| value.trim().to_owned()).collect();
            if values.iter().any(String::is_empty) {
                return Err(RangeError::Form { key, text });
            }
            if let Some((_, value)) = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value)) {
                return Err(RangeError::Twice { value: value.clone(), key, text });
            }
            return Ok(Self { key, domain: Domain::Choices(values) });
        }
        let (scale, ends) = text.strip_prefix("log:").map_or((Scale::Linear, &*text), |ends| (Scale::Log, ends));
        let Some((low, high)) = ends.split_once("..") else { return Err(RangeError::Form { key, text }) };
        let number = |end: &str| {
            let number = end.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| RangeError::Number { key: key.clone(), text: text.clone(), end: end.trim().into() })
        };
        let (low, high) = (number(low)?, number(high)?);
        if low >= high {
            return Err(RangeError::Order { key, text, low, high });
        }
        if scale == Scale::Log && low <= 0.0 {
            return Err(RangeError::Logarithm { key, text, low });
        }
        Ok(Self { key, domain: Domain::Numbers { low, high, scale, whole: false } })
    }
}

impl Domain {
    /// The same values, of which only the whole numbers are meant.
    #[must_use]
    pub fn of_whole_numbers(self) -> Self {
        match self {
            Self::Numbers { low, high, scale, .. } => Self::Numbers { low, high, scale, whole: true },
            choices @ Self::Choices(_) => choices,
        }
    }

    /// The values that any other lies between, or all of them where they are not numbers.
    #[must_use]
    pub fn ends(&self) -> Vec<String> {
        match self {
            Self::Numbers { low, high, .. } => vec![low.to_string(), high.to_string()],
            Self::Choices(values) => values.clone(),
        }
    }

    /// Where numbers begin and end on the scale on which they are equally dense; whole ones have half a step of
    /// room on either side, so that the ends are as likely as what is between them.
    fn extent(low: f64, high: f64, scale: Scale, whole: bool) -> (f64, f64) {
        let room = if whole { 0.5 } else { 0.0 };
        match scale {
            Scale::Linear => (low - room, high + room),
            // Where 0.5 below is nothing, half of it is left.
            Scale::Log => ((low - room).max(low / 2.0).ln(), (high + room).ln()),
        }
    }

    /// The value at a place from 0 to 1, as it is written in a configuration. Of choices, the place is a share of
    /// their list.
    pub(super) fn value_at(&self, place: f64) -> String {
        match self {
            Self::Choices(values) => {
                let at = (place * values.len() as f64) as usize;
                values[at.min(values.len() - 1)].clone()
            }
            &Self::Numbers { low, high, scale, whole } => {
                let (from, to) = Self::extent(low, high, scale, whole);
                let on_scale = from + place * (to - from);
                let number = if scale == Scale::Log { on_scale.exp() } else { on_scale };
                let number = if whole { number.round() } else { rounded(number) };
                number.clamp(low, high).to_string()
            }
        }
    }

    /// The place, from 0 to 1, of a number that [`value_at`](Self::value_at) wrote.
    pub(super) fn place_of(&self, value: &str) -> Option<f64> {
        let &Self::Numbers { low, high, scale, whole } = self else { return None };
        let (from, to) = Self::extent(low, high, scale, whole);
        let number: f64 = value.parse().ok()?;
        let on_scale = if scale == Scale::Log { number.ln() } else { number };
        Some(((on_scale - from) / (to - from)).clamp(0.0, 1.0))
    }
}

/// A number with few digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.*e}", DIGITS - 1).parse().unwrap_or(number)
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Choices(values) => f.write_str(&values.join("|")),
            Self::Numbers { low, high, scale, .. } => {
                write!(f, "{}{low}..{high}", if *scale == Scale::Log { "log:" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Domain {
        Range::parse("k", text).unwrap().domain
    }

    #[test]
    fn every_form_is_read_and_printed() {
        let numbers = |low, high, scale| Domain::Numbers { low, high, scale, whole: false };
        for (text, expected) in [
            ("0.1..0.5", numbers(0.1, 0.5, Scale::Linear)),
            ("log:10..1000", numbers(10.0, 1000.0, Scale::Log)),
            ("-1..1", numbers(-1.0, 1.0, Scale::Linear)),
            ("200|400|600", Domain::Choices(["200", "400", "600"].map(String::from).into())),
        ] {
            assert_eq!(domain(text), expected);
            assert_eq!(expected.to_string(), text);
        }
        assert_eq!(domain(" log: 1e-3 .. 1 "), numbers(1e-3, 1.0, Scale::Log));
    }

    #[test]
    fn what_is_no_range_is_named_with_the_rule() {
        for (text, rule) in [
            ("", "expected LOW..HIGH"),
            ("10", "expected LOW..HIGH"),
            ("a|", "expected LOW..HIGH"),
            ("a|b|a", "`a` is given twice"),
            ("5..x", "`x` is not a finite number"),
            ("..5", "`` is not a finite number"),
            ("0..inf", "`inf` is not a finite number"),
            ("5..5", "the lower end, 5, must be below the upper end, 5"),
            ("9..1", "the lower end, 9, must be below the upper end, 1"),
            ("log:0..10", "log: needs a lower end above 0, 0 has no logarithm"),
        ] {
            let error = Range::parse("model.lambda", text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("range model.lambda={text}: ")) && error.contains(rule), "{error}");
        }
    }

    #[test]
    fn places_and_values_belong_together() {
        for (text, whole) in [("0.1..0.5", false), ("log:10..1000", false), ("1..9", true), ("log:1..1000", true)] {
            let domain = if whole { domain(text).of_whole_numbers() } else { domain(text) };
            let ends = domain.ends();
            assert_eq!([domain.value_at(0.0), domain.value_at(1.0)], [ends[0].clone(), ends[1].clone()]);
            for step in 0..=50 {
                let value = domain.value_at(f64::from(step) / 50.0);
                let place = domain.place_of(&value).unwrap();
                assert_eq!(domain.value_at(place), value, "{text}");
                assert!(value.len() <= 7 && (!whole || !value.contains('.')), "{value}");
            }
        }
        assert_eq!(domain("log:10..1000").value_at(0.5), "100");
    }

    #[test]
    fn whole_numbers_and_choices_are_equally_likely() {
        let counts = |domain: &Domain| {
            let mut counts = std::collections::BTreeMap::new();
            (0..6000).for_each(|at| *counts.entry(domain.value_at((f64::from(at) + 0.5) / 6000.0)).or_insert(0) += 1);
            counts.into_values().collect::<Vec<_>>()
        };
        assert_eq!(counts(&domain("1..3").of_whole_numbers()), [2000; 3]);
        assert_eq!(counts(&domain("a|b|c")), [2000; 3]);
    }
}
