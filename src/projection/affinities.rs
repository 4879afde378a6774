//! Who is near to whom, as a probability of every pair: what t-SNE wants to see again in the plane.
//!
//! Of point i, the nearest 3u others for perplexity u have pⱼ|ᵢ ∝ exp(−βᵢ ‖xᵢ − xⱼ‖²), with βᵢ such that the entropy is
//! ln u: as many neighbours count as u, however dense it is there. All others have 0 (van der Maaten 2014, sec. 4.1). Of
//! the pair, pᵢⱼ = (pⱼ|ᵢ + pᵢ|ⱼ) / 2n: nobody is left out, and all pairs sum to 1.

use rayon::prelude::*;

use crate::linalg::{Columns, ColumnsMut, affine, zeros};

/// Points whose distances to all others are computed together.
const BLOCK: usize = 128;

/// Halvings of the interval that βᵢ is sought in, at most: as many as tell two numbers apart.
const HALVINGS: usize = 64;

/// How near to its target the entropy comes.
const TOLERANCE: f64 = 1e-5;

/// A sparse symmetric matrix of probabilities.
pub(super) struct Affinities {
    /// Point i has the entries `ends[i - 1]..ends[i]`.
    ends: Vec<usize>,
    others: Vec<u32>,
    values: Vec<f32>,
}

impl Affinities {
    /// The affinities of vectors, one a column.
    pub fn new(x: Columns<'_>, perplexity: f64) -> Self {
        let points = x.cols();
        let neighbours = ((3.0 * perplexity) as usize).clamp(1, points - 1);
        let mut entries: Vec<(u32, u32, f32)> = Vec::with_capacity(2 * points * neighbours);
        for (point, near) in (0u32..).zip(nearest(x, neighbours)) {
            let distances: Vec<f64> = near.iter().map(|&(square, _)| f64::from(square)).collect();
            for (share, (_, other)) in conditional(&distances, perplexity).into_iter().zip(near) {
                let half = (share / (2 * points) as f64) as f32;
                entries.extend([(point, other, half), (other, point, half)]);
            }
        }
        entries.par_sort_unstable_by_key(|&(point, other, _)| (point, other));
        let mut affinities = Self { ends: vec![0; points], others: Vec::new(), values: Vec::new() };
        // A pair stands there twice where each is among the other's nearest; of two terms, the order does not matter.
        for pair in entries.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            affinities.others.push(pair[0].1);
            affinities.values.push(pair.iter().map(|entry| entry.2).sum());
            affinities.ends[pair[0].0 as usize] = affinities.others.len();
        }
        affinities
    }

    /// The others that are near to a point, ascending, with the probabilities of the pairs.
    pub fn of(&self, point: usize) -> impl Iterator<Item = (u32, f32)> {
        let start = if point == 0 { 0 } else { self.ends[point - 1] };
        let range = start..self.ends[point];
        self.others[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }
}

/// For every point, squared distance and number of its `count` nearest others, nearest first; of equally near ones, those
/// that come first.
pub(super) fn nearest(x: Columns<'_>, count: usize) -> Vec<Vec<(f32, u32)>> {
    let (dim, points) = (x.rows(), x.cols());
    let squares: Vec<f32> =
        x.data().par_chunks(dim).map(|vector| vector.iter().map(|value| value * value).sum()).collect();
    let mut products = zeros(points * BLOCK.min(points));
    let mut all = Vec::with_capacity(points);
    for first in (0..points).step_by(BLOCK) {
        let block = first..(first + BLOCK).min(points);
        let products = &mut products[..points * block.len()];
        affine(ColumnsMut::new(products, (points, block.len())), x, x.range(block.clone()), &[]);
        let of_point = |near: &mut Vec<(f32, u32)>, (point, products): (usize, &[f32])| {
            let distance = |(other, product): (usize, &f32)| {
                // Rounding may take a little too much from points that coincide.
                let square = (squares[point] + squares[other] - 2.0 * product).max(0.0);
                (other != point).then_some((square, other as u32))
            };
            near.clear();
            near.extend(products.iter().enumerate().filter_map(distance));
            let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            if count < near.len() {
                near.select_nth_unstable_by(count, order);
                near.truncate(count);
            }
            near.sort_unstable_by(order);
            // A copy: the room for all others is used again for the next point.
            near.clone()
        };
        let found = block.clone().into_par_iter().zip(products.par_chunks(points)).map_init(Vec::new, of_point);
        all.par_extend(found);
    }
    all
}

