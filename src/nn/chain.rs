//! Layers one behind the other, of any widths.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::activation::Activation;
use super::dense::Dense;
use crate::linalg::Columns;

/// hₗ = f(Wₗᵀ hₗ₋₁ + bₗ) for every layer, from an h₀ that is given. A chain of no layers is the identity; a chain is its own
/// gradient too.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// f.
    pub activation: Activation,
    /// W and b of each layer, from the input on.
    pub layers: Vec<Dense>,
}

/// The forward pass of a batch, as its gradient needs it.
#[derive(Clone, Debug)]
pub struct ChainPass {
    /// The values of each layer before f: width × users.
    before: Vec<DMatrix<f32>>,
    /// The values after it; the first is h₀.
    after: Vec<DMatrix<f32>>,
}

impl ChainPass {
    /// h of the last layer: width × users.
    #[must_use]
    pub fn output(&self) -> &DMatrix<f32> {
        &self.after[self.before.len()]
    }

    /// Takes h of the last layer out.
    #[must_use]
    pub fn into_output(mut self) -> DMatrix<f32> {
        self.after.swap_remove(self.before.len())
    }

    /// h of each layer, h₀ first.
    #[must_use]
    pub fn values(&self) -> &[DMatrix<f32>] {
        &self.after
    }
}

impl Chain {
    /// Random weights; `widths` are those of h₀ and of every layer, and `parameter` numbers the tensors from there.
    #[must_use]
    pub fn new(widths: &[usize], activation: Activation, seed: u64, parameter: u64) -> Self {
        let layers = widths.windows(2).zip((parameter..).step_by(2));
        let layers = layers.map(|(pair, number)| Dense::new((pair[0], pair[1]), seed, number));
        Self { activation, layers: layers.collect() }
    }

    /// All zero: a gradient.
    #[must_use]
    pub fn zeros(widths: &[usize], activation: Activation) -> Self {
        Self { activation, layers: widths.windows(2).map(|pair| Dense::zeros((pair[0], pair[1]))).collect() }
    }

    /// The chain that leads back, with the same matrices transposed and biases of its own, those of its first layer first:
    /// tied weights (Vincent et al. 2010, "Stacked Denoising Autoencoders", sec. 3.2).
    ///
    /// # Panics
    /// When there is not one bias a layer, of the width that the layer leads back to.
    #[must_use]
    pub fn mirrored(&self, biases: &[Vec<f32>]) -> Self {
        assert_eq!(biases.len(), self.layers.len(), "one bias a layer");
        let layers = self.layers.iter().rev().zip(biases).map(|(layer, bias)| {
            assert_eq!(bias.len(), layer.inputs(), "one bias a value");
            Dense { weights: transposed(layer.columns()), bias: bias.clone() }
        });
        Self { activation: self.activation, layers: layers.collect() }
    }

    /// Adds the gradient of a [mirrored](Self::mirrored) chain's matrices to that of this one's.
    pub fn add_mirrored(&mut self, gradient: &Self) {
        for (layer, mirrored) in self.layers.iter_mut().rev().zip(&gradient.layers) {
            let back = transposed(mirrored.columns());
            layer.weights.iter_mut().zip(back).for_each(|(sum, value)| *sum += value);
        }
    }

    /// Adds another gradient of the same chain.
    pub fn add(&mut self, other: &Self) {
        self.layers.iter_mut().zip(&other.layers).for_each(|(layer, other)| layer.add(other));
    }

    /// The layers of a batch from h₀ = `first`, width × users. A user's values have the same bits in any batch.
    ///
    /// # Panics
    /// When `first` has another width than the first layer takes.
    #[must_use]
    pub fn forward(&self, first: DMatrix<f32>) -> ChainPass {
        let mut pass = ChainPass { before: Vec::new(), after: vec![first] };
        for layer in &self.layers {
            let below = pass.output();
            let mut values = DMatrix::zeros(layer.outputs(), below.ncols());
            layer.linear(below.into(), (&mut values).into());
            let applied = self.activation.of(&values);
            pass.before.push(values);
            pass.after.push(applied);
        }
        pass
    }

