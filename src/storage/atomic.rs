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

/// A directory under construction.
#[derive(Debug)]
pub struct AtomicDir {
    target: PathBuf,
    temporary: PathBuf,
    replace: bool,
}

/// A file under construction.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    replace: bool,
    file: File,
}

/// A name beside `target` that nothing else uses: hidden, so that a listing or a glob passes over it.
fn sibling(target: &Path, purpose: &str) -> Result<PathBuf, StorageError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = target.file_name().ok_or_else(|| StorageError::Unnamed { path: target.to_owned() })?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{purpose}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    Ok(target.with_file_name(hidden))
}

/// True when something, even a dangling link, has the name.
fn occupied(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn refuse_existing(target: &Path, replace: bool) -> Result<(), StorageError> {
    if !replace && occupied(target) { Err(StorageError::Exists { path: target.to_owned() }) } else { Ok(()) }
}

/// Makes the entries of a directory durable. Only Unix can open a directory for that.
fn sync_dir(path: &Path) -> Result<(), StorageError> {
    if cfg!(unix) {
        File::open(path).and_then(|dir| dir.sync_all()).map_err(StorageError::io("sync", path))?;
    }
    Ok(())
}

fn sync_parent(path: &Path) -> Result<(), StorageError> {
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

impl AtomicDir {
    /// Starts a directory that [`commit`](Self::commit) will make appear at `target`. Missing
    /// parents are created.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when `target` exists and `replace` is false; [`StorageError::Io`]
    /// when its parent cannot be written to.
    pub fn create(target: &Path, replace: bool) -> Result<Self, StorageError> {
        refuse_existing(target, replace)?;
        let temporary = sibling(target, "tmp")?;
        create_parent(target)?;
        fs::create_dir(&temporary).map_err(StorageError::io("create", &temporary))?;
        Ok(Self { target: target.to_owned(), temporary, replace })
    }

    /// Where to write meanwhile.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Syncs everything to the disk and lets the directory appear under its name.
    ///
    /// A replaced directory is exchanged in one step where the operating system can do that, and
    /// otherwise moved aside first and moved back if the second step fails.
    ///
    /// # Errors
    /// [`StorageError`]; the target is then as it was before.
    pub fn commit(self) -> Result<(), StorageError> {
        sync_tree(&self.temporary)?;
        refuse_existing(&self.target, self.replace)?;
        if !occupied(&self.target) {
            fs::rename(&self.temporary, &self.target).map_err(StorageError::io("create", &self.target))?;
        } else if !exchange(&self.temporary, &self.target) {
            let aside = sibling(&self.target, "old")?;
            fs::rename(&self.target, &aside).map_err(StorageError::io("replace", &self.target))?;
            if let Err(source) = fs::rename(&self.temporary, &self.target) {
                // Best effort: the error that matters is the first one, and it names the target.
                let _ = fs::rename(&aside, &self.target);
                return Err(StorageError::Io { action: "replace", path: self.target.clone(), source });
            }
            remove(&aside).map_err(StorageError::io("remove", &aside))?;
        }
        sync_parent(&self.target)
        // After an exchange the temporary name holds the old directory: dropping removes it.
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn create_parent(target: &Path) -> Result<(), StorageError> {
    match target.parent() {
        Some(parent) if parent != Path::new("") => {
            fs::create_dir_all(parent).map_err(StorageError::io("create", parent))
        }
        _ => Ok(()),
    }
}

impl Drop for AtomicDir {
    fn drop(&mut self) {
        // Nothing is there after a plain rename; a failure has no one left to hear of it.
        let _ = remove(&self.temporary);
    }
}

impl AtomicFile {
    /// Starts a file that [`commit`](Self::commit) will make appear at `target`. Missing parents
    /// are created.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when `target` exists and `replace` is false; [`StorageError::Io`]
    /// when its parent cannot be written to.
    pub fn create(target: &Path, replace: bool) -> Result<Self, StorageError> {
        refuse_existing(target, replace)?;
        let temporary = sibling(target, "tmp")?;
        create_parent(target)?;
        let file = File::create_new(&temporary).map_err(StorageError::io("create", &temporary))?;
        Ok(Self { target: target.to_owned(), temporary, replace, file })
    }

    /// Where the file is meanwhile, for writers that want a path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// A second handle on the file, for writers that want to own one.
    ///
    /// # Errors
    /// [`StorageError::Io`] when the operating system is out of handles.
    pub fn handle(&self) -> Result<File, StorageError> {
        self.file.try_clone().map_err(StorageError::io("open", &self.temporary))
    }

    /// Syncs the file to the disk and lets it appear under its name.
    ///
    /// # Errors
    /// [`StorageError`]; the target is then as it was before.
    pub fn commit(self) -> Result<(), StorageError> {
        self.file.sync_all().map_err(StorageError::io("sync", &self.temporary))?;
        refuse_existing(&self.target, self.replace)?;
        fs::rename(&self.temporary, &self.target).map_err(StorageError::io("create", &self.target))?;
        sync_parent(&self.target)
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

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // Nothing is there after a commit; a failure has no one left to hear of it.
        let _ = fs::remove_file(&self.temporary);
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
        let dir = AtomicDir::create(&root.path().join("model"), false).unwrap();
        fs::write(dir.path().join("f"), "1").unwrap();
        drop(dir);
        let mut file = AtomicFile::create(&root.path().join("file"), false).unwrap();
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
        fs::create_dir(&target).unwrap();
        assert!(matches!(dir.commit(), Err(StorageError::Exists { .. })));
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
