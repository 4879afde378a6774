//! From a directory back to a model.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::manifest::{CALIBRATION, HISTORIES, ITEMS, USERS, WEIGHTS};
use super::{ArtifactError, Histories, Manifest, calibration};
use crate::anomaly::Calibration;
use crate::interactions::{Catalogue, IdMap, Metadata};
use crate::io;
use crate::models::{Model, StoredTensors, restore};
use crate::storage::{FileDigest, TensorFile, digest_file};
use crate::types::UserIdx;

/// A published model, loaded; the histories stay on disk.
pub struct Artifact {
    /// What the directory says of itself.
    pub manifest: Manifest,
    /// The model.
    pub model: Box<dyn Model>,
    /// Its items.
    pub catalogue: Catalogue,
    /// What else is known of them, in the order of the catalogue.
    pub metadata: Metadata,
    /// Users of every item, in the order of the catalogue.
    pub popularity: Vec<u32>,
    /// The users with a stored history.
    pub users: IdMap,
    /// Those of them that were held out of training, ascending.
    pub held_out: Vec<UserIdx>,
    /// Their histories.
    pub histories: Histories,
    /// What normal histories are like, where the model is calibrated for anomalies.
    pub calibration: Option<Calibration>,
}

impl Artifact {
    /// Opens a model directory after verifying all of it: hashes and sizes of all files, agreement
    /// of all shapes, finiteness of all numbers, order and range of every history.
    ///
    /// # Errors
    /// [`ArtifactError`] naming the file that cannot be used and what to do.
    pub fn open(dir: &Path) -> Result<Self, ArtifactError> {
        let manifest = Manifest::read(dir)?;
        // All files are hashed, in parallel; the first failure in the order of the list is reported.
        let content: Vec<_> = manifest.content().collect();
        let verified: Vec<_> = content.par_iter().map(|(name, published)| verify(&dir.join(name), published)).collect();
        verified.into_iter().collect::<Result<(), _>>()?;

        let shapes = &manifest.shapes;
        let (catalogue, popularity) = io::read_catalogue(&dir.join(ITEMS))?;
        let metadata = io::read_metadata(&dir.join(ITEMS))?;
        let (users, held_out) = io::read_users(&dir.join(USERS))?;
        let described = metadata.columns().first().map_or(shapes.items, |column| column.values.len());
        for (file, found, expected) in [
            (ITEMS, described, shapes.items),
            (ITEMS, catalogue.len(), shapes.items),
            (ITEMS, popularity.len(), shapes.items),
            (USERS, users.len(), shapes.users),
        ] {
            if found != expected {
                let reason = format!("{found} rows, the manifest says {expected}");
                return Err(ArtifactError::inconsistent(dir.join(file), reason));
            }
        }
        let model = read_model(dir, &manifest)?;
        let histories = Histories::open(dir.join(HISTORIES), shapes.users, shapes.items, shapes.interactions)?;
        let calibration = manifest.is_calibrated().then(|| calibration::read(&dir.join(CALIBRATION))).transpose()?;
        Ok(Self { manifest, model, catalogue, metadata, popularity, users, held_out, histories, calibration })
    }
}

/// Compares a file with what was published.
pub(super) fn verify(path: &Path, expected: &FileDigest) -> Result<(), ArtifactError> {
    let path = path.to_owned();
    // The size first: it is free, and says more than a hash.
    let Ok(metadata) = fs::metadata(&path) else { return Err(ArtifactError::MissingFile { path }) };
    if metadata.len() != expected.bytes {
        return Err(ArtifactError::Size { path, expected: expected.bytes, found: metadata.len() });
    }
    let found = digest_file(&path)?;
    if found != *expected {
        return Err(ArtifactError::Checksum { path, expected: expected.blake3.clone(), found: found.blake3 });
    }
    Ok(())
}

fn read_model(dir: &Path, manifest: &Manifest) -> Result<Box<dyn Model>, ArtifactError> {
    let path = dir.join(WEIGHTS);
    let file = TensorFile::open(&path)?;
    let mut tensors = StoredTensors::default();
    for name in file.names() {
        let shape = file.shape(name).unwrap_or_default();
        if manifest.shapes.tensors.get(name) != Some(&shape) {
            let reason = format!(
                "tensor `{name}` has shape {shape:?}, the manifest says {:?}",
                manifest.shapes.tensors.get(name)
            );
            return Err(ArtifactError::inconsistent(path, reason));
        }
        if file.holds::<u32>(name) {
            tensors.insert_indices(name.to_owned(), file.read(name)?);
        } else {
            tensors.insert(name.to_owned(), shape, file.read(name)?);
        }
    }
    restore(&manifest.model, manifest.shapes.items, tensors).map_err(|source| ArtifactError::Weights { path, source })
}
