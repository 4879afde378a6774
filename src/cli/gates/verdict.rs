//! What a comparison says of a gate.

use std::fmt;

use serde::Serialize;

use super::grammar::{Bound, Gate, Quantity};
use crate::cli::comparison::{Comparison, ModelResults};
use crate::cli::exit::Configuration;
use crate::evaluation::Metric;

/// A gate beside what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The gate as it was written.
    pub gate: String,
    /// The candidate's value; none where it has none.
    pub value: Option<f64>,
    /// What it was held against; none where the other model was left out.
    pub bound: Option<f64>,
    /// True when the condition holds; what has no value does not hold.
    pub passed: bool,
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

    /// The quantity of one model.
    fn of(&self, results: &ModelResults, leading: Metric) -> Option<f64> {
        match self.quantity {
            Quantity::Metric { part, .. } => {
                let metric = self.metric(leading)?;
                part.map_or_else(|| results.evaluation.mean(metric), |part| results.mean_of(metric, part))
            }
            Quantity::TrainingSeconds => results.fit_seconds,
            Quantity::Bytes => results.costs.map(|costs| costs.bytes as f64),
            Quantity::UserMs => results.costs.map(|costs| costs.user_ms),
        }
    }
}

impl Verdict {
    /// The outcome in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.passed { "pass" } else { "FAIL" }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} against {})", self.gate, shown_value(self.value), shown_value(self.bound))
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

/// Holds the candidate of a comparison, its last model, against every gate.
#[must_use]
pub fn judge(gates: &[Gate], comparison: &Comparison) -> Vec<Verdict> {
    let of = |gate: &Gate, results: Option<&ModelResults>| gate.of(results?, comparison.leading()?);
    let judge = |gate: &Gate| {
        let value = of(gate, comparison.models.last());
        let bound = match &gate.bound {
            Bound::Number(number) => Some(*number),
            Bound::Model { factor, model, offset } => {
                let other = comparison.models.iter().find(|results| results.model == *model);
                of(gate, other).map(|other| factor * other + offset)
            }
        };
        let passed = value.zip(bound).is_some_and(|(value, bound)| gate.relation.holds(value, bound));
        Verdict { gate: gate.text.clone(), value, bound, passed }
    };
    gates.iter().map(judge).collect()
}
