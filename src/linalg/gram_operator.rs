//! XᵀX of a sparse matrix as an operator: applied to signals, never formed.

use rayon::prelude::*;
use sprs::CsMatI;

use super::columns::{Columns, ColumnsMut};
use super::kernels::{gather, zeros};

/// Signals that pass through the inner dimension together: what they take there is the only buffer.
pub const GRAM_LANES: usize = 32;

/// Rows or columns of a task.
const CHUNK: usize = 64;

/// XᵀX for a sparse X of rows × columns, kept as X and its transpose: 16 bytes a stored value, where the product itself
/// may have as many values as columns².
///
/// A signal has one value a column of X. Several stand side by side, one lane each: a matrix of lanes × columns. A
/// lane's result has the same bits whatever the other lanes are, and for any number of threads.
#[derive(Clone, Debug)]
pub struct GramOperator {
    /// X, by row.
    by_row: CsMatI<f32, u32, usize>,
    /// Xᵀ, by row: X by column.
    by_column: CsMatI<f32, u32, usize>,
}

impl GramOperator {
    /// The operator of a matrix in CSR form.
    ///
    /// # Panics
    /// When the matrix is not in CSR form.
    #[must_use]
    pub fn new(x: CsMatI<f32, u32, usize>) -> Self {
        assert!(x.is_csr(), "a matrix by rows");
        let by_column = x.transpose_view().to_csr();
        Self { by_row: x, by_column }
    }

    /// X by column, as a CSR matrix of columns × rows.
    #[must_use]
    pub fn by_column(&self) -> &CsMatI<f32, u32, usize> {
        &self.by_column
    }

    /// Columns of X: values of a signal.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.by_row.cols()
    }

    /// `out = signals · XᵀX`, both lanes × columns.
    ///
    /// # Panics
    /// When a shape does not fit.
    pub fn apply(&self, signals: Columns<'_>, mut out: ColumnsMut<'_>) {
        let shape = (signals.rows(), self.columns());
        assert_eq!((signals.cols(), out.rows(), out.cols()), (shape.1, shape.0, shape.1), "lanes x columns");
        let mut inner = zeros(GRAM_LANES.min(shape.0) * self.by_row.rows());
        for first in (0..shape.0).step_by(GRAM_LANES) {
            let lanes = GRAM_LANES.min(shape.0 - first);
            let inner = &mut inner[..lanes * self.by_row.rows()];
            let hop = (signals, first);
            gather_rows(&self.by_row, hop, ColumnsMut::new(inner, (lanes, self.by_row.rows())), 0);
            let hop = (Columns::new(inner, (lanes, self.by_row.rows())), 0);
            gather_rows(&self.by_column, hop, out.reborrow(), first);
        }
    }

    /// `out = signals · XᵀX` for sparse signals, each by its columns and their values; `out` is lanes × columns.
    ///
    /// # Panics
    /// When a column is not one of X, or `out` has another shape.
    pub fn apply_sparse(&self, signals: &[(&[u32], &[f32])], mut out: ColumnsMut<'_>) {
        assert_eq!((out.rows(), out.cols()), (signals.len(), self.columns()), "lanes x columns");
        let rows = self.by_row.rows();
        let mut inner = zeros(GRAM_LANES.min(signals.len()) * rows);
        for (tile, signals) in signals.chunks(GRAM_LANES).enumerate() {
            let lanes = signals.len();
            let inner = &mut inner[..lanes * rows];
            inner.fill(0.0);
            for (lane, (columns, weights)) in signals.iter().enumerate() {
                for (&column, &weight) in columns.iter().zip(*weights) {
                    let place = self.by_column.indptr().outer_inds_sz(column as usize);
                    let values = &self.by_column.data()[place.clone()];
                    for (&row, &value) in self.by_column.indices()[place].iter().zip(values) {
                        inner[row as usize * lanes + lane] += weight * value;
                    }
                }
            }
            let hop = (Columns::new(inner, (lanes, rows)), 0);
            gather_rows(&self.by_column, hop, out.reborrow(), tile * GRAM_LANES);
        }
    }
}

/// For every row of `matrix`, its sum of the columns of `from`: rows from `first` on of a column of `out` each, summed
/// over the rows of `from` from its own first on.
fn gather_rows(
    matrix: &CsMatI<f32, u32, usize>,
    (from, from_first): (Columns<'_>, usize),
    mut out: ColumnsMut<'_>,
    first: usize,
) {
    let height = out.rows();
    let lanes = (from.rows() - from_first).min(height - first).min(GRAM_LANES);
    out.data().par_chunks_mut(height * CHUNK).enumerate().for_each(|(chunk, columns)| {
        for (at, column) in columns.chunks_exact_mut(height).enumerate() {
            let place = matrix.indptr().outer_inds_sz(chunk * CHUNK + at);
            let sums = &mut column[first..first + lanes];
            sums.fill(0.0);
            gather(sums, from, from_first, &matrix.indices()[place.clone()], &matrix.data()[place]);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::gram;

    /// 50 × 41, rows of different length, one of them empty.
    fn matrix() -> CsMatI<f32, u32, usize> {
        let (mut offsets, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in 0..50u32 {
            for column in (0..41).filter(|column| (row * 7 + column * column) % 9 < row % 5) {
                columns.push(column);
                values.push((row + 2 * column) as f32 % 5.0 - 1.5);
            }
            offsets.push(columns.len());
        }
        CsMatI::new((50, 41), offsets, columns, values)
    }

    #[test]
    fn it_multiplies_by_the_gram_matrix() {
        let (x, lanes) = (matrix(), GRAM_LANES + 3);
        let mut expected = vec![0.0; 41 * 41];
        gram(&mut expected, &x);
        let operator = GramOperator::new(x);
        // A unit vector in each lane: a row of the matrix comes out.
        let mut signals = vec![0.0; lanes * 41];
        (0..lanes).for_each(|lane| signals[lane * lanes + lane] = 1.0);
        let mut out = vec![f32::NAN; lanes * 41];
        operator.apply(Columns::new(&signals, (lanes, 41)), ColumnsMut::new(&mut out, (lanes, 41)));
        for (at, value) in out.iter().enumerate() {
            assert_eq!(*value, expected[at / lanes * 41 + at % lanes]);
        }
        let units: Vec<u32> = (0..lanes as u32).collect();
        let sparse: Vec<(&[u32], &[f32])> = units.iter().map(|unit| (std::slice::from_ref(unit), &[1.0][..])).collect();
        let mut again = vec![f32::NAN; lanes * 41];
        operator.apply_sparse(&sparse, ColumnsMut::new(&mut again, (lanes, 41)));
        assert_eq!(again, out);
    }
}
