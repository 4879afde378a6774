//! Everything in a store, as of one moment.

use redb::{ReadTransaction, ReadableTable};

use super::EventError;
use super::event::RecordedEvent;
use super::record::decode;
use super::store::damaged_row;
use super::tables::{EVENTS, FORGOTTEN, META, Meta};
use crate::interactions::{Forgotten, Timestamp};

/// A view of a store that later events and deletions do not change.
pub struct Snapshot {
    transaction: ReadTransaction,
    store: String,
    meta: Meta,
}

impl Snapshot {
    pub(super) fn new(transaction: ReadTransaction, store: String) -> Result<Self, EventError> {
        let meta = || -> Result<Option<Meta>, redb::Error> { Ok(Meta::read(&transaction.open_table(META)?)?) };
        let meta = meta().map_err(|error| EventError::reading(&error))?;
        let missing = || EventError::Unreadable { reason: "its numbers are missing".into() };
        Ok(Self { meta: meta.ok_or_else(missing)?, transaction, store })
    }

    /// The id of the store.
    #[must_use]
    pub fn store(&self) -> &str {
        &self.store
    }

    /// Number of the last event or deletion; 0 for none yet.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.meta.next - 1
    }

    /// Events up to this number are not in the store any more.
    #[must_use]
    pub fn trimmed_through(&self) -> u64 {
        self.meta.trimmed
    }

    /// Visits all events with their users: user by user, by ascending id, each in the order of recording.
    ///
    /// # Errors
    /// [`EventError::Unreadable`] when the disk fails, and what the visitor says.
    pub fn for_each<E: From<EventError>>(
        &self,
        mut visit: impl FnMut(&str, RecordedEvent) -> Result<(), E>,
    ) -> Result<(), E> {
        let reading = |error: redb::Error| EventError::reading(&error);
        let table = self.transaction.open_table(EVENTS).map_err(|error| reading(error.into()))?;
        for row in table.iter().map_err(|error| reading(error.into()))? {
            let (key, value) = row.map_err(|error| reading(error.into()))?;
            let (user_id, sequence) = key.value();
            let event = decode(user_id, sequence, value.value()).ok_or_else(|| reading(damaged_row(sequence)))?;
            visit(user_id, event)?;
        }
        Ok(())
    }

    /// Everybody who was forgotten, by ascending id.
    ///
    /// # Errors
    /// [`EventError::Unreadable`] when the disk fails.
    pub fn forgotten(&self) -> Result<Vec<Forgotten>, EventError> {
        let read = || -> Result<Vec<Forgotten>, redb::Error> {
            let mut all = Vec::new();
            for row in self.transaction.open_table(FORGOTTEN)?.iter()? {
                let (user_id, mark) = row?;
                let (time, sequence) = mark.value();
                all.push(Forgotten { user_id: user_id.value().to_owned(), time: Timestamp(time), sequence });
            }
            Ok(all)
        };
        read().map_err(|error| EventError::reading(&error))
    }
}
