//! Why there is nothing to measure.

/// A load test that cannot be run as asked.
#[derive(Debug, thiserror::Error)]
pub enum LoadTestError {
    /// A number is outside its range.
    #[error("the {what} is {value}, must be {range}")]
    Value {
        /// What the number says.
        what: &'static str,
        /// The number.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// There is nobody to ask for.
    #[error("{what}: there is nobody to ask for")]
    NoSubjects {
        /// Where somebody was looked for, and what is missing.
        what: String,
    },
}
