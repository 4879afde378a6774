//! The manifest: everything about a model that is not its numbers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ArtifactError;
use crate::interactions::{EventsThrough, LogRules};
use crate::models::{ItemChanges, ModelConfig};
use crate::storage::{FileDigest, digest_bytes};
use crate::training::{TrainingConfig, TrainingSummary};

/// The version of the directory's layout that this build writes, and the latest it reads.
pub const FORMAT_VERSION: u32 = 1;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const MANIFEST_HASH: &str = "manifest.b3";
pub(super) const WEIGHTS: &str = "weights.safetensors";
pub(super) const ITEMS: &str = "items.parquet";
pub(super) const USERS: &str = "users.parquet";
pub(super) const HISTORIES: &str = "histories.safetensors";
pub(super) const CALIBRATION: &str = "calibration.safetensors";

/// The files that every manifest lists, in the order in which they are verified.
pub(super) const CONTENT: [&str; 4] = [WEIGHTS, ITEMS, USERS, HISTORIES];

/// The files that a manifest may list as well, verified after them.
pub(super) const OPTIONAL: [&str; 1] = [CALIBRATION];

/// No manifest comes near this; a larger file is not read into memory.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// What a model directory says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Layout of the directory: [`FORMAT_VERSION`] of the build that wrote it.
    pub format_version: u32,
    /// Twelve hexadecimal digits that name the model: derived from the hashes of all content files,
    /// the model's configuration and the log rules, and from nothing else. The same data, seed,
    /// configuration and binary give the same version whenever and wherever it is trained.
    pub model_version: String,
    /// Version of Foldin that published it.
    pub library_version: String,
    /// When it was published, UTC, as `2026-01-31T12:00:00Z`.
    pub created: String,
    /// The model with all its parameters.
    pub model: ModelConfig,
    /// How it was trained; absent for closed-form models.
    pub training: Option<TrainingConfig>,
    /// The model that it continues; absent for one that started anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StartedFrom>,
    /// Fingerprint of everything that the run depended on; absent where it kept no checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What happened during training.
    pub summary: TrainingSummary,
    /// Extents of everything stored.
    pub shapes: Shapes,
    /// Results worth keeping with the model, by name.
    pub metrics: BTreeMap<String, f64>,
    /// BLAKE3 over the ids and interactions that the directory holds.
    pub data_fingerprint: String,
    /// How rows of the log became interactions; a history built later follows the same rules.
    pub rules: LogRules,
    /// How far live events are part of the stored histories, by the id of the store that recorded them; empty where
    /// the log held none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, EventsThrough>,
    /// Size and hash of every other file of the directory.
    pub files: BTreeMap<String, FileDigest>,
}

/// Extents of everything a model directory stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shapes {
    /// Users with a stored history.
    pub users: usize,
    /// Items of the catalogue.
    pub items: usize,
    /// Stored interactions.
    pub interactions: usize,
    /// The model's tensors by name, the fastest extent first.
    pub tensors: BTreeMap<String, Vec<usize>>,
}

/// Which model another one continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartedFrom {
    /// The version of the earlier model.
    pub model_version: String,
    /// What became of its items.
    pub items: ItemChanges,
}

impl Manifest {
    /// How far the live events of a store are part of the stored histories.
    #[must_use]
    pub fn events_through(&self, store: &str) -> EventsThrough {
        self.events.get(store).copied().unwrap_or_default()
    }

    /// The number up to which the live events of a store are part of the stored histories; of whichever store has come
    /// furthest where none is named.
    #[must_use]
    pub fn events_in_log(&self, store: Option<&str>) -> u64 {
        match store {
            Some(store) => self.events_through(store).events,
            None => self.events.values().map(|through| through.events).max().unwrap_or(0),
        }
    }

    /// True for a model that calibration users stand beside.
    #[must_use]
    pub fn is_calibrated(&self) -> bool {
        self.files.contains_key(CALIBRATION)
    }

    /// The files that this manifest lists, in the order in which they are verified.
    pub(super) fn content(&self) -> impl Iterator<Item = (&'static str, &FileDigest)> {
        CONTENT.into_iter().chain(OPTIONAL).filter_map(|name| Some((name, self.files.get(name)?)))
    }

    /// Derives the model's version; see [`Manifest::model_version`] (the field).
    pub(super) fn version_of(
        model: &ModelConfig,
        rules: &LogRules,
        files: &BTreeMap<String, FileDigest>,
    ) -> Result<String, serde_json::Error> {
        let identity = serde_json::to_vec(&(FORMAT_VERSION, model, rules, files))?;
        Ok(digest_bytes(&identity).blake3[..12].to_owned())
    }

