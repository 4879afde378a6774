//! The registry itself.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::pointer::Pointer;
use super::{ModelName, RegistryError, TableChoice};
use crate::artifact::{self, Manifest};
use crate::storage::{AtomicFile, PathLock, StorageError, remove_dir, remove_leftovers};

/// A directory of models by name and version.
#[derive(Clone, Debug)]
pub struct Registry {
    root: PathBuf,
}

/// A version of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its model directory.
    pub path: PathBuf,
    /// What the directory says of itself; the files that it lists are not verified yet.
    pub manifest: Manifest,
    /// Whether it is the one that answers.
    pub promoted: bool,
}

impl Registry {
    /// A registry that exists.
    ///
    /// # Errors
    /// [`RegistryError::NoRegistry`] when there is no such directory.
    pub fn open(root: &Path) -> Result<Self, RegistryError> {
        if root.is_dir() {
            Ok(Self { root: root.to_owned() })
        } else {
            Err(RegistryError::NoRegistry { path: root.to_owned() })
        }
    }

    /// A registry that is made by the first publication.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The names under which something was published, ascending.
    ///
    /// # Errors
    /// [`RegistryError::Storage`] when the directory cannot be read.
    pub fn names(&self) -> Result<Vec<ModelName>, RegistryError> {
        let mut names: Vec<_> = directories(&self.root)?.iter().filter_map(|name| ModelName::new(name).ok()).collect();
        names.sort();
        Ok(names)
    }

    /// The versions of a model, oldest first.
    ///
    /// # Errors
    /// [`RegistryError`] for an unknown name or an unreadable manifest.
    pub fn versions(&self, name: &ModelName) -> Result<Vec<Version>, RegistryError> {
        let promoted = Pointer::read(&self.pointer(name))?.map(|pointer| pointer.version);
        let mut versions = Vec::new();
        for version in self.published(name)? {
            versions.push(self.read(name, &version, promoted.as_deref())?);
        }
        versions.sort_by(|a, b| {
            (&a.manifest.created, &a.manifest.model_version).cmp(&(&b.manifest.created, &b.manifest.model_version))
        });
        Ok(versions)
    }

    /// One version of a model. The others need not be readable.
    ///
    /// # Errors
    /// [`RegistryError::UnknownVersion`] when there is no such version, and as [`versions`](Self::versions).
    pub fn version(&self, name: &ModelName, version: &str) -> Result<Version, RegistryError> {
        self.known(name, version)?;
        let promoted = Pointer::read(&self.pointer(name))?.map(|pointer| pointer.version);
        self.read(name, version, promoted.as_deref())
    }

    /// A version that is there, whatever state it is in.
    fn known(&self, name: &ModelName, version: &str) -> Result<(), RegistryError> {
        let mut known = self.published(name)?;
        if known.iter().any(|known| known == version) {
            return Ok(());
        }
        known.sort();
        Err(RegistryError::UnknownVersion { name: name.to_string(), version: version.to_owned(), known })
    }

    /// The versions under a name, unread.
    fn published(&self, name: &ModelName) -> Result<Vec<String>, RegistryError> {
        let directory = self.directory(name);
        if directory.is_dir() {
            return directories(&directory);
        }
        let known = self.names()?.iter().map(ToString::to_string).collect();
        Err(RegistryError::UnknownName { name: name.to_string(), path: self.root.clone(), known })
    }

    fn read(&self, name: &ModelName, version: &str, promoted: Option<&str>) -> Result<Version, RegistryError> {
        let path = self.directory(name).join(version);
        let manifest = Manifest::read(&path)?;
        if manifest.model_version != version {
            let reason = format!("it holds version {}", manifest.model_version);
            return Err(RegistryError::Damaged { path, reason });
        }
        Ok(Version { path, promoted: promoted == Some(version), manifest })
    }

    /// The version that answers.
    ///
    /// # Errors
    /// [`RegistryError::NothingPromoted`] when there is none, and as [`version`](Self::version).
    pub fn promoted(&self, name: &ModelName) -> Result<Version, RegistryError> {
        match Pointer::read(&self.pointer(name))? {
            Some(pointer) => self.version(name, &pointer.version),
            None => {
                // An unknown name says so first.
                self.published(name)?;
                Err(RegistryError::NothingPromoted { name: name.to_string() })
            }
        }
    }

    /// The version that answered before the one that does.
    ///
    /// # Errors
    /// [`RegistryError::NothingBefore`] when there is none, and as [`version`](Self::version).
    pub fn before(&self, name: &ModelName) -> Result<Version, RegistryError> {
        match Pointer::read(&self.pointer(name))?.and_then(Pointer::rolled_back) {
            Some(pointer) => self.version(name, &pointer.version),
            None => Err(RegistryError::NothingBefore { name: name.to_string() }),
        }
    }

