//! Reading a store that a server has open: the server is asked for a copy, through its directory.
//!
//! Whoever may write to the directory puts `.copy-NAME.request` there; the server takes it away and makes the directory
//! `.copy-NAME`, a store as of one moment, or `.copy-NAME.failed`, which says why not. Recording goes on meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::maintenance::write_copy;
use super::store::Shared;
use super::{EventError, EventOptions, EventStore};

const PREFIX: &str = ".copy-";
const REQUEST: &str = ".request";
const FAILED: &str = ".failed";

/// How often a server looks for requests, and how often the other side looks for an answer.
const PERIOD: Duration = Duration::from_millis(200);

/// How long a server may take to notice a request.
const NOTICE: Duration = Duration::from_secs(10);

/// A store opened to be read: itself, or a copy that is removed in the end.
pub struct OpenedToRead {
    store: Option<EventStore>,
    copy: Option<PathBuf>,
}

impl OpenedToRead {
    /// The store, or its copy.
    ///
    /// # Panics
    /// Never: it is there until this is dropped.
    #[must_use]
    pub fn store(&self) -> &EventStore {
        self.store.as_ref().unwrap_or_else(|| unreachable!("closed on dropping only"))
    }
}

impl Drop for OpenedToRead {
    fn drop(&mut self) {
        self.store = None;
        if let Some(copy) = &self.copy {
            let _ = fs::remove_dir_all(copy);
        }
    }
}

/// Opens a store to read it, whether a server uses it or not.
///
/// # Errors
/// As [`EventStore::open_existing`]; [`EventError::InUse`] when the process that has it open gives no copy.
pub fn open_to_read(dir: &Path) -> Result<OpenedToRead, EventError> {
    match EventStore::open_existing(dir, EventOptions::default()) {
        Err(EventError::InUse { .. }) => {}
        opened => return Ok(OpenedToRead { store: Some(opened?), copy: None }),
    }
    let copy = request(dir)?;
    // From here on it is removed in any case.
    let mut opened = OpenedToRead { store: None, copy: Some(copy.clone()) };
    opened.store = Some(EventStore::open_existing(&copy, EventOptions::default())?);
    Ok(opened)
}

/// Asks the server for a copy and waits for it.
fn request(dir: &Path) -> Result<PathBuf, EventError> {
    let name = format!("{PREFIX}{}-{}", std::process::id(), crate::interactions::Timestamp::now().0);
    let [copy, request, failed] = ["", REQUEST, FAILED].map(|ending| dir.join(format!("{name}{ending}")));
    fs::write(&request, b"").map_err(EventError::io("write", &request))?;
    let asked = Instant::now();
    loop {
        std::thread::sleep(PERIOD);
        if copy.exists() {
            return Ok(copy);
        }
        if let Ok(reason) = fs::read_to_string(&failed) {
            let _ = fs::remove_file(&failed);
            return Err(EventError::Io { action: "copy", path: dir.to_owned(), reason });
        }
        if request.exists() && asked.elapsed() > NOTICE {
            let _ = fs::remove_file(&request);
            return Err(EventError::InUse { dir: dir.to_owned() });
        }
    }
}

/// Makes copies for whoever asks, until the sender of `stop` is gone.
pub(super) fn serve(shared: &Arc<Shared>, stop: &Receiver<()>) {
    clear(&shared.dir);
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(PERIOD) {
        for name in names(&shared.dir).filter(|name| name.ends_with(REQUEST)) {
            let request = shared.dir.join(&name);
            let copy = shared.dir.join(name.trim_end_matches(REQUEST));
            // Taken away first: the one who asked sees that somebody is at it.
            if fs::remove_file(&request).is_ok()
                && let Err(error) = write_copy(shared, &copy)
            {
                let failed = shared.dir.join(format!("{}{FAILED}", name.trim_end_matches(REQUEST)));
                let _ = fs::write(failed, error.to_string());
            }
        }
    }
}

/// Removes what those left who were killed before they could.
fn clear(dir: &Path) {
    for name in names(dir).filter(|name| !name.ends_with(REQUEST)) {
        let left = dir.join(name);
        let _ = fs::remove_dir_all(&left).or_else(|_| fs::remove_file(&left));
    }
}

fn names(dir: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.starts_with(PREFIX))
}
