//! Which items meet a condition on their metadata? A small language, checked against the types of the columns
//! and evaluated to one bit an item.
//!
//! ```text
//! category in ("Hiking", "Running") and price < 20 and not adult
//! ```
//!
//! | condition | for columns of | |
//! |---|---|---|
//! | `category = "Hiking"`, `!=` | texts, numbers, flags, dates, times | equal, or not |
//! | `price < 20`, `<=`, `>`, `>=` | texts, numbers, dates, times | texts compare by their bytes |
//! | `category in ("Hiking", "Yoga")`, `not in` | texts, numbers, flags, dates, times | one of several |
//! | `tags has "sale"`, `not has` | lists of texts | the list has this text |
//! | `adult` | flags | the same as `adult = true` |
//! | `price is null`, `is not null` | all | nothing is known |
//! | `not …`, `… and …`, `… or …`, `( … )` | | `not` binds tighter than `and`, `and` tighter than `or` |
//!
//! **What is not known is not listed.** A condition on an item whose value is null is neither true nor false, as in
//! SQL, and neither is its negation: `price < 20` and `not (price < 20)` both leave out an item without a price. Only
//! `is null` and `is not null` tell such items apart: `(price < 20 or price is null)`.
//!
//! Texts stand in double or single quotes, with `\"`, `\'`, `\\`, `\n` and `\t`; so do dates (`"2026-01-31"`) and times
//! (`"2026-01-31T12:00:00Z"`). Numbers are decimal: `20`, `-1.5`, `1e6`. Names of columns are letters, digits and `_`;
//! any other stands in backticks, where two of them mean one: `` `list price` ``. Names and texts are case-sensitive,
//! words of the language are not: `AND`, `Is Null`. A column called like one needs backticks.
//!
//! ```text
//! filter    = any
//! any       = all { "or" all }
//! all       = no { "and" no }
//! no        = { "not" } test
//! test      = "(" any ")" | column [ condition ]
//! condition = ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!           | [ "not" ] "in" "(" value { "," value } ")"
//!           | [ "not" ] "has" value
//!           | "is" [ "not" ] "null"
//! value     = text | number | "true" | "false"
//! ```
//!
//! A filter has at most [`MAX_BYTES`], [`MAX_DEPTH`] parentheses inside each other and [`MAX_TERMS`] columns and values.

mod check;
mod error;
mod evaluate;
mod parse;
#[cfg(test)]
mod tests;
mod token;

pub use check::Filter;
pub use error::{FilterError, FilterProblem};

/// Longest text of a filter.
pub const MAX_BYTES: usize = 4_096;

/// Parentheses inside each other.
pub const MAX_DEPTH: usize = 64;

/// Columns and values of a filter, repetitions counted.
pub const MAX_TERMS: usize = 1_024;