    /// From the gradient `delta` of the [output](ChainPass::output): that of every layer, and returned that of h₀.
    ///
    /// # Panics
    /// When shapes do not fit.
    pub fn backward(&self, pass: &ChainPass, mut delta: DMatrix<f32>, gradient: &mut Self) -> DMatrix<f32> {
        for (at, layer) in self.layers.iter().enumerate().rev() {
            self.activation.backward_of(&pass.before[at], &mut delta);
            layer.backward((&pass.after[at]).into(), (&delta).into(), &mut gradient.layers[at]);
            let mut below = DMatrix::zeros(layer.inputs(), delta.ncols());
            layer.backward_input((&delta).into(), (&mut below).into());
            delta = below;
        }
        delta
    }
}

/// The values of a matrix, rows as columns.
fn transposed(matrix: Columns<'_>) -> Vec<f32> {
    let mut out = vec![0.0; matrix.data().len()];
    let columns = matrix.cols();
    out.par_chunks_exact_mut(columns).enumerate().for_each(|(row, out)| {
        out.iter_mut().enumerate().for_each(|(column, out)| *out = matrix.col(column)[row]);
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        Chain::new(&[3, 5, 2], Activation::Elu, 7, 0)
    }

    fn input() -> DMatrix<f32> {
        DMatrix::from_fn(3, 4, |row, user| (1.3 * (row + 3 * user) as f32).sin())
    }

    /// A number that every output enters with another factor.
    fn loss(chain: &Chain, first: &DMatrix<f32>) -> f64 {
        let output = chain.forward(first.clone()).into_output();
        output.iter().zip(1..).map(|(value, factor)| f64::from(*value) * f64::from(factor)).sum()
    }

    fn of_loss(output: &DMatrix<f32>) -> DMatrix<f32> {
        DMatrix::from_iterator(output.nrows(), output.ncols(), (1..=output.len()).map(|factor| factor as f32))
    }

    #[test]
    fn a_layer_is_what_the_formula_says() {
        let (chain, first) = (chain(), input());
        let [one, two] = [0, 1].map(|at| {
            let Dense { weights, bias } = &chain.layers[at];
            let matrix = DMatrix::from_column_slice(weights.len() / bias.len(), bias.len(), weights);
            (matrix.transpose(), nalgebra::DVector::from_column_slice(bias))
        });
        let elu = |a: f32| if a > 0.0 { a } else { a.exp() - 1.0 };
        for user in 0..4 {
            let hidden = (&one.0 * first.column(user) + &one.1).map(elu);
            let expected = (&two.0 * hidden + &two.1).map(elu);
            let found = chain.forward(first.clone()).into_output();
            assert!((found.column(user) - expected).amax() < 1e-6);
        }
        let none = Chain { activation: Activation::Elu, layers: Vec::new() };
        assert_eq!(none.forward(first.clone()).into_output(), first);
    }

    #[test]
    fn gradients_match_finite_differences() {
        const H: f32 = 1e-2;
        let (chain, first) = (chain(), input());
        let mut gradient = Chain::zeros(&[3, 5, 2], Activation::Elu);
        let pass = chain.forward(first.clone());
        let of_first = chain.backward(&pass, of_loss(pass.output()), &mut gradient);
        let check = |found: f32, at: &dyn Fn(f32) -> f64| {
            let numeric = (at(H) - at(-H)) / (2.0 * f64::from(H));
            assert!((numeric - f64::from(found)).abs() < 2e-2, "{found}, numerically {numeric}");
        };
        for at in 0..first.len() {
            check(of_first[at], &|by| {
                let mut moved = first.clone();
                moved[at] += by;
                loss(&chain, &moved)
            });
        }
        for layer in 0..2 {
            for at in 0..chain.layers[layer].weights.len() {
                check(gradient.layers[layer].weights[at], &|by| {
                    let mut moved = chain.clone();
                    moved.layers[layer].weights[at] += by;
                    loss(&moved, &first)
                });
            }
        }
    }

    #[test]
    fn the_way_back_has_the_same_matrices() {
        let chain = chain();
        let back = chain.mirrored(&[vec![0.5; 5], vec![0.25; 3]]);
        let matrix = |layer: &Dense| DMatrix::from_column_slice(layer.inputs(), layer.outputs(), &layer.weights);
        assert_eq!(matrix(&back.layers[0]), matrix(&chain.layers[1]).transpose());
        assert_eq!(matrix(&back.layers[1]), matrix(&chain.layers[0]).transpose());
        let mut sum = Chain::zeros(&[3, 5, 2], Activation::Elu);
        sum.add_mirrored(&back);
        assert_eq!(sum.layers[0].weights, chain.layers[0].weights);
        assert_eq!(sum.layers[1].bias, [0.0; 2]);
    }
}
