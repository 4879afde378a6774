//! Files and directories that appear complete or not at all.
//!
//! Both write under a temporary sibling name, sync to the disk and rename. Dropped without
//! `commit`, whether by an error or a panic, they remove what was written.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::StorageError;
use super::parents::NewParents;

/// A directory under construction.
#[derive(Debug)]
pub struct AtomicDir {
    place: Place,
}

/// A file under construction.
#[derive(Debug)]
pub struct AtomicFile {
    place: Place,
    file: File,
}

/// Where something is written, and where it is to appear.
#[derive(Debug)]
pub(super) struct Place {
    target: PathBuf,
    temporary: PathBuf,
    replace: bool,
    parents: NewParents,
    /// What was written stays for a later run unless it was committed.
    resumable: bool,
    committed: bool,
}

/// A name beside `target` that nothing else uses: hidden, so that a listing or a glob passes over it.
fn sibling(target: &Path, purpose: &str) -> Result<PathBuf, StorageError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    hidden(target, &format!("{purpose}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)))
}

/// Purpose of the name under which work is continued by a later process.
const PARTIAL: &str = "partial";

/// The one name beside `target` for a purpose, the same in every process: `.NAME.PURPOSE`.
pub(super) fn hidden(target: &Path, purpose: &str) -> Result<PathBuf, StorageError> {
    let name = target.file_name().ok_or_else(|| StorageError::Unnamed { path: target.to_owned() })?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden.push(purpose);
    Ok(target.with_file_name(hidden))
}

/// True when something, even a dangling link, has the name.
fn occupied(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

impl Place {
    /// A place under a name that no other process uses.
    fn prepare(target: &Path, replace: bool) -> Result<Self, StorageError> {
        Self::at(target, sibling(target, "tmp")?, replace)
    }

    /// A place under the same name in every process.
    pub fn shared(target: &Path, replace: bool) -> Result<Self, StorageError> {
        let mut place = Self::at(target, hidden(target, PARTIAL)?, replace)?;
        place.resumable = true;
        Ok(place)
    }

    /// Checks the target and creates its parents.
    fn at(target: &Path, temporary: PathBuf, replace: bool) -> Result<Self, StorageError> {
        let target = target.to_owned();
        if !replace && occupied(&target) {
            return Err(StorageError::Exists { path: target });
        }
        let parents = NewParents::of(&target)?;
        Ok(Self { target, temporary, replace, parents, resumable: false, committed: false })
    }

    /// Where it is to appear.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where to write.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// From here on what was written goes with the place, unless it is committed.
    pub fn own(&mut self) {
        self.resumable = false;
    }

    /// Lets a file that was synced appear under its name.
    pub fn commit_file(mut self) -> Result<(), StorageError> {
        if !self.replace {
            return self.appear();
        }
        fs::rename(&self.temporary, &self.target).map_err(StorageError::io("replace", &self.target))?;
        self.committed = true;
        sync_parent(&self.target)
    }

    /// Lets what was written appear where nothing is yet.
    fn appear(&mut self) -> Result<(), StorageError> {
        match rename_new(&self.temporary, &self.target) {
            Ok(()) => self.committed = true,
            Err(_) if occupied(&self.target) => {
                return Err(StorageError::Exists { path: self.target.clone() });
            }
            Err(source) => {
                return Err(StorageError::Io { action: "create", path: self.target.clone(), source });
            }
        }
        sync_parent(&self.target)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // There is nothing at the temporary name after a plain rename, and the old directory after an
        // exchange. A failure has no one left to hear of it.
        if self.committed || !self.resumable {
            let _ = remove(&self.temporary);
        }
        if self.committed {
            self.parents.keep();
        }
    }
}

/// Makes the entries of a directory durable. Only Unix can open a directory for that.
fn sync_dir(path: &Path) -> Result<(), StorageError> {
    if cfg!(unix) {
        File::open(path).and_then(|dir| dir.sync_all()).map_err(StorageError::io("sync", path))?;
    }
    Ok(())
}

pub(super) fn sync_parent(path: &Path) -> Result<(), StorageError> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Syncs every file and directory below `dir`, then `dir` itself.
fn sync_tree(dir: &Path) -> Result<(), StorageError> {
    for entry in fs::read_dir(dir).map_err(StorageError::io("list", dir))? {
        let path = entry.map_err(StorageError::io("list", dir))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            let file = OpenOptions::new().read(true).write(true).open(&path);
            file.and_then(|file| file.sync_all()).map_err(StorageError::io("sync", &path))?;
        }
    }
    sync_dir(dir)
}

/// Renames to a name that must be free, in one step where the file system can.
#[cfg(target_os = "linux")]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => rename_if_free(from, to),
        outcome => Ok(outcome?),
    }
}

