//! The leading eigenvectors of a symmetric operator, by randomised subspace iteration.
//!
//! Halko, Martinsson & Tropp 2011, "Finding structure with randomness": a block of random vectors, somewhat wider than
//! what is wanted, is multiplied by the operator again and again, and the eigenvectors are read off its span
//! (Rayleigh–Ritz). Where eigenvalues lie as close as those of interaction matrices, plain powers separate them slowly,
//! so every round applies a Chebyshev polynomial that is small on the unwanted end of the spectrum and grows fastest
//! beyond it (Zhou & Saad 2007, "A Chebyshev–Davidson algorithm", sec. 3).
//!
//! Nothing is drawn here: the start is the caller's, and every sum has a fixed order, so the same start gives the same
//! bits on any number of threads.

use nalgebra::{Cholesky, DMatrix, SymmetricEigen};

use super::columns::{Columns, ColumnsMut};
use super::kernels::zeros;
use super::product::{multiply, multiply_transposed};

/// Rounds at most; what separates so slowly hardly differs in its eigenvalue.
const ROUNDS: usize = 60;

/// No wanted eigenvalue moved by more than this share in the last round. The error of an eigenvalue is the square of that
/// of its vector.
const CONVERGED: f64 = 1e-5;

/// How much more the largest eigenvalue may grow in a round than what is to be damped: beyond the inverse of single
/// precision, it would drown the rest.
const GROWTH: f64 = 1e5;

/// The share of the largest eigenvalue below which one cannot be told from zero in single precision.
const ZERO: f64 = 1e-6;

/// Iterations of the small dense problem at most, for each of its rows.
const DENSE_ITERATIONS: usize = 100;

/// The largest eigenvalues of an operator on vectors of length n, and their vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenpairs {
    /// Descending.
    pub values: Vec<f64>,
    /// count × n: coordinate `c` of vector `r` at row r of column c.
    pub vectors: Vec<f32>,
}

/// Why there are no such eigenpairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EigenError {
    /// More are wanted than are greater than zero.
    #[error("{asked} eigenvalues greater than zero are asked for, there are {rank}")]
    Rank {
        /// How many are wanted.
        asked: usize,
        /// How many there are.
        rank: usize,
    },
    /// Numbers that are not finite, or far too large.
    #[error("the operator does not give finite numbers")]
    NotFinite,
}

/// The `count` largest eigenvalues of a positive semidefinite operator with their vectors.
///
/// `apply(x, y)` sets y = x · A for blocks of row vectors, block × n; `start` is such a block, of random numbers,
/// with at least `count` rows and at most n. Ten per cent more rows than wanted speed the separation.
///
/// # Errors
/// [`EigenError::Rank`] when fewer eigenvalues than `count` are greater than zero.
///
/// # Panics
/// When the start has another shape, or fewer rows than `count`.
pub fn leading_eigenpairs(
    apply: impl Fn(Columns<'_>, ColumnsMut<'_>),
    start: Vec<f32>,
    (block, n): (usize, usize),
    count: usize,
) -> Result<Eigenpairs, EigenError> {
    assert!(count <= block && block <= n, "{count} of {block} vectors of length {n}");
    let shape = (block, n);
    let mut span = Span { image: zeros(start.len()), spare: zeros(start.len()), basis: start, shape };
    let mut values = span.rayleigh_ritz(&apply)?;
    if values[0] <= 0.0 {
        return Err(EigenError::Rank { asked: count, rank: 0 });
    }
    for _ in 0..ROUNDS {
        let before = values;
        span.filter(&apply, &before);
        values = span.rayleigh_ritz(&apply)?;
        let still = |(now, before): (&f64, &f64)| (now - before).abs() <= CONVERGED * now.abs() + ZERO * values[0];
        if values.iter().zip(&before).take(count).all(still) {
            break;
        }
    }
    let rank = values.iter().filter(|&&value| value > ZERO * values[0]).count();
    if rank < count {
        return Err(EigenError::Rank { asked: count, rank });
    }
    values.truncate(count);
    let vectors = span.basis.chunks_exact(block).flat_map(|column| &column[..count]).copied().collect();
    Ok(Eigenpairs { values, vectors })
}

