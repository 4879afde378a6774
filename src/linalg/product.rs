//! Products of whole batches, in parallel; the same bits for any number of threads.

use rayon::prelude::*;

use super::columns::{Columns, ColumnsMut};
use super::kernels::{Strided, StridedMut, Update, gemm};

/// A matrix as it stands: element (i, j) of `a` is at row i, column j.
fn plain(a: Columns<'_>) -> Strided<'_> {
    Strided::new(a.data(), (a.rows(), a.cols()), (1, a.rows()))
}

/// The transpose of a matrix, by its strides.
fn transposed(a: Columns<'_>) -> Strided<'_> {
    Strided::new(a.data(), (a.cols(), a.rows()), (a.rows(), 1))
}

fn product(mut out: ColumnsMut<'_>, update: Update<'_>, lhs: Strided<'_>, rhs: Strided<'_>) {
    let shape = (out.rows(), out.cols());
    gemm(&mut StridedMut::new(out.data(), shape, shape.0), update, lhs, rhs);
}

/// `out = a · b` with `a` m × k, `b` k × n: the gradient that flows back through a layer.
///
/// # Panics
/// When the shapes do not fit.
pub fn multiply(out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    product(out, Update::REPLACE, plain(a), plain(b));
}

/// `out = a · bᵀ` with `a` m × k, `b` n × k: the gradient of a layer's weights, summed over the batch.
///
/// # Panics
/// When the shapes do not fit.
pub fn multiply_transposed(out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    product(out, Update::REPLACE, plain(a), transposed(b));
}

/// `out = aᵀ · b + offset` with `a` k × m, `b` k × n, and one value of `offset` a row, or none: what a layer
/// computes, faster than [`dots`](super::dots), which alone promises the same bits for a user in any batch on every processor: without AVX2 the order of these sums depends
/// on the shape of the batch.
///
/// # Panics
/// When the shapes do not fit.
pub fn affine(out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>, offset: &[f32]) {
    product(out, Update::with_offset(offset), transposed(a), plain(b));
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

        let transposed: Vec<f32> = (0..m * k).map(|at| a[at % k * m + at / k]).collect();
        out.fill(f32::NAN);
        let (transposed, b) = (Columns::new(&transposed, (k, m)), Columns::new(&b, (k, n)));
        affine(ColumnsMut::new(&mut out, (m, n)), transposed, b, &[]);
        assert_eq!(out, expected);
        let offset = numbers(m, 1, 3);
        affine(ColumnsMut::new(&mut out, (m, n)), transposed, b, &offset);
        assert_eq!(out, expected.iter().enumerate().map(|(at, sum)| sum + offset[at % m]).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_sum_is_zero() {
        let mut out = [f32::NAN; 6];
        multiply(ColumnsMut::new(&mut out, (2, 3)), Columns::new(&[], (2, 0)), Columns::new(&[], (0, 3)));
        assert_eq!(out, [0.0; 6]);
    }

    #[test]
    fn columns_are_summed() {
        let a = numbers(2000, 3, 4);
        let mut out = vec![f32::NAN; 2000];
        sum_columns(&mut out, Columns::new(&a, (2000, 3)));
        assert_eq!(out[1999], a[1999] + a[3999] + a[5999]);
    }
}
