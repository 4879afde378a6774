//! The store as everybody else sees it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase};

use super::copies;
use super::database::{self, Access};
use super::event::{NewEvent, Outcome, Tombstone, UserEvents};
use super::record::decode;
use super::tables::{EVENTS, FORGOTTEN, Meta};
use super::writer::{Answer, Job, Writer};
use super::{EventError, Snapshot};
use crate::interactions::Timestamp;

/// Memory of the events that may wait to be written.
pub(super) const MAX_WAITING_BYTES: usize = 64 << 20;

/// Bounds of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventOptions {
    /// What the events may take together. The file is up to about three times as large, as the database keeps free
    /// pages for later.
    pub max_bytes: u64,
    /// Events kept of one user.
    pub max_events_per_user: u64,
    /// Requests that may wait to be written, as far as they take no more than 64 MiB together.
    pub queue: usize,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self { max_bytes: 4 << 30, max_events_per_user: 10_000, queue: 1_024 }
    }
}

impl EventOptions {
    fn check(&self) -> Result<(), EventError> {
        let bad = |option, value, range| Err(EventError::Option { option, value, range });
        if self.max_bytes < 1 << 20 {
            bad("max_bytes", self.max_bytes, "at least 1 MiB")
        } else if !(1..=10_000).contains(&self.max_events_per_user) {
            bad("max_events_per_user", self.max_events_per_user, "between 1 and 10000")
        } else if !(1..=1_000_000).contains(&self.queue) {
            bad("queue", self.queue as u64, "between 1 and 1000000")
        } else {
            Ok(())
        }
    }
}

/// What is in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStats {
    /// The id that the store was given when it was made.
    pub store: String,
    /// Events.
    pub events: u64,
    /// Bytes that they count for against [`EventOptions::max_bytes`].
    pub bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Number of the last event or deletion; 0 for none yet.
    pub last_sequence: u64,
    /// Events up to this number were trimmed.
    pub trimmed_through: u64,
    /// Users who were forgotten.
    pub forgotten: u64,
}

/// What a commit left in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Events.
    pub events: u64,
    /// Bytes that they count for against [`EventOptions::max_bytes`].
    pub bytes: u64,
    /// Bytes of the file; 0 when nobody can tell.
    pub file_bytes: u64,
    /// How long those who sent something waited for it to be durable, once it was its turn; `None` for a trimming.
    pub took: Option<Duration>,
}

/// Told of every commit.
type Hear = Box<dyn Fn(Committed) + Send + Sync>;

/// A store of live events; see the [module](super). Any number of threads may use it.
///
/// Dropping it writes what is waiting, and closes the file.
pub struct EventStore {
    shared: Arc<Shared>,
    queue: Option<SyncSender<Job>>,
    capacity: usize,
    writer: Option<JoinHandle<()>>,
    /// Dropped to end the thread that makes copies.
    stop: Option<std::sync::mpsc::Sender<()>>,
    copier: Option<JoinHandle<()>>,
    id: String,
}

/// The database, while it may be closed and opened again because the disk failed.
pub(super) struct Shared {
    pub dir: PathBuf,
    current: RwLock<Current>,
    /// Counts how often the database was opened.
    generation: AtomicU64,
    /// Bytes of the events that wait to be written.
    waiting: AtomicUsize,
    hear: OnceLock<Hear>,
}

struct Current {
    /// Missing while it cannot be opened.
    database: Option<Database>,
    access: Access,
}

impl std::fmt::Debug for EventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore").field("dir", &self.shared.dir).field("id", &self.id).finish_non_exhaustive()
    }
}

impl EventStore {
    /// Opens the store in a directory after checking every page of it; makes an empty one where there is none.
    ///
    /// # Errors
    /// [`EventError`]: another process has it open, it is damaged, or the disk refuses.
    pub fn open(dir: &Path, options: EventOptions) -> Result<Self, EventError> {
        options.check()?;
        database::create_missing(dir)?;
        Self::open_existing(dir, options)
    }

