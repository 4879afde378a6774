//! How much disk does a run write?

use serde::Serialize;

use super::workload::{FLOAT, Workload, product, sum};

/// Bytes on disk, each an upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// The model directory: weights 4·P, histories 8 bytes an interaction and 8 a user, ids and counts. An older one
    /// that it replaces stays until it is complete. Attributes of items are not counted.
    pub model_directory: u64,
}

/// The disk that a run needs.
#[must_use]
pub fn disk(workload: &Workload) -> Disk {
    let data = &workload.data;
    let tables = sum(&[data.id_bytes, product(&[FLOAT, data.items])]);
    let histories = sum(&[product(&[8, data.interactions]), product(&[8, data.users])]);
    Disk { model_directory: sum(&[product(&[FLOAT, workload.parameters()]), histories, tables]) }
}

impl Disk {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.model_directory
    }
}
