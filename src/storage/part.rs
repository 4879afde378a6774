//! Large files, streamed: hashed while they are written, kept off the page cache's debt, and complete when
//! they get their name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::atomic::Place;
use super::lock::{is_still_at, lock};
use super::{FileDigest, StorageError};

/// Bytes collected before they are hashed and handed to the operating system: few enough to be in the cache both
/// times.
const BUFFER: usize = 256 << 10;

/// Bytes after which the disk is asked to catch up. What is written fast would otherwise pile up in memory, and
/// all of it would be waited for at the end, when there is nothing else left to do.
const SYNC_EVERY: usize = 64 << 20;

/// A file under construction whose size and hash are known when it is complete.
///
/// It is written as `.NAME.partial` and locked there: a second process that wants to write the same file is
/// refused, and what a killed process left under that name is overwritten. Dropped without
/// [`commit`](Self::commit), it leaves nothing.
#[derive(Debug)]
pub struct PartFile {
    place: Place,
    file: File,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    unsynced: usize,
    /// From the first time on that it is needed.
    syncing: Option<Syncing>,
}

/// A thread that waits for the disk while others compute and write.
#[derive(Debug)]
struct Syncing {
    asked: Option<SyncSender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Syncing {
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (asked, due) = sync_channel(1);
        let work = move || due.iter().try_for_each(|()| file.sync_data());
        let thread = std::thread::Builder::new().name("sync".into()).spawn(work)?;
        Ok(Self { asked: Some(asked), thread: Some(thread) })
    }

    /// Has what is written so far synced. Waits when that was asked for twice and has not happened: the disk may
    /// fall behind by so much and no more.
    fn ask(&mut self) -> io::Result<()> {
        match self.asked.as_ref().is_some_and(|asked| asked.send(()).is_ok()) {
            true => Ok(()),
            false => self.finish(),
        }
    }

    /// Waits for the end, and tells whether everything that was asked for went well: the operating system tells
    /// of a failure once, here and not in a later sync.
    fn finish(&mut self) -> io::Result<()> {
        self.asked = None;
        let failed = |_| Err(io::Error::other("the thread that syncs the file ended"));
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(failed))
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        // It has the file open, and with that its lock. Whoever wanted to know of failures has asked before.
        let _ = self.finish();
    }
}

impl PartFile {
    /// Starts a file that [`commit`](Self::commit) will make appear at `target`. Missing parents are
    /// created.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when `target` exists and `replace` is false, [`StorageError::InUse`] when
    /// another process is writing it, [`StorageError::Io`] when its parent cannot be written to.
    pub fn create(target: &Path, replace: bool) -> Result<Self, StorageError> {
        let mut place = Place::shared(target, replace)?;
        let path = place.temporary();
        // Not truncated before it is locked: it may be the work of a process that is still there.
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(StorageError::io("create", path))?;
        lock(&file, path)?;
        if !is_still_at(&file, path) {
            // Between opening and locking it was completed, and has its name now: it is not ours to empty.
            return Err(StorageError::InUse { path: path.to_owned() });
        }
        file.set_len(0).map_err(StorageError::io("create", path))?;
        place.own();
        Ok(Self {
            place,
            file,
            buffer: Vec::with_capacity(BUFFER),
            hasher: blake3::Hasher::new(),
            unsynced: 0,
            syncing: None,
        })
    }

    /// Where the file is to appear.
    #[must_use]
    pub fn target(&self) -> &Path {
        self.place.target()
    }

    /// Syncs the file to the disk and lets it appear under its name.
    ///
    /// # Errors
    /// [`StorageError`]; the target is then as it was before, unless only the last sync failed.
    pub fn commit(mut self) -> Result<FileDigest, StorageError> {
        self.drain().map_err(StorageError::io("write", self.place.temporary()))?;
        let synced = self.syncing.as_mut().map_or(Ok(()), Syncing::finish).and_then(|()| self.file.sync_all());
        synced.map_err(StorageError::io("sync", self.place.temporary()))?;
        let digest = FileDigest { bytes: self.hasher.count(), blake3: self.hasher.finalize().to_hex().to_string() };
        self.place.commit_file()?;
        Ok(digest)
    }

    /// Ends the file with the hash of everything in it, and commits it. Returns its size.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub(super) fn commit_sealed(mut self) -> Result<u64, StorageError> {
        self.drain().map_err(StorageError::io("write", self.place.temporary()))?;
        let seal = self.hasher.finalize();
        self.write_all(seal.as_bytes()).map_err(StorageError::io("write", self.place.temporary()))?;
        self.commit().map(|digest| digest.bytes)
    }

    fn syncing(&mut self) -> io::Result<&mut Syncing> {
        let syncing = match self.syncing.take() {
            Some(syncing) => syncing,
            None => Syncing::start(&self.file)?,
        };
        Ok(self.syncing.insert(syncing))
    }

    /// Hashes and writes what is collected, at the same time.
    fn drain(&mut self) -> io::Result<()> {
        let Self { file, buffer, hasher, .. } = self;
        let (_, written) = rayon::join(|| hasher.update(buffer), || file.write_all(buffer));
        written?;
        self.unsynced += self.buffer.len();
        self.buffer.clear();
        if self.unsynced >= SYNC_EVERY {
            self.unsynced = 0;
            return self.syncing()?.ask();
        }
        Ok(())
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == BUFFER {
            self.drain()?;
        }
        Ok(taken)
    }

    /// Nothing: what is not committed is of no use on the disk.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::digest_bytes;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_with_its_digest() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("new/part");
        // More than is written before the disk is asked three times, and no multiple of anything.
        let bytes: Vec<u8> = (0..3 * SYNC_EVERY + BUFFER / 2 + 17).map(|i| (i % 253) as u8).collect();
        let mut part = PartFile::create(&target, false).unwrap();
        bytes.chunks(1_000_003).for_each(|piece| part.write_all(piece).unwrap());
        assert_eq!(names(&root.path().join("new")), [".part.partial"]);
        assert_eq!(part.commit().unwrap(), digest_bytes(&bytes));
        assert_eq!(fs::read(&target).unwrap(), bytes);
        assert_eq!(names(&root.path().join("new")), ["part"]);
    }

    #[test]
    fn what_a_killed_process_left_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".part.partial"), "left behind, and longer").unwrap();
        let mut part = PartFile::create(&root.path().join("part"), false).unwrap();
        part.write_all(b"new").unwrap();
        part.commit().unwrap();
        assert_eq!(fs::read_to_string(root.path().join("part")).unwrap(), "new");
        assert_eq!(names(root.path()), ["part"]);
    }

    #[test]
    fn two_writers_of_one_file_are_kept_apart() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("part");
        let first = PartFile::create(&target, false).unwrap();
        assert!(matches!(PartFile::create(&target, false), Err(StorageError::InUse { .. })));
        assert_eq!(names(root.path()), [".part.partial"], "the first one's work is left alone");
        drop(first);
        assert_eq!(names(root.path()), [""; 0]);
        PartFile::create(&target, false).unwrap().commit().unwrap();
        assert!(matches!(PartFile::create(&target, false), Err(StorageError::Exists { .. })));
        PartFile::create(&target, true).unwrap().commit().unwrap();
    }
}
