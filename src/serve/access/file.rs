//! The token file: what it holds of each token, and how one is made.
//!
//! The file holds hashes only. A secret is 256 random bits, so there is nothing to guess and one round of a
//! fast hash is enough: slow, salted hashes protect passwords that people choose, and would cost every
//! request milliseconds here.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use super::Scope;

/// In front of every token, so that scanners for leaked secrets know one when they see it.
const PREFIX: &str = "foldin";

/// Why a token file, or a token to be made, cannot be used. Never quotes from the file: somebody may have put a
/// secret where its hash belongs.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is no TOML, or has keys of its own.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Nobody could ask anything.
    #[error("there is no token in it; make one with `foldin token new`")]
    Empty,
    /// A field of a token is wrong.
    #[error("token `{name}`: {field} {reason}")]
    Field {
        /// The name of the token.
        name: String,
        /// The field.
        field: &'static str,
        /// What is allowed.
        reason: &'static str,
    },
    /// The operating system has no random numbers.
    #[error("the operating system gives no random numbers")]
    Random,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    id: String,
    hash: String,
    scopes: Vec<Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<toml::value::Datetime>,
}

/// What the server knows of a token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub name: String,
    pub id: String,
    /// Comparing hashes takes the same time wherever they differ.
    pub hash: blake3::Hash,
    /// Ascending.
    pub scopes: Vec<Scope>,
    /// Requests a second, and how many may come at once.
    pub rate: Option<(f64, u32)>,
    pub expires: Option<DateTime<Utc>>,
}

/// Reads a token file.
pub(super) fn parse(text: &str) -> Result<Vec<Known>, TokenError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        // The message alone: the error as a whole quotes the line.
        let reason = error.message().split('`').step_by(2).collect::<Vec<_>>().join("…");
        TokenError::Syntax { line: before.matches('\n').count() + 1, reason }
    })?;
    if file.token.is_empty() {
        return Err(TokenError::Empty);
    }
    let mut known: Vec<Known> = Vec::with_capacity(file.token.len());
    for entry in file.token {
        let token = entry.check()?;
        if known.iter().any(|other| other.id == token.id) {
            return Err(TokenError::Field { name: token.name, field: "id", reason: "stands in the file twice" });
        }
        known.push(token);
    }
    Ok(known)
}

impl Entry {
    fn check(self) -> Result<Known, TokenError> {
        let wrong =
            |field, reason| Err(TokenError::Field { name: self.name.escape_default().to_string(), field, reason });
        if self.name.is_empty() || self.name.len() > 64 || self.name.chars().any(char::is_control) {
            return wrong("name", "must have 1 to 64 bytes and no control characters");
        }
        if self.id.len() != 16 || !self.id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return wrong("id", "must be 16 hexadecimal digits, as `foldin token new` prints it");
        }
        let Some(hash) = self.hash.strip_prefix("blake3:").and_then(|hex| blake3::Hash::from_hex(hex).ok()) else {
            return wrong(
                "hash",
                "must be `blake3:` and 64 hexadecimal digits; the secret itself does not belong here",
            );
        };
        let mut scopes = self.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return wrong("scopes", "must name at least one of read, events and admin");
        }
        let rate = match (self.rate, self.burst) {
            (None, None) => None,
            (None, Some(_)) => return wrong("burst", "needs a rate"),
            (Some(rate), _) if !(rate.is_finite() && (0.001..=1e6).contains(&rate)) => {
                return wrong("rate", "must be between 0.001 and 1000000 requests a second");
            }
            (Some(_), Some(0)) => return wrong("burst", "must be at least 1"),
            (Some(rate), burst) => Some((rate, burst.unwrap_or_else(|| rate.ceil() as u32))),
        };
        let expires = match &self.expires {
            None => None,
            Some(date) => match moment(&date.to_string()) {
                Some(moment) => Some(moment),
                None => return wrong("expires", "must be a date, or a date and time with its offset from UTC"),
            },
        };
        Ok(Known { name: self.name, id: self.id.to_lowercase(), hash, scopes, rate, expires })
    }
}

/// A date means its first second in UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
    DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc()).ok().or_else(|| text.parse().map(midnight).ok())
}

/// The public part of a token as it is sent, and the hash of all of it.
pub(super) fn identify(token: &str) -> Option<(String, blake3::Hash)> {
    let (prefix, rest) = token.split_once('_')?;
    let (id, secret) = rest.split_once('_')?;
    (prefix == PREFIX && id.len() == 16 && secret.len() == 64)
        .then(|| (id.to_lowercase(), blake3::hash(token.as_bytes())))
}

/// A token that was just made: the secret exists here and nowhere else.
pub struct NewToken {
    secret: String,
    entry: Entry,
}

impl NewToken {
    /// Makes a token from the random numbers of the operating system.
    ///
    /// `rate` is in requests a second, `expires` is a date or a date and time (RFC 3339).
    ///
    /// # Errors
    /// [`TokenError`] when a value is out of range, or there are no random numbers.
    pub fn make(
        name: &str,
        scopes: &[Scope],
        rate: Option<f64>,
        burst: Option<u32>,
        expires: Option<&str>,
    ) -> Result<Self, TokenError> {
        let mut bytes = [0; 40];
        let random = tokio_rustls::rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut bytes).map_err(|_| TokenError::Random)?;
        let (id, secret) = bytes.split_at(8);
        let secret = format!("{PREFIX}_{}_{}", hex(id), hex(secret));
        let expires = match expires {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| TokenError::Field {
                name: name.into(),
                field: "expires",
                reason: "must be a date, or a date and time with its offset from UTC",
            })?),
        };
        let entry = |expires| Entry {
            name: name.into(),
            id: hex(id),
            hash: format!("blake3:{}", blake3::hash(secret.as_bytes())),
            scopes: scopes.to_vec(),
            rate,
            burst,
            expires,
        };
        entry(expires).check()?;
        let entry = entry(expires);
        Ok(Self { secret, entry })
    }

    /// What the client sends. It cannot be shown again.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What stands in the token file.
    #[must_use]
    pub fn entry(&self) -> String {
        let mut out = String::from("[[token]]\n");
        // A table of texts and numbers can always be written.
        let _ = out.write_str(&toml::to_string(&self.entry).unwrap_or_default());
        out
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing into a text cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
