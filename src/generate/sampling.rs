//! Drawing from a fixed discrete distribution.

use rand::{Rng, RngExt};

/// Positions with weights, drawn in proportion to them in O(log n).
///
/// Holds cumulative sums: half the memory of an alias table, and one random number a draw.
#[derive(Clone, Debug)]
pub(super) struct Weighted {
    cumulative: Vec<f64>,
}

impl Weighted {
    /// Takes weights that are finite, not negative and not all 0.
    pub fn new(weights: impl Iterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let cumulative = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Self { cumulative }
    }

    /// Draws a position.
    pub fn draw(&self, random: &mut impl Rng) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let target = random.random::<f64>() * total;
        // Rounding can put the target on the total itself.
        self.cumulative.partition_point(|&sum| sum <= target).min(self.cumulative.len() - 1)
    }
}
