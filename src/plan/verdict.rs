//! Does a run fit?

use std::fmt;

use super::disk::{Disk, disk};
use super::machine::Room;
use super::memory::{Memory, Phase, memory};
use super::remedies::{Remedy, remedies};
use super::workload::Workload;

/// A run beside what the machine has.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The run.
    pub workload: Workload,
    /// Its memory.
    pub memory: Memory,
    /// Its disk.
    pub disk: Disk,
    /// The memory that it may take, where the system says.
    pub room: Option<Room>,
    /// Bytes free where it writes, where the system says.
    pub free_disk: Option<u64>,
}

/// Nine tenths: what a plan may take of what there is, as neither number is exact.
fn usable(bytes: u64) -> u64 {
    bytes / 10 * 9
}

impl Plan {
    /// Plans a run.
    #[must_use]
    pub fn new(workload: Workload, room: Option<Room>, free_disk: Option<u64>) -> Self {
        Self { memory: memory(&workload), disk: disk(&workload), workload, room, free_disk }
    }

    /// True unless the peak is known to be more than nine tenths of the memory there is.
    #[must_use]
    pub fn fits_memory(&self) -> bool {
        self.room.is_none_or(|room| self.memory.peak().1 <= usable(room.bytes()))
    }

    /// True unless the disk is known to be too full.
    #[must_use]
    pub fn fits_disk(&self) -> bool {
        self.free_disk.is_none_or(|free| self.disk.total() <= free)
    }

    /// Changes of single settings that make the memory suffice.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        let limit = self.room.map_or(u64::MAX, |room| usable(room.bytes()));
        remedies(&self.workload, limit, |memory| memory.peak().1)
    }

    /// Refuses a run that does not fit.
    ///
    /// # Errors
    /// [`TooLarge`] with the numbers and the remedies.
    pub fn check(&self) -> Result<(), TooLarge> {
        if let Some(room) = self.room.filter(|_| !self.fits_memory()) {
            let (phase, needed) = self.memory.peak();
            return Err(TooLarge::memory(&self.workload, &self.memory, phase, (needed, room.bytes()), self.remedies()));
        }
        match self.free_disk.filter(|_| !self.fits_disk()) {
            Some(free) => Err(TooLarge::Disk { needed: self.disk.total(), free }),
            None => Ok(()),
        }
    }

    /// Refuses the fit of a log that is in memory already, beside whatever else the process holds.
    ///
    /// # Errors
    /// [`TooLarge::Memory`] when what is still to be allocated is more than nine tenths of what is available.
    pub fn check_ahead(&self) -> Result<(), TooLarge> {
        let Some(room) = self.room else { return Ok(()) };
        let ((phase, needed), limit) = (self.memory.ahead(), usable(room.available));
        if needed <= limit {
            return Ok(());
        }
        let remedies = remedies(&self.workload, limit, |memory| memory.ahead().1);
        Err(TooLarge::memory(&self.workload, &self.memory, phase, (needed, room.available), remedies))
    }
}

/// Why a run is not begun.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TooLarge {
    /// Its memory.
    #[error("{}; {}", self.summary(), Remedies(remedies))]
    Memory {
        /// The model.
        model: &'static str,
        /// Items of the catalogue.
        items: u64,
        /// Bytes it takes.
        needed: u64,
        /// Bytes there are.
        available: u64,
        /// When it is largest.
        phase: &'static str,
        /// What dominates then, in words.
        parts: String,
        /// What would make it fit.
        remedies: Vec<Remedy>,
    },
    /// Its model directory and checkpoints.
    #[error("the run takes {} of disk, {} are free there; free some, or write to another disk", readable(*needed), readable(*free))]
    Disk {
        /// Bytes it takes.
        needed: u64,
        /// Bytes there are.
        free: u64,
    },
}

impl TooLarge {
    fn memory(
        workload: &Workload,
        memory: &Memory,
        phase: Phase,
        (needed, available): (u64, u64),
        remedies: Vec<Remedy>,
    ) -> Self {
        let named = memory.dominating(phase).into_iter().map(|part| format!("{} {}", part.name, readable(part.bytes)));
        Self::Memory {
            model: workload.model.name(),
            items: workload.data.items,
            needed,
            available,
            phase: phase.name(),
            parts: named.collect::<Vec<_>>().join(", "),
            remedies,
        }
    }
}

impl TooLarge {
    /// The numbers, without the remedies.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Memory { model, items, needed, available, phase, parts, .. } => format!(
                "{model} on {} items takes {} of memory, {} are available ({phase}: {parts})",
                items,
                readable(*needed),
                readable(*available)
            ),
            Self::Disk { .. } => self.to_string(),
        }
    }
}

/// A size as people read it.
fn readable(bytes: u64) -> String {
    match bytes as f64 / 1e9 {
        large if large >= 0.95 => format!("{large:.1} GB"),
        small => format!("{:.0} MB", small * 1e3),
    }
}

/// Remedies as the end of a message, a line each.
struct Remedies<'a>(&'a [Remedy]);

impl fmt::Display for Remedies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f
                .write_str("no single setting makes it fit: take fewer rows or items, or a machine with more memory");
        }
        f.write_str("any one of these makes it fit:")?;
        self.0.iter().try_for_each(|remedy| write!(f, "\n  {remedy}"))
    }
}

impl fmt::Display for Remedy {
    /// What to set and what it takes then, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} would take {}", self.setting, self.value, readable(self.bytes))?;
        if self.effect.is_empty() { Ok(()) } else { write!(f, " ({})", self.effect) }
    }
}
