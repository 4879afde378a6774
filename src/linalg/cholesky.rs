//! In-place inverse of a symmetric positive definite matrix.
//!
//! The blocked Cholesky route of LAPACK (`potrf`, `trtri`, `lauum`), n³ floating point operations and
//! one n × n matrix of memory: A = L·Lᵀ, then L⁻¹ in place, then A⁻¹ = L⁻ᵀ·L⁻¹. Nearly all of the
//! work is matrix products; the scalar parts touch single `BLOCK × BLOCK` blocks.

use super::gram::mirror_lower;
use super::kernels::{Strided, StridedMut, Update, axpy, gemm};

/// Width of a block column: what is packed for a product is used that many times.
const BLOCK: usize = 512;

/// Columns of the trailing matrix that one product updates: what stands above the diagonal in them is
/// computed in vain, what stands left of them is packed anew for each.
const PANEL: usize = 1024;

/// The matrix is not positive definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the matrix is not positive definite: pivot {pivot} is not greater than zero")]
pub struct NotPositiveDefinite {
    /// Row of the pivot that failed.
    pub pivot: usize,
}

/// Replaces the symmetric positive definite `n × n` matrix `a` (column-major; only the lower triangle
/// is read) by its inverse (both triangles).
///
/// # Errors
/// [`NotPositiveDefinite`] with the pivot that failed; `a` is then unusable.
///
/// # Panics
/// When `a` does not hold n × n values.
pub fn invert_positive_definite(a: &mut [f32], n: usize) -> Result<(), NotPositiveDefinite> {
    assert_eq!(a.len(), n * n, "an {n} x {n} matrix");
    factorise(a, n)?;
    invert_factor(a, n);
    multiply_factor(a, n);
    mirror_lower(a, n);
    Ok(())
}

/// Overwrites the lower triangle by L, with every diagonal block already replaced by its inverse
/// (upper part zero): no later step needs the block itself.
fn factorise(a: &mut [f32], n: usize) -> Result<(), NotPositiveDefinite> {
    for start in (0..n).step_by(BLOCK) {
        let width = BLOCK.min(n - start);
        let end = start + width;
        let (panel, rest) = a[start * n..].split_at_mut(width * n);
        let inverse = invert_diagonal_block(panel, n, start, width)
            .map_err(|pivot| NotPositiveDefinite { pivot: start + pivot })?;
        if end == n {
            break;
        }
        // Below the block: A₂₁ ← A₂₁ · L₁₁⁻ᵀ.
        let below = copy_rows(panel, n, end, width);
        gemm(
            &mut StridedMut::new(&mut panel[end..], (n - end, width), n),
            Update::REPLACE,
            Strided::new(&below, (n - end, width), (1, n - end)),
            Strided::new(&inverse, (width, width), (width, 1)),
        );
        // The rest, lower triangle only, one panel of columns after the other: A₂₂ ← A₂₂ − A₂₁ · A₂₁ᵀ.
        for (at, columns) in rest.chunks_mut(n * PANEL).enumerate() {
            let (top, cols) = (end + at * PANEL, columns.len() / n);
            let lhs = Strided::new(&panel[top..], (n - top, width), (1, n));
            let rhs = Strided::new(&panel[top..], (width, cols), (n, 1));
            gemm(&mut StridedMut::new(&mut columns[top..], (n - top, cols), n), Update::SUBTRACT, lhs, rhs);
        }
    }
    Ok(())
}

