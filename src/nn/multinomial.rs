//! The multinomial likelihood over items.

use rayon::prelude::*;

use crate::linalg::{ColumnsMut, softmax_loss};

/// Sum over the batch of −Σᵢ xᵢ log softmaxᵢ(logits) (Liang et al. 2018, eq. 2), and in place of
/// the logits their gradient times `scale`.
///
/// `logits`: items × users; `targets` yields items and weights of the user at a
/// position. Losses are summed in f64 in the order of the users.
///
/// # Panics
/// When a target names an item outside the logits.
pub fn multinomial_loss<'a>(
    mut logits: ColumnsMut<'_>,
    targets: impl Fn(usize) -> (&'a [u32], &'a [f32]) + Sync,
    scale: f32,
) -> f64 {
    let items = logits.rows();
    let losses: Vec<f64> = logits
        .data()
        .par_chunks_mut(items)
        .enumerate()
        .map(|(user, logits)| {
            let (items, weights) = targets(user);
            softmax_loss(logits, items, weights, scale)
        })
        .collect();
    losses.into_iter().sum()
}