#[cfg(not(target_os = "linux"))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    rename_if_free(from, to)
}

fn rename_if_free(from: &Path, to: &Path) -> io::Result<()> {
    if occupied(to) { Err(io::ErrorKind::AlreadyExists.into()) } else { fs::rename(from, to) }
}

/// Swaps two directories in one step, where the file system can.
#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> bool {
    false
}

/// Replaces a directory in two steps, for a moment of which nothing has its name; returns where the
/// old one is now.
fn replace_aside(new: &Path, target: &Path) -> Result<PathBuf, StorageError> {
    let aside = sibling(target, "old")?;
    fs::rename(target, &aside).map_err(StorageError::io("replace", target))?;
    if let Err(source) = fs::rename(new, target) {
        // Best effort: the error that matters is the first one, and it names the target.
        let _ = fs::rename(&aside, target);
        return Err(StorageError::Io { action: "replace", path: target.to_owned(), source });
    }
    Ok(aside)
}

impl AtomicDir {
    /// Starts a directory that [`commit`](Self::commit) will make appear at `target`. Missing
    /// parents are created.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when `target` exists and `replace` is false; [`StorageError::Io`]
    /// when its parent cannot be written to.
    pub fn create(target: &Path, replace: bool) -> Result<Self, StorageError> {
        let place = Place::prepare(target, replace)?;
        fs::create_dir(&place.temporary).map_err(StorageError::io("create", &place.temporary))?;
        Ok(Self { place })
    }

