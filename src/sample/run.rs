//! A sample as a log.

use std::num::NonZeroU64;
use std::path::Path;

use super::profile::Profile;
use super::sampler::{SampleConfig, Sampler};
use super::{Comparison, SampleError};
use crate::artifact::Artifact;
use crate::io::HistoryWriter;

/// Scores held at a time: what bounds the memory (4 bytes each).
const CHUNK_SCORES: usize = 1 << 24;

/// Users drawn together at most.
const CHUNK_USERS: usize = 1 << 10;

/// Stored users read at a time.
const STORED_USERS: usize = 1 << 12;

/// Draws users from a published model into a log at `out`, which is replaced where it exists: columns `user_id`
/// (`sample-0` to `sample-9` for ten) and `item_id`, each user's items ascending.
///
/// The same model, seed and configuration give the same bytes on any number of threads. Memory is bounded by the catalogue
/// and a chunk of users. Returns how the sample compares with the stored histories. `progress` is called with (users drawn,
/// users planned). Computes on the rayon pool of the caller.
///
/// # Errors
/// [`SampleError`]; nothing is left behind.
pub fn sample(
    artifact: &Artifact,
    config: &SampleConfig,
    users: NonZeroU64,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Comparison, SampleError> {
    let sampler = Sampler::new(artifact, config)?;
    let mut data = Profile::new(&artifact.popularity);
    let mut drawn = data.clone();
    let users = users.get();
    let width = (users - 1).to_string().len();
    let chunk = (CHUNK_SCORES / artifact.catalogue.len()).clamp(1, CHUNK_USERS) as u64;
    let mut writer = HistoryWriter::create(out, artifact.catalogue.ids())?;
    let mut first = 0;
    while first < users {
        let end = users.min(first + chunk);
        for (user, items) in (first..end).zip(sampler.histories(first..end)?) {
            writer.append(&format!("sample-{user:0width$}"), &items)?;
            drawn.add(&items);
        }
        first = end;
        progress(first, users);
    }
    let stored = artifact.histories.users() as u32;
    for first in (0..stored).step_by(STORED_USERS) {
        let end = stored.min(first + STORED_USERS as u32);
        artifact.histories.range(first..end)?.histories().for_each(|history| data.add(history.items()));
    }
    writer.finish()?;
    Ok(Comparison::of(&data, &drawn))
}
