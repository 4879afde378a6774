//! Does a run fit?

use std::fmt;

use super::disk::{Disk, Need, disk};
use super::machine::{DiskRoom, Room};
use super::memory::{Memory, Phase, memory, memory_of_reading};
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
    /// The disks that it writes to.
    pub disk_room: DiskRoom,
}

/// Nine tenths: what a plan may take of what there is, as neither number is exact.
fn usable(bytes: u64) -> u64 {
    bytes / 10 * 9
}

impl Plan {
    /// Plans a run.
    #[must_use]
    pub fn new(workload: Workload, room: Option<Room>, disk_room: DiskRoom) -> Self {
        Self { memory: memory(&workload), disk: disk(&workload), workload, room, disk_room }
    }

    /// True unless the peak is known to be more than nine tenths of the memory there is.
    #[must_use]
    pub fn fits_memory(&self) -> bool {
        self.room.is_none_or(|room| self.memory.peak().1 <= usable(room.bytes()))
    }

    /// True unless a disk is known to be too full.
    #[must_use]
    pub fn fits_disk(&self) -> bool {
        self.disk.needs(&self.disk_room).all(|need| need.is_met())
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
        self.check_memory(Memory::peak, Room::bytes)?;
        self.check_disk()
    }

    /// Refuses what is left of a run whose log has been read, the largest part of what the process holds.
    ///
    /// # Errors
    /// [`TooLarge`] with the numbers and the remedies.
    pub fn check_after_reading(&self) -> Result<(), TooLarge> {
        self.check_memory(Memory::after_reading, Room::bytes)?;
        self.check_disk()
    }

    /// Refuses the fit of a log that is in memory already, beside whatever else the process holds.
    ///
    /// # Errors
    /// [`TooLarge::Memory`] when what is still to be allocated is more than nine tenths of what is available.
    pub fn check_ahead(&self) -> Result<(), TooLarge> {
        self.check_memory(Memory::ahead, |room| room.available)
    }

    /// Compares what `measure` finds with nine tenths of what there is.
    fn check_memory(&self, measure: fn(&Memory) -> (Phase, u64), there: fn(&Room) -> u64) -> Result<(), TooLarge> {
        let Some(available) = self.room.as_ref().map(there) else { return Ok(()) };
        let ((phase, needed), limit) = (measure(&self.memory), usable(available));
        if needed <= limit {
            return Ok(());
        }
        let remedies = remedies(&self.workload, limit, |memory| measure(memory).1);
        Err(TooLarge::memory(&self.workload, &self.memory, phase, (needed, available), remedies))
    }

    fn check_disk(&self) -> Result<(), TooLarge> {
        match self.disk.needs(&self.disk_room).find(|need| !need.is_met()) {
            Some(Need { what, bytes, free }) => Err(TooLarge::Disk { what, needed: bytes, free: free.unwrap_or(0) }),
            None => Ok(()),
        }
    }
}

/// True unless so many bytes are known to be more than nine tenths of what can still be allocated.
#[must_use]
pub fn fits_beside(bytes: u64, room: Option<Room>) -> bool {
    room.is_none_or(|room| bytes <= usable(room.available))
}

/// Refuses to read a log whose entries alone do not fit beside `held` bytes of other things.
///
/// # Errors
/// [`TooLarge::Reading`].
pub fn check_reading(entries: u64, times: bool, held: u64, room: Option<Room>) -> Result<(), TooLarge> {
    let needed = memory_of_reading(entries, times).saturating_add(held);
    match room.map(|room| room.bytes()).filter(|&available| needed > usable(available)) {
        Some(available) => Err(TooLarge::Reading { entries, needed, available }),
        None => Ok(()),
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
    /// Its log.
    #[error(
        "{}; read less of it: a window of time (log.since, log.until), or fewer of its files",
        self.summary()
    )]
    Reading {
        /// Entries of the log.
        entries: u64,
        /// Bytes they take while they are read.
        needed: u64,
        /// Bytes there are.
        available: u64,
    },
    /// Its model directory and checkpoints.
    #[error(
        "{what} take{} {} of disk, {} are free there; free some, or write to another disk",
        if what.ends_with('s') { "" } else { "s" },
        readable(*needed),
        readable(*free)
    )]
    Disk {
        /// What it is.
        what: &'static str,
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
            Self::Reading { entries, needed, available } => format!(
                "reading the log, {entries} entries, takes {} of memory, {} are available",
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
