//! What a layer does to each of its values, and the derivative.

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
}

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
            }
        }
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
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than a run, from far left to far right.
    fn values() -> Vec<f32> {
        (-100..=100).map(|at| 0.2 * at as f32).collect()
    }

    #[test]
    fn values_and_derivatives_are_those_of_the_formulas() {
        let a = values();
        let sigmoid = |a: f64| 1.0 / (1.0 + (-a).exp());
        let swish = |a: f64| a * sigmoid(a);
        let formulas: [(Activation, &dyn Fn(f64) -> f64); 2] =
            [(Activation::Swish, &swish), (Activation::Tanh, &f64::tanh)];
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
        let mut out = [0.0; 4];
        Activation::Swish.forward(&[1e30, -1e30, f32::NAN, 0.0], &mut out);
        assert_eq!((out[0], out[1].abs(), out[2].is_nan(), out[3]), (1e30, 0.0, true, 0.0));
    }
}
