//! Layer normalisation.

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::linalg::{Columns, ColumnsMut, sum_columns};

/// y = g ⊙ (x − m) / √(v + ε) + b for the values x of one user, m their mean and v their variance (Ba, Kiros, Hinton 2016,
/// "Layer Normalization").
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// g, one value a row.
    pub gain: &'a [f32],
    /// b, one value a row.
    pub shift: &'a [f32],
    /// ε: the variance of layers that are still nearly constant is not blown up.
    pub epsilon: f32,
}

impl LayerNorm<'_> {
    /// Mean of x, and 1 / √(variance + ε).
    fn moments(self, x: &[f32]) -> (f32, f32) {
        let rows = x.len() as f64;
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / rows;
        let variance = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / rows;
        (mean as f32, (1.0 / (variance + f64::from(self.epsilon)).sqrt()) as f32)
    }

    /// Replaces the values of one user by their normalised ones.
    ///
    /// # Panics
    /// When there is not one value a row.
    pub fn forward(self, x: &mut [f32]) {
        assert_eq!((self.gain.len(), self.shift.len()), (x.len(), x.len()), "one gain and shift a value");
        let (mean, inverse) = self.moments(x);
        for ((x, gain), shift) in x.iter_mut().zip(self.gain).zip(self.shift) {
            *x = gain * (*x - mean) * inverse + shift;
        }
    }

    /// From the input `x` and the gradient of the output, both rows × users: the gradients of gain and shift, and in
    /// place of `delta` that of the input. With n = (x − m) / √(v + ε) and d = g ⊙ ∂y over K rows it is
    /// (d − mean(d) − n · mean(d ⊙ n)) / √(v + ε).
    ///
    /// # Panics
    /// When shapes do not fit.
    pub fn backward(self, x: Columns<'_>, mut delta: ColumnsMut<'_>, gain: &mut [f32], shift: &mut [f32]) {
        let rows = self.gain.len();
        assert_eq!((x.rows(), x.cols()), (delta.rows(), delta.cols()), "one gradient a value");
        sum_columns(shift, delta.as_ref());
        let mut of_gain = DMatrix::zeros(rows, x.cols());
        let columns = delta.data().par_chunks_exact_mut(rows).zip(of_gain.as_mut_slice().par_chunks_exact_mut(rows));
        columns.enumerate().for_each(|(user, (delta, of_gain))| {
            let x = x.col(user);
            let (mean, inverse) = self.moments(x);
            let (mut sum, mut along) = (0.0, 0.0);
            for (at, of_gain) in of_gain.iter_mut().enumerate() {
                let normal = (x[at] - mean) * inverse;
                *of_gain = delta[at] * normal;
                delta[at] *= self.gain[at];
                sum += f64::from(delta[at]);
                along += f64::from(delta[at] * normal);
            }
            let [sum, along] = [sum, along].map(|total: f64| (total / rows as f64) as f32);
            for (delta, x) in delta.iter_mut().zip(x) {
                *delta = inverse * (*delta - sum - (x - mean) * inverse * along);
            }
        });
        sum_columns(gain, (&of_gain).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAIN: [f32; 5] = [1.0, 0.5, -2.0, 1.5, 0.8];
    const SHIFT: [f32; 5] = [0.1, 0.0, -0.3, 0.7, 0.2];
    const NORM: LayerNorm<'static> = LayerNorm { gain: &GAIN, shift: &SHIFT, epsilon: 0.1 };
    /// Two users.
    const X: [f32; 10] = [0.3, -1.2, 2.0, 0.7, -0.4, 5.0, 4.0, 4.5, 6.5, 4.2];

    #[test]
    fn values_are_those_of_pytorch() {
        // torch.nn.functional.layer_norm(x, (5,), gain, shift, eps=0.1)
        let mut out = X;
        out.chunks_exact_mut(5).for_each(|user| NORM.forward(user));
        let expected = [
            0.1178344, -0.6598731, -3.367_518, 1.261_784, -0.2850959, 0.2684304, -0.4421298, 0.4158291, 3.321_198,
            -0.3389772,
        ];
        for (out, expected) in out.iter().zip(expected) {
            assert!((out - expected).abs() < 1e-6, "{out} instead of {expected}");
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        let weights: Vec<f32> = (0..10).map(|at| 0.3 * at as f32 - 1.0).collect();
        let loss = |norm: LayerNorm<'_>, x: &[f32]| {
            let mut y = x.to_vec();
            y.chunks_exact_mut(5).for_each(|user| norm.forward(user));
            y.iter().zip(&weights).map(|(y, w)| f64::from(y * w)).sum::<f64>()
        };
        let (mut delta, mut gain, mut shift) = (weights.clone(), [f32::NAN; 5], [f32::NAN; 5]);
        NORM.backward(Columns::new(&X, (5, 2)), ColumnsMut::new(&mut delta, (5, 2)), &mut gain, &mut shift);
        let check = |found: &[f32], loss_at: &dyn Fn(usize, f32) -> f64| {
            for (at, found) in found.iter().enumerate() {
                let numeric = (loss_at(at, 1e-2) - loss_at(at, -1e-2)) / 2e-2;
                assert!((numeric - f64::from(*found)).abs() < 2e-3, "{at}: {found}, numerically {numeric}");
            }
        };
        let moved = |values: &[f32], at: usize, by: f32| {
            let mut values = values.to_vec();
            values[at] += by;
            values
        };
        check(&delta, &|at, by| loss(NORM, &moved(&X, at, by)));
        check(&gain, &|at, by| loss(LayerNorm { gain: &moved(&GAIN, at, by), ..NORM }, &X));
        check(&shift, &|at, by| loss(LayerNorm { shift: &moved(&SHIFT, at, by), ..NORM }, &X));
    }
}
