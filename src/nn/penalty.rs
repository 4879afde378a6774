//! What keeps the code of an autoencoder sparse.

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

/// A penalty on the values h of the code, by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sparsity {
    /// KL(ρ ‖ ρ̂) between the wished and the mean activity of each unit over the users of a shard (Ng 2011, "Sparse
    /// Autoencoder", sec. 3): units that are active for few users each. For values between 0 and 1.
    #[default]
    Kl,
    /// Σ |h| of each user: few active units a user.
    L1,
}

/// A penalty with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// Which penalty.
    pub sparsity: Sparsity,
    /// Its weight beside the loss of a user.
    pub weight: f32,
    /// ρ, for [`Sparsity::Kl`].
    pub activity: f32,
}

/// The least and the most that an activity is taken for: beyond it the divergence has no end.
const MARGIN: f64 = 1e-6;

impl Penalty {
    /// The penalty of a batch, summed over its users, and `scale` times its gradient, of the shape of `code`: width × users.
    #[must_use]
    pub fn of(self, code: &DMatrix<f32>, scale: f32) -> (f64, DMatrix<f32>) {
        let weight = f64::from(self.weight);
        match self.sparsity {
            Sparsity::L1 => {
                let sum: f64 = code.iter().map(|h| f64::from(h.abs())).sum();
                let slope = scale * self.weight;
                let sign = |h: f32| if h == 0.0 { 0.0 } else { slope * h.signum() };
                (weight * sum, code.map(sign))
            }
            Sparsity::Kl => {
                let (users, wished) = (code.ncols() as f64, f64::from(self.activity));
                let (mut sum, mut gradient) = (0.0, DMatrix::zeros(code.nrows(), code.ncols()));
                for (unit, mut gradient) in gradient.row_iter_mut().enumerate() {
                    let mean = code.row(unit).iter().map(|&h| f64::from(h)).sum::<f64>() / users;
                    let mean = mean.clamp(MARGIN, 1.0 - MARGIN);
                    let off = (1.0 - wished) * ((1.0 - wished) / (1.0 - mean)).ln();
                    sum += wished * (wished / mean).ln() + off;
                    let slope = (1.0 - wished) / (1.0 - mean) - wished / mean;
                    gradient.fill(scale * (weight * slope) as f32);
                }
                (weight * users * sum, gradient)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> DMatrix<f32> {
        DMatrix::from_fn(3, 4, |unit, user| 0.1 + 0.07 * (unit + 2 * user) as f32)
    }

    #[test]
    fn values_are_those_of_the_formulas() {
        let penalty = |sparsity| Penalty { sparsity, weight: 2.0, activity: 0.05 };
        // 2 * numpy.abs(h).sum()
        assert!((penalty(Sparsity::L1).of(&code(), 1.0).0 - 9.12).abs() < 1e-5);
        // 2 * 4 * scipy.stats.entropy([.05, .95], [m, 1 - m]) of the means .31, .38, .45, added up
        let expected = 8.0 * (0.212_554_4 + 0.303_998 + 0.409_355_3);
        let found = penalty(Sparsity::Kl).of(&code(), 1.0).0;
        assert!((found - expected).abs() < 1e-4, "{found}, expected {expected}");
    }

    #[test]
    fn gradients_match_finite_differences() {
        for sparsity in [Sparsity::Kl, Sparsity::L1] {
            let penalty = Penalty { sparsity, weight: 0.7, activity: 0.05 };
            let (_, gradient) = penalty.of(&code(), 0.25);
            for at in 0..gradient.len() {
                let moved = |by: f32| {
                    let mut code = code();
                    code[at] += by;
                    0.25 * penalty.of(&code, 1.0).0
                };
                let numeric = (moved(1e-3) - moved(-1e-3)) / 2e-3;
                assert!((numeric - f64::from(gradient[at])).abs() < 1e-3, "{sparsity:?}: {numeric}");
            }
        }
    }
}
