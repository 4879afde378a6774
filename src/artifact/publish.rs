//! From a trained model to a directory.

use std::collections::BTreeMap;
use std::path::Path;

use super::manifest::{
    CALIBRATION, CONTENT, FORMAT_VERSION, HISTORIES, ITEMS, MANIFEST, MANIFEST_HASH, OPTIONAL, USERS, WEIGHTS, io_error,
};
use super::open::verify;
use super::{Ancestry, ArtifactError, Manifest, Shapes, calibration, fingerprint, histories};
use crate::anomaly::Calibration;
use crate::interactions::{Catalogue, EventsThrough, ExactSums, IdMap, Interactions, LogRules, Timestamp};
use crate::io::{self, Attributes};
use crate::models::Model;
use crate::storage::{AtomicDir, FileDigest, TensorRef, Values, digest_file, write_tensors};
use crate::training::{TrainingConfig, TrainingSummary};
use crate::types::UserIdx;

/// What is known of a log beside its interactions, so that live events can be merged with them later.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogDetail<'a> {
    /// The latest time of every interaction, in the order of the matrix; `None` for a log without times.
    pub times: Option<&'a [Timestamp]>,
    /// The sums that the weights do not tell exactly; `None` where there are none.
    pub sums: Option<&'a ExactSums>,
    /// How far live events are part of the log, by the id of their store; `None` for none.
    pub events: Option<&'a BTreeMap<String, EventsThrough>>,
}

/// Everything a model directory is made of.
pub struct Publication<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// Its items.
    pub catalogue: &'a Catalogue,
    /// What else is known of them, one row an item; may have no columns.
    pub attributes: &'a Attributes,
    /// The users with a history.
    pub users: &'a IdMap,
    /// Those of them that neither this model nor any before it was trained on, ascending.
    pub held_out: &'a [UserIdx],
    /// The histories, one row a user of `users`, one column an item of `catalogue`.
    pub histories: &'a Interactions,
    /// What else the log said of them.
    pub detail: LogDetail<'a>,
    /// How the log became those histories.
    pub rules: &'a LogRules,
    /// How the model was trained; `None` for closed-form models.
    pub training: Option<&'a TrainingConfig>,
    /// The model it continues; `None` for one that started anew.
    pub from: Option<&'a Ancestry>,
    /// Fingerprint of everything that the run depended on, where it kept a checkpoint.
    pub run: Option<&'a str>,
    /// What happened during training.
    pub summary: &'a TrainingSummary,
    /// What normal histories are like; `None` for a model that is not calibrated for anomalies.
    pub calibration: Option<&'a Calibration>,
    /// Results worth keeping with the model, by name; finite numbers.
    pub metrics: BTreeMap<String, f64>,
}

/// Writes a model directory that appears at `dir` complete or not at all.
///
/// With `replace`, a directory already there is replaced if it is empty or a model directory: one that
/// has `manifest.b3` and holds no other files than those of a model. Anything else stays as it is.
/// The content files and the model's version are the same for the same publication; only the
/// manifest differs, by its time stamp.
///
/// # Errors
/// [`ArtifactError`] when the parts contradict each other, the target exists, or the disk refuses;
/// nothing is left behind then.
pub fn publish(dir: &Path, publication: &Publication<'_>, replace: bool) -> Result<Manifest, ArtifactError> {
    publication.check()?;
    let target = create(dir, replace)?;
    let tensors = publication.write_content(target.path())?;
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        model_version: String::new(),
        library_version: String::new(),
        created: String::new(),
        model: publication.model.config(),
        training: publication.training.cloned(),
        from: publication.from.map(|ancestry| ancestry.from.clone()),
        run: publication.run.map(str::to_owned),
        summary: publication.summary.clone(),
        shapes: Shapes {
            users: publication.users.len(),
            items: publication.catalogue.len(),
            interactions: publication.histories.len(),
            tensors,
        },
        metrics: publication.metrics.clone(),
        data_fingerprint: fingerprint(publication.users, publication.catalogue.ids(), publication.histories),
        rules: publication.rules.clone(),
        events: publication.detail.events.cloned().unwrap_or_default(),
        files: BTreeMap::new(),
    };
    complete(target, manifest)
}

/// Gives a directory whose content is written its manifest, with what the content and the moment decide, and its name.
pub(super) fn complete(target: AtomicDir, manifest: Manifest) -> Result<Manifest, ArtifactError> {
    let written = |name: &&str| CONTENT.contains(name) || target.path().join(name).exists();
    let files = CONTENT
        .into_iter()
        .chain(OPTIONAL)
        .filter(written)
        .map(|name| Ok((name.to_owned(), digest_file(&target.path().join(name))?)))
        .collect::<Result<BTreeMap<_, _>, ArtifactError>>()?;
    let model_version = Manifest::version_of(&manifest.model, &manifest.rules, &files)
        .map_err(|error| ArtifactError::Publication { reason: error.to_string() })?;
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        model_version,
        library_version: env!("CARGO_PKG_VERSION").into(),
        created: Timestamp::now().to_milliseconds(),
        files,
        ..manifest
    };
    manifest.write(target.path())?;
    target.commit()?;
    Ok(manifest)
}

