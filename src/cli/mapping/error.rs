//! Why points cannot be coloured.

/// What is wrong with `--colour`.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// Nothing is known of the items.
    #[error("there is no column `{column}`: the model has no metadata of items; train it with --items FILE")]
    NoColumns {
        /// What was asked for.
        column: String,
    },
    /// No column of that name.
    #[error(
        "the items have no column `{column}`{}; their columns are {}",
        nearest.as_ref().map_or_else(String::new, |name| format!(" (did you mean `{name}`?)")), available.join(", ")
    )]
    UnknownColumn {
        /// What was asked for.
        column: String,
        /// The columns that there are.
        available: Vec<String>,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// A column whose values were not read.
    #[error("the column `{column}` cannot be used: {reason}")]
    LeftOut {
        /// What was asked for.
        column: String,
        /// Why not.
        reason: String,
    },
    /// Only texts have a part before something.
    #[error("--before divides texts, and `{column}` holds {kind}")]
    NotText {
        /// What was asked for.
        column: String,
        /// What the values are.
        kind: &'static str,
    },
}
