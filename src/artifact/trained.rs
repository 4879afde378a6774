//! Who was a model trained on, by itself or by way of the models that it continues?

use super::{Artifact, ArtifactError, StartedFrom};
use crate::types::UserIdx;

/// Users that a model or one before it was trained on, by hashes of their ids: a log forgets users, and a later one
/// may have them again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrainedUsers(Vec<u64>);

/// The model that another one continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestry {
    /// Which one it is.
    pub from: StartedFrom,
    /// Who it or one before it was trained on.
    pub trained: TrainedUsers,
}

impl TrainedUsers {
    /// True for a user among them; hardly ever (in a million users once in 10¹³ times) for another one.
    #[must_use]
    pub fn contains(&self, user_id: &str) -> bool {
        self.0.binary_search(&hash(user_id)).is_ok()
    }

    /// The hashes, ascending, each once.
    pub(super) fn hashes(&self) -> &[u64] {
        &self.0
    }
}

impl Artifact {
    /// The users that this model or one before it was trained on.
    ///
    /// # Errors
    /// [`ArtifactError`] when the file of histories can no longer be read.
    pub fn trained_users(&self) -> Result<TrainedUsers, ArtifactError> {
        let mut hashes = self.histories.trained_before()?;
        let own = (0..self.users.len() as u32).filter(|&row| self.held_out.binary_search(&UserIdx(row)).is_err());
        hashes.extend(own.map(|row| hash(&self.users.external(row))));
        hashes.sort_unstable();
        hashes.dedup();
        Ok(TrainedUsers(hashes))
    }
}

/// The first 64 bits of the BLAKE3 hash of an id.
fn hash(user_id: &str) -> u64 {
    let hash = blake3::hash(user_id.as_bytes());
    hash.as_bytes()[..8].iter().fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}
