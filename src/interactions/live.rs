//! What a log says of the live events in it: how far they reach, and who was forgotten.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// How much of a store of live events is part of a log, and so of the models trained on it.
///
/// A store numbers its events and its deletions, both from one sequence that begins at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsThrough {
    /// Events up to this number are in the log; 0 for none.
    pub events: u64,
    /// Deletions up to this number were applied to the log; 0 for none.
    pub deletions: u64,
}

/// That a user was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    /// The user, in canonical form.
    pub user_id: String,
    /// When.
    pub time: Timestamp,
    /// Its number in the store.
    pub sequence: u64,
}

/// What a file of live events says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveLogPart {
    /// The store.
    pub store: String,
    /// The file holds the events after this number, …
    pub after: u64,
    /// … up to this one.
    pub through: u64,
    /// Everybody forgotten up to then, also before `after`: older rows are in other files.
    pub forgotten: Vec<Forgotten>,
}
