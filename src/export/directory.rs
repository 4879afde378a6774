//! A directory of shards that a later run can go on with.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{ExportError, Job, Manifest, Shard};
use crate::storage::{AtomicDir, PartFile, StorageError, digest_file, lock};

const MANIFEST: &str = "manifest.json";
const PROGRESS: &str = "progress.jsonl";

/// Far more than the progress of any export; what is longer was not written by one.
const MAX_PROGRESS_BYTES: u64 = 1 << 30;

/// A directory under construction.
///
/// `progress.jsonl` has the job in its first line and a finished shard in each further one. A shard stands
/// there only after its files have their names and are on the disk, so that whatever stops the process, the
/// next one knows what it can rely on.
pub(super) struct Directory {
    dir: AtomicDir,
    target: PathBuf,
    /// Locked as long as it is open.
    progress: File,
    finished: BTreeMap<String, Shard>,
}

impl Directory {
    /// Starts the directory of a job, or goes on with what an earlier run left of the same job. With `replace`,
    /// an unfinished export of something else is removed, and a finished one makes way when this one is
    /// complete.
    ///
    /// # Errors
    /// [`ExportError`] when the target exists, another run is at work on it, or an unfinished export of
    /// something else is there, and `replace` is false.
    pub fn open(target: &Path, job: &Job, replace: bool) -> Result<Self, ExportError> {
        if replace {
            check_replaceable(target)?;
        }
        let dir = AtomicDir::resume(target, replace)?;
        let path = dir.path().join(PROGRESS);
        let progress = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let progress = progress.map_err(refused("create", &path))?;
        lock(&progress, &path)?;
        // While it was waited for, another run may have given the directory its name.
        fs::metadata(&path).map_err(refused("read", &path))?;
        let mut directory = Self { dir, target: target.to_owned(), progress, finished: BTreeMap::new() };
        directory.go_on(job, replace)?;
        Ok(directory)
    }

    /// The shard of this name, if it is finished.
    pub fn finished(&self, name: &str) -> Option<&Shard> {
        self.finished.get(name)
    }

    /// Number of shards that are finished.
    pub fn finished_shards(&self) -> usize {
        self.finished.len()
    }

    /// Starts a file.
    pub fn part(&self, name: &str) -> Result<PartFile, StorageError> {
        PartFile::create(&self.dir.path().join(name), true)
    }

    /// Notes that a shard is finished; its files must have their names.
    pub fn record(&mut self, shard: &Shard) -> Result<(), ExportError> {
        self.append(shard)
    }

