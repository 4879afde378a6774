//! A fully connected layer.

use rayon::prelude::*;

use super::init::{small_bias, xavier_normal};
use crate::linalg::{Columns, ColumnsMut, affine, dots, multiply, multiply_transposed, sum_columns, tanh_bias, zeros};

/// Users a task computes in the forward pass.
const USERS: usize = 64;

/// y = Wᵀ·x + b, with one contiguous column of W per *output*: for a decoder, one per item.
///
/// The forward pass is made of inner products in a fixed order (not of a blocked product), so a
/// user's output has the same bits in any batch on every processor; [`logits`](Self::logits) trades that for speed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// `inputs × outputs`, column-major.
    pub weights: Vec<f32>,
    /// `outputs` values.
    pub bias: Vec<f32>,
}

impl Dense {
    /// Random weights; `parameter` numbers the layer's two tensors from there.
    #[must_use]
    pub fn new((inputs, outputs): (usize, usize), seed: u64, parameter: u64) -> Self {
        Self {
            weights: xavier_normal((inputs, outputs), seed, parameter),
            bias: small_bias(outputs, seed, parameter + 1),
        }
    }

    /// All zero: a gradient, or a layer to be filled.
    #[must_use]
    pub fn zeros((inputs, outputs): (usize, usize)) -> Self {
        Self { weights: zeros(inputs * outputs), bias: vec![0.0; outputs] }
    }

    /// Width of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weights.len() / self.bias.len()
    }

    /// Width of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The weights with one column an output.
    #[must_use]
    pub fn columns(&self) -> Columns<'_> {
        Columns::new(&self.weights, (self.inputs(), self.outputs()))
    }

    /// `out = Wᵀ·x + b` for training: the logits of a batch. A blocked product, whose bits depend on the shape
    /// of the batch where there is no AVX2.
    ///
    /// # Panics
    /// When shapes do not fit: `x` inputs × users, `out` outputs × users.
    pub fn logits(&self, x: Columns<'_>, out: ColumnsMut<'_>) {
        affine(out, self.columns(), x, &self.bias);
    }

    /// `out = Wᵀ·x + b`.
    ///
    /// # Panics
    /// As [`logits`](Self::logits).
    pub fn linear(&self, x: Columns<'_>, out: ColumnsMut<'_>) {
        inner_products(self.columns(), x, out, |_, y| y.iter_mut().zip(&self.bias).for_each(|(y, b)| *y += b));
    }

    /// `out = tanh(Wᵀ·x + b)`.
    ///
    /// # Panics
    /// As [`logits`](Self::logits).
    pub fn tanh(&self, x: Columns<'_>, out: ColumnsMut<'_>) {
        inner_products(self.columns(), x, out, |_, y| tanh_bias(y, &self.bias));
    }

    /// The gradient of weights and bias from the input `x` and `delta`, the gradient of the output
    /// before its activation.
    ///
    /// # Panics
    /// When shapes do not fit.
    pub fn backward(&self, x: Columns<'_>, delta: Columns<'_>, gradient: &mut Self) {
        multiply_transposed(ColumnsMut::new(&mut gradient.weights, (self.inputs(), self.outputs())), x, delta);
        sum_columns(&mut gradient.bias, delta);
    }

    /// The gradient of the input: `out = W · delta`.
    ///
    /// # Panics
    /// When shapes do not fit.
    pub fn backward_input(&self, delta: Columns<'_>, out: ColumnsMut<'_>) {
        multiply(out, self.columns(), delta);
    }

    /// Adds another gradient of the same layer.
    pub fn add(&mut self, other: &Self) {
        let pairs = self.weights.iter_mut().zip(&other.weights).chain(self.bias.iter_mut().zip(&other.bias));
        pairs.for_each(|(a, b)| *a += b);
    }
}

/// `out[:, u] = finish(u, weightsᵀ · x[:, u])` for every user u: inner products in a fixed order, so that a user's column has
/// the same bits in any batch.
///
/// # Panics
/// When shapes do not fit: `weights` inputs × outputs, `x` inputs × users, `out` outputs × users.
pub(super) fn inner_products(
    weights: Columns<'_>,
    x: Columns<'_>,
    mut out: ColumnsMut<'_>,
    finish: impl Fn(usize, &mut [f32]) + Sync,
) {
    let outputs = weights.cols();
    assert_eq!((out.rows(), out.cols()), (outputs, x.cols()), "one column a user");
    out.data().par_chunks_mut(outputs * USERS).enumerate().for_each(|(chunk, data)| {
        let (first, users) = (chunk * USERS, data.len() / outputs);
        dots(ColumnsMut::new(data, (outputs, users)), weights, x.range(first..first + users));
        (first..).zip(data.chunks_exact_mut(outputs)).for_each(|(user, y)| finish(user, y));
    });
}

/// Turns the gradient of y = tanh(a) into that of a: `delta ← delta · (1 − y²)`.
///
/// # Panics
/// When the lengths differ.
pub fn tanh_backward(delta: &mut [f32], y: &[f32]) {
    assert_eq!(delta.len(), y.len(), "one output a gradient");
    delta.iter_mut().zip(y).for_each(|(d, y)| *d *= 1.0 - y * y);
}