/// The probabilities of neighbours at these squared distances, ascending, with the entropy ln `perplexity`. Where so many
/// neighbours are equally near that no β comes to that entropy, the nearest ones share alike.
fn conditional(squares: &[f64], perplexity: f64) -> Vec<f64> {
    let target = perplexity.ln();
    let beyond: Vec<f64> = squares.iter().map(|square| square - squares[0]).collect();
    let mean = beyond.iter().sum::<f64>() / beyond.len() as f64;
    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut beta = if mean > 0.0 { 1.0 / mean } else { 1.0 };
    let mut shares = vec![0.0; squares.len()];
    for _ in 0..HALVINGS {
        shares.iter_mut().zip(&beyond).for_each(|(share, square)| *share = (-beta * square).exp());
        // The nearest neighbour alone has 1.
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        let spread: f64 = shares.iter().zip(&beyond).map(|(share, square)| share * square).sum();
        let excess = sum.ln() + beta * spread - target;
        if excess.abs() < TOLERANCE {
            break;
        }
        if excess > 0.0 {
            low = beta
        } else {
            high = beta
        }
        beta = if high.is_finite() { f64::midpoint(low, high) } else { beta * 2.0 };
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, fill_normal};

    #[test]
    fn the_nearest_are_those_of_the_plain_loop() {
        let (dim, points) = (5, 300);
        let mut values = vec![0.0; dim * points];
        fill_normal(&mut values, 3.0, 1, Purpose::Map, 7);
        // Whole numbers: distances are exact, and many are equal.
        values.iter_mut().for_each(|value| *value = value.round());
        values.copy_within(0..dim, 40 * dim);
        values.copy_within(0..dim, 41 * dim);
        let x = Columns::new(&values, (dim, points));
        let found = nearest(x, 9);
        for (point, found) in found.iter().enumerate() {
            let square =
                |other: usize| -> f32 { x.col(point).iter().zip(x.col(other)).map(|(a, b)| (a - b).powi(2)).sum() };
            let mut expected: Vec<usize> = (0..points).filter(|&other| other != point).collect();
            expected.sort_by(|&a, &b| square(a).total_cmp(&square(b)));
            let found: Vec<usize> = found.iter().map(|near| near.1 as usize).collect();
            assert_eq!(found, expected[..9], "point {point}");
        }
        assert_eq!([found[0][0].1, found[0][1].1, found[40][0].1], [40, 41, 0]);
    }

    #[test]
    fn the_entropy_is_that_of_the_perplexity() {
        let squares: Vec<f64> = (0..30).map(|at| 3.0 + f64::from(at).powf(1.3)).collect();
        for (perplexity, scale) in [(2.0, 1.0), (10.0, 1e-8), (25.0, 1e8)] {
            let squares: Vec<f64> = squares.iter().map(|square| square * scale).collect();
            let shares = conditional(&squares, perplexity);
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let entropy: f64 = shares.iter().map(|p| if *p > 0.0 { -p * p.ln() } else { 0.0 }).sum();
            assert!((entropy.exp() - perplexity).abs() < 1e-3 * perplexity, "{} {perplexity}", entropy.exp());
        }
        let tied = conditional(&[0.5; 6].into_iter().chain([0.7; 3]).collect::<Vec<_>>(), 3.0);
        assert!(tied[..6].iter().all(|share| (share - 1.0 / 6.0).abs() < 1e-6), "{tied:?}");
        assert_eq!(conditional(&[0.0; 3], 1.0), [1.0 / 3.0; 3]);
    }

    #[test]
    fn pairs_are_symmetric_and_sum_to_one() {
        let (dim, points) = (4, 150);
        let mut values = vec![0.0; dim * points];
        fill_normal(&mut values, 1.0, 2, Purpose::Map, 7);
        let affinities = Affinities::new(Columns::new(&values, (dim, points)), 12.0);
        let mut sum = 0.0;
        for point in 0..points {
            for (other, value) in affinities.of(point) {
                let back = affinities.of(other as usize).find(|entry| entry.0 as usize == point).unwrap().1;
                assert!(value == back && value >= 0.0 && other as usize != point);
                sum += f64::from(value);
            }
            assert!(affinities.of(point).count() >= 36);
        }
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
}
