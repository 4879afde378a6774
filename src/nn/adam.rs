//! The optimisers Adam (Kingma & Ba 2015) and NAdam (Dozat 2016), one state per tensor.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sparse_input::SparseGradient;
use crate::linalg::{AdamStep, adam, zeros};

/// How the moments of the gradient become a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// A step along the first moment.
    #[default]
    Adam,
    /// A step along what the first moment will be, as far as it is known (Nesterov's momentum).
    Nadam,
}

/// The parameters of Adam and NAdam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Which of the two.
    pub optimiser: Optimiser,
    /// Step size α.
    pub learning_rate: f32,
    /// L2 penalty added to the gradient.
    pub weight_decay: f32,
}

impl AdamConfig {
    /// Decay rates and ε as in the paper.
    const BETA1: f64 = 0.9;
    const BETA2: f64 = 0.999;
    const EPSILON: f32 = 1e-8;

    /// NAdam's momentum at step `t`, which rises to β₁: β₁ (1 − ½ · 0.96^(0.004 t)).
    fn momentum(t: usize) -> f64 {
        Self::BETA1 * (1.0 - 0.5 * 0.96f64.powf(0.004 * t as f64))
    }

    /// The rates of the first moment and of the gradient at step `t`.
    fn rates(&self, t: usize) -> (f64, f64) {
        /// Momenta whose product is nothing beside 1.
        const VANISHED: usize = 1000;
        let rate = f64::from(self.learning_rate);
        match self.optimiser {
            Optimiser::Adam => (rate / (1.0 - Self::BETA1.powf(t as f64)), 0.0),
            Optimiser::Nadam => {
                let (now, next) = (Self::momentum(t), Self::momentum(t + 1));
                let product: f64 = (1..=t.min(VANISHED)).map(Self::momentum).product();
                (rate * next / (1.0 - product * next), rate * (1.0 - now) / (1.0 - product))
            }
        }
    }

    /// The constants of step `t`, from 1.
    #[must_use]
    pub fn step(&self, t: usize) -> AdamStep {
        let (rate, gradient_rate) = self.rates(t);
        let t = t as f64;
        AdamStep {
            rate: rate as f32,
            gradient_rate: gradient_rate as f32,
            second_scale: (1.0 / (1.0 - Self::BETA2.powf(t)).sqrt()) as f32,
            beta1: Self::BETA1 as f32,
            beta2: Self::BETA2 as f32,
            epsilon: Self::EPSILON,
            weight_decay: self.weight_decay,
        }
    }
}

/// The moments of one tensor.
#[derive(Clone, Debug)]
pub struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
}

/// The gradient of one tensor.
#[derive(Clone, Copy, Debug)]
pub enum GradientRef<'a> {
    /// One value a parameter.
    Dense(&'a [f32]),
    /// Of a table of which most columns are untouched.
    Table(&'a SparseGradient),
}

impl GradientRef<'_> {
    /// True when no value is NaN or infinite.
    #[must_use]
    pub fn is_finite(self) -> bool {
        match self {
            Self::Dense(values) => all_finite(values),
            Self::Table(table) => (0..table.items()).all(|item| table.column(item).is_none_or(all_finite)),
        }
    }
}

/// True when no value is NaN or infinite.
#[must_use]
pub fn all_finite(values: &[f32]) -> bool {
    values.par_chunks(CHUNK).all(|values| values.iter().all(|value| value.is_finite()))
}

/// Parameters updated by one task: large enough to amortise it, small enough to balance.
const CHUNK: usize = 1 << 15;

impl Adam {
    /// Zero moments for `len` parameters.
    #[must_use]
    pub fn new(len: usize) -> Self {
        Self { first: zeros(len), second: zeros(len) }
    }

    /// First and second moments, one of each a parameter.
    #[must_use]
    pub fn moments(&self) -> [&[f32]; 2] {
        [&self.first, &self.second]
    }

    /// The same, to be filled with those of an earlier run.
    pub fn moments_mut(&mut self) -> [&mut [f32]; 2] {
        [&mut self.first, &mut self.second]
    }

