//! The one thread that writes: it commits together whatever was waiting, and then answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use redb::{Database, ReadableTable, WriteTransaction};

use super::database::Access;
use super::event::{NewEvent, Outcome, RecordedEvent};
use super::record::{encode, size};
use super::store::Shared;
use super::tables::{EVENTS, EXPIRING, FORGOTTEN, KEYS, META, Meta};
use super::{EventError, EventOptions};
use crate::interactions::Timestamp;

/// Events committed together, at most, so that nobody waits for a commit of any size.
const MAX_BATCH: usize = 8_192;

/// How long an idempotency key is remembered after its event has left the store.
const REMEMBER_KEYS: i64 = 7 * Timestamp::DAY;

/// Rows looked at in one step of trimming; other writes go between the steps.
const TRIM_STEP: usize = 20_000;

/// Keys that may be forgotten, cleared away with one commit.
const EXPIRED_AT_ONCE: usize = 1_000;

/// How long after a commit that found no space the next one is tried.
const RETRY: Duration = Duration::from_secs(1);

/// Hears what became of a job.
pub(super) type Answer<T> = Box<dyn FnOnce(Result<T, EventError>) + Send>;

/// Something to write.
pub(super) enum Job {
    Record { events: Vec<NewEvent>, answer: Answer<Vec<Outcome>> },
    Forget { user_id: String, answer: Answer<u64> },
    SkipTo { sequence: u64, answer: Answer<u64> },
    Trim { through: u64, answer: Answer<u64> },
}

impl Job {
    /// Answers that nothing was done.
    pub fn refuse(self, error: EventError) {
        match self {
            Self::Record { answer, .. } => answer(Err(error)),
            Self::Forget { answer, .. } | Self::SkipTo { answer, .. } | Self::Trim { answer, .. } => answer(Err(error)),
        }
    }

    /// The memory that it takes while it waits, roughly.
    pub fn bytes(&self) -> usize {
        let Self::Record { events, .. } = self else { return 0 };
        let texts = |event: &NewEvent| {
            let event_type = event.event_type.as_deref().map_or(0, str::len);
            event.user_id.len() + event.item_id.len() + event.key.len() + event_type
        };
        events.iter().map(|event| size_of::<NewEvent>() + texts(event)).sum()
    }

    fn events(&self) -> usize {
        if let Self::Record { events, .. } = self { events.len() } else { 1 }
    }
}

/// A trimming under way.
struct Trimming {
    through: u64,
    answer: Answer<u64>,
    deleted: u64,
    /// The next row to look at.
    from: (String, u64),
}

/// Events deleted by one step of a trimming, the next row to look at, and the numbers of the store.
type Trimmed = (u64, Option<(String, u64)>, Meta);

