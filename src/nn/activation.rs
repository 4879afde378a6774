//! What a layer does to each of its values, and the derivative.

use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::linalg::tanh_bias;

/// The function f of a layer, by the value a that it is applied to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// a · σ(a), with σ(a) = 1 / (1 + e⁻ᵃ) (Ramachandran, Zoph, Le 2017, "Searching for Activation Functions").
    #[default]
    Swish,
    /// tanh(a).
    Tanh,
    /// σ(a).
    Sigmoid,
    /// max(a, 0).
    Relu,
    /// a above 0, eᵃ − 1 below (Clevert, Unterthiner, Hochreiter 2016, "Fast and Accurate Deep Network Learning by
    /// Exponential Linear Units").
    Elu,
    /// λ · a above 0, λ · α · (eᵃ − 1) below, with the λ and α that keep mean and variance of deep layers where they are
    /// (Klambauer, Unterthiner, Mayr, Hochreiter 2017, "Self-Normalizing Neural Networks", eq. 2 and 14).
    Selu,
}

/// λ and α of SELU.
const SELU: (f32, f32) = (1.050_701, 1.673_263_2);

/// Values that are computed at a time.
const RUN: usize = 64;

/// `out[i] = tanh(scale · a[i])` of at most [`RUN`] values.
fn tanh(a: &[f32], scale: f32, out: &mut [f32]) {
    out.iter_mut().zip(a).for_each(|(out, a)| *out = scale * a);
    tanh_bias(out, &[0.0; RUN][..a.len()]);
}

/// σ(a) by t = tanh(a / 2), for which there is a kernel.
fn sigmoid(t: f32) -> f32 {
    0.5 + 0.5 * t
}

/// `out[i] = scale · a[i]` above 0, `scale · alpha · (eᵃ − 1)` below.
fn exponential(a: &[f32], (scale, alpha): (f32, f32), out: &mut [f32]) {
    out.iter_mut().zip(a).for_each(|(out, &a)| *out = scale * if a < 0.0 { alpha * a.exp_m1() } else { a });
}

/// `delta[i] ← delta[i] ·` the derivative of the [`exponential`].
fn exponential_backward(a: &[f32], (scale, alpha): (f32, f32), delta: &mut [f32]) {
    delta.iter_mut().zip(a).for_each(|(delta, &a)| *delta *= scale * if a < 0.0 { alpha * a.exp() } else { 1.0 });
}

