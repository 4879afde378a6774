//! What is known about each dataset before any of it is there.

use serde::{Deserialize, Serialize};

use crate::interactions::TimeUnit;

/// The manifests, part of the build: the binary needs no files.
const MANIFESTS: [&str; 14] = [
    include_str!("../../datasets/ml-100k.json"),
    include_str!("../../datasets/ml-latest-small.json"),
    include_str!("../../datasets/ml-1m.json"),
    include_str!("../../datasets/ml-10m.json"),
    include_str!("../../datasets/ml-20m.json"),
    include_str!("../../datasets/ml-25m.json"),
    include_str!("../../datasets/ml-32m.json"),
    include_str!("../../datasets/goodbooks-10k.json"),
    include_str!("../../datasets/gowalla.json"),
    include_str!("../../datasets/gowalla-checkins.json"),
    include_str!("../../datasets/yelp2018.json"),
    include_str!("../../datasets/amazon-book.json"),
    include_str!("../../datasets/msd.json"),
    include_str!("../../datasets/netflix.json"),
];

/// A dataset: where it is, what may be done with it, how it is read and how it is measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What `foldin datasets get` calls it.
    pub name: String,
    /// What its publisher calls it.
    pub title: String,
    /// The publisher's page.
    pub homepage: String,
    /// Published number of interactions, all tables of a given split together.
    pub interactions: u64,
    /// Published number of users with an interaction.
    pub users: u64,
    /// Published number of items with an interaction.
    pub items: u64,
    /// What may be done with it.
    pub licence: Licence,
    /// Why there is nothing to download, and where a copy comes from; none when the files have URLs.
    #[serde(default)]
    pub by_hand: Option<String>,
    /// The files as published.
    pub files: Vec<SourceFile>,
    /// The tables they become.
    pub tables: Vec<Table>,
    /// How the literature measures on it.
    pub protocol: Protocol,
}

/// The terms of a dataset, shown before any download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Short name.
    pub name: String,
    /// Where the terms stand.
    pub url: String,
    /// What they demand and forbid, in short; the text at `url` is what counts.
    pub terms: Vec<String>,
    /// What to cite.
    pub citation: String,
}

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its name.
    pub name: String,
    /// Where it is; none when it cannot be downloaded without an account or an agreement.
    pub url: Option<String>,
    /// Its approximate size in bytes. A file several times as large is refused.
    pub bytes: u64,
    /// BLAKE3 of the real file; none where it was never computed on it.
    pub blake3: Option<String>,
}

/// A Parquet table and what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its file name.
    pub output: String,
    /// What is read, in order.
    pub parts: Vec<Part>,
    /// How a part is divided into records of fields.
    pub layout: Layout,
    /// What the fields mean.
    pub content: Content,
}

/// A file, or a member of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Name of the [`SourceFile`].
    pub file: String,
    /// Exact path of the member, for a zip archive.
    #[serde(default)]
    pub member: Option<String>,
    /// Approximate size in bytes when unpacked; something several times as large is refused.
    pub bytes: u64,
}

/// How text is divided into records and fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
pub enum Layout {
    /// One record a line.
    Separated(Separated),
    /// Lines `user item item …`: one record an item, with the fields user and item.
    Adjacency,
    /// A line `movie:`, then its lines `user,rating,date`: records with the fields movie, user,
    /// rating and date.
    Blocks,
}

/// Records of separated fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Separated {
    /// What stands between two fields.
    pub separator: String,
    /// True when the first record names the fields.
    #[serde(default)]
    pub header: bool,
    /// True when a field may be quoted (RFC 4180), and then hold separators and line ends.
    #[serde(default)]
    pub quoted: bool,
    /// Number of fields; none when the first record tells.
    #[serde(default)]
    pub fields: Option<usize>,
    /// True when the last field may hold separators without being quoted.
    #[serde(default)]
    pub rest_in_last: bool,
    /// How bytes are text.
    #[serde(default)]
    pub encoding: TextEncoding,
}

/// How bytes are text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextEncoding {
    /// UTF-8, checked.
    #[default]
    Utf8,
    /// ISO 8859-1: every byte is a character.
    Latin1,
}

/// What the fields of a table's records mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// One interaction a record.
    Interactions(Interactions),
    /// One item a record.
    Items(Items),
}