    /// The same for a store that has to be there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`EventError::Missing`].
    pub fn open_existing(dir: &Path, options: EventOptions) -> Result<Self, EventError> {
        options.check()?;
        let checked = database::check(dir)?;
        let database = database::open_checked(dir, &checked)?;
        let current = RwLock::new(Current { database: Some(database), access: Access::Write });
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            current,
            generation: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            hear: OnceLock::new(),
        });
        let (queue, jobs) = sync_channel(options.queue);
        let writer = Writer::new(Arc::clone(&shared), options);
        let writer = std::thread::Builder::new()
            .name("foldin-events".into())
            .spawn(move || writer.run(&jobs))
            .map_err(EventError::io("start the writer of", dir))?;
        let (stop, stopped) = std::sync::mpsc::channel();
        let copying = Arc::clone(&shared);
        let copier = std::thread::Builder::new()
            .name("foldin-copies".into())
            .spawn(move || copies::serve(&copying, &stopped))
            .map_err(EventError::io("start the thread for copies of", dir))?;
        Ok(Self {
            shared,
            queue: Some(queue),
            capacity: options.queue,
            writer: Some(writer),
            stop: Some(stop),
            copier: Some(copier),
            id: format!("{:032x}", checked.meta.store),
        })
    }

    /// The id that the store was given when it was made: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Calls `hear` after every commit from now on, from the thread that writes; only for the first who asks.
    pub fn on_commit(&self, hear: impl Fn(Committed) + Send + Sync + 'static) {
        let _ = self.shared.hear.set(Box::new(hear));
    }

    /// Memory of the events that wait to be written, in bytes.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Records events, all or none. `answer` is called from another thread, with one outcome an event, once they are on
    /// disk, or with the reason why none was recorded. The events must have passed [`NewEvent::check`].
    ///
    /// An event whose key is known is not recorded again; keys are remembered as long as their event is in the store,
    /// and for seven days after.
    pub fn submit(
        &self,
        events: Vec<NewEvent>,
        answer: impl FnOnce(Result<Vec<Outcome>, EventError>) + Send + 'static,
    ) {
        self.send(Job::Record { events, answer: Box::new(answer) });
    }

    /// Forgets a user: deletes all events and leaves a mark. `answer` gets the number of events that were deleted.
    pub fn submit_forget(&self, user_id: String, answer: impl FnOnce(Result<u64, EventError>) + Send + 'static) {
        self.send(Job::Forget { user_id, answer: Box::new(answer) });
    }

    /// [`submit`](Self::submit), waiting for the answer.
    ///
    /// # Errors
    /// [`EventError`] when nothing was recorded.
    pub fn record(&self, events: Vec<NewEvent>) -> Result<Vec<Outcome>, EventError> {
        wait(|answer| self.submit(events, answer))
    }

    /// [`submit_forget`](Self::submit_forget), waiting for the answer.
    ///
    /// # Errors
    /// [`EventError`] when nothing was changed.
    pub fn forget(&self, user_id: &str) -> Result<u64, EventError> {
        wait(|answer| self.submit_forget(user_id.to_owned(), answer))
    }

    /// Deletes the events up to a number, which must be part of every version that may ever answer again. Recording goes
    /// on meanwhile. Returns the number of events deleted. Waits for it: not for asynchronous tasks.
    ///
    /// # Errors
    /// [`EventError`] when writing fails; what was deleted until then stays deleted.
    pub fn trim(&self, through: u64) -> Result<u64, EventError> {
        wait(|answer| self.send(Job::Trim { through, answer: Box::new(answer) }))
    }

    /// Gives no number up to `sequence` to another event: a model was trained on events that a store restored from an old
    /// copy does not have any more, and would take new ones with their numbers for those.
    ///
    /// # Errors
    /// [`EventError`] when writing fails.
    pub fn skip_to(&self, sequence: u64) -> Result<(), EventError> {
        wait(|answer| self.send(Job::SkipTo { sequence, answer })).map(drop)
    }

    fn send(&self, job: Job) {
        let Some(queue) = &self.queue else { return job.refuse(EventError::Closed) };
        let bytes = job.bytes();
        let waiting = self.shared.waiting.fetch_add(bytes, Ordering::AcqRel);
        let sent = if waiting > 0 && waiting + bytes > MAX_WAITING_BYTES {
            Err(TrySendError::Full(job))
        } else {
            queue.try_send(job)
        };
        let Err(error) = sent else { return };
        self.shared.taken(bytes);
        match error {
            TrySendError::Full(job) => job.refuse(EventError::Busy { capacity: self.capacity }),
            TrySendError::Disconnected(job) => job.refuse(EventError::Closed),
        }
    }

    /// What is known of a user.
    ///
    /// # Errors
    /// [`EventError::Unreadable`] when the disk fails.
    pub fn user(&self, user_id: &str) -> Result<UserEvents, EventError> {
        self.shared.read(|transaction| {
            let forgotten = transaction.open_table(FORGOTTEN)?.get(user_id)?.map(|found| {
                let (time, sequence) = found.value();
                Tombstone { time: Timestamp(time), sequence }
            });
            let mut events = Vec::new();
            for row in transaction.open_table(EVENTS)?.range((user_id, 0)..=(user_id, u64::MAX))? {
                let (key, value) = row?;
                let sequence = key.value().1;
                let event = decode(user_id, sequence, value.value());
                events.push(event.ok_or_else(|| damaged_row(sequence))?);
            }
            Ok(UserEvents { events, forgotten })
        })
    }

    /// Users who were forgotten by a mark with a number above `sequence`.
    ///
    /// # Errors
    /// [`EventError::Unreadable`] when the disk fails.
    pub fn forgotten_after(&self, sequence: u64) -> Result<Vec<String>, EventError> {
        self.shared.read(|transaction| {
            let mut users = Vec::new();
            for row in transaction.open_table(FORGOTTEN)?.range::<&str>(..)? {
                let (user_id, mark) = row?;
                if mark.value().1 > sequence {
                    users.push(user_id.value().to_owned());
                }
            }
            Ok(users)
        })
    }

    /// Everything as of now, for going through at leisure.
    ///
    /// # Errors
    /// [`EventError::Unreadable`] when the disk fails.
    pub fn snapshot(&self) -> Result<Snapshot, EventError> {
        let transaction = self.shared.read(Ok)?;
        Snapshot::new(transaction, self.id.clone())
    }

    /// Writes the file of a copy into a directory, as of one moment; returns the number of events.
    pub(super) fn copy_into(&self, dir: &Path) -> Result<u64, EventError> {
        super::maintenance::copy_into(&self.shared, dir)
    }

    /// What is in the store.
    ///
    /// # Errors
    /// [`EventError::Unreadable`] when the disk fails.
    pub fn stats(&self) -> Result<EventStats, EventError> {
        let path = database::file_of(&self.shared.dir);
        let file_bytes = std::fs::metadata(&path).map_err(EventError::io("read", &path))?.len();
        let (meta, forgotten) = self.shared.read(|transaction| {
            let forgotten = redb::ReadableTableMetadata::len(&transaction.open_table(FORGOTTEN)?)?;
            Ok((Meta::read(&transaction.open_table(super::tables::META)?)?, forgotten))
        })?;
        let meta = database::readable(&self.shared.dir, meta)?;
        Ok(EventStats {
            store: self.id.clone(),
            events: meta.events,
            bytes: meta.bytes,
            file_bytes,
            last_sequence: meta.next - 1,
            trimmed_through: meta.trimmed,
            forgotten,
        })
    }
}

