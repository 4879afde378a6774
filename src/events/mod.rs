//! What did users do since the model was trained? A durable store of live events and deletions, in one file.
//!
//! | table | key | value |
//! |---|---|---|
//! | `events` | user id, sequence number | item, type, weight, time, idempotency key (see [`record`](self)) |
//! | `keys` | keyed hash of an idempotency key | keyed hash of the event that was sent, its sequence number |
//! | `expiring_keys` | when a key may be forgotten, its hash | – |
//! | `forgotten` | user id | when, sequence number |
//! | `meta` | name | format, id and secret of the store, next sequence number, extents |
//!
//! One thread writes. Whatever waits while it writes is committed together, by one `fsync`, and nobody hears of an event
//! before it is on disk. Readers see the last commit and never wait for the writer.

mod copies;
mod database;
mod error;
mod event;
mod export;
mod maintenance;
mod overlay;
mod record;
mod store;
mod tables;
mod writer;

pub use copies::{OpenedToRead, open_to_read};
pub use error::EventError;
pub use event::{
    EventFault, MAX_EVENT_TYPE_BYTES, MAX_ID_BYTES, MAX_KEY_BYTES, NewEvent, Outcome, RecordedEvent, Tombstone,
    UserEvents, check_user_id,
};
pub use export::Snapshot;
pub use maintenance::{Repaired, backup, compact, repair};
pub use store::{Committed, EventOptions, EventStats, EventStore};

#[cfg(test)]
mod tests;