/// What a job of a batch did, to be told after the commit.
enum Done {
    Recorded(Result<Vec<Outcome>, EventError>),
    Counted(u64),
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    options: EventOptions,
    trimming: Option<Trimming>,
    /// Set while the disk has no space: when it is asked again, and what it said.
    blocked: Option<(Instant, EventError)>,
    /// Set for good when writing failed otherwise.
    failed: Option<EventError>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, options: EventOptions) -> Self {
        Self { shared, options, trimming: None, blocked: None, failed: None }
    }

    /// Writes until nobody can ask for more.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let first = if self.trimming.is_some() {
                match jobs.try_recv() {
                    Ok(job) => Some(job),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => break,
                }
            } else {
                match jobs.recv() {
                    Ok(job) => Some(job),
                    Err(_) => break,
                }
            };
            let mut events = first.as_ref().map_or(0, Job::events);
            let mut batch: Vec<Job> = first.into_iter().collect();
            while events < MAX_BATCH
                && let Ok(job) = jobs.try_recv()
            {
                events += job.events();
                batch.push(job);
            }
            self.shared.taken(batch.iter().map(Job::bytes).sum());
            self.start_trimming(&mut batch);
            if !batch.is_empty() {
                self.commit(batch);
            }
            self.trim_step();
        }
        if let Some(Trimming { answer, .. }) = self.trimming.take() {
            answer(Err(EventError::Closed));
        }
    }

    /// Takes the first request to trim out of a batch; another one has to wait for its turn.
    fn start_trimming(&mut self, batch: &mut Vec<Job>) {
        let (trims, rest): (Vec<Job>, Vec<Job>) =
            std::mem::take(batch).into_iter().partition(|job| matches!(job, Job::Trim { .. }));
        *batch = rest;
        for job in trims {
            match job {
                Job::Trim { through, answer } if self.trimming.is_none() => {
                    self.trimming = Some(Trimming { through, answer, deleted: 0, from: (String::new(), 0) });
                }
                other => other.refuse(EventError::Busy { capacity: 1 }),
            }
        }
    }

    /// Writes a batch in one transaction and answers everybody.
    fn commit(&mut self, batch: Vec<Job>) {
        let begun = Instant::now();
        let written = self.ready().and_then(|()| {
            let writer = &*self;
            self.attempt(|database| writer.write(database, &batch))
        });
        match written {
            Ok((done, meta)) => {
                self.shared.committed(&meta, Some(begun.elapsed()));
                for (job, done) in batch.into_iter().zip(done) {
                    match (job, done) {
                        (Job::Record { answer, .. }, Done::Recorded(outcomes)) => answer(outcomes),
                        (Job::Forget { answer, .. } | Job::SkipTo { answer, .. }, Done::Counted(number)) => {
                            answer(Ok(number));
                        }
                        (job, _) => job.refuse(EventError::Closed),
                    }
                }
            }
            Err(error) => {
                self.note_failure(&error);
                batch.into_iter().for_each(|job| job.refuse(error.clone()));
            }
        }
    }

    /// Makes sure that a commit may be tried.
    fn ready(&self) -> Result<(), EventError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match &self.blocked {
            Some((until, error)) if Instant::now() < *until => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn note_failure(&mut self, error: &EventError) {
        match error {
            EventError::Unwritable { .. } if self.ready().is_ok() => {
                self.blocked = Some((Instant::now() + RETRY, error.clone()));
            }
            EventError::WriteFailed { .. } => self.failed = Some(error.clone()),
            _ => {}
        }
    }

    /// Writes, on a file that is open for writing. After a failure the file is opened again, to be read only: the
    /// database does not go on after one, and what it was about to write may be half there.
    fn attempt<T>(&self, write: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, EventError> {
        let shared = &self.shared;
        if shared.access() == Access::ReadOnly {
            let opened = shared.reopen(shared.generation(), Access::Write);
            // Even to open it takes a little space.
            opened.or_else(|error| {
                shared.reopen(shared.generation(), Access::ReadOnly)?;
                Err(EventError::Unwritable { reason: error.to_string() })
            })?;
        }
        let seen = shared.generation();
        shared.write(write).map_err(|error| {
            let told = EventError::writing(&error);
            match shared.reopen(seen, Access::ReadOnly) {
                Ok(()) => told,
                Err(error) => error,
            }
        })
    }

    /// Everything of a batch, committed, and the numbers of the store after it.
    fn write(&self, database: &Database, batch: &[Job]) -> Result<(Vec<Done>, Meta), redb::Error> {
        let mut transaction = database.begin_write()?;
        let before = numbers(&transaction)?;
        let mut meta = before;
        let now = Timestamp::now();
        let mut done = Vec::with_capacity(batch.len());
        for job in batch {
            done.push(match job {
                Job::Record { events, .. } => Done::Recorded(self.record(&transaction, &mut meta, events, now)?),
                Job::Forget { user_id, .. } => Done::Counted(forget(&transaction, &mut meta, user_id, now)?),
                Job::SkipTo { sequence, .. } => {
                    meta.next = meta.next.max(sequence.saturating_add(1));
                    Done::Counted(meta.next - 1)
                }
                // Taken out before.
                Job::Trim { .. } => Done::Counted(0),
            });
        }
        clear_expired(&transaction, now)?;
        if meta != before {
            meta.write(&mut transaction.open_table(META)?)?;
        }
        transaction.set_durability(redb::Durability::Immediate).map_err(redb::Error::from)?;
        transaction.commit()?;
        Ok((done, meta))
    }

    /// Adds the events of a request, or nothing of it where a limit would be passed.
    fn record(
        &self,
        transaction: &WriteTransaction,
        meta: &mut Meta,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<Result<Vec<Outcome>, EventError>, redb::Error> {
        let mut keys = transaction.open_table(KEYS)?;
        let mut table = transaction.open_table(EVENTS)?;
        // First what would be done, so that nothing has to be taken back.
        let mut outcomes = Vec::with_capacity(events.len());
        let mut new: HashMap<u128, u128> = HashMap::new();
        let (mut rows, mut per_user) = (Vec::new(), HashMap::<&str, u64>::new());
        let (mut next, mut bytes) = (meta.next, meta.bytes);
        for event in events {
            let (key, content) = (meta.key_hash(&event.key), meta.content_hash(event));
            let known = match new.get(&key) {
                Some(&content) => Some(content),
                None => keys.get(key)?.map(|found| found.value().0),
            };
            outcomes.push(match known {
                Some(before) if before == content => Outcome::Duplicate,
                Some(_) => Outcome::KeyConflict,
                None => {
                    let recorded = RecordedEvent {
                        sequence: next,
                        item_id: event.item_id.clone(),
                        event_type: event.event_type.clone(),
                        weight: event.weight,
                        time: event.time.unwrap_or(now),
                        key: event.key.clone(),
                    };
                    let value = encode(&event.user_id, &recorded);
                    bytes += size(&event.user_id, &value);
                    next += 1;
                    *per_user.entry(&event.user_id).or_default() += 1;
                    new.insert(key, content);
                    rows.push((event.user_id.as_str(), recorded.sequence, value, key, content));
                    Outcome::Recorded
                }
            });
        }
        if bytes > self.options.max_bytes && !rows.is_empty() {
            return Ok(Err(EventError::Full { bytes: meta.bytes, limit: self.options.max_bytes }));
        }
        let limit = self.options.max_events_per_user;
        for (user_id, added) in per_user {
            let kept = table.range((user_id, 0)..=(user_id, u64::MAX))?.take(limit as usize).count() as u64;
            if kept + added > limit {
                return Ok(Err(EventError::UserFull { limit }));
            }
        }
        for (user_id, sequence, value, key, content) in &rows {
            table.insert((*user_id, *sequence), value.as_slice())?;
            keys.insert(key, (*content, *sequence))?;
        }
        (meta.next, meta.bytes) = (next, bytes);
        meta.events += rows.len() as u64;
        Ok(Ok(outcomes))
    }

    /// Looks at some more rows for what is to be trimmed.
    fn trim_step(&mut self) {
        let Some(mut trimming) = self.trimming.take() else { return };
        let written = self.ready().and_then(|()| self.attempt(|database| Self::trim_some(database, &trimming)));
        match written {
            Ok((deleted, next, meta)) => {
                self.shared.committed(&meta, None);
                trimming.deleted += deleted;
                match next {
                    None => (trimming.answer)(Ok(trimming.deleted)),
                    Some(from) => self.trimming = Some(Trimming { from, ..trimming }),
                }
            }
            Err(error) => {
                self.note_failure(&error);
                (trimming.answer)(Err(error));
            }
        }
    }

    /// One step of a trimming: how many events it deleted, where the next one begins, and the numbers after it.
    fn trim_some(database: &Database, trimming: &Trimming) -> Result<Trimmed, redb::Error> {
        let transaction = database.begin_write()?;
        let mut meta = numbers(&transaction)?;
        let now = Timestamp::now();
        let (mut rows, mut next) = (Vec::new(), None);
        {
            let table = transaction.open_table(EVENTS)?;
            let (user_id, sequence) = &trimming.from;
            for (seen, row) in table.range((user_id.as_str(), *sequence)..)?.enumerate() {
                let (key, value) = row?;
                let (user_id, sequence) = key.value();
                if seen == TRIM_STEP {
                    next = Some((user_id.to_owned(), sequence));
                    break;
                }
                if sequence <= trimming.through {
                    rows.push((user_id.to_owned(), sequence, value.value().to_vec()));
                }
            }
        }
        if rows.is_empty() && next.is_some() {
            return Ok((0, next, meta));
        }
        delete(&transaction, &mut meta, &rows, now)?;
        clear_expired(&transaction, now)?;
        if next.is_none() {
            meta.trimmed = meta.trimmed.max(trimming.through.min(meta.next - 1));
        }
        meta.write(&mut transaction.open_table(META)?)?;
        transaction.commit()?;
        Ok((rows.len() as u64, next, meta))
    }
}

/// The numbers of the store as of the last commit: not kept between commits, as one that failed may be there all the same.
fn numbers(transaction: &WriteTransaction) -> Result<Meta, redb::Error> {
    let numbers = Meta::read(&transaction.open_table(META)?)?;
    numbers.ok_or_else(|| redb::Error::Corrupted("the numbers of the store are missing".into()))
}

/// Deletes all events of a user and leaves a mark; returns how many there were.
fn forget(transaction: &WriteTransaction, meta: &mut Meta, user_id: &str, now: Timestamp) -> Result<u64, redb::Error> {
    let mut rows = Vec::new();
    for row in transaction.open_table(EVENTS)?.range((user_id, 0)..=(user_id, u64::MAX))? {
        let (key, value) = row?;
        rows.push((user_id.to_owned(), key.value().1, value.value().to_vec()));
    }
    delete(transaction, meta, &rows, now)?;
    transaction.open_table(FORGOTTEN)?.insert(user_id, (now.0, meta.next))?;
    meta.next += 1;
    Ok(rows.len() as u64)
}

/// Deletes rows; their keys are remembered for a while, so that a late repetition does not bring an event back.
fn delete(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    rows: &[(String, u64, Vec<u8>)],
    now: Timestamp,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(EVENTS)?;
    let mut expiring = transaction.open_table(EXPIRING)?;
    for (user_id, sequence, value) in rows {
        table.remove((user_id.as_str(), *sequence))?;
        meta.events = meta.events.saturating_sub(1);
        meta.bytes = meta.bytes.saturating_sub(size(user_id, value));
        if let Some(event) = super::record::decode(user_id, *sequence, value) {
            expiring.insert((now.0.saturating_add(REMEMBER_KEYS), meta.key_hash(&event.key)), ())?;
        }
    }
    Ok(())
}

/// Forgets some keys whose time has come.
fn clear_expired(transaction: &WriteTransaction, now: Timestamp) -> Result<(), redb::Error> {
    let mut expiring = transaction.open_table(EXPIRING)?;
    let mut expired = Vec::new();
    for row in expiring.range(..(now.0, 0))?.take(EXPIRED_AT_ONCE) {
        expired.push(row?.0.value());
    }
    if expired.is_empty() {
        return Ok(());
    }
    let mut keys = transaction.open_table(KEYS)?;
    for (moment, key) in expired {
        expiring.remove((moment, key))?;
        keys.remove(key)?;
    }
    Ok(())
}
