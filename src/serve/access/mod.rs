//! Who may ask what, and how often? Methods and their scopes, tokens, rates.

mod file;
mod methods;
mod rate;
mod tokens;

pub use file::{NewToken, TokenError};
pub(in crate::serve) use methods::{Intake, Method};
pub use methods::{Scope, UnknownScope};
pub(in crate::serve) use tokens::{Token, Tokens};
