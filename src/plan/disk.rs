//! How much disk does a run write?

use serde::Serialize;

use super::workload::{FLOAT, Workload, product, sum};

/// Bytes on disk, each an upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// The model directory: weights 4·P, histories 8 bytes an interaction and 8 a user, ids and counts. An older one
    /// that it replaces stays until it is complete. Attributes of items are not counted.
    pub model_directory: u64,
    /// A checkpoint: weights, two moments and the best weights, 16·P; 0 where none is written.
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
        checkpoint: if written { product(&[4, weights]) } else { 0 },
    }
}

impl Disk {
    /// The most that is there at once, checkpoint and model directory on one disk: a checkpoint beside the one that it
    /// replaces, or the last one beside the model directory.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.checkpoint.saturating_add(self.checkpoint.max(self.model_directory))
    }
}
