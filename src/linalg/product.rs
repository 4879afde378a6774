//! Products of whole batches, in parallel.
//!
//! Work is cut into panels of output columns whose width depends on the shape alone, never on the
//! number of threads, so the result has the same bits for any pool.

use rayon::prelude::*;

use super::columns::{Columns, ColumnsMut};
use super::kernels::{Strided, StridedMut, gemm};

/// Width of a panel for `n` output columns: enough panels to balance, wide enough to pay for packing.
fn panel(n: usize) -> usize {
    n.div_ceil(8).next_multiple_of(4).clamp(32, 512)
}

/// `out = a · b` with `a` m × k, `b` k × n: the gradient that flows back through a layer.
///
/// # Panics
/// When the shapes do not fit.
pub fn multiply(mut out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    assert_eq!((out.rows(), out.cols(), b.rows()), (m, n, k), "shapes do not fit");
    if m == 0 || n == 0 {
        return;
    }
    let width = panel(n);
    out.data().par_chunks_mut(m * width).enumerate().for_each(|(p, chunk)| {
        let cols = chunk.len() / m;
        let b = b.range(p * width..p * width + cols);
        let mut dst = StridedMut::new(chunk, (m, cols), m);
        gemm(&mut dst, 0.0, 1.0, Strided::new(a.data(), (m, k), (1, m)), Strided::new(b.data(), (k, cols), (1, k)));
    });
}

/// `out = a · bᵀ` with `a` m × k, `b` n × k: the gradient of a layer's weights, summed over the batch.
///
/// # Panics
/// When the shapes do not fit.
pub fn multiply_transposed(mut out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    let (m, k, n) = (a.rows(), a.cols(), b.rows());
    assert_eq!((out.rows(), out.cols(), b.cols()), (m, n, k), "shapes do not fit");
    if m == 0 || n == 0 || k == 0 {
        out.data().fill(0.0);
        return;
    }
    let width = panel(n);
    out.data().par_chunks_mut(m * width).enumerate().for_each(|(p, chunk)| {
        let (first, cols) = (p * width, chunk.len() / m);
        let mut dst = StridedMut::new(chunk, (m, cols), m);
        let rhs = Strided::new(&b.data()[first..], (k, cols), (n, 1));
        gemm(&mut dst, 0.0, 1.0, Strided::new(a.data(), (m, k), (1, m)), rhs);
    });
}

/// `out[r] = Σⱼ a[r, j]`, the sum in the order of the columns: the gradient of a bias.
///
/// # Panics
/// When `out` is not one value a row.
pub fn sum_columns(out: &mut [f32], a: Columns<'_>) {
    const ROWS: usize = 1024;
    assert_eq!(out.len(), a.rows(), "one sum a row");
    out.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, out)| {
        out.fill(0.0);
        for j in 0..a.cols() {
            let column = &a.col(j)[chunk * ROWS..][..out.len()];
            out.iter_mut().zip(column).for_each(|(sum, value)| *sum += value);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix of small integers, so that sums are exact in any order.
    fn numbers(rows: usize, cols: usize, salt: usize) -> Vec<f32> {
        (0..rows * cols).map(|i| ((i * 7 + salt) % 11) as f32 - 5.0).collect()
    }

    #[test]
    fn products_equal_the_triple_loop() {
        // Wider than a panel, longer than an inner block.
        let (m, k, n) = (5, 700, 610);
        let (a, b) = (numbers(m, k, 1), numbers(k, n, 2));
        let expected: Vec<f32> =
            (0..n * m).map(|at| (0..k).map(|p| a[p * m + at % m] * b[at / m * k + p]).sum()).collect();
        let mut out = vec![f32::NAN; m * n];
        multiply(ColumnsMut::new(&mut out, (m, n)), Columns::new(&a, (m, k)), Columns::new(&b, (k, n)));
        assert_eq!(out, expected);

        let transposed: Vec<f32> = (0..k * n).map(|at| b[at % n * k + at / n]).collect();
        out.fill(f32::NAN);
        multiply_transposed(
            ColumnsMut::new(&mut out, (m, n)),
            Columns::new(&a, (m, k)),
            Columns::new(&transposed, (n, k)),
        );
        assert_eq!(out, expected);
    }

    #[test]
    fn columns_are_summed() {
        let a = numbers(2000, 3, 4);
        let mut out = vec![f32::NAN; 2000];
        sum_columns(&mut out, Columns::new(&a, (2000, 3)));
        assert_eq!(out[1999], a[1999] + a[3999] + a[5999]);
    }
}
