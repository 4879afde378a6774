//! The first layer: a sparse row times a dense table, never densified.

use rayon::prelude::*;

use super::init::{small_bias, xavier_normal};
use super::sparse_batch::SparseBatch;
use crate::linalg::{Columns, ColumnsMut, axpy, gather, sum_columns, tanh_bias, zeros};

/// h = tanh(Σᵢ xᵢ · table[:, i] + bias), with one contiguous column of the table an item.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseInput {
    /// `width × items`, column-major.
    pub table: Vec<f32>,
    /// `width` values.
    pub bias: Vec<f32>,
}

impl SparseInput {
    /// Random weights; `parameter` numbers the layer's two tensors from there.
    #[must_use]
    pub fn new((items, width): (usize, usize), seed: u64, parameter: u64) -> Self {
        Self { table: xavier_normal((items, width), seed, parameter), bias: small_bias(width, seed, parameter + 1) }
    }

    /// Width of the output.
    #[must_use]
    pub fn width(&self) -> usize {
        self.bias.len()
    }

    /// The table, one column an item.
    #[must_use]
    pub fn columns(&self) -> Columns<'_> {
        Columns::new(&self.table, (self.width(), self.table.len() / self.width()))
    }

    /// Writes the activations of a batch: `width × users`.
    ///
    /// # Panics
    /// When `out` has another shape or the batch names an item outside the table.
    pub fn forward(&self, batch: &SparseBatch, out: ColumnsMut<'_>) {
        gather_batch(self.columns(), batch, out, |column| tanh_bias(column, &self.bias));
    }

    /// The same without an activation: Σᵢ xᵢ · table[:, i] + bias.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn linear(&self, batch: &SparseBatch, out: ColumnsMut<'_>) {
        gather_batch(self.columns(), batch, out, |column| axpy(column, 1.0, &self.bias));
    }

    /// The gradients of table and bias from `delta`, the gradient before the activation
    /// (`width × users`): for each touched item Σᵤ xᵤᵢ · delta[:, u].
    ///
    /// # Panics
    /// When shapes do not fit.
    pub fn backward(&self, batch: &SparseBatch, delta: Columns<'_>, gradient: &mut SparseGradient, bias: &mut [f32]) {
        assert_eq!((delta.rows(), delta.cols()), (self.width(), batch.users()), "one column a user");
        sum_columns(bias, delta);
        let (offsets, users, weights) = batch.by_item(gradient.touched.len());
        let rows = self.width();
        let columns = gradient.values.par_chunks_mut(ITEMS * rows).zip(gradient.touched.par_chunks_mut(ITEMS));
        columns.enumerate().for_each(|(chunk, (values, touched))| {
            for (at, (column, touched)) in values.chunks_exact_mut(rows).zip(touched).enumerate() {
                let range = offsets[chunk * ITEMS + at]..offsets[chunk * ITEMS + at + 1];
                *touched = !range.is_empty();
                if *touched {
                    column.fill(0.0);
                    gather(column, delta, 0, &users[range.clone()], &weights[range]);
                }
            }
        });
    }
}

/// Items a task owns.
const ITEMS: usize = 64;

/// `out[:, u] = finish(Σᵢ xᵤᵢ · table[:, i])` for every user u of a batch: `out` is the table's rows × users.
///
/// # Panics
/// When `out` has another shape or the batch names an item outside the table.
pub fn gather_batch(
    table: Columns<'_>,
    batch: &SparseBatch,
    mut out: ColumnsMut<'_>,
    finish: impl Fn(&mut [f32]) + Sync,
) {
    /// Users a task computes; a batch of no more stays on its thread.
    const USERS: usize = 64;
    let width = table.rows();
    assert_eq!((out.rows(), out.cols()), (width, batch.users()), "one column a user");
    out.data().par_chunks_mut(width * USERS).enumerate().for_each(|(chunk, columns)| {
        for (at, column) in columns.chunks_exact_mut(width).enumerate() {
            let (items, weights) = batch.row(chunk * USERS + at);
            column.fill(0.0);
            gather(column, table, 0, items, weights);
            finish(column);
        }
    });
}

/// `table[:, i] = finish(i, table[:, i] + Σᵤ xᵤᵢ · delta[:, u])` for every item i: the gradient that flows back through
/// [`gather_batch`] is added, users in their order.
///
/// # Panics
/// When the shapes do not fit: `delta` width × users, `table` width × items.
pub fn scatter_batch(
    batch: &SparseBatch,
    delta: Columns<'_>,
    mut table: ColumnsMut<'_>,
    finish: impl Fn(usize, &mut [f32]) + Sync,
) {
    let width = delta.rows();
    assert_eq!((table.rows(), delta.cols()), (width, batch.users()), "one column a user");
    let (offsets, users, weights) = batch.by_item(table.cols());
    table.data().par_chunks_mut(ITEMS * width).enumerate().for_each(|(chunk, columns)| {
        for (item, column) in (chunk * ITEMS..).zip(columns.chunks_exact_mut(width)) {
            let range = offsets[item]..offsets[item + 1];
            gather(column, delta, 0, &users[range.clone()], &weights[range]);
            finish(item, column);
        }
    });
}

/// The gradient of a table: a column for each touched item, nothing for the others.
#[derive(Clone, Debug)]
pub struct SparseGradient {
    /// `rows × items`; columns of untouched items hold leftovers.
    values: Vec<f32>,
    touched: Vec<bool>,
    rows: usize,
}

impl SparseGradient {
    /// No item touched.
    #[must_use]
    pub fn new(rows: usize, items: usize) -> Self {
        Self { values: zeros(rows * items), touched: vec![false; items], rows }
    }

    /// Length of a column.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn items(&self) -> usize {
        self.touched.len()
    }

    /// The gradient of an item, `None` when it is zero because no user of the batch has the item.
    #[must_use]
    pub fn column(&self, item: usize) -> Option<&[f32]> {
        self.touched[item].then(|| &self.values[item * self.rows..][..self.rows])
    }

    /// Adds another gradient of the same table.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn add(&mut self, other: &Self) {
        assert_eq!((self.rows, self.touched.len()), (other.rows, other.touched.len()), "gradients of different tables");
        for (item, column) in self.values.chunks_exact_mut(self.rows).enumerate() {
            match (self.touched[item], other.column(item)) {
                (_, None) => {}
                (false, Some(theirs)) => column.copy_from_slice(theirs),
                (true, Some(theirs)) => column.iter_mut().zip(theirs).for_each(|(a, b)| *a += b),
            }
            self.touched[item] |= other.touched[item];
        }
    }
}
