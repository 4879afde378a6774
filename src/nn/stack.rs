//! Layers on layers, of any depth.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::activation::Activation;
use super::dense::inner_products;
use super::init::{small_bias, xavier_normal};
use super::layer_norm::LayerNorm;
use crate::linalg::{Columns, ColumnsMut, axpy, multiply, multiply_transposed, sum_columns};

/// What a stack is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StackShape {
    /// Values of a layer.
    pub width: usize,
    /// Number of layers, at least one.
    pub depth: usize,
    /// f.
    pub activation: Activation,
    /// ε of the [normalisation](LayerNorm).
    pub epsilon: f32,
}

/// hₗ = norm(f(aₗ)) for l = 1 … depth, where each layer sees all before it (the dense connections of RecVAE, Shenbin et al. 2020):
///
/// ```text
/// a₁  is given: what an input layer makes of a history, before its activation
/// aₗ  = Wₗ hₗ₋₁ + bₗ + h₁ + … + hₗ₋₁
/// ```
///
/// Whatever the depth, the layers are four tensors, one behind the other. A stack is its own gradient too.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// What it is made of.
    pub shape: StackShape,
    /// Wₗ of all layers but the first, one column an output: `width × (depth − 1)·width`.
    pub weights: Vec<f32>,
    /// bₗ of the same: `width × (depth − 1)`.
    pub bias: Vec<f32>,
    /// Gains of the normalisations: `width × depth`.
    pub gain: Vec<f32>,
    /// Shifts of the normalisations: `width × depth`.
    pub shift: Vec<f32>,
}

/// The forward pass of a batch, as its gradient needs it: a matrix width × users for every layer.
#[derive(Clone, Debug)]
pub struct Activations {
    /// aₗ.
    before: Vec<DMatrix<f32>>,
    /// hₗ.
    after: Vec<DMatrix<f32>>,
}

impl Activations {
    /// h of the last layer.
    #[must_use]
    pub fn output(&self) -> Columns<'_> {
        self.after.last().unwrap_or(&self.before[0]).into()
    }
}

impl Stack {
    /// Random weights; `parameter` numbers the matrices of the layers from there.
    #[must_use]
    pub fn new(shape: StackShape, seed: u64, parameter: u64) -> Self {
        let StackShape { width, depth, .. } = shape;
        let numbers = parameter..parameter + depth as u64 - 1;
        Self {
            shape,
            weights: numbers.clone().flat_map(|number| xavier_normal((width, width), seed, number)).collect(),
            bias: numbers.flat_map(|number| small_bias(width, seed, number)).collect(),
            gain: vec![1.0; width * depth],
            shift: vec![0.0; width * depth],
        }
    }

    /// All zero: a gradient.
    #[must_use]
    pub fn zeros(shape: StackShape) -> Self {
        let StackShape { width, depth, .. } = shape;
        let [inner, all] = [width * (depth - 1), width * depth].map(|len| vec![0.0; len]);
        Self { shape, weights: vec![0.0; width * inner.len()], bias: inner, gain: all.clone(), shift: all }
    }

    /// The four tensors.
    #[must_use]
    pub fn values(&self) -> [&Vec<f32>; 4] {
        [&self.weights, &self.bias, &self.gain, &self.shift]
    }

    /// The same, to be moved.
    pub fn values_mut(&mut self) -> [&mut Vec<f32>; 4] {
        [&mut self.weights, &mut self.bias, &mut self.gain, &mut self.shift]
    }

    /// Adds another gradient of the same stack.
    pub fn add(&mut self, other: &Self) {
        self.values_mut().into_iter().zip(other.values()).for_each(|(a, b)| axpy(a, 1.0, b));
    }

