//! Sparse codes of items or users as a directory, with the coder that made them.
//!
//! | file | |
//! |---|---|
//! | `codes.parquet` | `item_id` or `user_id`, and the `indices` and `values` of its code as lists |
//! | `codes.safetensors` | the same as stored words, `codes` (`entities × words`), and `scales`: see [`SparseCodes`] |
//! | `coder.safetensors` | `encoder.weights`, `encoder.bias`, `decoder`; not where the model's vectors are codes already |
//! | `codes.json` | what they are of, how good they are, size and BLAKE3 of the other files |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ExportError;
use crate::codes::{CoderConfig, Exactness, SparseCoder, SparseCodes};
use crate::interactions::IdMap;
use crate::io::write_sparse_vectors;
use crate::models::Space;
use crate::storage::{AtomicDir, FileDigest, StorageError, TensorFile, TensorRef, Values, digest_file, write_tensors};

const TABLE: &str = "codes.parquet";
const WORDS: &str = "codes.safetensors";
const CODER: &str = "coder.safetensors";
const MANIFEST: &str = "codes.json";
const FILES: [&str; 4] = [TABLE, WORDS, CODER, MANIFEST];

const ENCODER: [&str; 2] = ["encoder.weights", "encoder.bias"];
const DECODER: &str = "decoder";

/// What a directory of codes says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodesManifest {
    /// Version of Foldin that wrote them.
    pub library_version: String,
    /// The model's name.
    pub model: String,
    /// Its version.
    pub model_version: String,
    /// The space that was coded.
    pub space: Space,
    /// What was coded: `items` or `users`.
    pub of: String,
    /// How many.
    pub entities: usize,
    /// Width of a code.
    pub width: usize,
    /// Values of a code.
    pub kept: usize,
    /// Bytes of a code as stored.
    pub bytes_each: usize,
    /// Bytes of a dense vector in single precision.
    pub dense_bytes_each: usize,
    /// How the coder was trained; `None` where the model's vectors are codes already.
    pub coder: Option<CoderConfig>,
    /// Mean cosine of a vector and what its code stands for.
    pub cosine: f64,
    /// Overlap@100 of those most like one of them, by the codes and by the dense vectors.
    pub overlap_at_100: f64,
    /// What an inverted index of the codes finds beside brute force over them.
    pub index: Exactness,
    /// Every other file.
    pub files: BTreeMap<String, FileDigest>,
}

/// Writes codes, under the name of the column of the ids for the ids at some rows, the coder if there is one, and a manifest whose files are filled in, as a directory that appears whole.
///
/// # Errors
/// [`ExportError`] when the target exists and is not to be replaced, or the disk refuses.
pub fn write_codes(
    (target, replace): (&Path, bool),
    (ids, codes): ((&str, &IdMap, &[u32]), &SparseCodes),
    coder: Option<&SparseCoder>,
    manifest: CodesManifest,
) -> Result<CodesManifest, ExportError> {
    let directory = create_codes(target, replace)?;
    let path = |name: &str| directory.path().join(name);
    let about = [
        ("foldin.version", manifest.library_version.clone()),
        ("foldin.model", manifest.model.clone()),
        ("foldin.model_version", manifest.model_version.clone()),
        ("foldin.space", manifest.space.id.clone()),
        ("foldin.width", manifest.width.to_string()),
    ];
    let about = about.map(|(key, value)| (key.to_owned(), value)).into();
    write_sparse_vectors(&path(TABLE), ids, about, |entity| codes.code(entity))?;
    let tensor = |name, shape, values| TensorRef { name, shape, values };
    let words =
        tensor("codes", vec![codes.words().len() / codes.len().max(1), codes.len()], Values::U32(codes.words()));
    write_tensors(&path(WORDS), &[words, tensor("scales", vec![codes.len()], Values::F32(codes.scales()))])?;
    if let Some(coder) = coder {
        let shape = vec![coder.dimensions(), coder.width()];
        let tensors = [
            tensor(ENCODER[0], shape.clone(), Values::F32(&coder.encoder.weights)),
            tensor(ENCODER[1], vec![coder.width()], Values::F32(&coder.encoder.bias)),
            tensor(DECODER, shape, Values::F32(&coder.decoder)),
        ];
        write_tensors(&path(CODER), &tensors)?;
    }
    let written = FILES.iter().filter(|name| path(name).exists());
    let digests = written.map(|&name| Ok((name.to_owned(), digest_file(&path(name))?)));
    let manifest = CodesManifest { files: digests.collect::<Result<_, StorageError>>()?, ..manifest };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|source| ExportError::Describe { path: path(MANIFEST), source })?;
    fs::write(path(MANIFEST), text).map_err(StorageError::io("write", &path(MANIFEST)))?;
    directory.commit()?;
    Ok(manifest)
}

/// Finds out whether [`write_codes`] could write a directory there, before the work that leads up to it.
///
/// # Errors
/// As there.
pub fn check_codes(target: &Path, replace: bool) -> Result<(), ExportError> {
    // Dropped without a commit, it leaves nothing.
    create_codes(target, replace).map(drop)
}

fn create_codes(target: &Path, replace: bool) -> Result<AtomicDir, ExportError> {
    if replace && target.symlink_metadata().is_ok() {
        let entries = fs::read_dir(target).map_err(StorageError::io("read", target))?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names = names.collect::<Result<Vec<String>, std::io::Error>>().map_err(StorageError::io("read", target))?;
        let foreign = names.iter().find(|name| !FILES.contains(&name.as_str()));
        if let Some(name) = foreign {
            let reason = format!("it holds `{name}`, which is no file of codes");
            return Err(ExportError::ReplacesOther { path: target.to_owned(), reason });
        }
    }
    Ok(AtomicDir::create(target, replace)?)
}

/// Reads the coder of a directory of codes, and what the directory says of itself.
///
/// # Errors
/// [`ExportError`] when the directory has none, or its file is not what was written.
pub fn read_coder(directory: &Path) -> Result<(SparseCoder, CodesManifest), ExportError> {
    let no_coder = |path: PathBuf, reason: String| ExportError::NoCoder { path, reason };
    let path = directory.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| no_coder(path.clone(), error.to_string()))?;
    let manifest: CodesManifest = serde_json::from_slice(&text).map_err(|error| no_coder(path, error.to_string()))?;
    let path = directory.join(CODER);
    let Some(published) = manifest.files.get(CODER) else {
        return Err(no_coder(path, format!("the vectors of {} are codes already", manifest.model)));
    };
    if digest_file(&path)? != *published {
        return Err(no_coder(path, "it is not the file that was written".into()));
    }
    let file = TensorFile::open(&path)?;
    let tensors = [file.read(ENCODER[0])?, file.read(ENCODER[1])?, file.read(DECODER)?];
    let shape = (manifest.space.dim, manifest.width);
    match SparseCoder::restore(shape, manifest.kept, tensors) {
        Some(coder) => Ok((coder, manifest)),
        None => Err(no_coder(path, format!("its shapes are not those of {MANIFEST}"))),
    }
}
