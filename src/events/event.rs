//! Events, and what may stand in one.

use crate::interactions::Timestamp;

/// Longest id of a user or an item.
pub const MAX_ID_BYTES: usize = 512;

/// Longest idempotency key.
pub const MAX_KEY_BYTES: usize = 128;

/// Longest name of a type of event.
pub const MAX_EVENT_TYPE_BYTES: usize = 128;

/// How far ahead of the server's clock an event may lie: clocks differ, but not by hours.
const MAX_AHEAD_MICROS: i64 = 3_600_000_000;

/// An event as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Who.
    pub user_id: String,
    /// With what.
    pub item_id: String,
    /// What kind of event.
    pub event_type: Option<String>,
    /// How much.
    pub weight: f32,
    /// When; `None` for now.
    pub time: Option<Timestamp>,
    /// Chosen by the sender, unique for this event.
    pub key: String,
}

/// An event that cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct EventFault {
    /// The field to blame.
    pub field: &'static str,
    /// What is wrong with it, and what is allowed.
    pub problem: String,
}

impl NewEvent {
    /// Checks what can be checked without the store; `now` is the server's clock.
    ///
    /// # Errors
    /// [`EventFault`] naming the first field that will not do.
    pub fn check(&self, now: Timestamp) -> Result<(), EventFault> {
        check_length("user_id", &self.user_id, MAX_ID_BYTES)?;
        check_length("item_id", &self.item_id, MAX_ID_BYTES)?;
        check_length("idempotency_key", &self.key, MAX_KEY_BYTES)?;
        if let Some(event_type) = &self.event_type {
            check_length("event_type", event_type, MAX_EVENT_TYPE_BYTES)?;
        }
        if !(self.weight.is_finite() && self.weight > 0.0) {
            let problem = format!("is {}, must be a finite number greater than 0", self.weight);
            return Err(EventFault { field: "weight", problem });
        }
        match self.time {
            Some(time) if time.0 > now.0.saturating_add(MAX_AHEAD_MICROS) => {
                let problem = format!("is {time}, more than an hour ahead of the server's clock ({now})");
                Err(EventFault { field: "time", problem })
            }
            _ => Ok(()),
        }
    }
}

/// Checks the id of a user whose history is asked for or forgotten.
///
/// # Errors
/// [`EventFault`] for an empty or overlong one.
pub fn check_user_id(user_id: &str) -> Result<(), EventFault> {
    check_length("user_id", user_id, MAX_ID_BYTES)
}

fn check_length(field: &'static str, text: &str, limit: usize) -> Result<(), EventFault> {
    match text.len() {
        0 => Err(EventFault { field, problem: format!("is empty, must have 1 to {limit} bytes") }),
        length if length > limit => {
            Err(EventFault { field, problem: format!("has {length} bytes, at most {limit} are allowed") })
        }
        _ => Ok(()),
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was recorded.
    Recorded,
    /// The same event was recorded before under its key.
    Duplicate,
    /// Another event was recorded before under its key; this one was not.
    KeyConflict,
}

/// An event in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    /// Its number; later events have larger ones.
    pub sequence: u64,
    /// With what.
    pub item_id: String,
    /// What kind of event.
    pub event_type: Option<String>,
    /// How much.
    pub weight: f32,
    /// When it happened, as far as the sender said so, else when it was recorded.
    pub time: Timestamp,
    /// Its idempotency key.
    pub key: String,
}

/// That a user was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// When.
    pub time: Timestamp,
    /// Its number, from the same sequence as those of events.
    pub sequence: u64,
}

/// What the store knows of a user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserEvents {
    /// In the order in which they were recorded.
    pub events: Vec<RecordedEvent>,
    /// Whether the user was forgotten; if so, all events are later than that.
    pub forgotten: Option<Tombstone>,
}
