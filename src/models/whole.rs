//! Scores that were all computed on folding in: for models that have no cheaper way to any one of them.

use std::ops::Range;

use nalgebra::DMatrix;

use crate::linalg::ColumnsMut;
use crate::types::ItemIdx;

/// Copies a block of items out of the scores of all, items × users.
pub(super) fn score_block(scores: &DMatrix<f32>, items: Range<u32>, mut out: ColumnsMut<'_>) {
    let items = items.start as usize..items.end as usize;
    assert_eq!((out.rows(), out.cols()), (items.len(), scores.ncols()), "items x users");
    for (user, column) in scores.as_slice().chunks_exact(scores.nrows()).enumerate() {
        out.col(user).copy_from_slice(&column[items.clone()]);
    }
}

/// Copies chosen items of one user.
pub(super) fn score_items(scores: &DMatrix<f32>, user: usize, items: &[ItemIdx], out: &mut [f32]) {
    assert_eq!(items.len(), out.len(), "one score an item");
    out.iter_mut().zip(items).for_each(|(score, item)| *score = scores[(item.at(), user)]);
}
