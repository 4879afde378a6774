//! The stored histories, read on demand.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::ArtifactError;
use super::publish::LogDetail;
use crate::interactions::{ExactSums, History, Interactions, Timestamp};
use crate::storage::{TensorFile, TensorRef, Values, write_tensors};
use crate::types::UserIdx;

/// Users read at a time when every history is checked.
const CHECK_USERS: u32 = 4096;

/// Parts of sums read at a time when all are checked.
const CHECK_SUMS: usize = 1 << 16;

/// The latest time of every interaction, in microseconds since 1970; optional.
const TIMES: &str = "times";

/// Parts of exact sums, and the interactions that they belong to; optional.
const SUMS: &str = "sums";
const SUMS_AT: &str = "sums_at";

/// Every user's history on disk; only the offsets are in memory (8 bytes a user).
///
/// Reads go through the operating system's page cache and may come from many threads at once. What
/// is read is checked again every time: the file may be changed while the model is in use.
#[derive(Debug)]
pub struct Histories {
    path: PathBuf,
    file: TensorFile,
    offsets: Vec<u64>,
    items: usize,
    has_times: bool,
    /// Where the parts of the sums of each user begin, and the end; empty for a file without any.
    sums: Vec<u64>,
}

/// A stored history with what is needed to merge live events with it.
#[derive(Clone, Debug, PartialEq)]
pub struct DetailedHistory {
    /// Items and weights.
    pub history: History,
    /// The latest time of every item; `None` where the log had none.
    pub times: Option<Vec<Timestamp>>,
    /// The sums that the weights do not tell exactly, by position in the history.
    pub sums: ExactSums,
}

/// The array of users that earlier models were trained on; not there where there are none.
const TRAINED_BEFORE: &str = "trained_before";

/// Writes all histories of a matrix with what else is known of them, and hashes of the users that earlier models were
/// trained on.
pub(super) fn write(
    path: &Path,
    histories: &Interactions,
    detail: &LogDetail<'_>,
    trained_before: &[u64],
) -> Result<(), ArtifactError> {
    let csr = histories.csr();
    let mut offsets = Vec::with_capacity(histories.users() + 1);
    offsets.push(0u64);
    for history in histories.histories() {
        offsets.push(offsets[offsets.len() - 1] + history.len() as u64);
    }
    let times: Option<Vec<i64>> = detail.times.map(|times| times.iter().map(|time| time.0).collect());
    let len = histories.len();
    let mut tensors = vec![TensorRef { name: "offsets", shape: vec![offsets.len()], values: Values::U64(&offsets) }];
    if !trained_before.is_empty() {
        let shape = vec![trained_before.len()];
        tensors.push(TensorRef { name: TRAINED_BEFORE, shape, values: Values::U64(trained_before) });
    }
    if let Some(times) = &times {
        tensors.push(TensorRef { name: TIMES, shape: vec![len], values: Values::I64(times) });
    }
    if let Some(sums) = detail.sums.filter(|sums| !sums.is_empty()) {
        let shape = vec![sums.len()];
        tensors.push(TensorRef { name: SUMS_AT, shape: shape.clone(), values: Values::U64(sums.positions()) });
        tensors.push(TensorRef { name: SUMS, shape, values: Values::F64(sums.parts()) });
    }
    tensors.push(TensorRef { name: "items", shape: vec![len], values: Values::U32(csr.indices()) });
    tensors.push(TensorRef { name: "weights", shape: vec![len], values: Values::F32(csr.data()) });
    Ok(write_tensors(path, &tensors)?)
}

impl Histories {
    /// Opens the file and checks every history in it.
    pub(super) fn open(path: PathBuf, users: usize, items: usize, interactions: usize) -> Result<Self, ArtifactError> {
        let file = TensorFile::open(&path)?;
        for (name, expected) in
            [("offsets", users.saturating_add(1)), ("items", interactions), ("weights", interactions)]
        {
            let found = file.shape(name);
            if found.as_deref() != Some(&[expected]) {
                let reason = format!("array `{name}` has shape {found:?}, the manifest implies [{expected}]");
                return Err(ArtifactError::inconsistent(path, reason));
            }
        }
        let has_times = match file.shape(TIMES).as_deref() {
            None => false,
            Some([found]) if *found == interactions => true,
            found => {
                let reason = format!("array `{TIMES}` has shape {found:?}, the manifest implies [{interactions}]");
                return Err(ArtifactError::inconsistent(path, reason));
            }
        };
        let offsets: Vec<u64> = file.read("offsets")?;
        let ends = (offsets.first(), offsets.last());
        if ends != (Some(&0), Some(&(interactions as u64))) || !offsets.is_sorted() {
            let reason = format!("offsets do not rise from 0 to {interactions}");
            return Err(ArtifactError::inconsistent(path, reason));
        }
        let sums = check_sums(&path, &file, &offsets)?;
        let histories = Self { path, file, offsets, items, has_times, sums };
        let users = histories.users() as u32;
        for first in (0..users).step_by(CHECK_USERS as usize) {
            histories.range(first..users.min(first + CHECK_USERS))?;
        }
        Ok(histories)
    }