    /// Copies a model directory into the registry, verified to the last byte on both sides. A version that is
    /// there already stays as it is. Nothing is promoted.
    ///
    /// # Errors
    /// [`RegistryError`] when the model cannot be used or the disk refuses.
    pub fn publish(&self, name: &ModelName, model: &Path, table: &TableChoice) -> Result<Version, RegistryError> {
        let _lock = PathLock::acquire(&self.directory(name))?;
        let version = Manifest::read(model)?.model_version;
        let target = self.directory(name).join(&version);
        // The table first: a version that is there has its choice.
        let text = serde_json::to_vec_pretty(table).map_err(|error| self.damaged(&target, &error))?;
        let path = self.table_path(name, &version);
        let mut file = AtomicFile::create(&path, true)?;
        file.write_all(&text).map_err(StorageError::io("write", &path))?;
        file.commit()?;
        if !target.exists() {
            artifact::copy(model, &target)?;
        }
        self.version(name, &version)
    }

    /// Takes a version out, readable or not, and returns the bytes that it took on the disk. Servers that answer with it
    /// go on until they end. One that a rollback would come to leaves only by `force`, which also takes it out of
    /// those to go back to.
    ///
    /// # Errors
    /// [`RegistryError`] for an unknown version, one that answers, one that a rollback would need, or when the disk
    /// refuses; the version is then there as before.
    pub fn unpublish(&self, name: &ModelName, version: &str, force: bool) -> Result<u64, RegistryError> {
        // An unknown name is locked by nobody.
        self.published(name)?;
        let directory = self.directory(name);
        let _lock = PathLock::acquire(&directory)?;
        remove_leftovers(&directory)?;
        self.known(name, version)?;
        if let Some(pointer) = Pointer::read(&self.pointer(name))? {
            if pointer.version == version {
                return Err(RegistryError::Answers { name: name.to_string(), version: version.to_owned() });
            }
            match pointer.without(version) {
                Some(_) if !force => {
                    return Err(RegistryError::Needed { name: name.to_string(), version: version.to_owned() });
                }
                // The pointer first: it never names what is not there.
                Some(pointer) => pointer.write(&self.pointer(name))?,
                None => {}
            }
        }
        let bytes = remove_dir(&directory.join(version))?;
        let table = self.table_path(name, version);
        match fs::remove_file(&table) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            done => done.map_err(StorageError::io("remove", &table))?,
        }
        if self.published(name)?.is_empty() {
            // A name without versions is none; should anything else lie there, it stays.
            let _ = fs::remove_dir(&directory);
        }
        Ok(bytes)
    }

    /// How the item table of a version is to be held; exactly, where nothing was chosen.
    ///
    /// # Errors
    /// [`RegistryError::Damaged`] when the choice cannot be read.
    pub fn table(&self, name: &ModelName, version: &str) -> Result<TableChoice, RegistryError> {
        let path = self.table_path(name, version);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| self.damaged(&path, &error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(TableChoice::exact()),
            Err(error) => Err(StorageError::io("read", &path)(error).into()),
        }
    }

    /// Lets a version answer from now on; servers that hold the registry open are not told.
    ///
    /// # Errors
    /// [`RegistryError`] for an unknown version, or when the disk refuses.
    pub fn promote(&self, name: &ModelName, version: &str) -> Result<Version, RegistryError> {
        let _lock = PathLock::acquire(&self.directory(name))?;
        self.version(name, version)?;
        Pointer::promoted(Pointer::read(&self.pointer(name))?, version).write(&self.pointer(name))?;
        self.version(name, version)
    }

    /// Lets the version answer that did before.
    ///
    /// # Errors
    /// As [`before`](Self::before), or when the disk refuses.
    pub fn roll_back(&self, name: &ModelName) -> Result<Version, RegistryError> {
        let _lock = PathLock::acquire(&self.directory(name))?;
        let before = self.before(name)?;
        if let Some(pointer) = Pointer::read(&self.pointer(name))?.and_then(Pointer::rolled_back) {
            pointer.write(&self.pointer(name))?;
        }
        Ok(Version { promoted: true, ..before })
    }

    fn directory(&self, name: &ModelName) -> PathBuf {
        self.root.join(name.as_str())
    }

    fn pointer(&self, name: &ModelName) -> PathBuf {
        self.directory(name).join("promoted.json")
    }

    fn table_path(&self, name: &ModelName, version: &str) -> PathBuf {
        self.directory(name).join(format!("{version}.table.json"))
    }

    fn damaged(&self, path: &Path, error: &serde_json::Error) -> RegistryError {
        RegistryError::Damaged { path: path.to_owned(), reason: error.to_string() }
    }
}

/// Names of the directories in a directory that are not hidden, as those under construction are.
fn directories(path: &Path) -> Result<Vec<String>, RegistryError> {
    let entries = fs::read_dir(path).map_err(StorageError::io("list", path))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StorageError::io("list", path))?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    Ok(names)
}