/// Replaces L by L⁻¹, block column after block column from the right: with L₂₂⁻¹ in place,
/// the part below a diagonal block becomes −L₂₂⁻¹ · L₂₁ · L₁₁⁻¹.
fn invert_factor(a: &mut [f32], n: usize) {
    for start in (0..n).step_by(BLOCK).rev() {
        let width = BLOCK.min(n - start);
        let end = start + width;
        let len = n - end;
        if len == 0 {
            continue;
        }
        let below = copy_rows(&a[start * n..end * n], n, end, width);
        let mut product = vec![0.0; len * width];
        let inverse = Strided::new(&a[start * n + start..], (width, width), (1, n));
        gemm(
            &mut StridedMut::new(&mut product, (len, width), len),
            Update::REPLACE,
            Strided::new(&below, (len, width), (1, len)),
            inverse,
        );

        let mut rows = below;
        for (chunk, out) in rows.chunks_mut(BLOCK * width).enumerate() {
            let (top, height) = (end + chunk * BLOCK, out.len() / width);
            let inner = top + height - end;
            let lhs = Strided::new(&a[end * n + top..], (height, inner), (1, n));
            let rhs = Strided::new(&product, (inner, width), (1, len));
            gemm(&mut StridedMut::new(out, (height, width), height), Update::REPLACE_NEGATED, lhs, rhs);
        }
        for (chunk, block) in rows.chunks(BLOCK * width).enumerate() {
            let (top, height) = (end + chunk * BLOCK, block.len() / width);
            for (j, column) in block.chunks_exact(height).enumerate() {
                a[(start + j) * n + top..][..height].copy_from_slice(column);
            }
        }
    }
}

/// Replaces K = L⁻¹ by the lower triangle of KᵀK, block row after block row from the top: row block i
/// of the result needs only rows i and below of K.
fn multiply_factor(a: &mut [f32], n: usize) {
    for start in (0..n).step_by(BLOCK) {
        let height = BLOCK.min(n - start);
        let end = start + height;
        let mut row = vec![0.0; height * end];
        let lhs = Strided::new(&a[start * n + start..], (height, n - start), (n, 1));
        let rhs = Strided::new(&a[start..], (n - start, end), (1, n));
        gemm(&mut StridedMut::new(&mut row, (height, end), height), Update::REPLACE, lhs, rhs);
        for (j, column) in row.chunks_exact(height).enumerate() {
            a[j * n + start..][..height].copy_from_slice(column);
        }
    }
}

/// The rows from `top` of a panel of `width` columns, contiguous.
fn copy_rows(panel: &[f32], n: usize, top: usize, width: usize) -> Vec<f32> {
    panel.chunks_exact(n).take(width).flat_map(|column| &column[top..]).copied().collect()
}

/// Factorises the diagonal block at row `start` of a panel and stores the inverse of its factor in
/// place (upper part zero); returns that inverse, or the pivot that failed.
fn invert_diagonal_block(panel: &mut [f32], n: usize, start: usize, width: usize) -> Result<Vec<f32>, usize> {
    let block = panel.chunks_exact(n).flat_map(|column| &column[start..start + width]).copied().collect();
    let inverse = inverse_of_factor(block, width)?;
    for (column, values) in panel.chunks_exact_mut(n).zip(inverse.chunks_exact(width)) {
        column[start..start + width].copy_from_slice(values);
    }
    Ok(inverse)
}

/// L⁻¹ (upper part zero) for the `n × n` matrix A = L·Lᵀ of which `a` holds the lower triangle, by halves, or
/// the pivot that failed: with A₁₁ = L₁₁·L₁₁ᵀ, the lower left quarter of L is L₂₁ = A₂₁·L₁₁⁻ᵀ, what is left
/// for L₂₂ is A₂₂ − L₂₁·L₂₁ᵀ, and the lower left quarter of the inverse is −L₂₂⁻¹·L₂₁·L₁₁⁻¹.
fn inverse_of_factor(a: Vec<f32>, n: usize) -> Result<Vec<f32>, usize> {
    /// Width from which on halves are worth the copies.
    const HALVED: usize = 64;
    if n <= HALVED {
        return inverse_of_small_factor(a, n);
    }
    let (h, m) = (n / 2, n - n / 2);
    let quarter = |top: usize, left: usize, (height, width): (usize, usize)| -> Vec<f32> {
        a.chunks_exact(n).skip(left).take(width).flat_map(|column| &column[top..top + height]).copied().collect()
    };
    fn product(out: &mut [f32], shape: (usize, usize), update: Update, lhs: Strided<'_>, rhs: Strided<'_>) {
        gemm(&mut StridedMut::new(out, shape, shape.0), update, lhs, rhs);
    }
    fn plain(data: &[f32], shape: (usize, usize)) -> Strided<'_> {
        Strided::new(data, shape, (1, shape.0))
    }
    let first = inverse_of_factor(quarter(0, 0, (h, h)), h)?;
    let (below, mut factor) = (quarter(h, 0, (m, h)), vec![0.0; m * h]);
    product(&mut factor, (m, h), Update::REPLACE, plain(&below, (m, h)), Strided::new(&first, (h, h), (h, 1)));
    let mut rest = quarter(h, h, (m, m));
    product(&mut rest, (m, m), Update::SUBTRACT, plain(&factor, (m, h)), Strided::new(&factor, (h, m), (m, 1)));
    let last = inverse_of_factor(rest, m).map_err(|pivot| h + pivot)?;
    let (mut half, mut corner) = (vec![0.0; m * h], below);
    product(&mut half, (m, h), Update::REPLACE, plain(&factor, (m, h)), plain(&first, (h, h)));
    product(&mut corner, (m, h), Update::REPLACE_NEGATED, plain(&last, (m, m)), plain(&half, (m, h)));
    let mut inverse = vec![0.0; n * n];
    for (j, column) in inverse.chunks_exact_mut(n).enumerate() {
        let (top, bottom) = column.split_at_mut(h);
        match j.checked_sub(h) {
            None => {
                top.copy_from_slice(&first[j * h..][..h]);
                bottom.copy_from_slice(&corner[j * m..][..m]);
            }
            Some(j) => bottom.copy_from_slice(&last[j * m..][..m]),
        }
    }
    Ok(inverse)
}

