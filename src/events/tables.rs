//! The tables, and what is derived from ids and keys before it is stored.

use redb::{ReadableTable, TableDefinition};

use super::event::NewEvent;

/// By user id and sequence number.
pub(super) const EVENTS: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("events");

/// Keyed hashes of idempotency keys → keyed hash of the event as it was sent, and its number.
pub(super) const KEYS: TableDefinition<'_, u128, (u128, u64)> = TableDefinition::new("keys");

/// Keys of events that are gone, by the moment from which they need not be remembered.
pub(super) const EXPIRING: TableDefinition<'_, (i64, u128), ()> = TableDefinition::new("expiring_keys");

/// By user id: when, and the number of the deletion.
pub(super) const FORGOTTEN: TableDefinition<'_, &str, (i64, u64)> = TableDefinition::new("forgotten");

/// Numbers by name.
pub(super) const META: TableDefinition<'_, &str, u128> = TableDefinition::new("meta");

/// The format that this build writes and reads.
pub(super) const FORMAT: u64 = 1;

/// The numbers of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub format: u64,
    pub store: u128,
    pub secret: [u8; 32],
    /// Given to the next event or deletion.
    pub next: u64,
    pub events: u64,
    /// What the events count for against the limit of the store.
    pub bytes: u64,
    /// Events up to this number were trimmed.
    pub trimmed: u64,
}

impl Meta {
    /// An empty store with an id and a secret of its own.
    pub fn fresh() -> Self {
        let (store, secret) = (random(b"store"), random(b"secret"));
        let store = u128::from_le_bytes(std::array::from_fn(|at| store[at]));
        Self { format: FORMAT, store, secret, next: 1, events: 0, bytes: 0, trimmed: 0 }
    }

    /// Reads the numbers; `None` where one is missing.
    pub fn read(table: &impl ReadableTable<&'static str, u128>) -> Result<Option<Self>, redb::StorageError> {
        let get = |name| Ok::<_, redb::StorageError>(table.get(name)?.map(|value| value.value()));
        let numbers = [get("format")?, get("store")?, get("secret_0")?, get("secret_1")?];
        let counts = [get("next")?, get("events")?, get("bytes")?, get("trimmed")?];
        let (
            [Some(format), Some(store), Some(first), Some(second)],
            [Some(next), Some(events), Some(bytes), Some(trimmed)],
        ) = (numbers, counts)
        else {
            return Ok(None);
        };
        let mut secret = [0; 32];
        secret[..16].copy_from_slice(&first.to_le_bytes());
        secret[16..].copy_from_slice(&second.to_le_bytes());
        let [format, next, events, bytes, trimmed] = [format, next, events, bytes, trimmed].map(|n| n as u64);
        Ok(Some(Self { format, store, secret, next, events, bytes, trimmed }))
    }

    /// Writes the numbers.
    pub fn write(&self, table: &mut redb::Table<'_, &'static str, u128>) -> Result<(), redb::StorageError> {
        let half = |at: usize| u128::from_le_bytes(std::array::from_fn(|byte| self.secret[at + byte]));
        for (name, value) in [
            ("format", self.format.into()),
            ("store", self.store),
            ("secret_0", half(0)),
            ("secret_1", half(16)),
            ("next", self.next.into()),
            ("events", self.events.into()),
            ("bytes", self.bytes.into()),
            ("trimmed", self.trimmed.into()),
        ] {
            table.insert(name, value)?;
        }
        Ok(())
    }

    /// What stands for an idempotency key: keys may say more than they should of those who chose them.
    pub fn key_hash(&self, key: &str) -> u128 {
        first_half(blake3::keyed_hash(&self.secret, key.as_bytes()))
    }

    /// What stands for an event as it was sent, to know it again.
    pub fn content_hash(&self, event: &NewEvent) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        let texts = [Some(event.user_id.as_str()), Some(event.item_id.as_str()), event.event_type.as_deref()];
        for text in texts {
            hasher.update(&text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
            hasher.update(text.unwrap_or_default().as_bytes());
        }
        hasher.update(&event.weight.to_bits().to_le_bytes());
        let time = event.time.map(|time| time.0.to_le_bytes());
        hasher.update(time.as_ref().map_or(&[], |bytes| &bytes[..]));
        first_half(hasher.finalize())
    }
}

fn first_half(hash: blake3::Hash) -> u128 {
    u128::from_le_bytes(std::array::from_fn(|at| hash.as_bytes()[at]))
}

/// Bytes that nobody can guess: the operating system seeds the hash maps of every process with such.
fn random(purpose: &[u8]) -> [u8; 32] {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = blake3::Hasher::new();
    hasher.update(purpose).update(&std::process::id().to_le_bytes());
    for _ in 0..8 {
        hasher.update(&std::collections::hash_map::RandomState::new().build_hasher().finish().to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}
