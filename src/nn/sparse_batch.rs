//! A batch of histories as network input.

use rand::Rng;

use crate::random::{Purpose, stream};

/// The input of the first layer: users × items in CSR form, L2-normalised, possibly corrupted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseBatch {
    offsets: Vec<usize>,
    items: Vec<u32>,
    weights: Vec<f32>,
}

impl SparseBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self { offsets: vec![0], ..Self::default() }
    }

    /// Appends a user: items and raw weights, scaled here to unit Euclidean norm.
    pub fn push(&mut self, items: &[u32], weights: impl Iterator<Item = f32> + Clone) {
        let norm = norm(weights.clone());
        self.items.extend_from_slice(items);
        self.weights.extend(weights.map(|w| (f64::from(w) / norm) as f32));
        self.offsets.push(self.items.len());
    }

    /// Appends a user whose weights are taken as they are.
    pub fn push_unscaled(&mut self, items: &[u32], weights: impl Iterator<Item = f32>) {
        self.items.extend_from_slice(items);
        self.weights.extend(weights);
        self.offsets.push(self.items.len());
    }

    /// Appends a user with dropout: after the normalisation each item is dropped with probability
    /// `rate` and the others are scaled by 1 / (1 − rate) (Liang et al. 2018, sec. 3.3). The draw depends on
    /// `(seed, epoch, user)` alone.
    pub fn push_corrupted(
        &mut self,
        items: &[u32],
        weights: impl Iterator<Item = f32> + Clone,
        rate: f32,
        (seed, epoch, user): (u64, u64, u64),
    ) {
        let scale = 1.0 / (norm(weights.clone()) * (1.0 - f64::from(rate)));
        let mut random = stream(seed, Purpose::Dropout, [epoch, user]);
        // Kept when a uniform 32-bit draw reaches the threshold.
        let threshold = (f64::from(rate) * 2f64.powi(32)) as u64;
        for (&item, weight) in items.iter().zip(weights) {
            if u64::from(random.next_u32()) >= threshold {
                self.items.push(item);
                self.weights.push((f64::from(weight) * scale) as f32);
            }
        }
        self.offsets.push(self.items.len());
    }

    /// Number of users.
    #[must_use]
    pub fn users(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Items and weights of the user at position `user`.
    #[must_use]
    pub fn row(&self, user: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[user]..self.offsets[user + 1];
        (&self.items[range.clone()], &self.weights[range])
    }

    /// The same entries by item: offsets (items + 1), user positions and weights. Users ascend within
    /// an item, which fixes the order of every gradient sum.
    pub(super) fn by_item(&self, items: usize) -> (Vec<usize>, Vec<u32>, Vec<f32>) {
        let mut offsets = vec![0usize; items + 1];
        for &item in &self.items {
            offsets[item as usize + 1] += 1;
        }
        for item in 0..items {
            offsets[item + 1] += offsets[item];
        }
        let mut next = offsets.clone();
        let (mut users, mut weights) = (vec![0u32; self.items.len()], vec![0.0f32; self.items.len()]);
        for user in 0..self.users() {
            let (row_items, row_weights) = self.row(user);
            for (&item, &weight) in row_items.iter().zip(row_weights) {
                let at = &mut next[item as usize];
                users[*at] = user as u32;
                weights[*at] = weight;
                *at += 1;
            }
        }
        (offsets, users, weights)
    }
}

/// Euclidean norm in f64; 1 for an empty history, which has nothing to scale.
fn norm(weights: impl Iterator<Item = f32>) -> f64 {
    let square: f64 = weights.map(|w| f64::from(w) * f64::from(w)).sum();
    if square > 0.0 { square.sqrt() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_unit_norm_and_empty_ones_stay_empty() {
        let mut batch = SparseBatch::new();
        batch.push(&[1, 4], [3.0, 4.0].into_iter());
        batch.push(&[], std::iter::empty());
        assert_eq!(batch.row(0), (&[1, 4][..], &[0.6, 0.8][..]));
        assert_eq!((batch.users(), batch.row(1).0.len()), (2, 0));
    }

    #[test]
    fn extreme_weights_are_scaled_too() {
        for weight in [3e38, 1e-40] {
            let mut batch = SparseBatch::new();
            batch.push(&[0, 1, 2, 3], [weight; 4].into_iter());
            batch.push_corrupted(&[0, 1, 2, 3], [weight; 4].into_iter(), 0.0, (1, 1, 1));
            assert_eq!([batch.row(0).1, batch.row(1).1], [[0.5; 4], [0.5; 4]], "weight {weight}");
        }
    }

    #[test]
    fn dropout_keeps_the_expected_share_and_the_expected_sum() {
        let items: Vec<u32> = (0..10_000).collect();
        let mut batch = SparseBatch::new();
        batch.push_corrupted(&items, items.iter().map(|_| 1.0), 0.3, (1, 2, 3));
        let (kept, weights) = batch.row(0);
        assert!((kept.len() as f64 / 1e4 - 0.7).abs() < 0.02, "kept {}", kept.len());
        let sum: f32 = weights.iter().sum();
        assert!((sum / 100.0 - 1.0).abs() < 0.03, "the sum of the normalised row is 100, got {sum}");
    }

    #[test]
    fn by_item_is_the_transpose() {
        let mut batch = SparseBatch::new();
        batch.push(&[0, 2], [1.0, 1.0].into_iter());
        batch.push(&[2], [5.0].into_iter());
        let (offsets, users, weights) = batch.by_item(3);
        assert_eq!(offsets, [0, 1, 1, 3]);
        assert_eq!(users, [0, 0, 1]);
        assert_eq!(weights[2], 1.0);
    }
}
