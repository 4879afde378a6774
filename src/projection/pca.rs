//! Principal components: the directions in which vectors vary most (Pearson 1901; Hotelling 1933).
//!
//! With X the vectors around their mean (d × n) and C = XXᵀ, the places are the products of the vectors with the two
//! leading eigenvectors of C; an eigenvalue divided by the trace of C is the share of the variance that its component
//! explains. The eigenvectors are found by the randomised subspace iteration of `linalg`, from a start that the seed
//! draws.

use rayon::prelude::*;

use super::ProjectionError;
use super::cloud::Cloud;
use crate::linalg::{
    Columns, ColumnsMut, EigenError, Eigenpairs, leading_eigenpairs, multiply, multiply_transposed, zeros,
};
use crate::random::{Purpose, fill_normal};

/// Vectors of the subspace iteration: more than are wanted, so that the wanted ones separate fast.
const BLOCK: usize = 16;

/// Places in the plane of the first two principal components.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// One a vector, in its order.
    pub places: Vec<[f32; 2]>,
    /// The share of the variance that each component explains, 0 to 1.
    pub explained: [f64; 2],
}

/// Projects vectors, one a column, on their first two principal components. Of each component, the coordinate of largest
/// magnitude is positive; where vectors lie on a line, the second one is zero.
///
/// # Errors
/// [`ProjectionError`]: fewer than three vectors, vectors that are all the same, values that are not finite.
pub fn pca(vectors: Columns<'_>, seed: u64) -> Result<Pca, ProjectionError> {
    of_cloud(&Cloud::new(vectors, 3, "PCA")?, seed)
}

/// The same for vectors that have been brought around their mean.
pub(super) fn of_cloud(cloud: &Cloud, seed: u64) -> Result<Pca, ProjectionError> {
    let x = cloud.columns();
    let dim = x.rows();
    let mut covariance = zeros(dim * dim);
    multiply_transposed(ColumnsMut::new(&mut covariance, (dim, dim)), x, x);
    let total: f64 = (0..dim).map(|at| f64::from(covariance[at * dim + at])).sum();
    let found = leading(Columns::new(&covariance, (dim, dim)), seed)?;
    let count = found.values.len();
    let mut explained = [0.0; 2];
    explained.iter_mut().zip(&found.values).for_each(|(share, value)| *share = (value / total).clamp(0.0, 1.0));
    let components: Vec<Vec<f32>> =
        (0..count).map(|at| upright(found.vectors.iter().skip(at).step_by(count).copied().collect())).collect();
    let place = |vector: &[f32]| {
        let mut place = [0.0; 2];
        for (coordinate, component) in place.iter_mut().zip(&components) {
            let terms = component.iter().zip(vector).map(|(&a, &b)| f64::from(a) * f64::from(b));
            *coordinate = (terms.sum::<f64>() * cloud.scale).clamp(f32::MIN.into(), f32::MAX.into()) as f32;
        }
        place
    };
    Ok(Pca { places: x.data().par_chunks(dim).map(place).collect(), explained })
}

/// The two leading eigenpairs, or the one that there is.
fn leading(covariance: Columns<'_>, seed: u64) -> Result<Eigenpairs, EigenError> {
    let dim = covariance.rows();
    let block = BLOCK.min(dim);
    let find = |count| {
        let mut start = zeros(block * dim);
        fill_normal(&mut start, 1.0, seed, Purpose::Subspace, 0);
        leading_eigenpairs(|x, y| multiply(y, x, covariance), start, (block, dim), count)
    };
    match find(dim.min(2)) {
        Err(EigenError::Rank { rank: 1, .. }) => find(1),
        found => found,
    }
}

/// The vector, or its negative: whichever has a positive coordinate of largest magnitude.
fn upright(mut vector: Vec<f32>) -> Vec<f32> {
    let largest = vector.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
    if largest.is_some_and(|value| value < 0.0) {
        vector.iter_mut().for_each(|value| *value = -*value);
    }
    vector
}
