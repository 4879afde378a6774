//! Scores that are there already: all of a user's, computed on folding in, for models that have no cheaper way to any one
//! of them; or one an item, the same for all users.

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

/// The scores of a block of items that are the same for all users: `out` is items.len() × users.
pub(super) fn score_block_of_all(scores: &[f32], users: usize, items: Range<u32>, mut out: ColumnsMut<'_>) {
    assert_eq!(out.cols(), users, "one column a user");
    let block = &scores[items.start as usize..items.end as usize];
    (0..users).for_each(|user| out.col(user).copy_from_slice(block));
}

/// The same for chosen items.
pub(super) fn one_score_an_item(scores: &[f32], items: &[ItemIdx], out: &mut [f32]) {
    assert_eq!(items.len(), out.len(), "one score an item");
    out.iter_mut().zip(items).for_each(|(score, item)| *score = scores[item.at()]);
}
