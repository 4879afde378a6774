//! A file that is read and never written: changes stay in memory and are lost.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;
use redb::backends::FileBackend;

/// Bytes changed together.
const PAGE: usize = 4096;

/// The database's view of a file that must stay as it is: when it is being checked, and when the disk takes no more.
/// The database writes a little on opening, to mend what a crash left behind; that little is kept here.
#[derive(Debug)]
pub(super) struct Overlay {
    /// Locked as long as it is open.
    file: FileBackend,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    length: u64,
    /// Bytes of the file that still show; what is behind them was cut off.
    shown: u64,
    pages: HashMap<u64, Box<[u8; PAGE]>>,
}

impl Overlay {
    pub fn new(file: FileBackend) -> io::Result<Self> {
        let length = file.len()?;
        Ok(Self { file, changes: Mutex::new(Changes { length, shown: length, pages: HashMap::new() }) })
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page as the file has it, zeros behind its end.
    fn of_file(&self, page: u64, shown: u64) -> io::Result<Box<[u8; PAGE]>> {
        let mut bytes = Box::new([0; PAGE]);
        let start = page * PAGE as u64;
        let there = shown.saturating_sub(start).min(PAGE as u64) as usize;
        self.file.read(start, &mut bytes[..there])?;
        Ok(bytes)
    }
}

/// The parts of `length` bytes from `offset` on, by page: page, first byte in it, and range of the buffer.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let first = (at % PAGE as u64) as usize;
        let part = done..(done + PAGE - first).min(length);
        (!part.is_empty()).then(|| {
            done = part.end;
            (at / PAGE as u64, first, part)
        })
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > changes.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (page, first, part) in parts(offset, out.len()) {
            let length = part.len();
            match changes.pages.get(&page) {
                Some(changed) => out[part].copy_from_slice(&changed[first..first + length]),
                None => out[part].copy_from_slice(&self.of_file(page, changes.shown)?[first..first + length]),
            }
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut changes = self.changes();
        let pages = length.div_ceil(PAGE as u64);
        changes.pages.retain(|&page, _| page < pages);
        if let Some(last) = changes.pages.get_mut(&(length / PAGE as u64)) {
            last[(length % PAGE as u64) as usize..].fill(0);
        }
        changes.shown = changes.shown.min(length);
        changes.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes();
        for (page, first, part) in parts(offset, data.len()) {
            let shown = changes.shown;
            let changed = match changes.pages.entry(page) {
                std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
                std::collections::hash_map::Entry::Vacant(place) => place.insert(self.of_file(page, shown)?),
            };
            changed[first..first + part.len()].copy_from_slice(&data[part]);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn changes_show_and_the_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let content: Vec<u8> = (0..10_000u32).map(|byte| byte as u8).collect();
        fs::write(&path, &content).unwrap();
        let overlay = Overlay::new(FileBackend::new(fs::File::open(&path).unwrap()).unwrap()).unwrap();
        let mut expected = content.clone();
        let check = |expected: &[u8]| {
            let mut found = vec![1; expected.len()];
            overlay.read(0, &mut found).unwrap();
            assert_eq!((&found[..], overlay.len().unwrap()), (expected, expected.len() as u64));
            assert!(overlay.read(1, &mut found).is_err(), "behind the end");
        };
        overlay.write(4_000, &[7; 5_000]).unwrap();
        expected[4_000..9_000].fill(7);
        check(&expected);
        for length in [8_500, 20_000, 3_000, 12_288] {
            overlay.set_len(length).unwrap();
            expected.resize(length as usize, 0);
            check(&expected);
        }
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}
