//! A prior that remembers: a mixture of what the encoder said before, of a standard and of a wide normal distribution.

use rayon::prelude::*;

use super::gaussian::{Gaussian, gaussian_backward};
use crate::linalg::{Columns, ColumnsMut};

/// p(z | x) = ∏ⱼ (s · N(zⱼ; 0, 1) + o · N(zⱼ; μ′ⱼ, σ′ⱼ²) + w · N(zⱼ; 0, e^λ)), with μ′ and σ′ of an earlier encoder
/// (Shenbin et al. 2020, "RecVAE"; each dimension is mixed on its own, as in the authors' code).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompositePrior {
    /// o, the share of the earlier posterior.
    pub old: f32,
    /// w, the share of the wide normal distribution; the standard one has s = 1 − o − w.
    pub wide: f32,
    /// λ, the logarithm of the wide one's variance.
    pub wide_log_variance: f32,
}

/// A sample of a batch of codes: everything is latent × users.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The distribution that it is drawn from, q.
    pub posterior: Gaussian<'a>,
    /// What an earlier encoder says of the same users.
    pub old: Gaussian<'a>,
    /// ε.
    pub noise: Columns<'a>,
    /// z = μ + ε·σ.
    pub z: Columns<'a>,
}

impl CompositePrior {
    /// log p(z) without its constant −½ log 2π, and −∂ log p / ∂z, for one dimension.
    fn log_density(self, z: f32, old: (f32, f32)) -> (f32, f32) {
        let parts = [
            (1.0 - self.old - self.wide, 0.0, 0.0),
            (self.old, old.0, old.1),
            (self.wide, 0.0, self.wide_log_variance),
        ];
        let densities = parts.map(|(share, mean, log_variance): (f32, f32, f32)| {
            let slope = (z - mean) * (-log_variance).exp();
            // Shares that make up the whole may leave a little less than nothing.
            (share.max(0.0).ln() - 0.5 * (log_variance + (z - mean) * slope), slope)
        });
        let largest = densities.iter().fold(f32::NEG_INFINITY, |most, (log, _)| most.max(*log));
        let (total, slope) = densities.iter().fold((0.0, 0.0), |(total, slope), (log, of_part)| {
            let density = (log - largest).exp();
            (total + density, slope + density * of_part)
        });
        (largest + total.ln(), slope / total)
    }

    /// Sum over the users of `weights[u] · (log q(z) − log p(z | x))`: the divergence of the posterior from the prior, by one
    /// sample.
    #[must_use]
    pub fn divergence(self, sample: Sample<'_>, weights: &[f32]) -> f64 {
        let user = |(user, weight): (usize, &f32)| {
            let ((_, log_variance), (old_mean, old_log_variance)) =
                (sample.posterior.user(user), sample.old.user(user));
            let (noise, z) = (sample.noise.col(user), sample.z.col(user));
            let terms = (0..z.len()).map(|at| {
                let (log_p, _) = self.log_density(z[at], (old_mean[at], old_log_variance[at]));
                f64::from(-0.5 * (log_variance[at] + noise[at] * noise[at])) - f64::from(log_p)
            });
            f64::from(*weight) * terms.sum::<f64>()
        };
        let users: Vec<f64> = weights.par_iter().enumerate().map(user).collect();
        users.into_iter().sum()
    }