/// [`inverse_of_factor`] column by column.
fn inverse_of_small_factor(mut factor: Vec<f32>, n: usize) -> Result<Vec<f32>, usize> {
    for j in 0..n {
        let (done, column) = factor.split_at_mut(j * n);
        for left in done.chunks_exact(n) {
            axpy(&mut column[j..n], -left[j], &left[j..]);
        }
        // Written so that NaN fails too.
        if !(column[j] > 0.0 && column[j].is_finite()) {
            return Err(j);
        }
        let scale = 1.0 / column[j].sqrt();
        column[j..n].iter_mut().for_each(|v| *v *= scale);
    }
    let mut inverse = vec![0.0; n * n];
    for (j, x) in inverse.chunks_exact_mut(n).enumerate() {
        x[j] = 1.0;
        for p in j..n {
            let column = &factor[p * n..][..n];
            let (solved, open) = x.split_at_mut(p + 1);
            solved[p] /= column[p];
            axpy(open, -solved[p], &column[p + 1..]);
        }
    }
    Ok(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    /// M·Mᵀ + n·I for a random M: symmetric, positive definite, well conditioned.
    fn definite(n: usize) -> Vec<f32> {
        let mut random = stream(1, Purpose::Init, [n as u64, 0]);
        let m: Vec<f32> = (0..n * n).map(|_| random.random_range(-1.0..1.0)).collect();
        let mut a = vec![0.0; n * n];
        gemm(
            &mut StridedMut::new(&mut a, (n, n), n),
            Update::REPLACE,
            Strided::new(&m, (n, n), (1, n)),
            Strided::new(&m, (n, n), (n, 1)),
        );
        (0..n).for_each(|i| a[i * n + i] += n as f32);
        a
    }

    #[test]
    fn product_with_the_inverse_is_the_identity() {
        // Below, at and above one block, and with a ragged last block.
        for n in [1, 7, BLOCK, BLOCK + 1, 2 * BLOCK + 77] {
            let a = definite(n);
            let mut inverse = a.clone();
            invert_positive_definite(&mut inverse, n).unwrap();
            let mut product = vec![0.0; n * n];
            let (lhs, rhs) = (Strided::new(&a, (n, n), (1, n)), Strided::new(&inverse, (n, n), (1, n)));
            gemm(&mut StridedMut::new(&mut product, (n, n), n), Update::REPLACE, lhs, rhs);
            for (at, value) in product.iter().enumerate() {
                let expected = if at % n == at / n { 1.0 } else { 0.0 };
                assert!((value - expected).abs() < 1e-3, "n = {n}, element {at}: {value}");
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused_with_its_pivot() {
        let n = BLOCK + 10;
        let mut a = definite(n);
        a[(BLOCK + 3) * n + BLOCK + 3] = -1.0;
        assert_eq!(invert_positive_definite(&mut a, n), Err(NotPositiveDefinite { pivot: BLOCK + 3 }));
    }
}
