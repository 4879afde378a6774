//! The checkpoint file: written, found again, read.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{CheckpointError, Facts, Position, Progress};
use crate::storage::{
    PartFile, PathLock, StorageError, TensorFile, TensorRef, Values, open_sealed, sealed_bytes, write_sealed,
};

/// The version of the file's layout that this build writes, and the only one it reads: a checkpoint outlives a
/// run, not a release.
pub const FORMAT_VERSION: u32 = 1;

/// Name of the array that holds the [`Record`].
const RECORD: &str = "record";

/// Everything in the file that is no tensor, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format_version: u32,
    every: Option<NonZeroUsize>,
    facts: Facts,
    progress: Progress,
}

/// Named tensors of the same kind, for example the first moments; kinds are the prefixes of their names.
pub struct Tensors<'a> {
    /// What they are.
    pub kind: &'static str,
    /// Each with the name of the parameter.
    pub values: Vec<(&'static str, &'a [f32])>,
}

/// What happens to a checkpoint.
#[derive(Clone, Copy, Debug)]
pub enum CheckpointEvent {
    /// The run goes on from it.
    Continued(Position),
    /// It was written.
    Written {
        /// How far the run is.
        position: Position,
        /// Size of the file.
        bytes: u64,
        /// Seconds that it took.
        seconds: f64,
    },
}

/// An earlier run's checkpoint.
struct Saved {
    file: TensorFile,
    record: Record,
}

/// The checkpoint of one run: its place, locked against other processes, and how often it is written.
pub struct Checkpoints {
    path: PathBuf,
    every: Option<NonZeroUsize>,
    saved: Option<Saved>,
    /// The last one written or read.
    kept: Option<Position>,
    /// What the run depends on; a checkpoint is only continued where these are the same.
    pub facts: Facts,
    /// Called when one is continued or was written.
    pub on_event: Box<dyn FnMut(CheckpointEvent) + Send>,
    _lock: PathLock,
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints").field("path", &self.path).field("every", &self.every).finish_non_exhaustive()
    }
}

impl Checkpoints {
    /// Takes the file `path` into use: a checkpoint will be written to it every `every` optimiser steps, and with
    /// `resume` the run goes on from the one that is there. Without a value for `every`, a run that is continued
    /// keeps its own.
    ///
    /// # Errors
    /// [`CheckpointError::Unfinished`] when a checkpoint is there and `resume` is false; a checkpoint that is
    /// damaged, in use by another process, or of another format; a place that cannot be written to.
    pub fn open(path: &Path, every: Option<NonZeroUsize>, resume: bool) -> Result<Self, CheckpointError> {
        let lock = PathLock::acquire(path)?;
        // What a killed process was writing is of no use to anyone. And it shows that the place can be written to.
        drop(PartFile::create(path, true)?);
        let saved = path.symlink_metadata().is_ok().then(|| Saved::open(path)).transpose()?;
        let kept = saved.as_ref().map(|saved| saved.record.progress.position());
        match (kept, resume) {
            (Some(position), false) => Err(CheckpointError::Unfinished { path: path.to_owned(), position }),
            _ => Ok(Self {
                path: path.to_owned(),
                every: every.or_else(|| saved.as_ref()?.record.every),
                saved,
                kept,
                facts: Facts::default(),
                on_event: Box::new(|_| {}),
                _lock: lock,
            }),
        }
    }

