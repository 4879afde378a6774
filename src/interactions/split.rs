//! Seeded splits for evaluation under strong generalisation (Liang et al. 2018, section 4.2): whole
//! users are held out, and of a held-out user's history one part is folded in, the rest predicted.

use rand::RngExt;

use super::history::HistoryRef;
use super::matrix::Interactions;
use crate::random::{Purpose, stream};
use crate::types::UserIdx;

/// Chooses `count` users to hold out (all of them when there are fewer); returns (training users,
/// held-out users), both ascending. The choice depends on the seed and the number of users alone.
#[must_use]
pub fn hold_out_users(interactions: &Interactions, count: usize, seed: u64) -> (Vec<UserIdx>, Vec<UserIdx>) {
    let mut users: Vec<u32> = (0..interactions.users() as u32).collect();
    let count = count.min(users.len());
    let mut random = stream(seed, Purpose::HoldOutUsers, [0, 0]);
    shuffle_front(&mut users, count, &mut random);
    users[..count].sort_unstable();
    users[count..].sort_unstable();
    let rows = |part: &[u32]| part.iter().map(|&user| UserIdx(user)).collect();
    (rows(&users[count..]), rows(&users[..count]))
}

/// Histories split in two, over the same users and items.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldInTarget {
    /// What the model is shown.
    pub fold_in: Interactions,
    /// What it has to predict; disjoint from `fold_in`.
    pub target: Interactions,
}

/// Splits every history: a random `target_fraction` of its interactions (0.2 in the paper) becomes the
/// target, rounded to the nearest whole number, at least one and never all of them.
///
/// A user with fewer than two interactions keeps everything as fold-in and has an empty target. A
/// user's draw depends on the seed, its row and the length of its history, not on other users.
#[must_use]
pub fn fold_in_target(histories: &Interactions, target_fraction: f64, seed: u64) -> FoldInTarget {
    let mut fold_in = Part::default();
    let mut target = Part::default();
    for (user, history) in (0u64..).zip(histories.histories()) {
        let mut positions: Vec<u32> = (0..history.len() as u32).collect();
        let count = target_size(history.len(), target_fraction);
        shuffle_front(&mut positions, count, &mut stream(seed, Purpose::HoldOutItems, [user, 0]));
        let (chosen, rest) = positions.split_at_mut(count);
        target.push(history, chosen);
        fold_in.push(history, rest);
    }
    FoldInTarget { fold_in: fold_in.over(histories.items()), target: target.over(histories.items()) }
}

/// How many of `len` interactions become the target.
fn target_size(len: usize, fraction: f64) -> usize {
    if len < 2 { 0 } else { ((len as f64 * fraction).round() as usize).clamp(1, len - 1) }
}

/// Fisher–Yates, stopped once the first `count` places are drawn.
fn shuffle_front(values: &mut [u32], count: usize, random: &mut impl rand::Rng) {
    let len = values.len() as u32;
    for place in 0..(count as u32).min(len.saturating_sub(1)) {
        values.swap(place as usize, random.random_range(place..len) as usize);
    }
}

/// CSR rows that are collected one by one.
struct Part {
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
    fn push(&mut self, history: HistoryRef<'_>, positions: &mut [u32]) {
        positions.sort_unstable();
        for &mut position in positions {
            self.items.push(history.items()[position as usize]);
            self.weights.push(history.weights()[position as usize]);
        }
        self.offsets.push(self.items.len());
    }

    fn over(self, items: usize) -> Interactions {
        Interactions::from_csr((self.offsets.len() - 1, items), self.offsets, self.items, self.weights)
            .unwrap_or_else(|error| unreachable!("parts of valid rows are valid: {error}"))
    }
}