/// A block of row vectors and what the operator makes of them.
struct Span {
    basis: Vec<f32>,
    image: Vec<f32>,
    spare: Vec<f32>,
    shape: (usize, usize),
}

impl Span {
    /// Replaces the basis by orthonormal approximate eigenvectors of the same span, those of the largest eigenvalues
    /// first, and the image accordingly; returns the eigenvalues.
    fn rayleigh_ritz(&mut self, apply: impl Fn(Columns<'_>, ColumnsMut<'_>)) -> Result<Vec<f64>, EigenError> {
        let (block, shape) = (self.shape.0, self.shape);
        self.normalise();
        apply(Columns::new(&self.basis, shape), ColumnsMut::new(&mut self.image, shape));
        let small = |right: &[f32]| -> DMatrix<f64> {
            let mut out = zeros(block * block);
            let (left, right) = (Columns::new(&self.basis, shape), Columns::new(right, shape));
            multiply_transposed(ColumnsMut::new(&mut out, (block, block)), left, right);
            let out = DMatrix::from_iterator(block, block, out.into_iter().map(f64::from));
            (&out + out.transpose()) * 0.5
        };
        // With G = BBᵀ = LLᵀ, the eigenvalues of the span are those of L⁻¹ (B A Bᵀ) L⁻ᵀ. What is added to the diagonal
        // is what rounding may have taken from it.
        let gram = small(&self.basis) + DMatrix::identity(block, block) * (block as f64 * f64::from(f32::EPSILON));
        let factor = Cholesky::new(gram).ok_or(EigenError::NotFinite)?.unpack();
        let identity = DMatrix::identity(block, block);
        let inverse = factor.solve_lower_triangular(&identity).ok_or(EigenError::NotFinite)?;
        let projected = &inverse * small(&self.image) * inverse.transpose();
        let projected = (&projected + projected.transpose()) * 0.5;
        let eigen = SymmetricEigen::try_new(projected, f64::EPSILON, DENSE_ITERATIONS * block);
        let eigen = eigen.ok_or(EigenError::NotFinite)?;
        let mut order: Vec<usize> = (0..block).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let rotation = eigen.eigenvectors.select_columns(&order).transpose() * inverse;
        let rotation: Vec<f32> = rotation.iter().map(|&value| value as f32).collect();
        for vectors in [&mut self.basis, &mut self.image] {
            let (rotation, old) = (Columns::new(&rotation, (block, block)), Columns::new(vectors, shape));
            multiply(ColumnsMut::new(&mut self.spare, shape), rotation, old);
            std::mem::swap(vectors, &mut self.spare);
        }
        Ok(order.into_iter().map(|at| eigen.eigenvalues[at]).collect())
    }

    /// Scales every vector to unit length.
    fn normalise(&mut self) {
        let block = self.shape.0;
        let mut squares = vec![0.0f64; block];
        for column in self.basis.chunks_exact(block) {
            squares.iter_mut().zip(column).for_each(|(sum, &value)| *sum += f64::from(value).powi(2));
        }
        let scales: Vec<f32> =
            squares.into_iter().map(|sum| sum.sqrt().max(f64::MIN_POSITIVE).recip() as f32).collect();
        for column in self.basis.chunks_exact_mut(block) {
            column.iter_mut().zip(&scales).for_each(|(value, scale)| *value *= scale);
        }
    }

