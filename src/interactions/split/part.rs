//! A part of every history, row by row.

use crate::interactions::{HistoryRef, Interactions};

/// CSR rows that are collected one by one.
pub(super) struct Part {
    offsets: Vec<usize>,
    items: Vec<u32>,
    weights: Vec<f32>,
}

impl Default for Part {
    fn default() -> Self {
        Self { offsets: vec![0], items: Vec::new(), weights: Vec::new() }
    }
}

impl Part {
    /// Appends a row: what stands at `positions` of a history, which must ascend.
    pub fn push(&mut self, history: HistoryRef<'_>, positions: &[u32]) {
        for &position in positions {
            self.items.push(history.items()[position as usize]);
            self.weights.push(history.weights()[position as usize]);
        }
        self.offsets.push(self.items.len());
    }

    /// The rows as a matrix over `items` items.
    pub fn over(self, items: usize) -> Interactions {
        Interactions::from_csr((self.offsets.len() - 1, items), self.offsets, self.items, self.weights)
            .unwrap_or_else(|error| unreachable!("parts of valid rows are valid: {error}"))
    }
}
