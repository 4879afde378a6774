//! Small symmetric positive definite systems.

use super::cholesky::NotPositiveDefinite;
use super::columns::{Columns, ColumnsMut};
use super::kernels::{axpy, dots};

/// Solves a·x = b for a symmetric positive definite `n × n` matrix (column-major; only the lower triangle is read) with n
/// the length of `b`: x takes the place of b, the Cholesky factor that of the triangle.
///
/// For systems of some hundred unknowns, many of which are solved side by side: it uses one thread.
///
/// # Errors
/// [`NotPositiveDefinite`] with the pivot that failed; both are then unusable.
///
/// # Panics
/// When `a` does not hold n × n values.
pub fn solve_positive_definite(a: &mut [f32], b: &mut [f32]) -> Result<(), NotPositiveDefinite> {
    let n = b.len();
    assert_eq!(a.len(), n * n, "an {n} x {n} matrix");
    for j in 0..n {
        let (done, rest) = a.split_at_mut(j * n);
        let column = &mut rest[j..n];
        for left in done.chunks_exact(n) {
            axpy(column, -left[j], &left[j..]);
        }
        // Written so that NaN fails too.
        if !(column[0] > 0.0 && column[0].is_finite()) {
            return Err(NotPositiveDefinite { pivot: j });
        }
        let scale = column[0].sqrt().recip();
        column.iter_mut().for_each(|value| *value *= scale);
        // Forward substitution goes along: L·y = b.
        let (solved, open) = b[j..].split_at_mut(1);
        solved[0] /= column[0];
        axpy(open, -solved[0], &column[1..]);
    }
    // Lᵀ·x = y.
    for j in (0..n).rev() {
        let column = &a[j * n + j..(j + 1) * n];
        let (open, solved) = b.split_at_mut(j + 1);
        let mut known = [0.0];
        let view = |values| Columns::new(values, (n - j - 1, 1));
        dots(ColumnsMut::new(&mut known, (1, 1)), view(&column[1..]), view(solved));
        open[j] = (open[j] - known[0]) / column[0];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_solution_solves_the_system((n, m, x) in (1usize..30).prop_flat_map(|n| {
            (Just(n), proptest::collection::vec(-1.0f32..1.0, n * n), proptest::collection::vec(-1.0f32..1.0, n))
        })) {
            // M·Mᵀ + n·I.
            let at = |i: usize, j: usize| (0..n).map(|p| m[p * n + i] * m[p * n + j]).sum::<f32>() + if i == j { n as f32 } else { 0.0 };
            let mut a: Vec<f32> = (0..n * n).map(|place| at(place % n, place / n)).collect();
            let mut b: Vec<f32> = (0..n).map(|i| (0..n).map(|j| at(i, j) * x[j]).sum()).collect();
            // What stands above the diagonal is not looked at.
            (0..n * n).filter(|place| place % n < place / n).for_each(|place| a[place] = f32::NAN);
            solve_positive_definite(&mut a, &mut b).unwrap();
            for (found, expected) in b.iter().zip(&x) {
                prop_assert!((found - expected).abs() < 1e-3, "{found} instead of {expected}");
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused_with_its_pivot() {
        let (mut a, mut b) = ([1.0, 2.0, f32::NAN, 3.0], [1.0, 1.0]);
        assert_eq!(solve_positive_definite(&mut a, &mut b), Err(NotPositiveDefinite { pivot: 1 }));
    }
}
