//! Densities of what has been observed on one parameter: Parzen windows for places, shares for choices.

use std::f64::consts::{PI, SQRT_2};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

/// A mixture of Gaussians on [0, 1], cut off at its ends: one around every observation, and one of width 1 around the
/// middle, the prior. All have the same weight.
///
/// The width of a Gaussian is the larger of the distances to its neighbours, the ends counted as neighbours, but no
/// less than 1 / min(100, n + 1) and no more than 1 (Bergstra et al. 2011, §4.1, the adaptive Parzen estimator).
#[derive(Clone, Debug)]
pub struct Parzen(Vec<Window>);

#[derive(Clone, Copy, Debug)]
struct Window {
    centre: f64,
    width: f64,
    /// The part of the Gaussian that lies in [0, 1].
    mass: f64,
}

/// The narrowest that windows become, as a share of the whole, however many there are.
const NARROWEST: f64 = 0.01;

impl Parzen {
    /// The density of observations in [0, 1]; without any, the prior.
    #[must_use]
    pub fn new(observed: &[f64]) -> Self {
        let mut centres: Vec<(f64, bool)> = observed.iter().map(|&place| (place, false)).chain([(0.5, true)]).collect();
        centres.sort_by(|a, b| a.0.total_cmp(&b.0));
        let narrowest = NARROWEST.max(1.0 / (observed.len() + 1) as f64);
        let window = |(at, &(centre, prior)): (usize, &(f64, bool))| {
            let left = if at == 0 { 0.0 } else { centres[at - 1].0 };
            let right = centres.get(at + 1).map_or(1.0, |next| next.0);
            let width = if prior { 1.0 } else { (centre - left).max(right - centre).clamp(narrowest, 1.0) };
            let mass = normal_cdf((1.0 - centre) / width) - normal_cdf(-centre / width);
            Window { centre, width, mass }
        };
        Self(centres.iter().enumerate().map(window).collect())
    }

    /// A draw.
    pub fn draw(&self, random: &mut ChaCha8Rng) -> f64 {
        let window = self.0[random.random_range(0..self.0.len() as u32) as usize];
        // At least a third of a Gaussian around a place in [0, 1] that is no wider than 1 lies in there.
        let Ok(normal) = Normal::new(window.centre, window.width) else { return window.centre };
        loop {
            let place = normal.sample(random);
            if (0.0..=1.0).contains(&place) {
                return place;
            }
        }
    }

    /// The logarithm of the density at a place in [0, 1].
    #[must_use]
    pub fn ln_density(&self, place: f64) -> f64 {
        let density = |window: &Window| {
            let z = (place - window.centre) / window.width;
            (-0.5 * z * z).exp() / (window.width * (2.0 * PI).sqrt() * window.mass)
        };
        (self.0.iter().map(density).sum::<f64>() / self.0.len() as f64).ln()
    }
}

/// How likely each of some choices is: as often as it was observed, and once more for the prior.
#[derive(Clone, Debug)]
pub struct Shares(Vec<f64>);

impl Shares {
    /// The shares of `choices` choices after some of them were observed.
    #[must_use]
    pub fn new(observed: &[usize], choices: usize) -> Self {
        let mut shares = vec![1.0; choices];
        observed.iter().for_each(|&choice| shares[choice] += 1.0);
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        Self(shares)
    }

    /// A draw.
    pub fn draw(&self, random: &mut ChaCha8Rng) -> usize {
        let (at, mut sum): (f64, f64) = (random.random(), 0.0);
        let reached = |share: &f64| {
            sum += share;
            at < sum
        };
        self.0.iter().position(reached).unwrap_or(self.0.len() - 1)
    }

    /// The logarithm of the share of a choice.
    #[must_use]
    pub fn ln_share(&self, choice: usize) -> f64 {
        self.0[choice].ln()
    }
}

/// The share of a standard Gaussian below `z`, to 1.5e-7.
fn normal_cdf(z: f64) -> f64 {
    0.5 * (1.0 + erf(z / SQRT_2))
}

/// The error function (Abramowitz & Stegun 1964, 7.1.26).
fn erf(x: f64) -> f64 {
    const A: [f64; 5] = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];
    let t = 1.0 / (1.0 + 0.3275911 * x.abs());
    let sum = A.iter().rev().fold(0.0, |sum, a| (sum + a) * t);
    (1.0 - sum * (-x * x).exp()).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    /// The integral of a density over [0, 1] by the midpoint rule.
    fn integral(parzen: &Parzen) -> f64 {
        (0..2000).map(|at| parzen.ln_density((f64::from(at) + 0.5) / 2000.0).exp()).sum::<f64>() / 2000.0
    }

    #[test]
    fn densities_integrate_to_one() {
        for observed in [&[][..], &[0.0], &[1.0, 1.0, 1.0], &[0.1, 0.11, 0.9], &[0.5; 40]] {
            assert!((integral(&Parzen::new(observed)) - 1.0).abs() < 1e-4, "{observed:?}");
        }
    }

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        for (x, expected) in [(0.0, 0.0), (0.5, 0.5204998778), (1.0, 0.8427007929), (2.0, 0.995322265)] {
            assert!((erf(x) - expected).abs() < 2e-7 && (erf(-x) + expected).abs() < 2e-7, "{x}");
        }
    }

    #[test]
    fn draws_follow_the_density() {
        let parzen = Parzen::new(&[0.1, 0.12, 0.15, 0.2]);
        let mut random = stream(3, Purpose::Tune, [0, 0]);
        let draws: Vec<f64> = (0..20_000).map(|_| parzen.draw(&mut random)).collect();
        for (low, high) in [(0.0, 0.25), (0.25, 0.6), (0.6, 1.0)] {
            let share = draws.iter().filter(|place| (low..high).contains(*place)).count() as f64 / 20_000.0;
            let steps = 1000;
            let density = |at| parzen.ln_density(low + (high - low) * (f64::from(at) + 0.5) / f64::from(steps)).exp();
            let expected = (0..steps).map(density).sum::<f64>() * (high - low) / f64::from(steps);
            assert!((share - expected).abs() < 0.015, "{low}..{high}: {share} against {expected}");
        }
    }

    #[test]
    fn shares_count_what_was_seen_and_the_prior() {
        let shares = Shares::new(&[2, 2, 0], 3);
        let expected = [2.0, 1.0, 3.0].map(|count: f64| (count / 6.0).ln());
        (0..3).for_each(|choice| assert!((shares.ln_share(choice) - expected[choice]).abs() < 1e-12));
        let mut random = stream(3, Purpose::Tune, [0, 1]);
        let drawn = (0..6000).filter(|_| shares.draw(&mut random) == 2).count();
        assert!((2850..3150).contains(&drawn), "{drawn}");
    }
}