    /// About how much memory the loaded model takes, in bytes: its tensors, half as much again for a narrow item
    /// table or, instead of it, the other direction of a graph or the inverted index of sparse codes, and what is kept for each user (id and place of the
    /// history) and item (id, title, counts and attributes).
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        /// Bytes a user: an id of some twenty characters with its place, and an offset.
        const USER: u64 = 64;
        /// Bytes an item: an id, a title and a few attributes.
        const ITEM: u64 = 224;
        /// Bytes an interaction in one direction of a graph: a number and a value.
        const EDGE: u64 = 8;
        let bytes = |file: &str| self.files.get(file).map_or(0, |digest| digest.bytes);
        let weights = bytes(WEIGHTS);
        let beside = match (&self.model, self.model.graphs() as u64) {
            // 5 bytes a value of 3, and a second scale an item.
            (ModelConfig::CompressedElsa(_), _) => 2 * weights,
            (_, 0) => weights / 2,
            (_, graphs) => graphs * EDGE * self.shapes.interactions as u64,
        };
        // Long texts among the attributes show in the file.
        weights + beside + bytes(ITEMS) + USER * self.shapes.users as u64 + ITEM * self.shapes.items as u64
    }

    /// Writes the manifest and its hash, the last two files of a directory.
    pub(super) fn write(&self, dir: &Path) -> Result<(), ArtifactError> {
        let path = dir.join(MANIFEST);
        let bad = |reason: String| ArtifactError::Manifest { path: path.clone(), reason };
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| bad(error.to_string()))?;
        text.push(b'\n');
        // JSON has no NaN and no infinity: such a metric would make the directory unreadable.
        match serde_json::from_slice::<Self>(&text) {
            Ok(read) if read == *self => {}
            Ok(_) => return Err(bad("it would not read back as it was written".into())),
            Err(error) => return Err(bad(format!("a value cannot be written down: {error}"))),
        }
        for (path, content) in [(&path, text.as_slice()), (&dir.join(MANIFEST_HASH), hash_line(&text).as_bytes())] {
            fs::write(path, content).map_err(|error| io_error("write", path, error))?;
        }
        Ok(())
    }

    /// Reads and verifies the manifest of a directory.
    ///
    /// # Errors
    /// [`ArtifactError`] when it is missing, was changed, or was written by a later version.
    pub fn read(dir: &Path) -> Result<Self, ArtifactError> {
        let path = dir.join(MANIFEST);
        let bad = |reason: String| ArtifactError::Manifest { path: path.clone(), reason };
        let text = read_bounded(dir, MANIFEST)?;
        let hash = read_bounded(dir, MANIFEST_HASH)?;
        if hash != hash_line(&text).as_bytes() {
            // Which of the two was changed cannot be known; an unreadable hash points to its own file.
            return Err(match parse_hash_line(&hash) {
                Some(expected) => ArtifactError::Checksum { path, expected, found: digest_bytes(&text).blake3 },
                None => ArtifactError::Manifest {
                    path: dir.join(MANIFEST_HASH),
                    reason: "not a line of `b3sum` for manifest.json".into(),
                },
            });
        }
        // The version first: a later format may have fields that this build does not know.
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            None => return Err(bad("format_version is missing".into())),
            Some(found) if found > u64::from(FORMAT_VERSION) => {
                return Err(ArtifactError::FutureFormat { path, found, supported: FORMAT_VERSION });
            }
            Some(_) => {}
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        match CONTENT.iter().find(|name| !manifest.files.contains_key(**name)) {
            None => Ok(manifest),
            Some(name) => Err(bad(format!("it does not list {name}"))),
        }
    }
}

/// The content of `manifest.b3`: what `b3sum manifest.json` prints.
fn hash_line(manifest: &[u8]) -> String {
    format!("{}  {MANIFEST}\n", digest_bytes(manifest).blake3)
}

fn parse_hash_line(line: &[u8]) -> Option<String> {
    let hash = std::str::from_utf8(line).ok()?.strip_suffix(&format!("  {MANIFEST}\n"))?;
    (hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())).then(|| hash.to_owned())
}

fn read_bounded(dir: &Path, name: &'static str) -> Result<Vec<u8>, ArtifactError> {
    let path = dir.join(name);
    let file = File::open(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            ArtifactError::NotAModel { path: dir.to_owned(), file: name }
        }
        _ => io_error("open", &path, error),
    })?;
    let mut bytes = Vec::new();
    file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| io_error("read", &path, error))?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(ArtifactError::Manifest { path, reason: format!("larger than {MAX_MANIFEST_BYTES} bytes") });
    }
    Ok(bytes)
}

pub(super) fn io_error(action: &'static str, path: &Path, source: std::io::Error) -> ArtifactError {
    crate::storage::StorageError::Io { action, path: path.to_owned(), source }.into()
}
