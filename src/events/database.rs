//! The file under the store: making it, checking it to the last page, opening it for good or only to read.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase};

use super::EventError;
use super::overlay::Overlay;
use super::tables::{EVENTS, EXPIRING, FORGOTTEN, FORMAT, KEYS, META, Meta};

/// The file in the directory of a store.
pub(super) const FILE: &str = "events.redb";

/// Pages kept in memory: those of recently asked users, and the inner ones of the tables.
const CACHE_BYTES: usize = 64 << 20;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Commits reach the disk.
    Write,
    /// The file stays as it is.
    ReadOnly,
}

/// The file of a directory.
pub(super) fn file_of(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Makes an empty store that appears complete or not at all, where there is none.
pub(super) fn create_missing(dir: &Path) -> Result<(), EventError> {
    if file_of(dir).exists() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(EventError::io("create", dir))?;
    write_new(dir, &Meta::fresh(), |_| Ok(()))
}

/// Writes a new file of a directory and gives it its name once it is complete.
pub(super) fn write_new(
    dir: &Path,
    meta: &Meta,
    fill: impl FnOnce(&Database) -> Result<(), redb::Error>,
) -> Result<(), EventError> {
    let temporary = dir.join(format!(".{FILE}.{}.new", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let written = || -> Result<(), redb::Error> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(&temporary)?;
        let transaction = database.begin_write()?;
        // All tables exist from the beginning, so that readers need not ask.
        drop((transaction.open_table(EVENTS)?, transaction.open_table(KEYS)?));
        drop((transaction.open_table(EXPIRING)?, transaction.open_table(FORGOTTEN)?));
        meta.write(&mut transaction.open_table(META)?)?;
        transaction.commit()?;
        fill(&database)
    };
    let path = file_of(dir);
    let finished = written().map_err(|error| EventError::Io {
        action: "write",
        path: temporary.clone(),
        reason: error.to_string(),
    });
    let named = finished.and_then(|()| {
        fs::rename(&temporary, &path).map_err(EventError::io("create", &path))?;
        // The name itself has to survive a loss of power.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(EventError::io("write", dir))
    });
    if named.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    named
}

/// Opens a file that has been [checked](check).
pub(super) fn open(dir: &Path, access: Access) -> Result<Database, EventError> {
    let path = file_of(dir);
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(EventError::Missing { dir: dir.to_owned() });
        }
        // To read, a file that cannot be written will do.
        Err(_) if access == Access::ReadOnly => File::open(&path).map_err(EventError::io("open", &path))?,
        opened => opened.map_err(EventError::io("open", &path))?,
    };
    let failed = |error: DatabaseError| match error {
        DatabaseError::DatabaseAlreadyOpen => EventError::InUse { dir: dir.to_owned() },
        DatabaseError::Storage(redb::StorageError::Io(error)) if error.kind() != std::io::ErrorKind::InvalidData => {
            EventError::io("open", &path)(error)
        }
        error => EventError::damaged(dir, error.to_string()),
    };
    let file = FileBackend::new(file).map_err(failed)?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    // A file of no bytes would otherwise become an empty store.
    if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0) {
        return Err(EventError::damaged(dir, "the file is empty"));
    }
    match access {
        Access::Write => guarded(dir, || builder.create_with_backend(file).map_err(failed)),
        Access::ReadOnly => {
            let overlay = Overlay::new(file).map_err(EventError::io("read", &path))?;
            guarded(dir, || builder.create_with_backend(overlay).map_err(failed))
        }
    }
}

/// What a check found in a file that can be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub meta: Meta,
    /// The list of free pages is not as it should be, and is made anew before anything is written.
    pub mend: bool,
}

/// Checks every page of a file that nobody has open, and the format; changes nothing.
///
/// What a crash left in the middle of a commit is no damage: that commit was never acknowledged, and opening the file
/// takes it back.
pub(super) fn check(dir: &Path) -> Result<Checked, EventError> {
    let database = open(dir, Access::ReadOnly)?;
    // Closing a database that was found damaged may panic as well.
    guarded(dir, move || {
        let mut database = database;
        let damaged = |error: redb::Error| EventError::damaged(dir, error.to_string());
        let before = meta(&database).map_err(damaged)?;
        let intact = database.check_integrity().map_err(|error| damaged(error.into()))?;
        // The check takes back what does not have its checksum: then the numbers are others.
        if meta(&database).map_err(damaged)? != before {
            return Err(EventError::damaged(dir, "the last commit does not have its checksum"));
        }
        Ok(Checked { meta: readable(dir, before)?, mend: !intact })
    })
}

/// Opens a file for good that was checked before.
pub(super) fn open_checked(dir: &Path, checked: &Checked) -> Result<Database, EventError> {
    let mut database = open(dir, Access::Write)?;
    if checked.mend {
        database.check_integrity().map_err(|error| EventError::damaged(dir, error.to_string()))?;
    }
    Ok(database)
}

/// The numbers of a store whose format this build reads.
pub(super) fn readable(dir: &Path, meta: Option<Meta>) -> Result<Meta, EventError> {
    match meta {
        None => Err(EventError::damaged(dir, "its numbers are missing")),
        Some(meta) if meta.format > FORMAT => {
            Err(EventError::FutureFormat { dir: dir.to_owned(), found: meta.format, supported: FORMAT })
        }
        Some(meta) => Ok(meta),
    }
}

/// The numbers of a store.
pub(super) fn meta(database: &Database) -> Result<Option<Meta>, redb::Error> {
    let transaction = database.begin_read()?;
    Ok(Meta::read(&transaction.open_table(META)?)?)
}

thread_local! {
    /// Panics of this thread are expected, and not printed.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs what may panic on a damaged file: the database relies on what it wrote. The panic becomes an error and is not
/// printed.
pub(super) fn guarded<T>(dir: &Path, work: impl FnOnce() -> Result<T, EventError>) -> Result<T, EventError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                usual(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let caught = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    caught.unwrap_or_else(|_| Err(EventError::damaged(dir, "its pages do not fit together")))
}
