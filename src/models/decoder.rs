//! What the autoencoders share: scores from a table of item vectors, and layers from stored tensors.

use std::ops::Range;

use nalgebra::DMatrix;

use super::model::{InnerProducts, RestoreError, StoredTensors};
use crate::linalg::{Columns, ColumnsMut, dots, dots_each};
use crate::nn::{Dense, SparseInput};
use crate::types::ItemIdx;

/// The inner products of a block of the table's columns, one an item, with the states of all users of a batch.
/// `state` is table rows × users, `out` items.len() × users.
pub(super) fn product_block(table: Columns<'_>, state: &DMatrix<f32>, items: Range<u32>, out: ColumnsMut<'_>) {
    let items = items.start as usize..items.end as usize;
    assert_eq!((out.rows(), out.cols()), (items.len(), state.ncols()), "items x users");
    dots(out, table.range(items), state.into());
}

/// The inner products of single items for one user of a batch, with the bits of [`product_block`].
pub(super) fn product_items(table: Columns<'_>, state: &DMatrix<f32>, user: usize, items: &[ItemIdx], out: &mut [f32]) {
    let columns: Vec<_> = items.iter().map(|item| table.col(item.at())).collect();
    dots_each(out, &columns, Columns::from(state).col(user));
}

/// Scores a block of items for all users of a batch: the inner product with each item's column,
/// plus its bias. `state` is inputs × users, `out` items.len() × users.
pub(super) fn score_block(output: InnerProducts<'_>, state: &DMatrix<f32>, items: Range<u32>, mut out: ColumnsMut<'_>) {
    product_block(output.vectors, state, items.clone(), out.reborrow());
    let bias = &output.bias[items.start as usize..items.end as usize];
    for user in 0..out.cols() {
        out.col(user).iter_mut().zip(bias).for_each(|(score, bias)| *score += bias);
    }
}

/// Scores single items for one user of a batch, with the bits of [`score_block`].
pub(super) fn score_items(
    output: InnerProducts<'_>,
    state: &DMatrix<f32>,
    user: usize,
    items: &[ItemIdx],
    out: &mut [f32],
) {
    product_items(output.vectors, state, user, items, out);
    out.iter_mut().zip(items).for_each(|(score, item)| *score += output.bias[item.at()]);
}

/// A copy of a table's columns for a range of items.
pub(super) fn item_vectors(table: Columns<'_>, items: Range<u32>) -> DMatrix<f32> {
    let columns = table.range(items.start as usize..items.end as usize);
    DMatrix::from_column_slice(columns.rows(), columns.cols(), columns.data())
}

/// What a dense layer to the items gives scores.
pub(super) fn to_items(output: &Dense) -> InnerProducts<'_> {
    InnerProducts { vectors: output.columns(), bias: &output.bias }
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