    /// Hashes of the users that earlier models were trained on.
    pub(super) fn trained_before(&self) -> Result<Vec<u64>, ArtifactError> {
        match self.file.shape(TRAINED_BEFORE) {
            None => Ok(Vec::new()),
            Some(_) => Ok(self.file.read(TRAINED_BEFORE)?),
        }
    }

    /// Number of users.
    #[must_use]
    pub fn users(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of items in the catalogue that the histories refer to.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// Number of interactions of one user, without reading them.
    ///
    /// # Panics
    /// When `user` is not below [`users`](Self::users).
    #[must_use]
    pub fn history_len(&self, user: UserIdx) -> usize {
        (self.offsets[user.at() + 1] - self.offsets[user.at()]) as usize
    }

    /// The history of one user.
    ///
    /// # Errors
    /// [`ArtifactError`] when the file can no longer be read or was changed since it was opened.
    ///
    /// # Panics
    /// When `user` is not below [`users`](Self::users).
    pub fn history(&self, user: UserIdx) -> Result<History, ArtifactError> {
        let rows = self.range(user.0..user.0 + 1)?;
        Ok(rows.history(UserIdx(0)).into())
    }

    /// The history of one user with what is needed to merge live events with it.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    ///
    /// # Panics
    /// When `user` is not below [`users`](Self::users).
    pub fn detailed(&self, user: UserIdx) -> Result<DetailedHistory, ArtifactError> {
        let history = self.history(user)?;
        let start = self.offsets[user.at()];
        let times = if self.has_times {
            let mut times = vec![0i64; history.as_ref().len()];
            self.file.read_into(TIMES, start, &mut times)?;
            Some(times.into_iter().map(Timestamp).collect())
        } else {
            None
        };
        let sums = match self.sums.get(user.at()..user.at() + 2) {
            Some(&[first, end]) if first < end => {
                let (mut at, mut parts) = (vec![0u64; (end - first) as usize], vec![0f64; (end - first) as usize]);
                self.file.read_into(SUMS_AT, first, &mut at)?;
                self.file.read_into(SUMS, first, &mut parts)?;
                at.iter_mut().for_each(|at| *at = at.wrapping_sub(start));
                let inside = at.last().is_none_or(|&last| last < history.as_ref().len() as u64);
                let sums = ExactSums::checked(at, parts).filter(|_| inside);
                sums.ok_or_else(|| {
                    ArtifactError::inconsistent(self.path.clone(), "sums were changed since it was opened")
                })?
            }
            _ => ExactSums::default(),
        };
        Ok(DetailedHistory { history, times, sums })
    }

    /// The histories of consecutive users, in one read: row 0 belongs to user `users.start`.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    ///
    /// # Panics
    /// When the range leaves `0..users()`.
    pub fn range(&self, users: Range<u32>) -> Result<Interactions, ArtifactError> {
        let bounds = &self.offsets[users.start as usize..=users.end as usize];
        let (start, end) = (bounds[0], bounds[bounds.len() - 1]);
        let len = (end - start) as usize;
        let (mut items, mut weights) = (vec![0u32; len], vec![0f32; len]);
        self.file.read_into("items", start, &mut items)?;
        self.file.read_into("weights", start, &mut weights)?;
        let offsets = bounds.iter().map(|offset| (offset - start) as usize).collect();
        Interactions::from_csr((users.len(), self.items), offsets, items, weights)
            .map_err(|source| ArtifactError::History { path: self.path.clone(), first: users.start, source })
    }
}

/// Checks the exact sums of a file, where it has any; returns where those of each user begin, and the end.
fn check_sums(path: &Path, file: &TensorFile, offsets: &[u64]) -> Result<Vec<u64>, ArtifactError> {
    let (at, parts) = (file.shape(SUMS_AT), file.shape(SUMS));
    let bad = |reason: String| ArtifactError::inconsistent(path.to_owned(), reason);
    let len = match (at.as_deref(), parts.as_deref()) {
        (None, None) => return Ok(Vec::new()),
        (Some([at]), Some([parts])) if at == parts => *at as u64,
        _ => return Err(bad(format!("arrays `{SUMS_AT}` and `{SUMS}` have shapes {at:?} and {parts:?}"))),
    };
    let interactions = offsets.last().copied().unwrap_or(0);
    let mut starts = Vec::with_capacity(offsets.len());
    let (mut at, mut parts, mut before) = (Vec::new(), Vec::new(), 0u64);
    for first in (0..len).step_by(CHECK_SUMS) {
        let here = (len - first).min(CHECK_SUMS as u64) as usize;
        at.resize(here, 0u64);
        parts.resize(here, 0f64);
        file.read_into(SUMS_AT, first, &mut at)?;
        file.read_into(SUMS, first, &mut parts)?;
        for (place, (&at, part)) in (first..).zip(at.iter().zip(&parts)) {
            if at < before || at >= interactions || !part.is_finite() {
                let reason =
                    format!("array `{SUMS_AT}` does not ascend below {interactions}, or `{SUMS}` is not finite");
                return Err(bad(reason));
            }
            before = at;
            while starts.len() < offsets.len() && offsets[starts.len()] <= at {
                starts.push(place);
            }
        }
    }
    starts.resize(offsets.len(), len);
    Ok(starts)
}
