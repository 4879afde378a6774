//! A dataset from its address, or from a local copy, to a directory of Parquet.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::archive::bound;
use super::convert::convert;
use super::download::{DownloadError, DownloadOptions, Step, download};
use super::error::{ContentError, DatasetError};
use super::manifest::{Content, Manifest, SourceFile};
use super::provenance::{FileRecord, Provenance, TableRecord, is_dataset};
use crate::storage::{AtomicDir, StorageError, digest_file};

/// Where the files of a dataset come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The addresses in the manifest.
    Published,
    /// A mirror: the address of the one file, or of a directory of all files when it ends with `/`.
    Mirror(String),
    /// A local copy: the one file, or a directory of all files.
    Local(PathBuf),
}

/// How to get a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetOptions {
    /// Where from.
    pub origin: Origin,
    /// How patiently.
    pub download: DownloadOptions,
    /// Whether an earlier copy of a dataset is replaced.
    pub replace: bool,
}

/// How getting a dataset goes.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A file is on its way: bytes that are there, and that there will be, at least approximately.
    Downloading {
        /// The file.
        file: &'a str,
        /// Bytes so far.
        bytes: u64,
        /// Bytes expected.
        planned: u64,
    },
    /// A download failed and is tried again.
    Again {
        /// Why.
        error: &'a DownloadError,
        /// After which pause.
        pause: Duration,
    },
    /// A table is being written: rows that are there, and that there will be, at least approximately;
    /// 0 when nothing is known.
    Converting {
        /// The table.
        table: &'a str,
        /// Rows so far.
        rows: u64,
        /// Rows expected.
        planned: u64,
    },
}

/// A dataset that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// Where.
    pub directory: PathBuf,
    /// What was made of what.
    pub provenance: Provenance,
}

