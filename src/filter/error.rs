//! What is wrong with a filter, where, and what would be right.

use std::fmt;

use super::{MAX_BYTES, MAX_DEPTH, MAX_TERMS};

/// Characters of the filter that an error shows on either side of its place.
const SHOWN: usize = 40;

/// Names of columns that an error lists.
const LISTED: usize = 20;

/// Why a text is not a filter for these columns. Prints the place, the problem and the text around it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("at byte {byte}: {problem}{excerpt}")]
pub struct FilterError {
    /// Where, in bytes from the start.
    pub byte: usize,
    /// What is wrong.
    pub problem: FilterProblem,
    excerpt: Excerpt,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FilterProblem {
    /// The text is too long.
    #[error("the filter has {bytes} bytes, at most {MAX_BYTES} are allowed; a set of ids belongs into the allow-list")]
    TooLong {
        /// Bytes given.
        bytes: usize,
    },
    /// Too many parentheses inside each other.
    #[error("more than {MAX_DEPTH} parentheses stand inside each other")]
    TooDeep,
    /// Too many columns and values.
    #[error("the filter has {terms} columns and values, at most {MAX_TERMS} are allowed")]
    TooManyTerms {
        /// Columns and values given.
        terms: usize,
    },
    /// Something else was expected.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What could stand here.
        expected: String,
        /// What does.
        found: String,
    },
    /// A word of another language.
    #[error("`{found}` is not part of the language, write `{instead}`")]
    Foreign {
        /// What stands here.
        found: String,
        /// What means the same.
        instead: &'static str,
    },
    /// A character that means nothing here.
    #[error(
        "{character:?} means nothing here; texts stand in quotes, names with other than letters, digits and _ in backticks"
    )]
    Character {
        /// The character.
        character: char,
    },
    /// A quote without its end.
    #[error("the {what} that begins here is not closed by {quote}")]
    Unclosed {
        /// `text` or `name`.
        what: &'static str,
        /// What would close it.
        quote: char,
    },
    /// A backslash before something that needs none.
    #[error("unknown escape in a text; there are \\\" \\' \\\\ \\n \\t")]
    Escape,
    /// Digits that are no number.
    #[error("`{found}` is not a number that can be compared; write numbers like 20, -1.5 or 1e6")]
    Number {
        /// What stands here.
        found: String,
    },
    /// There is no such column.
    #[error("{}", unknown(name, nearest.as_deref(), columns))]
    UnknownColumn {
        /// The name given.
        name: String,
        /// The column with the most similar name.
        nearest: Option<String>,
        /// All names.
        columns: Vec<String>,
    },
    /// The column is there, but cannot be used.
    #[error("column `{name}` cannot be used in a filter: {reason}")]
    LeftOut {
        /// The column.
        name: String,
        /// Why.
        reason: String,
    },
    /// The condition does not fit the type of the column.
    #[error("column `{name}` holds {holds}: {advice}")]
    Type {
        /// The column.
        name: String,
        /// What it holds.
        holds: &'static str,
        /// What is possible.
        advice: String,
    },
}

fn unknown(name: &str, nearest: Option<&str>, columns: &[String]) -> String {
    if columns.is_empty() {
        return format!("there is no column `{name}`: nothing is known of the items but ids and titles");
    }
    let near = nearest.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let more = if columns.len() > LISTED { ", …" } else { "" };
    let all = columns.iter().take(LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!(
        "there is no column `{name}`{near} The columns are {all}{more}",
        near = if near.is_empty() { ".".into() } else { near }
    )
}

impl FilterError {
    /// A problem at a byte of a text.
    pub(super) fn new(text: &str, byte: usize, problem: FilterProblem) -> Self {
        let excerpt = match problem {
            FilterProblem::TooLong { .. } => Excerpt::default(),
            _ => Excerpt::around(text, byte),
        };
        Self { byte, problem, excerpt }
    }
}

/// The text around a place, and the column of the place in it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Excerpt {
    line: String,
    column: usize,
}

impl Excerpt {
    fn around(text: &str, byte: usize) -> Self {
        let (before, after) = text.split_at_checked(byte).unwrap_or((text, ""));
        let skipped = before.chars().count().saturating_sub(SHOWN);
        let mut line = if skipped > 0 { "…".to_owned() } else { String::new() };
        // What would break the line, or hide, is shown as a space.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        line.extend(before.chars().skip(skipped).map(plain));
        let column = line.chars().count();
        line.extend(after.chars().take(SHOWN).map(plain));
        if after.chars().nth(SHOWN).is_some() {
            line.push('…');
        }
        Self { line, column }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line.is_empty() { Ok(()) } else { write!(f, "\n  {}\n  {:2$}^", self.line, "", self.column) }
    }
}