    /// Starts a directory, or goes on with what an earlier process left of it: it is built under a name
    /// that depends on `target` alone (`.NAME.partial`), and stays there when this is dropped without
    /// [`commit`](Self::commit). Keeping other processes out is up to the caller.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn resume(target: &Path, replace: bool) -> Result<Self, StorageError> {
        let place = Place::shared(target, replace)?;
        match fs::create_dir(&place.temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => outcome.map_err(StorageError::io("create", &place.temporary))?,
        }
        Ok(Self { place })
    }

    /// Where to write meanwhile.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place.temporary
    }

    /// Syncs everything to the disk and lets the directory appear under its name.
    ///
    /// A replaced directory is exchanged in one step where the operating system can do that, and
    /// otherwise moved aside first and moved back if the second step fails.
    ///
    /// # Errors
    /// [`StorageError`]; the target is then as it was before, unless only the removal of the old
    /// directory or the last sync failed.
    pub fn commit(self) -> Result<(), StorageError> {
        let mut place = self.place;
        sync_tree(&place.temporary)?;
        if !(place.replace && occupied(&place.target)) {
            return place.appear();
        }
        let old = if exchange(&place.temporary, &place.target) {
            place.temporary.clone()
        } else {
            replace_aside(&place.temporary, &place.target)?
        };
        place.committed = true;
        remove(&old).map_err(StorageError::io("remove", &old))?;
        sync_parent(&place.target)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

impl AtomicFile {
    /// Starts a file that [`commit`](Self::commit) will make appear at `target`. Missing parents
    /// are created.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when `target` exists and `replace` is false; [`StorageError::Io`]
    /// when its parent cannot be written to.
    pub fn create(target: &Path, replace: bool) -> Result<Self, StorageError> {
        let place = Place::prepare(target, replace)?;
        let file = File::create_new(&place.temporary).map_err(StorageError::io("create", &place.temporary))?;
        Ok(Self { place, file })
    }

    /// Where the file is meanwhile, for writers that want a path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place.temporary
    }

    /// Syncs the file to the disk and lets it appear under its name.
    ///
    /// # Errors
    /// [`StorageError`]; the target is then as it was before, unless only the last sync failed.
    pub fn commit(self) -> Result<(), StorageError> {
        let Self { place, file } = self;
        file.sync_all().map_err(StorageError::io("sync", &place.temporary))?;
        place.commit_file()
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_appears_whole_and_leaves_nothing_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("a/b/model");
        let dir = AtomicDir::create(&target, false).unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/f"), "1").unwrap();
        assert!(!target.exists(), "nothing appears before the commit");
        dir.commit().unwrap();
        assert_eq!(fs::read_to_string(target.join("sub/f")).unwrap(), "1");
        assert_eq!(names(&root.path().join("a/b")), ["model"]);
    }

    #[test]
    fn dropping_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = AtomicDir::create(&root.path().join("new/parents/model"), false).unwrap();
        fs::write(dir.path().join("f"), "1").unwrap();
        drop(dir);
        let mut file = AtomicFile::create(&root.path().join("new/file"), false).unwrap();
        file.write_all(b"1").unwrap();
        drop(file);
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn an_existing_target_is_refused_and_stays() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        fs::write(&target, "old").unwrap();
        assert!(matches!(AtomicDir::create(&target, false), Err(StorageError::Exists { .. })));
        assert!(matches!(AtomicFile::create(&target, false), Err(StorageError::Exists { .. })));
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        assert_eq!(names(root.path()), ["x"]);
    }

    #[test]
    fn a_target_that_appears_meanwhile_is_refused_too() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x");
        let dir = AtomicDir::create(&target, false).unwrap();
        let file = AtomicFile::create(&target, false).unwrap();
        fs::create_dir(&target).unwrap();
        assert!(matches!(dir.commit(), Err(StorageError::Exists { .. })));
        assert!(matches!(file.commit(), Err(StorageError::Exists { .. })));
        assert_eq!(names(root.path()), ["x"]);
    }

    #[test]
    fn replacing_swaps_the_whole_directory() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("model");
        for content in ["first", "second"] {
            let dir = AtomicDir::create(&target, true).unwrap();
            fs::write(dir.path().join(content), content).unwrap();
            dir.commit().unwrap();
            assert_eq!(names(&target), [content]);
            assert_eq!(names(root.path()), ["model"]);
        }
    }

    #[test]
    fn without_an_exchange_the_old_directory_comes_back_when_the_new_one_cannot_move() {
        let root = tempfile::tempdir().unwrap();
        let [target, new] = ["model", "new"].map(|name| root.path().join(name));
        for dir in [&target, &new] {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join("f"), dir.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
        assert!(replace_aside(&root.path().join("absent"), &target).is_err());
        assert_eq!(fs::read_to_string(target.join("f")).unwrap(), "model");
        let old = replace_aside(&new, &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("f")).unwrap(), "new");
        assert_eq!(fs::read_to_string(old.join("f")).unwrap(), "model");
    }

    #[test]
    fn replacing_a_file() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        for content in ["first", "second"] {
            let mut file = AtomicFile::create(&target, true).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            file.commit().unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), content);
        }
        assert_eq!(names(root.path()), ["out"]);
    }

    #[test]
    fn a_parent_that_is_a_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = AtomicDir::create(&file.join("model"), false).unwrap_err();
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        assert!(matches!(AtomicDir::create(Path::new("/"), true), Err(StorageError::Unnamed { .. })));
    }
}
