//! Is a model good enough? Conditions on the candidate of a comparison, written in one line each.
//!
//! ```text
//! gate      = quantity relation bound
//! quantity  = metric [ "@" k ] [ "of" ( "head" | "mid" | "tail" ) ]
//!           | "training_seconds" | "bytes" | "user_ms"
//! relation  = ">=" | ">" | "<=" | "<"
//! bound     = number
//!           | [ number "*" ] model [ ( "+" | "-" ) number ]
//! ```
//! A model stands for the same quantity of that model. Its name consists of letters, digits, `_`, `.`, `/` and `-`, or
//! stands in double quotes; a `+` or `-` that is meant as a sign of the sum has a space before it. Spaces are free
//! otherwise.

mod grammar;
#[cfg(test)]
mod tests;
mod verdict;

pub use grammar::Gate;
pub use verdict::{Verdict, check, judge, shown_value};
