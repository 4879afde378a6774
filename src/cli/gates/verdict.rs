//! What a comparison says of a gate.

use std::fmt;

use serde::Serialize;

use super::grammar::{Bound, Gate, Quantity};
use crate::cli::comparison::{Comparison, Measurement, ModelResults, signed};
use crate::cli::exit::Configuration;
use crate::evaluation::{Interval, Metric, Resampled};

/// A gate beside what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The gate as it was written.
    pub gate: String,
    /// The candidate's value; none where it has none.
    pub value: Option<f64>,
    /// What it was held against; none where the other model was left out.
    pub bound: Option<f64>,
    /// Bounds of the value less what it was held against; none where one has no value, and for what a model takes.
    pub interval: Option<Interval>,
    /// True when the condition holds; what has no value does not hold.
    pub passed: bool,
    /// The model without a value and why it has none; none where both have one.
    pub left_out: Option<String>,
}

impl Gate {
    /// The metric that has to be measured for it, in a comparison whose cutoff is that of `leading`.
    #[must_use]
    pub fn metric(&self, leading: Metric) -> Option<Metric> {
        match self.quantity {
            Quantity::Metric { kind, k, .. } => Some(Metric { kind, k: k.unwrap_or(leading.k) }),
            Quantity::TrainingSeconds | Quantity::Bytes | Quantity::UserMs => None,
        }
    }

    /// What has to have been measured for it, but for what a model takes.
    fn measurement(&self, leading: Metric) -> Option<Measurement> {
        let Quantity::Metric { part, .. } = self.quantity else { return None };
        Some(Measurement { metric: self.metric(leading)?, part })
    }

    /// The quantity of one model.
    fn of(&self, results: &ModelResults, leading: Metric) -> Option<f64> {
        match self.quantity {
            Quantity::Metric { .. } => results.value(self.measurement(leading)?),
            Quantity::TrainingSeconds => results.fit_seconds,
            Quantity::Bytes => results.costs.map(|costs| costs.bytes as f64),
            Quantity::UserMs => results.costs.map(|costs| costs.user_ms),
        }
    }

    /// What a comparison says of it.
    fn judge(&self, comparison: &Comparison) -> Verdict {
        let (candidate, leading) = (comparison.candidate(), comparison.leading());
        let of = |results: Option<&ModelResults>| self.of(results?, leading?);
        let resampled = |results: Option<&ModelResults>| results?.resampled(self.measurement(leading?)?).cloned();
        let (value, ours) = (of(candidate), resampled(candidate));
        let (bound, difference, other) = match &self.bound {
            Bound::Number(number) => (Some(*number), ours.map(|ours| ours.scaled(1.0, -number)), None),
            Bound::Model { factor, model, offset } => {
                let other = comparison.models.iter().find(|results| results.model == *model);
                let bound = of(other).map(|other| factor * other + offset);
                let theirs = resampled(other).map(|theirs| theirs.scaled(*factor, *offset));
                (bound, ours.zip(theirs).map(|(ours, theirs)| ours.minus(&theirs)), Some(model))
            }
        };
        let left_out = match candidate {
            // It is the last to be measured, or left out.
            None => comparison.left_out.last(),
            Some(_) => comparison.left_out.iter().find(|left_out| other == Some(&left_out.model)),
        };
        Verdict {
            gate: self.text.clone(),
            value,
            bound,
            interval: difference.as_ref().map(Resampled::interval),
            passed: value.zip(bound).is_some_and(|(value, bound)| self.relation.holds(value, bound)),
            left_out: left_out.map(ToString::to_string),
        }
    }
}

impl Verdict {
    /// The outcome in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.passed { "pass" } else { "FAIL" }
    }

    /// The bounds of the value less the bound for people; empty without.
    #[must_use]
    pub fn margin(&self) -> String {
        let shown = |Interval { low, high }| format!("[{}, {}]", signed(low), signed(high));
        self.interval.map_or_else(String::new, shown)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} against {})", self.gate, shown_value(self.value), shown_value(self.bound))?;
        self.left_out.iter().try_for_each(|reason| write!(f, "; {reason}"))
    }
}

/// A value of a gate for people: whole bytes, four decimals of anything smaller.
#[must_use]
pub fn shown_value(value: Option<f64>) -> String {
    match value {
        None => "no value".into(),
        Some(value) if value.fract() == 0.0 && value.abs() >= 1.0 => format!("{value}"),
        Some(value) => format!("{value:.4}"),
    }
}

/// Refuses gates about models that are not compared.
///
/// # Errors
/// The name with those that exist.
pub fn check(gates: &[Gate], models: &[&str]) -> Result<(), Configuration> {
    for gate in gates {
        if let Bound::Model { model, .. } = &gate.bound
            && !models.contains(&model.as_str())
        {
            let existing = models.join(", ");
            return Err(Configuration(format!("gate `{gate}`: no model is called `{model}`; there are {existing}")));
        }
    }
    Ok(())
}

/// Holds the candidate of a comparison against every gate.
#[must_use]
pub fn judge(gates: &[Gate], comparison: &Comparison) -> Vec<Verdict> {
    gates.iter().map(|gate| gate.judge(comparison)).collect()
}
