//! The stored histories, read on demand.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::ArtifactError;
use crate::interactions::{History, Interactions};
use crate::storage::{TensorFile, TensorRef, Values, write_tensors};
use crate::types::UserIdx;

/// Users read at a time when every history is checked.
const CHECK_USERS: u32 = 4096;

/// Every user's history on disk; only the offsets are in memory (8 bytes a user).
///
/// Reads go through the operating system's page cache and may come from many threads at once. What
/// is read is checked again every time: the file may be changed while the model is in use.
#[derive(Debug)]
pub struct Histories {
    path: PathBuf,
    file: TensorFile,
    offsets: Vec<u64>,
    items: usize,
}

/// The array of users that earlier models were trained on; not there where there are none.
const TRAINED_BEFORE: &str = "trained_before";

/// Writes all histories of a matrix, and hashes of the users that earlier models were trained on.
pub(super) fn write(path: &Path, histories: &Interactions, trained_before: &[u64]) -> Result<(), ArtifactError> {
    let csr = histories.csr();
    let mut offsets = Vec::with_capacity(histories.users() + 1);
    offsets.push(0u64);
    for history in histories.histories() {
        offsets.push(offsets[offsets.len() - 1] + history.len() as u64);
    }
    let mut tensors = vec![
        TensorRef { name: "offsets", shape: vec![offsets.len()], values: Values::U64(&offsets) },
        TensorRef { name: TRAINED_BEFORE, shape: vec![trained_before.len()], values: Values::U64(trained_before) },
        TensorRef { name: "items", shape: vec![histories.len()], values: Values::U32(csr.indices()) },
        TensorRef { name: "weights", shape: vec![histories.len()], values: Values::F32(csr.data()) },
    ];
    tensors.retain(|tensor| tensor.name != TRAINED_BEFORE || !trained_before.is_empty());
    Ok(write_tensors(path, &tensors)?)
}

impl Histories {
    /// Opens the file and checks every history in it.
    pub(super) fn open(path: PathBuf, users: usize, items: usize, interactions: usize) -> Result<Self, ArtifactError> {
        let file = TensorFile::open(&path)?;
        for (name, expected) in
            [("offsets", users.saturating_add(1)), ("items", interactions), ("weights", interactions)]
        {
            let found = file.shape(name);
            if found.as_deref() != Some(&[expected]) {
                let reason = format!("array `{name}` has shape {found:?}, the manifest implies [{expected}]");
                return Err(ArtifactError::inconsistent(path, reason));
            }
        }
        let offsets: Vec<u64> = file.read("offsets")?;
        let ends = (offsets.first(), offsets.last());
        if ends != (Some(&0), Some(&(interactions as u64))) || !offsets.is_sorted() {
            let reason = format!("offsets do not rise from 0 to {interactions}");
            return Err(ArtifactError::inconsistent(path, reason));
        }
        let histories = Self { path, file, offsets, items };
        let users = histories.users() as u32;
        for first in (0..users).step_by(CHECK_USERS as usize) {
            histories.range(first..users.min(first + CHECK_USERS))?;
        }
        Ok(histories)
    }

    /// Hashes of the users that earlier models were trained on.
    pub(super) fn trained_before(&self) -> Result<Vec<u64>, ArtifactError> {
        match self.file.shape(TRAINED_BEFORE) {
            None => Ok(Vec::new()),
            Some(_) => Ok(self.file.read(TRAINED_BEFORE)?),
        }
    }

    /// Number of users.
    #[must_use]
    pub fn users(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of items in the catalogue that the histories refer to.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// Number of interactions of one user, without reading them.
    ///
    /// # Panics
    /// When `user` is not below [`users`](Self::users).
    #[must_use]
    pub fn history_len(&self, user: UserIdx) -> usize {
        (self.offsets[user.at() + 1] - self.offsets[user.at()]) as usize
    }

    /// The history of one user.
    ///
    /// # Errors
    /// [`ArtifactError`] when the file can no longer be read or was changed since it was opened.
    ///
    /// # Panics
    /// When `user` is not below [`users`](Self::users).
    pub fn history(&self, user: UserIdx) -> Result<History, ArtifactError> {
        let rows = self.range(user.0..user.0 + 1)?;
        Ok(rows.history(UserIdx(0)).into())
    }

    /// The histories of consecutive users, in one read: row 0 belongs to user `users.start`.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    ///
    /// # Panics
    /// When the range leaves `0..users()`.
    pub fn range(&self, users: Range<u32>) -> Result<Interactions, ArtifactError> {
        let bounds = &self.offsets[users.start as usize..=users.end as usize];
        let (start, end) = (bounds[0], bounds[bounds.len() - 1]);
        let len = (end - start) as usize;
        let (mut items, mut weights) = (vec![0u32; len], vec![0f32; len]);
        self.file.read_into("items", start, &mut items)?;
        self.file.read_into("weights", start, &mut weights)?;
        let offsets = bounds.iter().map(|offset| (offset - start) as usize).collect();
        Interactions::from_csr((users.len(), self.items), offsets, items, weights)
            .map_err(|source| ArtifactError::History { path: self.path.clone(), first: users.start, source })
    }
}
