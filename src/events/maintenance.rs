//! What is done to a store that no server has open: copies, repair, and giving free pages back.

use std::fs;
use std::path::{Path, PathBuf};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::EventError;
use super::copies::open_to_read;
use super::database::{self, Access, file_of};
use super::record::{decode, size};
use super::store::Shared;
use super::tables::{EVENTS, EXPIRING, FORGOTTEN, KEYS, META, Meta};
use crate::storage::AtomicDir;

/// Rows copied by one commit.
const COPIED_AT_ONCE: usize = 50_000;

/// Numbers left out after what may have been lost: no number may ever stand for two events.
const LOST_NUMBERS: u64 = 1 << 32;

/// What a repair found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing was wrong.
    Intact,
    /// The last commits were not complete; the store is as it was after the one before.
    TakenBack,
    /// What could be read was written anew.
    Salvaged {
        /// Events saved.
        events: u64,
        /// Events that the store had, as far as it still says so, and that could not be read.
        lost: Option<u64>,
        /// Marks of forgotten users saved.
        forgotten: u64,
        /// The damaged file, kept.
        damaged: PathBuf,
    },
}

/// Copies a store as of now into a new directory, which is a store of its own with the same id: put it in the place of
/// a lost one to restore it. Returns the number of events. A server that has the store open goes on recording.
///
/// # Errors
/// [`EventError`]: the store is damaged, another process has it open and gives no copy, or the target exists or cannot
/// be written.
pub fn backup(dir: &Path, target: &Path, replace: bool) -> Result<u64, EventError> {
    // What can be refused is refused before the work; dropped without a commit, this leaves nothing.
    AtomicDir::create(target, replace)?;
    let opened = open_to_read(dir)?;
    let building = AtomicDir::create(target, replace)?;
    let events = opened.store().copy_into(building.path())?;
    building.commit()?;
    Ok(events)
}

/// Writes a copy of an open store as the new directory `target`, which appears complete or not at all.
pub(super) fn write_copy(shared: &Shared, target: &Path) -> Result<(), EventError> {
    let building = AtomicDir::create(target, false)?;
    copy_into(shared, building.path())?;
    building.commit()?;
    Ok(())
}

/// Writes the file of a copy, as of one moment; returns the number of events.
pub(super) fn copy_into(shared: &Shared, dir: &Path) -> Result<u64, EventError> {
    let reading = shared.read(Ok)?;
    let meta = || -> Result<Option<Meta>, redb::Error> { Ok(Meta::read(&reading.open_table(META)?)?) };
    let meta = database::readable(&shared.dir, meta().map_err(|error| EventError::reading(&error))?)?;
    database::write_new(dir, &meta, |copy| copy_all(&reading, copy))?;
    Ok(meta.events)
}

/// Gives free pages back to the file system; returns the bytes of the file before and after.
///
/// # Errors
/// [`EventError`]: another process has the store open, it is damaged, or the disk refuses.
pub fn compact(dir: &Path) -> Result<(u64, u64), EventError> {
    let checked = database::check(dir)?;
    let path = file_of(dir);
    let bytes = || fs::metadata(&path).map(|metadata| metadata.len()).map_err(EventError::io("read", &path));
    let before = bytes()?;
    let mut database = database::open_checked(dir, &checked)?;
    database.compact().map_err(|error| EventError::Io {
        action: "compact",
        path: path.clone(),
        reason: error.to_string(),
    })?;
    drop(database);
    Ok((before, bytes()?))
}

/// Makes a damaged store usable again: takes it back to the last complete commit, or writes anew what can be read of
/// it. The damaged file is kept beside the new one.
///
/// # Errors
/// [`EventError`]: there is none, another process has it open, nothing of it can be read, or the disk refuses.
pub fn repair(dir: &Path) -> Result<Repaired, EventError> {
    match database::check(dir) {
        Ok(_) => return Ok(Repaired::Intact),
        Err(EventError::Damaged { .. }) => {}
        Err(error) => return Err(error),
    }
    // Tried on a view of the file first: what does not help must not change it.
    let mends = |access| {
        let database = database::open(dir, access)?;
        database::guarded(dir, move || {
            let mut database = database;
            database.check_integrity().map_err(|error| EventError::damaged(dir, error.to_string()))?;
            let meta = database::meta(&database).map_err(|error| EventError::damaged(dir, error.to_string()))?;
            database::readable(dir, meta)
        })
    };
    if mends(Access::ReadOnly).is_ok() {
        mends(Access::Write)?;
        return Ok(Repaired::TakenBack);
    }
    salvage(dir)
}

/// What could be read of a damaged file.
struct Found {
    meta: Option<Meta>,
    events: Vec<(String, u64, Vec<u8>)>,
    forgotten: Vec<(String, (i64, u64))>,
    keys: Vec<(u128, (u128, u64))>,
}