    /// Writes the manifest and gives the directory its name.
    pub fn commit(self, manifest: &Manifest) -> Result<(), ExportError> {
        let mut file = self.part(MANIFEST)?;
        let describe = |source| ExportError::Describe { path: self.path(MANIFEST), source };
        let mut text = serde_json::to_vec_pretty(manifest).map_err(describe)?;
        text.push(b'\n');
        file.write_all(&text).map_err(refused("write", &self.path(MANIFEST)))?;
        file.commit()?;
        self.dir.commit()?;
        // Last: until the directory has its name, another run needs it. Left behind, it does no harm.
        let path = self.target.join(PROGRESS);
        Ok(fs::remove_file(&path).map_err(refused("remove", &path))?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Reads what was left, checks it, and removes what is of no use.
    fn go_on(&mut self, job: &Job, replace: bool) -> Result<(), ExportError> {
        let (begun, shards, valid) = self.read()?;
        match begun {
            Some(Begun::Job(begun)) if *begun == *job => {
                // A line that was cut off; the next one must not be appended to it.
                self.progress.set_len(valid).map_err(refused("write", &self.path(PROGRESS)))?;
                let intact: Vec<bool> = shards.par_iter().map(|shard| self.is_intact(shard)).collect();
                let intact = shards.into_iter().zip(intact).filter(|(_, intact)| *intact);
                self.finished = intact.map(|(shard, _)| (shard.name.clone(), shard)).collect();
                self.clean()
            }
            Some(begun) if !replace => Err(ExportError::OtherJob {
                path: self.dir.path().to_owned(),
                differences: match begun {
                    Begun::Job(begun) => job.differences_from(&begun),
                    Begun::Unreadable => vec!["its description cannot be read".into()],
                },
            }),
            _ => {
                self.progress.set_len(0).map_err(refused("write", &self.path(PROGRESS)))?;
                self.clean()?;
                self.append(job)
            }
        }
    }

    /// What was begun here, the shards finished, and the length of the lines that are whole.
    fn read(&mut self) -> Result<(Option<Begun>, Vec<Shard>, u64), ExportError> {
        let path = self.path(PROGRESS);
        let mut text = String::new();
        self.progress.seek(SeekFrom::Start(0)).map_err(refused("read", &path))?;
        let read = (&mut self.progress).take(MAX_PROGRESS_BYTES).read_to_string(&mut text);
        if read.is_err() {
            return Ok((Some(Begun::Unreadable), Vec::new(), 0));
        }
        let mut whole = text.split_inclusive('\n').take_while(|line| line.ends_with('\n'));
        let Some(first) = whole.next() else { return Ok((None, Vec::new(), 0)) };
        let Ok(job) = serde_json::from_str(first) else { return Ok((Some(Begun::Unreadable), Vec::new(), 0)) };
        let (mut shards, mut valid) = (Vec::new(), first.len());
        for line in whole {
            let Ok(shard) = serde_json::from_str(line) else { break };
            shards.push(shard);
            valid += line.len();
        }
        Ok((Some(Begun::Job(job)), shards, valid as u64))
    }

    fn is_intact(&self, shard: &Shard) -> bool {
        shard.files.iter().all(|file| digest_file(&self.path(&file.name)).is_ok_and(|found| found == file.digest))
    }

    /// Removes the files of shards that are not finished.
    fn clean(&self) -> Result<(), ExportError> {
        let kept = |name: &str| {
            name == PROGRESS || self.finished.values().any(|shard| shard.files.iter().any(|file| file.name == name))
        };
        for name in names(self.dir.path())? {
            if !is_ours(&name) {
                return Err(ExportError::ReplacesOther { path: self.dir.path().to_owned(), reason: foreign(&name) });
            }
            if !kept(&name) {
                let path = self.path(&name);
                fs::remove_file(&path).map_err(refused("remove", &path))?;
            }
        }
        Ok(())
    }

    fn append(&mut self, line: &impl serde::Serialize) -> Result<(), ExportError> {
        let path = self.path(PROGRESS);
        let mut text =
            serde_json::to_vec(line).map_err(|source| ExportError::Describe { path: path.clone(), source })?;
        text.push(b'\n');
        let written = self.progress.write_all(&text).and_then(|()| self.progress.sync_data());
        Ok(written.map_err(refused("write", &path))?)
    }
}

/// What an earlier run began.
enum Begun {
    Job(Box<Job>),
    /// Not by this version of Foldin.
    Unreadable,
}

/// Checks that a directory may be replaced by an export: there is none, it is empty, or it is an export itself
/// and holds nothing else. A single foreign file is enough: it would be lost with the rest.
pub(super) fn check_replaceable(target: &Path) -> Result<(), ExportError> {
    if target.symlink_metadata().is_err() {
        return Ok(());
    }
    let other = |reason: String| Err(ExportError::ReplacesOther { path: target.to_owned(), reason });
    if !target.is_dir() {
        return other("it is a file".into());
    }
    let names = names(target)?;
    if let Some(name) = names.iter().find(|name| !is_ours(name)) {
        return other(foreign(name));
    }
    match fs::read(target.join(MANIFEST)).ok().and_then(|text| serde_json::from_slice::<Manifest>(&text).ok()) {
        None if !names.is_empty() => other(format!("it has no {MANIFEST} of one")),
        _ => Ok(()),
    }
}

fn foreign(name: &str) -> String {
    format!("it holds `{name}`, which no export wrote")
}

/// The names in a directory, in alphabetical order.
fn names(path: &Path) -> Result<Vec<String>, StorageError> {
    let entries = fs::read_dir(path).map_err(refused("list", path))?;
    let names =
        entries.map(|entry| Ok(entry.map_err(refused("list", path))?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>, StorageError>>()?;
    names.sort_unstable();
    Ok(names)
}

/// True for the names that an export gives: a manifest, its progress, and shards, complete or not.
fn is_ours(name: &str) -> bool {
    let complete = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".partial")).unwrap_or(name);
    let shard = |(table, rest): (&str, &str)| {
        let number = rest.split('.').next().unwrap_or_default();
        ["users", "variances", "items", "recommendations"].contains(&table)
            && number.len() >= 5
            && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    complete == MANIFEST || complete == PROGRESS || complete.split_once('-').is_some_and(shard)
}

fn refused(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StorageError {
    let path = path.to_owned();
    move |source| StorageError::Io { action, path, source }
}
