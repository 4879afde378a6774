//! t-SNE (van der Maaten & Hinton 2008): places in the plane whose neighbourhoods are those of the vectors.
//!
//! With the [affinities](super::affinities) pᵢⱼ of the vectors and qᵢⱼ ∝ 1 / (1 + ‖yᵢ − yⱼ‖²) those of the places, the
//! Kullback–Leibler divergence Σ pᵢⱼ ln (pᵢⱼ / qᵢⱼ) is minimised by gradient descent with momentum and gains. Attraction is
//! sparse; repulsion is the exact sum over all pairs, a few instructions each, which up to some ten thousand points is
//! about as fast as a tree and has no parameter. All points move at once, from forces that are each summed in a fixed
//! order, so the places have the same bits on any number of threads.
//!
//! The start is the plane of the principal components (Kobak & Berens 2019), so that what is far apart there tends to stay
//! so; the learning rate grows with the number of points (Belkina et al. 2019).

use rayon::prelude::*;

use super::affinities::Affinities;
use super::cloud::Cloud;
use super::{ProjectionError, pca};
use crate::linalg::{Columns, student_t_sums};
use crate::random::{Purpose, fill_normal};

/// Points at most: beyond, looking at all pairs takes more than some minutes.
pub const MOST_POINTS: usize = 50_000;

/// Fewer points have no neighbourhood.
const LEAST_POINTS: usize = 4;

/// Steps with exaggerated attraction, in which clusters form, and steps after that.
const STEPS: [usize; 2] = [250, 500];
/// Factor of the attraction in each.
const EXAGGERATION: [f32; 2] = [12.0, 1.0];
/// Share of a point's last step that it goes on with, in each.
const MOMENTUM: [f32; 2] = [0.5, 0.8];

/// Standard deviation of the first coordinate at the start: all pairs are near, and every force is felt.
const START: f64 = 1e-4;
/// Standard deviation of what is added to it, so that points at one place can part.
const JITTER: f32 = 1e-6;

/// What a gain grows by while a coordinate keeps its direction, the factor by which it shrinks when it turns, and the
/// smallest one.
const GAIN_STEP: f32 = 0.2;
const GAIN_DECAY: f32 = 0.8;
const LEAST_GAIN: f32 = 0.01;

/// The longest step of a coordinate.
const LONGEST_STEP: f32 = 5.0;

/// How t-SNE is to look at the vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TSneConfig {
    /// How many neighbours of a point count, 1 to [`most_perplexity`].
    pub perplexity: f64,
    /// Draws the start; the same seed gives the same places.
    pub seed: u64,
}

/// The largest perplexity that so many points allow: three times as many neighbours are looked at.
#[must_use]
pub fn most_perplexity(points: usize) -> f64 {
    points.saturating_sub(1) as f64 / 3.0
}

/// Places for vectors, one a column. All are finite; their mean is the origin.
///
/// # Errors
/// [`ProjectionError`]: fewer than four vectors or more than [`MOST_POINTS`], a perplexity that their number does not
/// allow, vectors that are all the same, values that are not finite.
pub fn t_sne(vectors: Columns<'_>, config: &TSneConfig) -> Result<Vec<[f32; 2]>, ProjectionError> {
    let points = vectors.cols();
    let cloud = Cloud::new(vectors, LEAST_POINTS, "t-SNE")?;
    if points > MOST_POINTS {
        return Err(ProjectionError::TooMany { points, most: MOST_POINTS });
    }
    let (perplexity, most) = (config.perplexity, most_perplexity(points));
    if !(1.0..=most).contains(&perplexity) {
        return Err(ProjectionError::Perplexity { perplexity, most, points });
    }
    let affinities = Affinities::new(cloud.columns(), perplexity);
    let mut layout = Layout::new(&pca::of_cloud(&cloud, config.seed)?.places, config.seed);
    for phase in 0..STEPS.len() {
        let step = Step {
            exaggeration: EXAGGERATION[phase],
            momentum: MOMENTUM[phase],
            rate: points as f32 / EXAGGERATION[phase],
        };
        for _ in 0..STEPS[phase] {
            layout.step(&affinities, &step);
        }
    }
    let [xs, ys] = layout.places;
    Ok(xs.into_iter().zip(ys).map(Into::into).collect())
}