/// Reads what can be read of a damaged file.
fn find(dir: &Path) -> Result<Found, EventError> {
    let source = database::open(dir, Access::ReadOnly)?;
    let mut found = None;
    // Closing a damaged file may panic, after everything has been read.
    let read = database::guarded(dir, || {
        let reading = source.begin_read().map_err(|error| EventError::reading(&error.into()))?;
        let meta = database::guarded(dir, || {
            let meta = || -> Result<Option<Meta>, redb::Error> { Ok(Meta::read(&reading.open_table(META)?)?) };
            meta().map_err(|error| EventError::damaged(dir, error.to_string()))
        });
        let (mut events, mut forgotten, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        visit(dir, &reading, FORGOTTEN, |user_id, mark| forgotten.push((user_id.to_owned(), mark)));
        visit(dir, &reading, EVENTS, |(user_id, sequence), value| {
            if decode(user_id, sequence, value).is_some() {
                events.push((user_id.to_owned(), sequence, value.to_vec()));
            }
        });
        visit(dir, &reading, KEYS, |key, value| keys.push((key, value)));
        // Some rows were met twice.
        events.sort();
        events.dedup();
        forgotten.sort();
        forgotten.dedup();
        found = Some(Found { meta: meta.ok().flatten(), events, forgotten, keys });
        drop(reading);
        drop(source);
        Ok(())
    });
    found.ok_or_else(|| read.err().unwrap_or(EventError::Closed))
}

/// Writes what can be read of a damaged file into a new one.
fn salvage(dir: &Path) -> Result<Repaired, EventError> {
    let Found { meta: old, events: rows, forgotten, keys } = find(dir).map_err(|error| match error {
        EventError::Damaged { dir, reason } => EventError::BeyondRepair { dir, reason },
        error => error,
    })?;
    // Without the secret, keys that are sent again are not known.
    let mut meta = old.unwrap_or_else(Meta::fresh);
    let expected = old.map(|meta| meta.events);
    if rows.is_empty() && forgotten.is_empty() {
        return Err(EventError::BeyondRepair { dir: dir.to_owned(), reason: "no event in it can be read".into() });
    }
    let last = rows.iter().map(|row| row.1).chain(forgotten.iter().map(|mark| mark.1.1)).max().unwrap_or(0);
    meta.next = meta.next.max(last + 1).saturating_add(LOST_NUMBERS);
    meta.events = rows.len() as u64;
    meta.bytes = rows.iter().map(|row| size(&row.0, &row.2)).sum();
    let damaged = dir.join(format!("{}.damaged-{}", database::FILE, crate::interactions::Timestamp::now().0));
    let kept = fs::hard_link(file_of(dir), &damaged).or_else(|_| fs::copy(file_of(dir), &damaged).map(drop));
    kept.map_err(EventError::io("keep a copy as", &damaged))?;
    database::write_new(dir, &meta, |copy| {
        for part in rows.chunks(COPIED_AT_ONCE) {
            let transaction = copy.begin_write()?;
            {
                let mut table = transaction.open_table(EVENTS)?;
                for (user_id, sequence, value) in part {
                    table.insert((user_id.as_str(), *sequence), value.as_slice())?;
                }
            }
            transaction.commit()?;
        }
        let transaction = copy.begin_write()?;
        {
            let mut table = transaction.open_table(FORGOTTEN)?;
            forgotten.iter().try_for_each(|(user_id, mark)| table.insert(user_id.as_str(), *mark).map(drop))?;
            let mut table = transaction.open_table(KEYS)?;
            keys.iter().try_for_each(|(key, value)| table.insert(key, *value).map(drop))?;
        }
        transaction.commit()?;
        Ok(())
    })?;
    Ok(Repaired::Salvaged {
        events: meta.events,
        lost: expected.map(|expected| expected.saturating_sub(meta.events)),
        forgotten: forgotten.len() as u64,
        damaged,
    })
}

/// Visits the rows of a damaged table as far as they can be read, from both ends.
fn visit<K: redb::Key + 'static, V: redb::Value + 'static>(
    dir: &Path,
    reading: &ReadTransaction,
    definition: redb::TableDefinition<'_, K, V>,
    mut take: impl FnMut(K::SelfType<'_>, V::SelfType<'_>),
) {
    let mut pass = |backward: bool| {
        let mut read = || -> Result<(), redb::Error> {
            let table = reading.open_table(definition)?;
            let mut rows = table.iter()?;
            while let Some(row) = if backward { rows.next_back() } else { rows.next() } {
                let (key, value) = row?;
                take(key.value(), value.value());
            }
            Ok(())
        };
        database::guarded(dir, || read().map_err(|error| EventError::damaged(dir, error.to_string())))
    };
    if pass(false).is_err() {
        // What comes twice is written once.
        let _ = pass(true);
    }
}

fn copy_all(from: &ReadTransaction, to: &Database) -> Result<(), redb::Error> {
    copy_table(from, to, EVENTS)?;
    copy_table(from, to, KEYS)?;
    copy_table(from, to, EXPIRING)?;
    copy_table(from, to, FORGOTTEN)
}

fn copy_table<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    to: &Database,
    definition: redb::TableDefinition<'_, K, V>,
) -> Result<(), redb::Error> {
    let table = from.open_table(definition)?;
    let mut rows = table.iter()?;
    let mut left = table.len()?;
    while left > 0 {
        let transaction = to.begin_write()?;
        {
            let mut copy = transaction.open_table(definition)?;
            for row in rows.by_ref().take(COPIED_AT_ONCE) {
                let (key, value) = row?;
                copy.insert(key.value(), value.value())?;
                left = left.saturating_sub(1);
            }
        }
        transaction.commit()?;
    }
    Ok(())
}
