//! What a converted dataset says about itself: where it is from, what may be done with it, what is in it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::manifest::{Licence, Manifest, Protocol};
use crate::interactions::Timestamp;
use crate::storage::StorageError;

/// The file that tells a converted dataset from any other directory.
const RECORD: &str = "dataset.json";

/// The same for people.
const README: &str = "README.md";

/// A file that was converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its published name.
    pub name: String,
    /// Where it was downloaded from; none for a local copy.
    pub url: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its bytes.
    pub blake3: String,
}

/// A table that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Its file name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// The record beside the tables, `dataset.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the dataset.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The publisher's page.
    pub homepage: String,
    /// What may be done with it.
    pub licence: Licence,
    /// What it was made of.
    pub files: Vec<FileRecord>,
    /// What was written.
    pub tables: Vec<TableRecord>,
    /// Rows of interactions.
    pub interactions: u64,
    /// The number that the publisher states.
    pub published_interactions: u64,
    /// How the literature measures on it.
    pub protocol: Protocol,
    /// When it was converted.
    pub converted: Timestamp,
    /// By which version of this library.
    pub library_version: String,
}

impl Provenance {
    pub(super) fn new(
        manifest: &Manifest,
        files: Vec<FileRecord>,
        tables: Vec<TableRecord>,
        interactions: u64,
    ) -> Self {
        Self {
            name: manifest.name.clone(),
            title: manifest.title.clone(),
            homepage: manifest.homepage.clone(),
            licence: manifest.licence.clone(),
            files,
            tables,
            interactions,
            published_interactions: manifest.interactions,
            protocol: manifest.protocol.clone(),
            converted: Timestamp::now(),
            library_version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    /// Writes `dataset.json` and `README.md` into a directory.
    pub(super) fn write(&self, directory: &Path) -> Result<(), StorageError> {
        let json = serde_json::to_string_pretty(self).unwrap_or_else(|error| unreachable!("plain data: {error}"));
        for (name, text) in [(RECORD, json + "\n"), (README, self.readme())] {
            let path = directory.join(name);
            fs::write(&path, text).map_err(|source| StorageError::Io { action: "write", path, source })?;
        }
        Ok(())
    }

    fn readme(&self) -> String {
        let mut text = format!("# {}\n\n{}\n\n", self.title, self.homepage);
        let licence = &self.licence;
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        };
        line(format_args!("## Licence\n\n{} ({})\n", licence.name, licence.url));
        licence.terms.iter().for_each(|term| line(format_args!("- {term}")));
        line(format_args!("\nCite: {}\n\n## Tables\n", licence.citation));
        self.tables.iter().for_each(|table| line(format_args!("- `{}`: {} rows", table.name, table.rows)));
        if self.interactions != self.published_interactions {
            let (found, stated) = (self.interactions, self.published_interactions);
            line(format_args!("\nThere are {found} interactions; the publisher states {stated}."));
        }
        line(format_args!("\n## Protocol\n\n{}: {}", self.protocol.name, self.protocol.description));
        if let Some(reference) = &self.protocol.reference {
            line(format_args!("\n{reference}\n"));
        }
        self.protocol.published.iter().for_each(|result| line(format_args!("- {result}")));
        line(format_args!("\n```sh\n{}\n```\n\n## Source\n", self.protocol.command));
        for file in &self.files {
            let from = file.url.as_deref().unwrap_or("a local copy");
            line(format_args!("- `{}` from {from}: {} bytes, BLAKE3 `{}`", file.name, file.bytes, file.blake3));
        }
        line(format_args!("\nConverted {} by foldin {}.", self.converted, self.library_version));
        text
    }
}

/// True for a directory that holds a converted dataset and nothing else: what may be replaced as a whole.
pub(super) fn is_dataset(directory: &Path) -> bool {
    let Ok(record) = fs::read(directory.join(RECORD)) else { return false };
    let Ok(record) = serde_json::from_slice::<Provenance>(&record) else { return false };
    let Ok(entries) = fs::read_dir(directory) else { return false };
    entries.into_iter().all(|entry| {
        let name = entry.map(|entry| entry.file_name()).unwrap_or_default();
        let tables = record.tables.iter().map(|table| table.name.as_str());
        [RECORD, README].into_iter().chain(tables).any(|ours| name == ours)
    })
}