/// The constants of a step.
struct Step {
    exaggeration: f32,
    momentum: f32,
    rate: f32,
}

/// Places and how they move, by coordinate.
struct Layout {
    places: [Vec<f32>; 2],
    velocities: [Vec<f32>; 2],
    gains: [Vec<f32>; 2],
}

impl Layout {
    /// At the given places, brought to the size of the start.
    fn new(places: &[[f32; 2]], seed: u64) -> Self {
        let points = places.len();
        let square: f64 = places.iter().map(|place| f64::from(place[0]).powi(2)).sum();
        let scale = START / (square / points as f64).sqrt();
        let coordinate = |at: usize| {
            let mut values = vec![0.0; points];
            fill_normal(&mut values, JITTER, seed, Purpose::Map, 1 + at as u64);
            values.iter_mut().zip(places).for_each(|(value, place)| *value += (f64::from(place[at]) * scale) as f32);
            values
        };
        Self {
            places: [0, 1].map(coordinate),
            velocities: [0, 1].map(|_| vec![0.0; points]),
            gains: [0, 1].map(|_| vec![1.0; points]),
        }
    }

    /// Moves all points once.
    fn step(&mut self, affinities: &Affinities, step: &Step) {
        let gradients = gradients(&self.places, affinities, step.exaggeration);
        for at in 0..2 {
            let (places, velocities, gains) = (&mut self.places[at], &mut self.velocities[at], &mut self.gains[at]);
            for (((place, velocity), gain), gradient) in places.iter_mut().zip(velocities).zip(gains).zip(&gradients) {
                let downhill = gradient[at] * *velocity < 0.0;
                *gain = if downhill { *gain + GAIN_STEP } else { (*gain * GAIN_DECAY).max(LEAST_GAIN) };
                let moved = step.momentum * *velocity - step.rate * *gain * gradient[at];
                *velocity = moved.clamp(-LONGEST_STEP, LONGEST_STEP);
                *place += *velocity;
            }
            let mean = places.iter().map(|&place| f64::from(place)).sum::<f64>() / places.len() as f64;
            places.iter_mut().for_each(|place| *place -= mean as f32);
        }
    }
}

/// A quarter of the gradient of the divergence: Σⱼ (pᵢⱼ − qᵢⱼ) (yᵢ − yⱼ) / (1 + ‖yᵢ − yⱼ‖²), with every pᵢⱼ exaggerated.
pub(super) fn gradients(places: &[Vec<f32>; 2], affinities: &Affinities, exaggeration: f32) -> Vec<[f32; 2]> {
    let [xs, ys] = places;
    let repulsion = |point: usize| student_t_sums([xs[point], ys[point]], xs, ys);
    let repulsions: Vec<[f64; 3]> = (0..xs.len()).into_par_iter().map(repulsion).collect();
    // Without what every point does to itself. At least its rounding is left where all are far apart.
    let total = (repulsions.iter().map(|sums| sums[2]).sum::<f64>() - xs.len() as f64).max(f64::EPSILON);
    let gradient = |(point, repulsion): (usize, [f64; 3])| {
        let mut attraction = [0.0f64; 2];
        for (other, p) in affinities.of(point) {
            let (x, y) = (xs[point] - xs[other as usize], ys[point] - ys[other as usize]);
            let pull = f64::from(exaggeration * p / (1.0 + (x * x + y * y)));
            attraction[0] += pull * f64::from(x);
            attraction[1] += pull * f64::from(y);
        }
        [0, 1].map(|at| (attraction[at] - repulsion[at] / total) as f32)
    };
    repulsions.into_par_iter().enumerate().map(gradient).collect()
}
