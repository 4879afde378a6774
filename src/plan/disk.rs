//! How much disk does a run write?

use serde::Serialize;

use super::machine::DiskRoom;
use super::workload::{FLOAT, Workload, product, sum};

/// Bytes on disk, each an upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// The model directory: weights 4·P, histories 8 bytes an interaction and 8 a user, ids and counts. An older one
    /// that it replaces stays until it is complete. Attributes of items are not counted.
    pub model_directory: u64,
    /// A checkpoint: weights, two moments and the best weights, 16·P, and the encoder that a RecVAE remembers; 0 where none
    /// is written.
    pub checkpoint: u64,
}

/// The disk that a run needs.
#[must_use]
pub fn disk(workload: &Workload) -> Disk {
    let data = &workload.data;
    let weights = product(&[FLOAT, workload.parameters()]);
    let tables = sum(&[data.id_bytes, product(&[FLOAT, data.items])]);
    let histories = sum(&[product(&[8, data.interactions]), product(&[8, data.users])]);
    let written = workload.checkpoints && workload.widths().is_some();
    Disk {
        model_directory: sum(&[weights, histories, tables]),
        checkpoint: if written {
            product(&[4, FLOAT, workload.trained_parameters()])
                .saturating_add(product(&[FLOAT, workload.encoder_parameters()]))
        } else {
            0
        },
    }
}

/// Bytes that have to be free on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// What takes them.
    pub what: &'static str,
    /// How many.
    pub bytes: u64,
    /// How many are free, where the system says.
    pub free: Option<u64>,
}

impl Need {
    /// True unless too few are known to be free.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.free.is_none_or(|free| self.bytes <= free)
    }
}

impl Disk {
    /// The most that is there at once, checkpoint and model directory on one disk: a checkpoint beside the one that it
    /// replaces, or the last one beside the model directory.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.checkpoint.saturating_add(self.checkpoint.max(self.model_directory))
    }

    /// What has to be free, disk by disk. The checkpoint of an earlier part of the run is there already and makes room
    /// as soon as it is replaced.
    pub fn needs(&self, room: &DiskRoom) -> impl Iterator<Item = Need> + use<> {
        let found = room.found.min(self.checkpoint);
        let need = |what, bytes: u64, free| Some(Need { what, bytes, free });
        let needs = match room.checkpoints {
            None => [need("the run", self.total() - found, room.model_directory), None],
            Some(free) => [
                need("the checkpoints", self.checkpoint.saturating_mul(2) - found, Some(free)),
                need("the model directory", self.model_directory, room.model_directory),
            ],
        };
        needs.into_iter().flatten()
    }
}
