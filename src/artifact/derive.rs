//! A model directory out of one that is published: another model over its users, items and histories, or the same model
//! with a calibration.

use std::collections::BTreeMap;
use std::path::Path;

use super::manifest::{CALIBRATION, CONTENT, HISTORIES, ITEMS, USERS};
use super::publish::{complete, copy_verified, create, write_weights};
use super::{ArtifactError, Manifest, Shapes, calibration};
use crate::anomaly::Calibration;
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
        copy_verified(name, &source.files[name], from, target.path())?;
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

/// Writes a model directory that is the one at `from`, verified on the way, with `calibration` for anomalies in place of the
/// one it may have. It appears at `dir` complete or not at all, as of [`publish`](super::publish()); with `replace`, that may
/// be `from` itself.
///
/// # Errors
/// [`ArtifactError`] when a file is not what was published, the target exists, or the disk refuses.
pub fn publish_calibrated(
    dir: &Path,
    from: &Path,
    calibration: &Calibration,
    replace: bool,
) -> Result<Manifest, ArtifactError> {
    let source = Manifest::read(from)?;
    let target = create(dir, replace)?;
    for name in CONTENT {
        copy_verified(name, &source.files[name], from, target.path())?;
    }
    calibration::write(&target.path().join(CALIBRATION), calibration)?;
    complete(target, source)
}
