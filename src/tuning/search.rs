//! The next point, at random or by what was found before.
//!
//! The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio & Kégl 2011, "Algorithms for Hyper-Parameter
//! Optimization", §4) models p(x | y) instead of p(y | x): with y* the γ-quantile of the values found so far,
//! p(x | y) = ℓ(x) for the trials that are better than y*, g(x) for all others (eq. 2). The expected improvement over
//! y* is then proportional to (γ + (1 − γ) g(x) / ℓ(x))⁻¹ (§4.1), so the next point is the one among draws from ℓ whose
//! ℓ(x) / g(x) is largest. Parameters are independent of each other, so each is chosen by itself.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::parzen::{Parzen, Shares};
use super::range::{Domain, Range};
use crate::random::{Purpose, stream};

/// Trials drawn at random before anything is learnt from them.
const STARTUP: usize = 10;

/// γ: the share of the trials that count as good, as in the paper.
const GOOD: f64 = 0.15;

/// Draws from ℓ for one parameter of one point.
const DRAWS: usize = 24;

/// Draws of a whole point before all points are taken to have been tried.
const ATTEMPTS: u64 = 200;

/// One value a range, in their order, as written in a configuration.
pub type Point = Vec<String>;

/// How the next point is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Each by itself, equally likely anywhere.
    Random,
    /// The first ten at random, the others where good ones were more frequent than bad ones.
    #[default]
    Tpe,
}

/// A point that was tried, or is being tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The point.
    pub point: Point,
    /// How good it is, higher is better; `None` where it failed or has not ended, which counts as bad.
    pub value: Option<f64>,
}

/// A search over ranges.
#[derive(Clone, Debug)]
pub struct Search {
    /// What is searched.
    pub ranges: Vec<Range>,
    /// How.
    pub method: Method,
    /// The seed of the draws.
    pub seed: u64,
}

impl Search {
    /// The point of trial `number`, after `observed`, that has not been tried; `None` when none can be found any
    /// more. Depends on the arguments and the search alone.
    #[must_use]
    pub fn next(&self, number: u64, observed: &[Observed]) -> Option<Point> {
        let tried: BTreeSet<&Point> = observed.iter().map(|trial| &trial.point).collect();
        let guided = self.method == Method::Tpe && observed.len() >= STARTUP;
        let densities = guided.then(|| self.densities(observed));
        let draw = |attempt| {
            let mut random = stream(self.seed, Purpose::Tune, [number, attempt]);
            match &densities {
                // Where the best of the draws are all known, chance finds what is left.
                Some(densities) if attempt < ATTEMPTS / 2 => {
                    self.ranges.iter().zip(densities).map(|(range, of)| of.best(&range.domain, &mut random)).collect()
                }
                _ => self.ranges.iter().map(|range| range.domain.value_at(random.random())).collect(),
            }
        };
        (0..ATTEMPTS).map(draw).find(|point| !tried.contains(point))
    }

    /// ℓ and g of every parameter.
    fn densities(&self, observed: &[Observed]) -> Vec<Densities> {
        let mut sorted: Vec<&Observed> = observed.iter().collect();
        // What has no value comes last; of equals, the earlier one first.
        let value = |trial: &Observed| trial.value.unwrap_or(f64::NEG_INFINITY);
        sorted.sort_by(|a, b| value(b).total_cmp(&value(a)));
        let good = (GOOD * sorted.len() as f64).ceil() as usize;
        let (good, bad) = sorted.split_at(good);
        let of = |(at, range): (usize, &Range)| {
            let values = |part: &[&Observed]| part.iter().map(|trial| trial.point[at].clone()).collect::<Vec<_>>();
            Densities::new(&range.domain, &values(good), &values(bad))
        };
        self.ranges.iter().enumerate().map(of).collect()
    }
}

/// ℓ and g of one parameter.
enum Densities {
    Places { good: Parzen, bad: Parzen },
    Choices { good: Shares, bad: Shares },
}

impl Densities {
    fn new(domain: &Domain, good: &[String], bad: &[String]) -> Self {
        match domain {
            Domain::Numbers { .. } => {
                let parzen = |values: &[String]| {
                    Parzen::new(&values.iter().filter_map(|value| domain.place_of(value)).collect::<Vec<_>>())
                };
                Self::Places { good: parzen(good), bad: parzen(bad) }
            }
            Domain::Choices(choices) => {
                let shares = |values: &[String]| {
                    let at = |value: &String| choices.iter().position(|choice| choice == value);
                    Shares::new(&values.iter().filter_map(at).collect::<Vec<_>>(), choices.len())
                };
                Self::Choices { good: shares(good), bad: shares(bad) }
            }
        }
    }

    /// The value with the largest ℓ / g among draws from ℓ.
    fn best(&self, domain: &Domain, random: &mut ChaCha8Rng) -> String {
        match (self, domain) {
            (Self::Places { good, bad }, _) => {
                let draws: Vec<f64> = (0..DRAWS).map(|_| good.draw(random)).collect();
                domain.value_at(largest(draws, |&place| good.ln_density(place) - bad.ln_density(place)))
            }
            (Self::Choices { good, bad }, Domain::Choices(values)) => {
                let draws: Vec<usize> = (0..DRAWS).map(|_| good.draw(random)).collect();
                values[largest(draws, |&choice| good.ln_share(choice) - bad.ln_share(choice))].clone()
            }
            (Self::Choices { .. }, Domain::Numbers { .. }) => unreachable!("shares are of choices"),
        }
    }
}

/// The first of the largest.
fn largest<T: Copy>(draws: Vec<T>, score: impl Fn(&T) -> f64) -> T {
    let first = draws[0];
    let best = |best: (T, f64), next: T| {
        let score = score(&next);
        if score > best.1 { (next, score) } else { best }
    };
    draws.into_iter().fold((first, f64::NEG_INFINITY), best).0
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
