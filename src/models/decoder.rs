//! What the autoencoders share: scores from a dense output layer, and layers from stored tensors.

use std::ops::Range;

use nalgebra::DMatrix;

use super::model::{RestoreError, StoredTensors};
use crate::linalg::{Columns, ColumnsMut, dots};
use crate::nn::{Dense, SparseInput};
use crate::types::ItemIdx;

/// Scores a block of items for all users of a batch: the inner product with each item's column,
/// plus its bias. `state` is inputs × users, `out` items.len() × users.
pub(super) fn score_block(output: &Dense, state: &DMatrix<f32>, items: Range<u32>, mut out: ColumnsMut<'_>) {
    let items = items.start as usize..items.end as usize;
    assert_eq!((out.rows(), out.cols()), (items.len(), state.ncols()), "items x users");
    dots(out.reborrow(), output.columns().range(items.clone()), state.into());
    let bias = &output.bias[items];
    for user in 0..out.cols() {
        out.col(user).iter_mut().zip(bias).for_each(|(score, bias)| *score += bias);
    }
}

/// Items that [`score_items`] copies beside each other: the products of several at once keep the memory busy.
const TOGETHER: usize = 8;

/// Scores single items for one user of a batch, with the bits of [`score_block`].
pub(super) fn score_items(output: &Dense, state: &DMatrix<f32>, user: usize, items: &[ItemIdx], out: &mut [f32]) {
    assert_eq!(items.len(), out.len(), "one score an item");
    let (state, columns) = (Columns::from(state).range(user..user + 1), output.columns());
    let mut copies = Vec::with_capacity(TOGETHER * columns.rows());
    for (scores, items) in out.chunks_mut(TOGETHER).zip(items.chunks(TOGETHER)) {
        copies.clear();
        items.iter().for_each(|item| copies.extend_from_slice(columns.col(item.at())));
        let shape = (scores.len(), 1);
        dots(ColumnsMut::new(scores, shape), Columns::new(&copies, (columns.rows(), items.len())), state);
        scores.iter_mut().zip(items).for_each(|(score, item)| *score += output.bias[item.at()]);
    }
}

/// A copy of the output layer's columns for a range of items.
pub(super) fn item_vectors(output: &Dense, items: Range<u32>) -> DMatrix<f32> {
    let columns = output.columns().range(items.start as usize..items.end as usize);
    DMatrix::from_column_slice(columns.rows(), columns.cols(), columns.data())
}

/// A dense layer of shape (inputs, outputs) from stored weights and bias.
pub(super) fn stored_dense(
    tensors: &mut StoredTensors,
    [weights, bias]: [&str; 2],
    (inputs, outputs): (usize, usize),
) -> Result<Dense, RestoreError> {
    Ok(Dense { weights: tensors.take(weights, &[inputs, outputs])?, bias: tensors.take(bias, &[outputs])? })
}

/// A sparse input layer of shape (width, items) from its stored table and bias.
pub(super) fn stored_input(
    tensors: &mut StoredTensors,
    [table, bias]: [&str; 2],
    (width, items): (usize, usize),
) -> Result<SparseInput, RestoreError> {
    Ok(SparseInput { table: tensors.take(table, &[width, items])?, bias: tensors.take(bias, &[width])? })
}