impl Activation {
    /// `out[i] = f(a[i])`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn forward(self, a: &[f32], out: &mut [f32]) {
        assert_eq!(a.len(), out.len(), "one output a value");
        for (a, out) in a.chunks(RUN).zip(out.chunks_mut(RUN)) {
            match self {
                Self::Tanh => tanh(a, 1.0, out),
                Self::Swish => {
                    tanh(a, 0.5, out);
                    out.iter_mut().zip(a).for_each(|(out, a)| *out = a * sigmoid(*out));
                }
                Self::Sigmoid => {
                    tanh(a, 0.5, out);
                    out.iter_mut().for_each(|out| *out = sigmoid(*out));
                }
                // A comparison, as `max` would make a number of what is none.
                Self::Relu => out.iter_mut().zip(a).for_each(|(out, &a)| *out = if a < 0.0 { 0.0 } else { a }),
                Self::Elu => exponential(a, (1.0, 1.0), out),
                Self::Selu => exponential(a, SELU, out),
            }
        }
    }

    /// f of every value of a batch, rows × users.
    #[must_use]
    pub fn of(self, a: &DMatrix<f32>) -> DMatrix<f32> {
        let mut out = DMatrix::zeros(a.nrows(), a.ncols());
        let rows = a.nrows().max(1);
        let users = out.as_mut_slice().par_chunks_mut(rows).zip(a.as_slice().par_chunks(rows));
        users.for_each(|(out, a)| self.forward(a, out));
        out
    }

    /// [`backward`](Self::backward) for every value of a batch.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn backward_of(self, a: &DMatrix<f32>, delta: &mut DMatrix<f32>) {
        assert_eq!(a.shape(), delta.shape(), "one gradient a value");
        let rows = a.nrows().max(1);
        let users = delta.as_mut_slice().par_chunks_mut(rows).zip(a.as_slice().par_chunks(rows));
        users.for_each(|(delta, a)| self.backward(a, delta));
    }

    /// Turns the gradient of f(a) into that of a: `delta[i] ← delta[i] · f′(a[i])`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn backward(self, a: &[f32], delta: &mut [f32]) {
        assert_eq!(a.len(), delta.len(), "one gradient a value");
        let mut buffer = [0.0; RUN];
        for (a, delta) in a.chunks(RUN).zip(delta.chunks_mut(RUN)) {
            let t = &mut buffer[..a.len()];
            match self {
                Self::Tanh => {
                    tanh(a, 1.0, t);
                    delta.iter_mut().zip(t).for_each(|(delta, t)| *delta *= 1.0 - *t * *t);
                }
                Self::Swish => {
                    tanh(a, 0.5, t);
                    for ((delta, t), a) in delta.iter_mut().zip(t).zip(a) {
                        let s = sigmoid(*t);
                        *delta *= s * (1.0 + a * (1.0 - s));
                    }
                }
                Self::Sigmoid => {
                    tanh(a, 0.5, t);
                    for (delta, t) in delta.iter_mut().zip(t) {
                        let s = sigmoid(*t);
                        *delta *= s * (1.0 - s);
                    }
                }
                Self::Relu => delta.iter_mut().zip(a).for_each(|(delta, &a)| *delta *= f32::from(u8::from(a > 0.0))),
                Self::Elu => exponential_backward(a, (1.0, 1.0), delta),
                Self::Selu => exponential_backward(a, SELU, delta),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than a run, from far left to far right; some functions have no derivative at 0.
    fn values() -> Vec<f32> {
        (-100..=100).map(|at| 0.2 * at as f32 + 0.1).collect()
    }

    #[test]
    fn values_and_derivatives_are_those_of_the_formulas() {
        let a = values();
        let sigmoid = |a: f64| 1.0 / (1.0 + (-a).exp());
        let swish = |a: f64| a * sigmoid(a);
        let elu = |a: f64| if a > 0.0 { a } else { a.exp() - 1.0 };
        // Of one decimal more than the constants have.
        let selu = |a: f64| 1.050_700_98 * if a > 0.0 { a } else { 1.673_263_24 * (a.exp() - 1.0) };
        let relu = |a: f64| a.max(0.0);
        let formulas: [(Activation, &dyn Fn(f64) -> f64); 6] = [
            (Activation::Swish, &swish),
            (Activation::Tanh, &f64::tanh),
            (Activation::Sigmoid, &sigmoid),
            (Activation::Relu, &relu),
            (Activation::Elu, &elu),
            (Activation::Selu, &selu),
        ];
        for (activation, f) in formulas {
            let (mut out, mut delta) = (vec![f32::NAN; a.len()], vec![2.0; a.len()]);
            activation.forward(&a, &mut out);
            activation.backward(&a, &mut delta);
            for ((&a, &out), &delta) in a.iter().zip(&out).zip(&delta) {
                let a = f64::from(a);
                let slope = (f(a + 1e-5) - f(a - 1e-5)) / 2e-5;
                assert!((f64::from(out) - f(a)).abs() < 2e-6, "{activation:?}({a}) is {out}");
                assert!((f64::from(delta) - 2.0 * slope).abs() < 1e-5, "{activation:?}'({a}) is {}", delta / 2.0);
            }
        }
    }

    #[test]
    fn what_is_large_or_no_number_stays_so() {
        for activation in [Activation::Swish, Activation::Relu, Activation::Elu] {
            let mut out = [0.0; 3];
            activation.forward(&[1e30, f32::NAN, 0.0], &mut out);
            assert_eq!((out[0], out[1].is_nan(), out[2]), (1e30, true, 0.0), "{activation:?}");
        }
        let mut far_left = [f32::NAN; 1];
        Activation::Swish.forward(&[-1e30], &mut far_left);
        assert_eq!(far_left[0].abs(), 0.0);
    }
}