/// Columns of interactions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interactions {
    /// Becomes `user_id`.
    pub user: IdColumn,
    /// Becomes `item_id`.
    pub item: IdColumn,
    /// Becomes the weight.
    #[serde(default)]
    pub weight: Option<WeightColumn>,
    /// Becomes `timestamp`.
    #[serde(default)]
    pub time: Option<TimeColumn>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    /// By position, from 1.
    Number(usize),
    /// By its name in the header.
    Name(String),
}

/// A field that holds ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdColumn {
    /// Which.
    pub field: Field,
    /// Of which type.
    #[serde(rename = "type")]
    pub id_type: IdFormat,
}

/// The type of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdFormat {
    /// Whole numbers; other text is refused.
    Int,
    /// Any text that is not empty.
    Text,
}

/// A field that holds weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightColumn {
    /// Which.
    pub field: Field,
    /// What the column of the table is called: `rating`, `play_count`.
    pub name: String,
}

/// A field that holds times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeColumn {
    /// Which.
    pub field: Field,
    /// Unit of whole numbers since 1970; none for dates and times as text (`2005-09-06`, RFC 3339).
    #[serde(default)]
    pub unit: Option<TimeUnit>,
}

/// Columns of item metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Items {
    /// Becomes `item_id`.
    pub id: IdColumn,
    /// The other columns, in order.
    pub attributes: Vec<Attribute>,
}

/// An attribute of items. An empty field, or one that reads like `null`, is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Attribute {
    /// A string.
    Text {
        /// Name of the column.
        name: String,
        /// Which field.
        field: Field,
    },
    /// A whole number, possibly written with a fraction of zero (`1984.0`).
    Int {
        /// Name of the column.
        name: String,
        /// Which field.
        field: Field,
        /// What stands for an unknown value, besides an empty field.
        #[serde(default)]
        null: Option<String>,
    },
    /// Several strings in one field.
    List {
        /// Name of the column.
        name: String,
        /// Which field.
        field: Field,
        /// What stands between two of them.
        separator: String,
        /// What stands for an empty list.
        #[serde(default)]
        none: Option<String>,
    },
    /// A field each for a number of labels, `1` where the label applies and `0` where not.
    Flags {
        /// Name of the column, which is a list of labels.
        name: String,
        /// Position of the first of the fields, from 1.
        first: usize,
        /// The labels, in the order of the fields.
        labels: Vec<String>,
    },
}

impl Attribute {
    /// Name of the column.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Text { name, .. } | Self::Int { name, .. } | Self::List { name, .. } | Self::Flags { name, .. } => {
                name
            }
        }
    }
}

/// How the literature measures on a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// In a few words.
    pub name: String,
    /// What is filtered, binarised, held out and measured.
    pub description: String,
    /// Where it was published; none where nothing is settled.
    pub reference: Option<String>,
    /// Published results, a line each.
    #[serde(default)]
    pub published: Vec<String>,
    /// The command that comes closest, run beside the dataset's directory.
    pub command: String,
}

/// A dataset name that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dataset `{name}`{}; available: {}", nearest.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default(), available.join(", "))]
pub struct UnknownDataset {
    /// The name asked for.
    pub name: String,
    /// The most similar name, where one is similar.
    pub nearest: Option<String>,
    /// The names there are.
    pub available: Vec<String>,
}

impl Manifest {
    /// Approximate bytes to download; none when it has to be obtained by hand.
    #[must_use]
    pub fn download_bytes(&self) -> Option<u64> {
        let downloadable = self.files.iter().all(|file| file.url.is_some());
        downloadable.then(|| self.files.iter().map(|file| file.bytes).sum())
    }

    /// A published file by name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// All datasets, families together and small ones first.
#[must_use]
pub fn all() -> Vec<Manifest> {
    let parse = |text: &&str| {
        serde_json::from_str(text).unwrap_or_else(|error| unreachable!("a manifest of the build: {error}\n{text}"))
    };
    MANIFESTS.iter().map(parse).collect()
}

/// A dataset by name.
///
/// # Errors
/// [`UnknownDataset`] listing the names that exist.
pub fn find(name: &str) -> Result<Manifest, UnknownDataset> {
    let mut manifests = all();
    if let Some(position) = manifests.iter().position(|manifest| manifest.name == name) {
        return Ok(manifests.swap_remove(position));
    }
    let available: Vec<String> = manifests.into_iter().map(|manifest| manifest.name).collect();
    let nearest = available
        .iter()
        .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), known), known))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.clone());
    Err(UnknownDataset { name: name.into(), nearest, available })
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