    /// Where the checkpoint is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far the run was at the last checkpoint, written or found.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.kept
    }

    /// Optimiser steps from one checkpoint to the next.
    #[must_use]
    pub fn every(&self) -> Option<NonZeroUsize> {
        self.every
    }

    /// What the checkpoint that was found depends on.
    #[must_use]
    pub fn saved_facts(&self) -> Option<&Facts> {
        self.saved.as_ref().map(|saved| &saved.record.facts)
    }

    /// Compares the checkpoint that was found with the run that wants to continue it.
    ///
    /// # Errors
    /// [`CheckpointError::OtherRun`] naming every fact that differs.
    pub fn check(&self) -> Result<(), CheckpointError> {
        let Some(Saved { record, .. }) = &self.saved else { return Ok(()) };
        let differences = self.facts.differences_from(&record.facts);
        let (path, position) = (self.path.clone(), record.progress.position());
        if differences.is_empty() { Ok(()) } else { Err(CheckpointError::OtherRun { path, position, differences }) }
    }

    /// Removes the checkpoint, once what it was for is safe.
    ///
    /// # Errors
    /// [`StorageError::Io`] when the file is there and cannot be removed.
    pub fn remove(self) -> Result<(), StorageError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StorageError::Io { action: "remove", path: self.path.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    /// True when a checkpoint belongs after step `done`.
    pub(in crate::training) fn is_due(&self, done: usize) -> bool {
        self.every.is_some_and(|every| done.is_multiple_of(every.get()))
    }

    /// Replaces the checkpoint.
    pub(in crate::training) fn write(
        &mut self,
        progress: &Progress,
        tensors: &[Tensors<'_>],
    ) -> Result<(), CheckpointError> {
        let started = Instant::now();
        let position = progress.position();
        let facts = self.facts.clone();
        let record = Record { format_version: FORMAT_VERSION, every: self.every, facts, progress: progress.clone() };
        let record = serde_json::to_vec(&record)
            .map_err(|error| CheckpointError::Content { path: self.path.clone(), reason: error.to_string() })?;
        let names: Vec<String> = tensors.iter().flat_map(Tensors::names).collect();
        let values = tensors.iter().flat_map(|tensors| &tensors.values).map(|(_, values)| *values);
        let mut refs: Vec<TensorRef<'_>> = names
            .iter()
            .zip(values)
            .map(|(name, values)| TensorRef { name, shape: vec![values.len()], values: Values::F32(values) })
            .collect();
        refs.push(TensorRef { name: RECORD, shape: vec![record.len()], values: Values::U8(&record) });
        let bytes = sealed_bytes(&self.path, &refs)?;
        write_sealed(&self.path, &refs).map_err(|source| CheckpointError::Write {
            path: self.path.clone(),
            bytes,
            position,
            kept: self.kept,
            source: Box::new(source),
        })?;
        self.kept = Some(position);
        (self.on_event)(CheckpointEvent::Written { position, bytes, seconds: started.elapsed().as_secs_f64() });
        Ok(())
    }

    /// The checkpoint to go on from, if there is one, compared with the run that wants to.
    pub(in crate::training) fn saved(&mut self, plan: (usize, usize)) -> Result<Option<SavedRun>, CheckpointError> {
        self.check()?;
        let Some(Saved { file, record }) = self.saved.take() else { return Ok(None) };
        let (path, progress) = (self.path.clone(), record.progress);
        if !progress.is_possible(plan.0, plan.1) {
            let reason = format!("{} is not in a run of {} epochs of {} steps", progress.position(), plan.0, plan.1);
            return Err(CheckpointError::Content { path, reason });
        }
        Ok(Some(SavedRun { path, file, progress }))
    }
}

impl Tensors<'_> {
    fn names(&self) -> impl Iterator<Item = String> {
        self.values.iter().map(|(name, _)| stored_name(self.kind, name))
    }
}

fn stored_name(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

/// A checkpoint whose tensors are still on the disk.
pub(in crate::training) struct SavedRun {
    path: PathBuf,
    file: TensorFile,
    /// How far the run was.
    pub progress: Progress,
}

impl SavedRun {
    /// Reads a tensor to where it belongs.
    pub fn read(&self, kind: &'static str, name: &str, out: &mut [f32]) -> Result<(), CheckpointError> {
        let name = stored_name(kind, name);
        let bad = |reason: String| CheckpointError::Content { path: self.path.clone(), reason };
        let shape = self.file.shape(&name);
        if shape.as_deref() != Some(&[out.len()]) {
            return Err(bad(format!("tensor `{name}` should have {} values, its shape is {shape:?}", out.len())));
        }
        self.file.read_into(&name, 0, out)?;
        match out.iter().find(|value| !value.is_finite()) {
            None => Ok(()),
            Some(value) => Err(bad(format!("tensor `{name}` holds {value}"))),
        }
    }
}

impl Saved {
    fn open(path: &Path) -> Result<Self, CheckpointError> {
        let bad = |reason: String| CheckpointError::Content { path: path.to_owned(), reason };
        let file = open_sealed(path)?;
        let text: Vec<u8> = file.read(RECORD)?;
        // The version first: another format may have other fields.
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            Some(found) if found == u64::from(FORMAT_VERSION) => {}
            Some(found) => {
                return Err(CheckpointError::Format { path: path.to_owned(), found, supported: FORMAT_VERSION });
            }
            None => return Err(bad("format_version is missing".into())),
        }
        let record = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        Ok(Self { file, record })
    }
}
