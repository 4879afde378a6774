//! The pointer to the version that answers.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RegistryError;
use crate::storage::{AtomicFile, StorageError};

/// Versions that are remembered to go back to.
const REMEMBERED: usize = 16;

/// No pointer comes near this; a larger file is not read into memory.
const LARGEST: u64 = 1 << 20;

/// Which version answers, and which did before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pointer {
    /// The version that answers.
    pub version: String,
    /// Those that answered before, the latest first.
    pub before: Vec<String>,
}

impl Pointer {
    /// Reads the pointer of a name; `None` when nothing was promoted.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, RegistryError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("open", path)(error).into()),
        };
        let damaged = |reason: String| RegistryError::Damaged { path: path.to_owned(), reason };
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text).map_err(|error| damaged(error.to_string()))?;
        serde_json::from_str(&text).map(Some).map_err(|error| damaged(error.to_string()))
    }

    /// The pointer after `version` was promoted.
    pub(super) fn promoted(now: Option<Self>, version: &str) -> Self {
        let before = match now {
            None => Vec::new(),
            Some(now) if now.version == version => now.before,
            Some(now) => [now.version].into_iter().chain(now.before).take(REMEMBERED).collect(),
        };
        Self { version: version.to_owned(), before }
    }

    /// The pointer after going back by one version; `None` when there is nothing to go back to.
    pub(super) fn rolled_back(self) -> Option<Self> {
        let mut before = self.before.into_iter();
        Some(Self { version: before.next()?, before: before.collect() })
    }

    /// The pointer without a version to go back to; `None` when it is not among them.
    pub(super) fn without(self, version: &str) -> Option<Self> {
        let (gone, before): (Vec<_>, Vec<_>) = self.before.into_iter().partition(|before| before == version);
        (!gone.is_empty()).then_some(Self { version: self.version, before })
    }

    /// Replaces the pointer of a name.
    pub(super) fn write(&self, path: &Path) -> Result<(), RegistryError> {
        let damaged =
            |error: serde_json::Error| RegistryError::Damaged { path: path.to_owned(), reason: error.to_string() };
        let mut text = serde_json::to_vec_pretty(self).map_err(damaged)?;
        text.push(b'\n');
        let mut file = AtomicFile::create(path, true)?;
        file.write_all(&text).map_err(StorageError::io("write", path))?;
        Ok(file.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(version: &str, before: &[&str]) -> Pointer {
        Pointer { version: version.into(), before: before.iter().map(|&b| b.to_owned()).collect() }
    }

    #[test]
    fn promotions_are_undone_one_by_one() {
        let first = Pointer::promoted(None, "a");
        let third = Pointer::promoted(Some(Pointer::promoted(Some(first.clone()), "b")), "c");
        assert_eq!(third, pointer("c", &["b", "a"]));
        // The version that answers already is no step of its own.
        assert_eq!(Pointer::promoted(Some(third.clone()), "c"), third);
        let second = third.rolled_back().unwrap();
        assert_eq!(second, pointer("b", &["a"]));
        assert_eq!(second.rolled_back(), Some(first.clone()));
        assert_eq!(first.rolled_back(), None);
    }

    #[test]
    fn a_version_that_leaves_is_passed_over() {
        let now = pointer("c", &["a", "b", "a"]);
        assert_eq!(now.clone().without("a"), Some(pointer("c", &["b"])));
        assert_eq!(now.without("x"), None);
    }
}
