//! The vectors of a map, as all methods want them.

use rand::RngExt;
use rayon::prelude::*;

use super::ProjectionError;
use crate::linalg::{Columns, zeros};
use crate::random::{Purpose, stream};

/// Vectors around the origin.
pub(super) struct Cloud {
    values: Vec<f32>,
    shape: (usize, usize),
    /// What the vectors were divided by.
    pub scale: f64,
}

impl Cloud {
    /// Moves the mean of the vectors (d × n) to the origin and scales them so that the largest coordinate is 1: products
    /// of finite vectors then neither overflow nor vanish.
    ///
    /// # Errors
    /// A value that is not finite, fewer vectors than `least`, or vectors that are all the same.
    pub fn new(vectors: Columns<'_>, least: usize, method: &'static str) -> Result<Self, ProjectionError> {
        let (dim, points) = (vectors.rows(), vectors.cols());
        if points < least {
            return Err(ProjectionError::TooFew { points, least, method });
        }
        if let Some(at) = vectors.data().iter().position(|value| !value.is_finite()) {
            return Err(ProjectionError::NotFinite { point: at / dim, value: vectors.data()[at] });
        }
        if vectors.data().chunks(dim.max(1)).all(|vector| vector == vectors.col(0)) {
            return Err(ProjectionError::Constant { points });
        }
        let mut mean = vec![0.0f64; dim];
        for vector in vectors.data().chunks_exact(dim) {
            mean.iter_mut().zip(vector).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        mean.iter_mut().for_each(|sum| *sum /= points as f64);
        let largest = |vector: &[f32]| {
            vector.iter().zip(&mean).fold(0.0, |most: f64, (&value, mean)| most.max((f64::from(value) - mean).abs()))
        };
        let scale = vectors.data().par_chunks(dim).map(largest).reduce(|| 0.0, f64::max);
        let mut values = zeros(vectors.data().len());
        values.par_chunks_mut(dim).zip(vectors.data().par_chunks(dim)).for_each(|(out, vector)| {
            for ((out, &value), mean) in out.iter_mut().zip(vector).zip(&mean) {
                *out = ((f64::from(value) - mean) / scale) as f32;
            }
        });
        Ok(Self { values, shape: (dim, points), scale })
    }

    /// The vectors, d × n.
    pub fn columns(&self) -> Columns<'_> {
        Columns::new(&self.values, self.shape)
    }
}

/// Scales every vector, `dim` values each, to unit length; one of length zero stays as it is.
pub fn normalise(vectors: &mut [f32], dim: usize) {
    vectors.par_chunks_mut(dim.max(1)).for_each(|vector| {
        let length = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
        }
    });
}

/// Draws `count` of `points` points (all of them when there are fewer) by a seed; ascending.
#[must_use]
pub fn draw(points: u32, count: usize, seed: u64) -> Vec<u32> {
    let mut drawn: Vec<u32> = (0..points).collect();
    if count < drawn.len() {
        let mut random = stream(seed, Purpose::Map, [0, 0]);
        // Fisher–Yates, stopped once enough places are drawn.
        for place in 0..count {
            drawn.swap(place, random.random_range(place as u32..points) as usize);
        }
        drawn.truncate(count);
        drawn.sort_unstable();
    }
    drawn
}