    /// Wₗ of a layer from 1, one column an output.
    fn matrix(&self, layer: usize) -> Columns<'_> {
        let width = self.shape.width;
        Columns::new(&self.weights, (width, self.bias.len())).range((layer - 1) * width..layer * width)
    }

    fn norm(&self, layer: usize) -> LayerNorm<'_> {
        let rows = self.rows(layer);
        LayerNorm { gain: &self.gain[rows.clone()], shift: &self.shift[rows], epsilon: self.shape.epsilon }
    }

    /// Where the values of a layer are in a tensor of one value a row.
    fn rows(&self, layer: usize) -> std::ops::Range<usize> {
        layer * self.shape.width..(layer + 1) * self.shape.width
    }

    /// The layers of a batch from `first`, a₁ of every user: width × users. A user's values have the same bits in any
    /// batch.
    ///
    /// # Panics
    /// When `first` has another width.
    #[must_use]
    pub fn forward(&self, first: DMatrix<f32>) -> Activations {
        let StackShape { width, depth, activation, .. } = self.shape;
        let mut sum = DMatrix::zeros(width, first.ncols());
        let mut layers = Activations { before: vec![first], after: Vec::new() };
        for layer in 0..depth {
            if let Some(below) = layers.after.last() {
                let (bias, skipped) = (&self.bias[self.rows(layer - 1)], Columns::from(&sum));
                let mut a = DMatrix::zeros(width, sum.ncols());
                inner_products(self.matrix(layer), below.into(), (&mut a).into(), |user, a| {
                    a.iter_mut().zip(bias).zip(skipped.col(user)).for_each(|((a, b), h)| *a = *a + b + h);
                });
                layers.before.push(a);
            }
            let before = Columns::from(&layers.before[layer]);
            let mut h = DMatrix::zeros(width, before.cols());
            let columns =
                h.as_mut_slice().par_chunks_exact_mut(width).zip(sum.as_mut_slice().par_chunks_exact_mut(width));
            columns.enumerate().for_each(|(user, (h, sum))| {
                activation.forward(before.col(user), h);
                self.norm(layer).forward(h);
                sum.iter_mut().zip(h).for_each(|(sum, h)| *sum += *h);
            });
            layers.after.push(h);
        }
        layers
    }

    /// From the gradient `delta` of the [output](Activations::output): the gradient of the four tensors, and returned that
    /// of a₁.
    ///
    /// # Panics
    /// When shapes do not fit.
    pub fn backward(&self, layers: &Activations, mut delta: DMatrix<f32>, gradient: &mut Self) -> DMatrix<f32> {
        let StackShape { width, depth, activation, .. } = self.shape;
        // What comes back to each layer from all above it but the next, by the sums.
        let mut skipped = DMatrix::zeros(width, delta.ncols());
        for layer in (0..depth).rev() {
            let mut values = activation.of(&layers.before[layer]);
            let (rows, norm) = (self.rows(layer), self.norm(layer));
            let (gain, shift) = (&mut gradient.gain[rows.clone()], &mut gradient.shift[rows]);
            norm.backward((&values).into(), (&mut delta).into(), gain, shift);
            activation.backward_of(&layers.before[layer], &mut delta);
            if layer > 0 {
                let rows = self.rows(layer - 1);
                let of_weights = &mut gradient.weights[rows.start * width..rows.end * width];
                let below = Columns::from(&layers.after[layer - 1]);
                multiply_transposed(ColumnsMut::new(of_weights, (width, width)), below, (&delta).into());
                sum_columns(&mut gradient.bias[rows], (&delta).into());
                skipped += &delta;
                multiply((&mut values).into(), self.matrix(layer), (&delta).into());
                delta = values + &skipped;
            }
        }
        delta
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sin(1.7 i + salt), as a formula that another program can follow.
    fn numbers(len: usize, salt: f32) -> Vec<f32> {
        (0..len).map(|i| (1.7 * i as f64 + f64::from(salt)).sin() as f32).collect()
    }

    fn stack(activation: Activation, depth: usize) -> Stack {
        let shape = StackShape { width: 3, depth, activation, epsilon: 0.1 };
        let mut stack = Stack::zeros(shape);
        for (salt, values) in (1..).zip(stack.values_mut()) {
            *values = numbers(values.len(), salt as f32);
        }
        stack
    }

    fn output(stack: &Stack, first: &[f32]) -> Vec<f32> {
        stack.forward(DMatrix::from_column_slice(3, 2, first)).output().data().to_vec()
    }

    #[test]
    fn values_are_those_of_pytorch() {
        for (activation, expected) in [
            (Activation::Swish, [0.7703007, 0.1067263, -0.9277976, 0.6443247, 0.5105876, -0.6585562]),
            (Activation::Tanh, [0.5803883, 0.1052032, -1.1791002, 0.6362172, 0.6704652, -0.4970687]),
        ] {
            let found = output(&stack(activation, 3), &numbers(6, 5.0));
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{activation:?}: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        let first = numbers(6, 5.0);
        let weights = numbers(6, 6.0);
        let loss = |stack: &Stack, first: &[f32]| {
            output(stack, first).iter().zip(&weights).map(|(h, w)| f64::from(h * w)).sum::<f64>()
        };
        for (activation, depth) in [(Activation::Swish, 4), (Activation::Tanh, 2), (Activation::Swish, 1)] {
            let stack = stack(activation, depth);
            let layers = stack.forward(DMatrix::from_column_slice(3, 2, &first));
            let mut gradient = Stack::zeros(stack.shape);
            let of_first = stack.backward(&layers, DMatrix::from_column_slice(3, 2, &weights), &mut gradient);
            let check = |found: f32, loss_at: &dyn Fn(f32) -> f64| {
                let numeric = (loss_at(2e-3) - loss_at(-2e-3)) / 4e-3;
                let close = (numeric - f64::from(found)).abs() < 2e-3 + 1e-2 * numeric.abs();
                assert!(close, "{activation:?}, {depth} layers: {found}, numerically {numeric}");
            };
            for (at, &found) in of_first.as_slice().iter().enumerate() {
                check(found, &|by| {
                    let mut first = first.clone();
                    first[at] += by;
                    loss(&stack, &first)
                });
            }
            for (tensor, values) in gradient.values().into_iter().enumerate() {
                for (at, &found) in values.iter().enumerate() {
                    check(found, &|by| {
                        let mut stack = stack.clone();
                        stack.values_mut()[tensor][at] += by;
                        loss(&stack, &first)
                    });
                }
            }
        }
    }
}
