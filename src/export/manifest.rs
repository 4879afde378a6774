//! What an export is, and what a directory of one says of itself.

use serde::{Deserialize, Serialize};

use crate::artifact;
use crate::interactions::{IdMap, IntType, LogRules};
use crate::io::{EmbeddingFormat, Precision};
use crate::models::Space;
use crate::storage::FileDigest;

/// Everything that the bytes of an export depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Version of Foldin.
    pub library_version: String,
    /// The model's name, for example `mult-vae`.
    pub model: String,
    /// The version of the model directory, which stands for its weights, ids and stored histories.
    pub model_version: String,
    /// How rows of a log became histories.
    pub rules: LogRules,
    /// Which histories were folded in.
    pub histories: Histories,
    /// Users or items in a shard; `None` for a single file.
    pub shard_rows: Option<usize>,
    /// What is exported.
    pub tables: Vec<TableJob>,
}

/// Which histories were folded in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum Histories {
    /// Those of the model directory.
    Stored,
    /// Those of another log.
    Log {
        /// BLAKE3 over its ids and interactions, as far as the model knows the items.
        fingerprint: String,
    },
}

/// One table of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableJob {
    /// `users`, `variances`, `items` or `recommendations`: what the names of its files begin with.
    pub table: String,
    /// The id column.
    pub id_column: String,
    /// The type of the ids, as in the log: `int64`, `uint8`, `uuid`, `text`, ….
    pub id_type: String,
    /// Number of entities: users, or items.
    pub entities: usize,
    /// BLAKE3 over the positions of the entities, which tells subsets apart.
    pub selection: String,
    /// What there is of each.
    pub content: Content,
}

/// What there is of each entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// A vector.
    Embeddings {
        /// The space it lives in: vectors of different spaces cannot be compared.
        space: Space,
        /// The format of the files.
        format: EmbeddingFormat,
        /// The element type.
        precision: Precision,
    },
    /// How uncertain the model is of each coordinate of a vector, as a variance.
    Variances {
        /// The space of the vector.
        space: Space,
        /// The format of the files.
        format: EmbeddingFormat,
        /// The element type.
        precision: Precision,
    },
    /// A list of items, best first.
    Recommendations {
        /// Length of a list at most.
        n: usize,
        /// Whether items of the history are listed.
        include_seen: bool,
    },
}

/// What an export holds: `manifest.json` of a directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What is exported, and from what.
    pub job: Job,
    /// The files, one entry a table of the job.
    pub tables: Vec<TableManifest>,
}

/// The files of one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableManifest {
    /// Its name.
    pub table: String,
    /// Rows in all of its files.
    pub rows: u64,
    /// Its shards, in ascending order of the ids.
    pub shards: Vec<Shard>,
}

/// Consecutive rows in files of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// What the names of its files begin with.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
    /// Its files: one, or an array and its ids.
    pub files: Vec<ShardFile>,
}

/// A file of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardFile {
    /// Its name in the directory.
    pub name: String,
    /// Its size and hash.
    #[serde(flatten)]
    pub digest: FileDigest,
}

impl Job {
    /// A job on a model directory.
    #[must_use]
    pub fn new(manifest: &artifact::Manifest, rules: &LogRules, histories: Histories) -> Self {
        Self {
            library_version: env!("CARGO_PKG_VERSION").into(),
            model: manifest.model.name().into(),
            model_version: manifest.model_version.clone(),
            rules: rules.clone(),
            histories,
            shard_rows: None,
            tables: Vec::new(),
        }
    }

    /// What differs from another job, as `key was A, is B`.
    pub(super) fn differences_from(&self, other: &Self) -> Vec<String> {
        let (mut was, mut is) = (Vec::new(), Vec::new());
        for (job, out) in [(other, &mut was), (self, &mut is)] {
            // Only maps with keys of another type than text, and failing implementations, have no JSON.
            flatten("", &serde_json::to_value(job).unwrap_or_default(), out);
        }
        let value = |of: &[(String, String)], key: &str| {
            of.iter().find(|(k, _)| k == key).map_or("absent".to_owned(), |(_, value)| value.clone())
        };
        let mut keys: Vec<&str> = was.iter().chain(&is).map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
            .map(|key| (key, value(&was, key), value(&is, key)))
            .filter(|(_, was, is)| was != is)
            .map(|(key, was, is)| format!("{key} was {was}, is {is}"))
            .collect()
    }
}

/// The leaves of a JSON value by their dotted keys.
fn flatten(key: &str, value: &serde_json::Value, out: &mut Vec<(String, String)>) {
    let child = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&child(name), value, out)),
        serde_json::Value::Array(values) => {
            values.iter().enumerate().for_each(|(at, value)| flatten(&child(&at.to_string()), value, out));
        }
        leaf => out.push((key.to_owned(), leaf.to_string())),
    }
}

/// The type of ids as manifests call it.
pub(super) fn id_type(ids: &IdMap) -> &'static str {
    match ids {
        IdMap::Int(ids) => match ids.int_type() {
            IntType::I8 => "int8",
            IntType::I16 => "int16",
            IntType::I32 => "int32",
            IntType::I64 => "int64",
            IntType::U8 => "uint8",
            IntType::U16 => "uint16",
            IntType::U32 => "uint32",
        },
        IdMap::Uint(_) => "uint64",
        IdMap::Uuid(_) => "uuid",
        IdMap::Text(_) => "text",
    }
}

/// BLAKE3 over positions.
pub(super) fn selection(rows: &[u32]) -> String {
    crate::storage::digest_bytes(bytemuck::cast_slice(rows)).blake3
}