    /// Replaces the basis by T(2A/a − 1) of it, T the Chebyshev polynomial of the largest degree within [`GROWTH`] and a
    /// the smallest eigenvalue of the span: what lies below a stays as it is, what lies above grows.
    fn filter(&mut self, apply: impl Fn(Columns<'_>, ColumnsMut<'_>), values: &[f64]) {
        let damped = values[values.len() - 1].max(10.0 * ZERO * values[0]);
        let growth_of_a_degree = (2.0 * values[0] / damped - 1.0).acosh();
        let degree = ((2.0 * GROWTH).ln() / growth_of_a_degree).clamp(1.0, 16.0) as usize;
        let scale = (2.0 / damped) as f32;
        // T₁ = x, Tₙ₊₁ = 2x·Tₙ − Tₙ₋₁; the image becomes T₁ of the basis, and then what follows it.
        self.image.iter_mut().zip(&self.basis).for_each(|(image, basis)| *image = scale * *image - basis);
        std::mem::swap(&mut self.basis, &mut self.image);
        for _ in 1..degree {
            apply(Columns::new(&self.basis, self.shape), ColumnsMut::new(&mut self.spare, self.shape));
            let terms = self.spare.iter().zip(&self.basis).zip(&mut self.image);
            terms.for_each(|((product, now), before)| *before = 2.0 * (scale * product - now) - *before);
            std::mem::swap(&mut self.basis, &mut self.image);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    fn random(len: usize, number: u64) -> Vec<f32> {
        let mut random = stream(1, Purpose::Init, [number, 0]);
        (0..len).map(|_| random.random_range(-1.0..1.0)).collect()
    }

    /// MᵀM / n for a random M of `rank` × n, whose rows are of falling length.
    fn semidefinite(n: usize, rank: usize) -> DMatrix<f32> {
        let mut m = DMatrix::from_vec(rank, n, random(rank * n, 1));
        m.row_iter_mut().enumerate().for_each(|(r, mut row)| row *= 1.0 / (1.0 + r as f32 / 4.0));
        m.transpose() * m / n as f32
    }

    fn leading(a: &DMatrix<f32>, block: usize, count: usize) -> Result<Eigenpairs, EigenError> {
        let n = a.nrows();
        leading_eigenpairs(|x, y| multiply(y, x, a.into()), random(block * n, 2), (block, n), count)
    }

    #[test]
    fn values_and_vectors_are_those_of_a_dense_solver() {
        // Wide and narrow blocks, and the whole space.
        for (n, block, count) in [(120, 30, 20), (90, 12, 9), (40, 40, 40)] {
            let a = semidefinite(n, n + 10);
            let found = leading(&a, block, count).unwrap();
            let exact = SymmetricEigen::new(a.clone());
            let mut expected: Vec<f32> = exact.eigenvalues.iter().copied().collect();
            expected.sort_by(|a, b| b.total_cmp(a));
            for (value, expected) in found.values.iter().zip(&expected) {
                assert!(
                    (value - f64::from(*expected)).abs() < 1e-4 * f64::from(expected.max(1e-2)),
                    "{value} {expected}"
                );
            }
            let vectors = DMatrix::from_column_slice(count, n, &found.vectors);
            let angles = &vectors * vectors.transpose();
            assert!((angles - DMatrix::identity(count, count)).abs().max() < 1e-4, "orthonormal");
            let lengths = DMatrix::from_diagonal(&nalgebra::DVector::from_iterator(
                count,
                found.values.iter().map(|value| *value as f32),
            ));
            let residual = &vectors * &a - lengths * &vectors;
            assert!(residual.abs().max() < 3e-3 * expected[0], "{}", residual.abs().max());
        }
    }

    #[test]
    fn too_low_a_rank_is_found_out() {
        let a = semidefinite(60, 7);
        assert_eq!(leading(&a, 20, 7).map(|found| found.values.len()), Ok(7));
        assert_eq!(leading(&a, 20, 8), Err(EigenError::Rank { asked: 8, rank: 7 }));
        assert_eq!(leading(&DMatrix::zeros(5, 5), 3, 1), Err(EigenError::Rank { asked: 1, rank: 0 }));
        let broken = DMatrix::from_element(5, 5, f32::NAN);
        assert_eq!(leading(&broken, 3, 1), Err(EigenError::NotFinite));
    }

    #[test]
    fn threads_do_not_matter() {
        let a = semidefinite(200, 200);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| leading(&a, 40, 33)).unwrap()
        };
        assert_eq!(on(1), on(3));
    }
}