impl Drop for EventStore {
    fn drop(&mut self) {
        // Without a sender the writer finishes what is waiting, and ends.
        self.queue = None;
        self.stop = None;
        for thread in [self.writer.take(), self.copier.take()].into_iter().flatten() {
            let _ = thread.join();
        }
    }
}

/// Calls what answers through a function, and waits for it.
fn wait<T: Send + 'static>(call: impl FnOnce(Answer<T>)) -> Result<T, EventError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    call(Box::new(move |answer| {
        // The receiver waits below.
        let _ = sender.send(answer);
    }));
    receiver.recv().unwrap_or(Err(EventError::Closed))
}

pub(super) fn damaged_row(sequence: u64) -> redb::Error {
    redb::Error::Corrupted(format!("event {sequence} is not what was written"))
}

impl Shared {
    /// Some of what was waiting does not wait any more.
    pub fn taken(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// A commit left these numbers.
    pub fn committed(&self, meta: &Meta, took: Option<Duration>) {
        if let Some(hear) = self.hear.get() {
            let file_bytes = std::fs::metadata(database::file_of(&self.dir)).map_or(0, |metadata| metadata.len());
            hear(Committed { events: meta.events, bytes: meta.bytes, file_bytes, took });
        }
    }

    /// Reads within one transaction. A disk that failed is asked once more: the database refuses everything after the
    /// first failure, until it is opened again.
    pub fn read<T>(&self, read: impl Fn(ReadTransaction) -> Result<T, redb::Error>) -> Result<T, EventError> {
        let mut seen = self.generation.load(Ordering::Acquire);
        for last in [false, true] {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            let result = match &current.database {
                None => Err(redb::Error::PreviousIo),
                Some(database) => database.begin_read().map_err(redb::Error::from).and_then(&read),
            };
            drop(current);
            match result {
                Ok(found) => return Ok(found),
                Err(redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed) if !last => {
                    self.reopen(seen, Access::ReadOnly)?;
                    seen = self.generation.load(Ordering::Acquire);
                }
                Err(error) => return Err(EventError::reading(&error)),
            }
        }
        Err(EventError::Closed)
    }

    /// Works with the database, which is writable unless the disk failed.
    pub fn write<T>(&self, write: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.database.as_ref().map_or(Err(redb::Error::PreviousIo), write)
    }

    /// Whether commits reach the disk.
    pub fn access(&self) -> Access {
        self.current.read().unwrap_or_else(PoisonError::into_inner).access
    }

    /// How often the database was opened.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Closes the database and opens it again, unless somebody has done so since `seen`.
    pub fn reopen(&self, seen: u64, access: Access) -> Result<(), EventError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Acquire) != seen {
            return Ok(());
        }
        // The file is locked until the old one is gone.
        let old = current.database.take();
        database::guarded(&self.dir, move || {
            drop(old);
            Ok(())
        })?;
        let opened = database::open(&self.dir, access);
        self.generation.fetch_add(1, Ordering::AcqRel);
        current.database = Some(opened?);
        current.access = access;
        Ok(())
    }
}
