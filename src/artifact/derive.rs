//! Another model over the users, items and histories of one that is published.

use std::collections::BTreeMap;
use std::path::Path;

use super::manifest::{HISTORIES, ITEMS, USERS, io_error};
use super::open::verify;
use super::publish::{complete, create, write_weights};
use super::{ArtifactError, Manifest, Shapes};
use crate::interactions::IdMap;
use crate::io;
use crate::models::Model;
use crate::training::TrainingSummary;
use crate::types::UserIdx;

/// What is new about a model directory that takes everything else from another one.
pub struct Derived<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// The users of the other directory.
    pub users: &'a IdMap,
    /// Those of them that nothing of the model was trained on, ascending.
    pub held_out: &'a [UserIdx],
    /// Results worth keeping with the model, by name; finite numbers.
    pub metrics: BTreeMap<String, f64>,
}

/// Writes a model directory with the items, the histories and the rules of the one at `from`, which are verified on the
/// way. It appears at `dir` complete or not at all, as of [`publish`](super::publish()).
///
/// # Errors
/// [`ArtifactError`] when a file is not what was published, the model has other items, the target exists, or the disk
/// refuses.
pub fn publish_derived(
    dir: &Path,
    from: &Path,
    derived: &Derived<'_>,
    replace: bool,
) -> Result<Manifest, ArtifactError> {
    let source = Manifest::read(from)?;
    if derived.model.items() != source.shapes.items {
        let (found, items) = (derived.model.items(), source.shapes.items);
        let reason = format!("items scored by the model: {found}, but there are {items} items");
        return Err(ArtifactError::Publication { reason });
    }
    let target = create(dir, replace)?;
    for name in [ITEMS, HISTORIES] {
        let (original, copy) = (from.join(name), target.path().join(name));
        std::fs::copy(&original, &copy).map_err(|error| io_error("copy", &original, error))?;
        verify(&copy, &source.files[name])?;
    }
    io::write_users(&target.path().join(USERS), derived.users, derived.held_out)?;
    let tensors = write_weights(target.path(), derived.model)?;
    complete(
        target,
        Manifest {
            model: derived.model.config(),
            training: None,
            from: None,
            run: None,
            summary: TrainingSummary::default(),
            shapes: Shapes { tensors, ..source.shapes },
            metrics: derived.metrics.clone(),
            ..source
        },
    )
}
