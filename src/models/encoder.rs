//! From a history to the parameters of a Gaussian code, through any number of layers.

use nalgebra::DMatrix;

use super::decoder::{stored_dense, stored_input};
use super::model::{RestoreError, StoredTensors, Tensor};
use crate::linalg::axpy;
use crate::nn::{Activations, Dense, GradientRef, SparseBatch, SparseGradient, SparseInput, Stack, StackShape};

/// What an encoder is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct EncoderShape {
    /// Items of the catalogue.
    pub items: usize,
    /// The layers, of which the first takes the history.
    pub layers: StackShape,
    /// Width of the code.
    pub latent: usize,
}

/// An input layer, a [`Stack`] and a linear layer to μ above log σ².
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Encoder {
    /// What the first layer makes of a history.
    input: SparseInput,
    /// The layers.
    stack: Stack,
    /// hidden → 2·latent.
    code: Dense,
}

impl Encoder {
    /// Number of its tensors.
    pub const TENSORS: usize = 8;

    /// Random weights; the encoder's tensors are numbers 0 to 3, and those from 6 on.
    pub fn new(EncoderShape { items, layers, latent }: EncoderShape, seed: u64) -> Self {
        Self {
            input: SparseInput::new((items, layers.width), seed, 0),
            stack: Stack::new(layers, seed, 6),
            code: Dense::new((layers.width, 2 * latent), seed, 2),
        }
    }

    /// Restores an encoder from [`tensors`](Self::tensors).
    pub fn restore(shape: EncoderShape, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let StackShape { width, depth, .. } = shape.layers;
        let input = stored_input(tensors, ["input.items", "input.bias"], (width, shape.items))?;
        let mut take = |name, columns| tensors.take(name, &[width, columns]);
        let stack = Stack {
            shape: shape.layers,
            weights: take("layers.weights", width * (depth - 1))?,
            bias: take("layers.bias", depth - 1)?,
            gain: take("layers.gain", depth)?,
            shift: take("layers.shift", depth)?,
        };
        let code = stored_dense(tensors, ["code.weights", "code.bias"], (width, 2 * shape.latent))?;
        Ok(Self { input, stack, code })
    }

    /// The layers of a batch, and μ above log σ² of each user: `2·latent × users`.
    pub fn forward(&self, batch: &SparseBatch) -> (Activations, DMatrix<f32>) {
        let mut first = DMatrix::zeros(self.input.width(), batch.users());
        self.input.linear(batch, (&mut first).into());
        let layers = self.stack.forward(first);
        let mut code = DMatrix::zeros(self.code.outputs(), batch.users());
        self.code.linear(layers.output(), (&mut code).into());
        (layers, code)
    }

    /// The gradient of all tensors from that of the code.
    pub fn backward(
        &self,
        batch: &SparseBatch,
        layers: &Activations,
        of_code: &DMatrix<f32>,
        gradient: &mut EncoderGradient,
    ) {
        self.code.backward(layers.output(), of_code.into(), &mut gradient.code);
        let mut of_layers = DMatrix::zeros(self.input.width(), batch.users());
        self.code.backward_input(of_code.into(), (&mut of_layers).into());
        let first = self.stack.backward(layers, of_layers, &mut gradient.stack);
        self.input.backward(batch, (&first).into(), &mut gradient.table, &mut gradient.input_bias);
    }

    /// Everything that has to be stored, from the input on.
    pub fn tensors(&self) -> [Tensor<'_>; Self::TENSORS] {
        let Self { input, stack, code } = self;
        let of_layers = |name, data| Tensor::matrix(name, data, stack.shape.width);
        [
            Tensor::matrix("input.items", &input.table, input.width()).by_item(),
            Tensor::vector("input.bias", &input.bias),
            of_layers("layers.weights", &stack.weights),
            of_layers("layers.bias", &stack.bias),
            of_layers("layers.gain", &stack.gain),
            of_layers("layers.shift", &stack.shift),
            Tensor::matrix("code.weights", &code.weights, code.inputs()),
            Tensor::vector("code.bias", &code.bias),
        ]
    }

    /// The values of the same tensors in the same order.
    pub fn values_mut(&mut self) -> [&mut Vec<f32>; Self::TENSORS] {
        let Self { input, stack, code } = self;
        let [weights, bias, gain, shift] = stack.values_mut();
        [&mut input.table, &mut input.bias, weights, bias, gain, shift, &mut code.weights, &mut code.bias]
    }
}

/// The gradient of every tensor of an [`Encoder`].
pub(super) struct EncoderGradient {
    table: SparseGradient,
    input_bias: Vec<f32>,
    stack: Stack,
    code: Dense,
}

impl EncoderGradient {
    /// A buffer.
    pub fn zeros(EncoderShape { items, layers, latent }: EncoderShape) -> Self {
        Self {
            table: SparseGradient::new(layers.width, items),
            input_bias: vec![0.0; layers.width],
            stack: Stack::zeros(layers),
            code: Dense::zeros((layers.width, 2 * latent)),
        }
    }

    /// Adds another gradient of the same encoder.
    pub fn add(&mut self, other: &Self) {
        self.table.add(&other.table);
        axpy(&mut self.input_bias, 1.0, &other.input_bias);
        self.stack.add(&other.stack);
        self.code.add(&other.code);
    }

    /// The parts in the order of the [tensors](Encoder::tensors).
    pub fn parts(&self) -> [GradientRef<'_>; Encoder::TENSORS] {
        let Self { table, input_bias, stack, code } = self;
        let [weights, bias, gain, shift] = stack.values().map(|values| GradientRef::Dense(values));
        let [input_bias, code_weights, code_bias] =
            [input_bias, &code.weights, &code.bias].map(|values| GradientRef::Dense(values));
        [GradientRef::Table(table), input_bias, weights, bias, gain, shift, code_weights, code_bias]
    }
}