    /// The gradient of μ and log σ² of the posterior (2·latent × users) from `dz`, that of the sample, plus that of the
    /// [`divergence`](Self::divergence) with these weights. That of log q with respect to μ is nothing, as z moves along, and
    /// −½ with respect to log σ². `dz` is changed on the way.
    ///
    /// # Panics
    /// When shapes do not fit.
    pub fn backward(self, sample: Sample<'_>, weights: &[f32], mut dz: ColumnsMut<'_>, mut out: ColumnsMut<'_>) {
        let latent = sample.posterior.latent();
        assert_eq!((dz.rows(), dz.cols()), (latent, weights.len()), "latent x users");
        let columns = dz.data().par_chunks_exact_mut(latent).zip(weights);
        columns.enumerate().for_each(|(user, (dz, weight))| {
            let (old_mean, old_log_variance) = sample.old.user(user);
            for (at, (dz, z)) in dz.iter_mut().zip(sample.z.col(user)).enumerate() {
                *dz += weight * self.log_density(*z, (old_mean[at], old_log_variance[at])).1;
            }
        });
        gaussian_backward(sample.posterior, sample.noise, dz.as_ref(), 0.0, out.reborrow());
        for (user, weight) in weights.iter().enumerate() {
            out.col(user)[latent..].iter_mut().for_each(|d_log_variance| *d_log_variance -= 0.5 * weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: CompositePrior = CompositePrior { old: 0.75, wide: 0.1, wide_log_variance: 10.0 };

    /// sin(1.7 i + salt).
    fn numbers(salt: f64) -> [f32; 6] {
        std::array::from_fn(|i| (1.7 * i as f64 + salt).sin() as f32)
    }

    /// Means and log variances of two users, three dimensions each, as columns.
    fn code(mean: [f32; 6], log_variance: [f32; 6]) -> Vec<f32> {
        [&mean[..3], &log_variance[..3], &mean[3..], &log_variance[3..]].concat()
    }

    /// What `of` makes of the sample of a code with this mean, log variance and noise.
    fn sampled<T>([mean, log_variance, noise]: [[f32; 6]; 3], of: impl FnOnce(Sample<'_>) -> T) -> T {
        let (posterior, old) = (code(mean, log_variance), code(numbers(3.0), numbers(4.0)));
        let z: [f32; 6] = std::array::from_fn(|at| mean[at] + noise[at] * (0.5 * log_variance[at]).exp());
        of(Sample {
            posterior: Gaussian { parameters: Columns::new(&posterior, (6, 2)) },
            old: Gaussian { parameters: Columns::new(&old, (6, 2)) },
            noise: Columns::new(&noise, (3, 2)),
            z: Columns::new(&z, (3, 2)),
        })
    }

    fn divergence(prior: CompositePrior, code: [[f32; 6]; 3], weights: &[f32]) -> f64 {
        sampled(code, |sample| prior.divergence(sample, weights))
    }

    #[test]
    fn the_divergence_is_that_of_pytorch() {
        let (mean, log_variance) = (numbers(1.0), numbers(2.0));
        let z = numbers(5.0).map(|z| 1.5 * z);
        let noise = std::array::from_fn(|at| (z[at] - mean[at]) * (-0.5 * log_variance[at]).exp());
        for (weights, expected) in [([1.0, 0.0], -1.932_335_4), ([0.0, 2.0], 2.0 * 0.005_232_1)] {
            let found = divergence(PRIOR, [mean, log_variance, noise], &weights);
            assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
        }
    }

    #[test]
    fn a_posterior_that_is_its_own_prior_diverges_by_nothing() {
        let prior = CompositePrior { old: 1.0, wide: 0.0, ..PRIOR };
        let found = divergence(prior, [numbers(3.0), numbers(4.0), numbers(7.0)], &[1.0, 1.0]);
        assert!(found.abs() < 1e-5, "{found}");
    }

    #[test]
    fn gradients_match_finite_differences() {
        let (mean, log_variance, noise) = (numbers(1.0), numbers(2.0), numbers(7.0));
        let weights = [0.7, 1.6];
        for prior in [
            PRIOR,
            CompositePrior { old: 0.0, ..PRIOR },
            CompositePrior { wide: 0.9, wide_log_variance: 1.0, old: 0.1 },
        ] {
            let (mut dz, mut found) = ([0.0; 6], [f32::NAN; 12]);
            sampled([mean, log_variance, noise], |sample| {
                let (dz, found) = (ColumnsMut::new(&mut dz, (3, 2)), ColumnsMut::new(&mut found, (6, 2)));
                prior.backward(sample, &weights, dz, found);
            });
            let numeric = |of_mean: bool, at: usize| {
                let moved = |by: f32| {
                    let (mut mean, mut log_variance) = (mean, log_variance);
                    if of_mean {
                        mean[at] += by
                    } else {
                        log_variance[at] += by
                    }
                    divergence(prior, [mean, log_variance, noise], &weights)
                };
                (moved(5e-3) - moved(-5e-3)) / 1e-2
            };
            let expected = code(
                std::array::from_fn(|at| numeric(true, at) as f32),
                std::array::from_fn(|at| numeric(false, at) as f32),
            );
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 2e-3, "{prior:?}: {found}, numerically {expected}");
            }
        }
    }
}
