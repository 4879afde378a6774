//! The trials that have ended, in a file that is replaced whole after each of them.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::validation::Validated;
use crate::storage::{AtomicFile, PathLock, StorageError};
use crate::training::Facts;
use crate::tuning::{Course, Point};

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number, from 0, in the order of beginning.
    pub number: u64,
    /// What was tried: one value a range.
    pub point: Point,
    /// The best validation, where there is one; higher is better, so an error has a minus before it.
    pub value: Option<f64>,
    /// The validations of an iterative model.
    pub course: Course,
    /// How it ended.
    pub ended: Ended,
    /// Seconds of training and validating.
    pub seconds: f64,
}

impl Trial {
    /// With its values as people know them.
    #[must_use]
    pub fn shown(&self, by: Validated) -> Self {
        let course = self.course.iter().map(|&(epoch, value)| (epoch, by.shown(value))).collect();
        Self { value: self.value.map(|value| by.shown(value)), course, ..self.clone() }
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// As it was to.
    Finished,
    /// Given up for being worse than the others.
    GivenUp,
    /// The model could not be trained, for this reason.
    Failed(String),
}

/// What the file says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    /// What the trials depend on.
    job: Facts,
    trials: Vec<Trial>,
}

/// The trials of one search, on disk as they end.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    content: Content,
    _lock: PathLock,
}

/// Why trials cannot be noted.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// They are of another search.
    #[error(
        "{} holds the trials of another search: {}; give that one again, another --out, or --force to forget them",
        path.display(),
        differences.join(", ")
    )]
    OtherSearch {
        /// The file.
        path: PathBuf,
        /// What differs.
        differences: Vec<String>,
    },
    /// It is not a journal.
    #[error("{} does not hold the trials of a search ({source}); remove it, or give another --out", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Journal {
    /// Where the trials stand whose best configuration `out` is to hold.
    #[must_use]
    pub fn beside(out: &Path) -> PathBuf {
        let mut name = out.file_stem().map_or_else(OsString::new, OsString::from);
        name.push(".trials.json");
        out.with_file_name(name)
    }

    /// Opens the trials of `job`, none at first. With `forget`, those of another search are dropped.
    ///
    /// # Errors
    /// [`JournalError`] for another search, a file that is none, or a search that another process is at.
    pub fn open(path: &Path, job: Facts, forget: bool) -> Result<Self, JournalError> {
        let lock = PathLock::acquire(path)?;
        let content = match fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content { job, ..Content::default() },
            Err(source) => return Err(StorageError::Io { action: "read", path: path.to_owned(), source }.into()),
            Ok(bytes) => match serde_json::from_slice::<Content>(&bytes) {
                Err(source) => return Err(JournalError::Content { path: path.to_owned(), source }),
                Ok(content) if content.job == job => content,
                Ok(_) if forget => Content { job, ..Content::default() },
                Ok(content) => {
                    let differences = job.differences_from(&content.job);
                    return Err(JournalError::OtherSearch { path: path.to_owned(), differences });
                }
            },
        };
        Ok(Self { path: path.to_owned(), content, _lock: lock })
    }

    /// The trials that have ended, in that order.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.content.trials
    }

    /// The first of the best trials.
    #[must_use]
    pub fn best(&self) -> Option<&Trial> {
        let valued = self.trials().iter().filter(|trial| trial.value.is_some());
        valued.reduce(|best, next| if next.value > best.value { next } else { best })
    }

    /// Notes a trial; it is on disk when this returns.
    ///
    /// # Errors
    /// [`JournalError`] when the disk refuses; the file is then as it was before.
    pub fn add(&mut self, trial: Trial) -> Result<(), JournalError> {
        self.content.trials.push(trial);
        let text = serde_json::to_vec_pretty(&self.content)
            .map_err(|source| JournalError::Content { path: self.path.clone(), source })?;
        let mut file = AtomicFile::create(&self.path, true)?;
        file.write_all(&text).map_err(|source| StorageError::Io {
            action: "write",
            path: self.path.clone(),
            source,
        })?;
        Ok(file.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(lambda: &str) -> Facts {
        let mut facts = Facts::default();
        facts.add("range model.lambda", lambda);
        facts
    }

    fn trial(number: u64, value: Option<f64>) -> Trial {
        let ended = value.map_or_else(|| Ended::Failed("diverged".into()), |_| Ended::Finished);
        Trial { number, point: vec!["0.1".into()], value, course: vec![(1, 0.1 + 0.2)], ended, seconds: 0.5 }
    }

    #[test]
    fn trials_are_there_after_a_restart_and_only_for_the_same_search() {
        let directory = tempfile::tempdir().unwrap();
        let path = Journal::beside(&directory.path().join("best.toml"));
        assert_eq!(path.file_name().unwrap(), "best.trials.json");
        let mut journal = Journal::open(&path, job("1..9"), false).unwrap();
        assert!(matches!(Journal::open(&path, job("1..9"), false), Err(JournalError::Storage(_))), "one at a time");
        let trials = [trial(0, Some(0.3)), trial(1, None), trial(2, Some(1.0 / 3.0)), trial(3, Some(1.0 / 3.0))];
        trials.iter().for_each(|trial| journal.add(trial.clone()).unwrap());
        drop(journal);
        let journal = Journal::open(&path, job("1..9"), false).unwrap();
        assert_eq!((journal.trials(), journal.best()), (&trials[..], Some(&trials[2])));
        drop(journal);
        let error = Journal::open(&path, job("1..8"), false).unwrap_err().to_string();
        assert!(error.contains("range model.lambda was 1..9, is 1..8"), "{error}");
        assert!(Journal::open(&path, job("1..8"), true).unwrap().trials().is_empty());
        fs::write(&path, "mine").unwrap();
        assert!(matches!(Journal::open(&path, job("1..9"), true), Err(JournalError::Content { .. })));
    }
}