/// Writes what the model stores; returns the shapes by name.
pub(super) fn write_weights(dir: &Path, model: &dyn Model) -> Result<BTreeMap<String, Vec<usize>>, ArtifactError> {
    let (tensors, indices) = (model.tensors(), model.indices());
    let stored: Vec<(String, Vec<usize>, Values<'_>)> = tensors
        .iter()
        .map(|t| (t.full_name(), t.shape.clone(), Values::F32(t.data)))
        .chain(indices.iter().map(|i| (i.full_name(), vec![i.data.len()], Values::U32(i.data))))
        .collect();
    let refs: Vec<_> =
        stored.iter().map(|(name, shape, values)| TensorRef { name, shape: shape.clone(), values: *values }).collect();
    write_tensors(&dir.join(WEIGHTS), &refs)?;
    Ok(stored.into_iter().map(|(name, shape, _)| (name, shape)).collect())
}

/// Copies a model directory to a place where nothing is yet. What is read and what was written are both compared
/// with the manifest.
///
/// # Errors
/// [`ArtifactError`] when a file is not what was published, the target exists, or the disk refuses; nothing is left
/// at the target then.
pub fn copy(from: &Path, to: &Path) -> Result<Manifest, ArtifactError> {
    let manifest = Manifest::read(from)?;
    let target = create(to, false)?;
    for (name, expected) in manifest.content() {
        verify(&from.join(name), expected)?;
        copy_verified(name, expected, from, target.path())?;
    }
    for name in [MANIFEST, MANIFEST_HASH] {
        copy_file(name, from, target.path())?;
    }
    if Manifest::read(target.path())? != manifest {
        return Err(ArtifactError::inconsistent(from.join(MANIFEST), "it changed while it was copied"));
    }
    target.commit()?;
    Ok(manifest)
}

fn copy_file(name: &str, from: &Path, to: &Path) -> Result<(), ArtifactError> {
    let source = from.join(name);
    std::fs::copy(&source, to.join(name)).map(drop).map_err(|error| io_error("copy", &source, error))
}

/// Copies a file of a model directory and compares the copy with what was published.
pub(super) fn copy_verified(name: &str, expected: &FileDigest, from: &Path, to: &Path) -> Result<(), ArtifactError> {
    copy_file(name, from, to)?;
    verify(&to.join(name), expected)
}

/// Finds out whether [`publish`] could write to `dir`, before the work that leads up to it.
///
/// # Errors
/// As [`publish`]: the target exists, holds something other than a model, or cannot be written.
pub fn check_target(dir: &Path, replace: bool) -> Result<(), ArtifactError> {
    // Dropped without a commit, it leaves nothing.
    create(dir, replace).map(drop)
}

pub(super) fn create(dir: &Path, replace: bool) -> Result<AtomicDir, ArtifactError> {
    if replace && is_something_else(dir) {
        return Err(ArtifactError::ReplacesOther { path: dir.to_owned() });
    }
    Ok(AtomicDir::create(dir, replace)?)
}

/// True for a path that holds something other than a model directory or an empty directory. A single
/// foreign file is enough: it would be lost with the rest.
fn is_something_else(path: &Path) -> bool {
    if path.symlink_metadata().is_err() {
        return false;
    }
    let Ok(entries) = std::fs::read_dir(path) else {
        return true;
    };
    let names: Option<Vec<_>> = entries.map(|entry| entry.ok().map(|entry| entry.file_name())).collect();
    let is_ours = |name: &std::ffi::OsString| {
        CONTENT.iter().chain(&OPTIONAL).chain(&[MANIFEST, MANIFEST_HASH]).any(|ours| name.as_os_str() == *ours)
    };
    names.is_none_or(|names| {
        let complete = names.is_empty() || path.join(MANIFEST_HASH).is_file();
        !complete || !names.iter().all(is_ours)
    })
}

impl Publication<'_> {
    fn check(&self) -> Result<(), ArtifactError> {
        let (items, users) = (self.catalogue.len(), self.users.len());
        for (what, found, expected) in [
            ("items scored by the model", self.model.items(), items),
            ("items of the histories", self.histories.items(), items),
            ("histories", self.histories.users(), users),
        ] {
            if found != expected {
                let reason = format!("{what}: {found}, but there are {items} items and {users} users");
                return Err(ArtifactError::Publication { reason });
            }
        }
        let times = self.detail.times.map_or(self.histories.len(), <[Timestamp]>::len);
        if times != self.histories.len() {
            let reason = format!("times: {times}, but there are {} interactions", self.histories.len());
            return Err(ArtifactError::Publication { reason });
        }
        match self.metrics.iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((name, value)) => {
                Err(ArtifactError::Publication { reason: format!("metric {name} is {value}, not a finite number") })
            }
        }
    }

    /// Writes all files but the manifest; returns the shapes of the model's tensors.
    fn write_content(&self, dir: &Path) -> Result<BTreeMap<String, Vec<usize>>, ArtifactError> {
        let tensors = write_weights(dir, self.model)?;
        io::write_catalogue(&dir.join(ITEMS), self.catalogue, &self.histories.item_counts(), self.attributes)?;
        io::write_users(&dir.join(USERS), self.users, self.held_out)?;
        let trained_before = self.from.map_or(&[][..], |ancestry| ancestry.trained.hashes());
        histories::write(&dir.join(HISTORIES), self.histories, &self.detail, trained_before)?;
        self.calibration.map_or(Ok(()), |calibration| calibration::write(&dir.join(CALIBRATION), calibration))?;
        Ok(tensors)
    }
}