/// Gets a dataset into the directory `out`, which appears when it is complete: the Parquet tables of
/// the manifest, `dataset.json` ([`Provenance`]) and a README with licence and protocol.
///
/// Downloads are kept in a hidden directory beside `out` until then, so that an interrupted one goes on
/// where it stopped. Memory does not depend on the size of the dataset.
///
/// Asking for consent to the licence is up to the caller.
///
/// # Errors
/// [`DatasetError`]: the output exists, the download fails, or the files are not what they should be.
/// What has been downloaded is kept unless it cannot be converted; nothing else is left behind.
pub fn get(
    manifest: &Manifest,
    out: &Path,
    options: &GetOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Got, DatasetError> {
    check(manifest, out, options)?;
    let sources = locate(manifest, &options.origin)?;
    let downloads = out.with_file_name(format!(".{}.download", manifest.name));
    let mut files = Vec::new();
    for (file, source) in manifest.files.iter().zip(&sources) {
        files.push(fetch(file, source, &downloads, &options.download, progress)?);
    }
    let outcome = write(manifest, &files, out, options.replace, progress);
    let of_use = !matches!(outcome, Ok(_) | Err(DatasetError::Content(_)));
    if files.iter().any(|file| file.record.url.is_some()) && !of_use {
        // Converted, or not what it should be: kept, it would be taken for the file again next time.
        let _ = fs::remove_dir_all(&downloads);
    }
    Ok(Got { directory: out.into(), provenance: outcome? })
}

/// Whether [`get`] has a chance, asked before a person is asked for consent and before anything is
/// downloaded: the output can be written, and there is an address or a local copy for every file.
///
/// # Errors
/// [`DatasetError`] as [`get`] would return it.
pub fn check(manifest: &Manifest, out: &Path, options: &GetOptions) -> Result<(), DatasetError> {
    locate(manifest, &options.origin)?;
    check_out(out, options.replace)
}

/// Refuses an output that is in the way.
fn check_out(out: &Path, replace: bool) -> Result<(), DatasetError> {
    if out.symlink_metadata().is_ok() {
        if !replace {
            return Err(StorageError::Exists { path: out.into() }.into());
        }
        if !is_dataset(out) {
            return Err(DatasetError::NotADataset { path: out.into() });
        }
    }
    // Dropped without a commit, it leaves nothing; it tells a directory that cannot be written to.
    Ok(AtomicDir::create(out, replace).map(drop)?)
}

/// Where one file comes from.
enum Source {
    Url(String),
    Path(PathBuf),
}

fn locate(manifest: &Manifest, origin: &Origin) -> Result<Vec<Source>, DatasetError> {
    let names = || manifest.files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
    let dataset = || manifest.name.clone();
    let several = manifest.files.len() > 1;
    let source = |file: &SourceFile| match origin {
        Origin::Published => match &file.url {
            Some(url) => Ok(Source::Url(url.clone())),
            None => {
                Err(DatasetError::ByHand { dataset: dataset(), reason: manifest.by_hand.clone().unwrap_or_default() })
            }
        },
        Origin::Mirror(url) if url.ends_with('/') => Ok(Source::Url(format!("{url}{}", file.name))),
        Origin::Mirror(_) if several => Err(DatasetError::MirrorOfSeveral { dataset: dataset(), files: names() }),
        Origin::Mirror(url) => Ok(Source::Url(url.clone())),
        Origin::Local(path) if path.is_dir() => Ok(Source::Path(path.join(&file.name))),
        Origin::Local(path) if several => {
            Err(DatasetError::FileOfSeveral { dataset: dataset(), path: path.clone(), files: names() })
        }
        Origin::Local(path) => Ok(Source::Path(path.clone())),
    };
    manifest.files.iter().map(source).collect()
}

/// A file that is on the disk, complete and not known to be another one.
struct Fetched {
    path: PathBuf,
    record: FileRecord,
}

fn fetch(
    file: &SourceFile,
    source: &Source,
    downloads: &Path,
    options: &DownloadOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Fetched, DatasetError> {
    let (path, url) = match source {
        Source::Path(path) => {
            let found = fs::metadata(path).map_err(|source| ContentError::Unreadable { file: path.clone(), source })?;
            if !found.is_file() {
                let source = std::io::ErrorKind::IsADirectory.into();
                return Err(ContentError::Unreadable { file: path.clone(), source }.into());
            }
            (path.clone(), None)
        }
        Source::Url(url) => {
            let refused = |source| StorageError::Io { action: "create", path: downloads.into(), source };
            fs::create_dir_all(downloads).map_err(refused)?;
            let path = downloads.join(&file.name);
            download(url, bound(file.bytes), &path, options, &mut |step| match step {
                Step::Arrived(bytes, planned) => {
                    let planned = planned.unwrap_or(file.bytes);
                    progress(Progress::Downloading { file: &file.name, bytes, planned });
                }
                Step::Again(error, pause) => progress(Progress::Again { error, pause }),
            })?;
            (path, Some(url.clone()))
        }
    };
    let digest = digest_file(&path)?;
    if let Some(recorded) = file.blake3.as_ref().filter(|recorded| **recorded != digest.blake3) {
        if url.is_some() {
            let _ = fs::remove_file(&path);
        }
        return Err(DatasetError::Hash { path, found: digest.blake3, recorded: recorded.clone() });
    }
    let record = FileRecord { name: file.name.clone(), url, bytes: digest.bytes, blake3: digest.blake3 };
    Ok(Fetched { path, record })
}

/// Converts the files and writes what is known about them.
fn write(
    manifest: &Manifest,
    files: &[Fetched],
    out: &Path,
    replace: bool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Provenance, DatasetError> {
    let directory = AtomicDir::create(out, replace)?;
    let locate = |name: &str| {
        let file = files.iter().find(|file| file.record.name == name);
        file.map_or_else(|| PathBuf::from(name), |file| file.path.clone())
    };
    let (mut tables, mut interactions) = (Vec::new(), 0);
    for table in &manifest.tables {
        let is_log = matches!(table.content, Content::Interactions(_));
        let planned = if is_log { manifest.interactions } else { 0 };
        let rows = convert(table, directory.path(), &locate, &mut |rows| {
            progress(Progress::Converting { table: &table.output, rows, planned });
        })?;
        interactions += if is_log { rows } else { 0 };
        tables.push(TableRecord { name: table.output.clone(), rows });
    }
    let records = files.iter().map(|file| file.record.clone()).collect();
    let provenance = Provenance::new(manifest, records, tables, interactions);
    provenance.write(directory.path())?;
    directory.commit()?;
    Ok(provenance)
}

#[cfg(test)]
#[path = "get_tests.rs"]
mod tests;