    /// Moves a tensor.
    ///
    /// # Panics
    /// When lengths differ.
    pub fn apply(&mut self, step: &AdamStep, value: &mut [f32], gradient: GradientRef<'_>) {
        match gradient {
            GradientRef::Dense(gradient) => self.update(step, value, gradient),
            GradientRef::Table(gradient) => self.update_table(step, value, gradient),
        }
    }

    /// Updates a tensor with a dense gradient.
    ///
    /// # Panics
    /// When lengths differ.
    pub fn update(&mut self, step: &AdamStep, value: &mut [f32], gradient: &[f32]) {
        assert_eq!(value.len(), gradient.len(), "one gradient a parameter");
        value
            .par_chunks_mut(CHUNK)
            .zip(self.first.par_chunks_mut(CHUNK))
            .zip(self.second.par_chunks_mut(CHUNK))
            .zip(gradient.par_chunks(CHUNK))
            .for_each(|(((value, first), second), gradient)| adam(step, value, first, second, gradient));
    }

    /// Updates a table of `rows` values an item. Items without a gradient have gradient zero: their
    /// moments decay and still move them, exactly as with a dense gradient.
    ///
    /// # Panics
    /// When lengths differ.
    pub fn update_table(&mut self, step: &AdamStep, value: &mut [f32], gradient: &SparseGradient) {
        let rows = gradient.rows();
        let zeros = vec![0.0; rows];
        let items = (CHUNK / rows.max(1)).max(1);
        value
            .par_chunks_mut(items * rows)
            .zip(self.first.par_chunks_mut(items * rows))
            .zip(self.second.par_chunks_mut(items * rows))
            .enumerate()
            .for_each(|(chunk, ((value, first), second))| {
                let columns =
                    value.chunks_exact_mut(rows).zip(first.chunks_exact_mut(rows)).zip(second.chunks_exact_mut(rows));
                for (at, ((value, first), second)) in columns.enumerate() {
                    adam(step, value, first, second, gradient.column(chunk * items + at).unwrap_or(&zeros));
                }
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_steps_match_the_published_algorithm() {
        let config = AdamConfig { optimiser: Optimiser::Adam, learning_rate: 0.1, weight_decay: 0.0 };
        let gradients = [0.5f64, -1.0, 2.0];
        let (mut m, mut v, mut expected) = (0.0, 0.0, 1.0f64);
        let (mut adam, mut value) = (Adam::new(1), [1.0f32]);
        for (t, g) in gradients.into_iter().enumerate() {
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let t = t as i32 + 1;
            expected -= 0.1 * (m / (1.0 - 0.9f64.powi(t))) / ((v / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
            adam.update(&config.step(t as usize), &mut value, &[g as f32]);
        }
        assert!((f64::from(value[0]) - expected).abs() < 1e-6, "{} instead of {expected}", value[0]);
    }
    #[test]
    fn three_steps_of_nadam_match_the_published_algorithm() {
        let config = AdamConfig { optimiser: Optimiser::Nadam, learning_rate: 0.1, weight_decay: 0.0 };
        let (mut m, mut v, mut product, mut expected) = (0.0, 0.0, 1.0, 1.0f64);
        let (mut adam, mut value) = (Adam::new(1), [1.0f32]);
        for (t, g) in [0.5f64, -1.0, 2.0].into_iter().enumerate() {
            let t = t as f64 + 1.0;
            let momentum = |t: f64| 0.9 * (1.0 - 0.5 * 0.96f64.powf(0.004 * t));
            product *= momentum(t);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let ahead = momentum(t + 1.0) * m / (1.0 - product * momentum(t + 1.0));
            let now = (1.0 - momentum(t)) * g / (1.0 - product);
            expected -= 0.1 * (ahead + now) / ((v / (1.0 - 0.999f64.powf(t))).sqrt() + 1e-8);
            adam.update(&config.step(t as usize), &mut value, &[g as f32]);
        }
        assert!((f64::from(value[0]) - expected).abs() < 1e-6, "{} instead of {expected}", value[0]);
        // Long after the product of the momenta is gone.
        assert!(config.step(1_000_000).rate.is_finite());
    }
}
