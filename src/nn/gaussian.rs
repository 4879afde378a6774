//! A Gaussian code: its sample, its divergence from the prior, and their gradients.
//!
//! The encoder's output holds for each user the mean μ above the log variance log σ².

use nalgebra::DMatrix;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::linalg::{Columns, ColumnsMut};
use crate::random::{Purpose, stream};

/// The two halves of an encoder output.
#[derive(Clone, Copy, Debug)]
pub struct Gaussian<'a> {
    /// `2·latent × users`.
    pub parameters: Columns<'a>,
}

impl<'a> Gaussian<'a> {
    /// Width of the code.
    #[must_use]
    pub fn latent(self) -> usize {
        self.parameters.rows() / 2
    }

    /// Mean and log variance of a user.
    #[must_use]
    pub fn user(self, user: usize) -> (&'a [f32], &'a [f32]) {
        self.parameters.col(user).split_at(self.latent())
    }
}

/// Writes z = μ + ε·σ with ε ~ N(0, I) (Kingma & Welling 2014, sec. 2.4), and keeps ε for the gradient.
/// `name(position)` gives the (seed, epoch, user) that alone determine a user's ε.
///
/// # Panics
/// When `noise` and `z` are not latent × users.
pub fn gaussian_sample(
    gaussian: Gaussian<'_>,
    name: impl Fn(usize) -> (u64, u64, u64) + Sync,
    mut noise: ColumnsMut<'_>,
    mut z: ColumnsMut<'_>,
) {
    let latent = gaussian.latent();
    let shape = (latent, gaussian.parameters.cols());
    assert_eq!([(noise.rows(), noise.cols()), (z.rows(), z.cols())], [shape, shape], "latent x users");
    let columns = noise.data().par_chunks_mut(latent).zip(z.data().par_chunks_mut(latent));
    columns.enumerate().for_each(|(user, (noise, z))| {
        let (mean, log_variance) = gaussian.user(user);
        let (seed, epoch, id) = name(user);
        let mut random = stream(seed, Purpose::Reparameterise, [epoch, id]);
        for at in 0..latent {
            noise[at] = StandardNormal.sample(&mut random);
            z[at] = mean[at] + noise[at] * (0.5 * log_variance[at]).exp();
        }
    });
}

/// Several samples z = μ + scale·ε·σ of one user's code, one column each: `latent × count`. `random(draw)` gives the
/// numbers that a draw's ε is made of.
#[must_use]
pub fn gaussian_draws<R: Rng>(
    gaussian: Gaussian<'_>,
    user: usize,
    scale: f32,
    count: usize,
    random: impl Fn(u64) -> R,
) -> DMatrix<f32> {
    let (mean, log_variance) = gaussian.user(user);
    let mut z = DMatrix::zeros(mean.len(), count);
    for (draw, mut z) in z.column_iter_mut().enumerate() {
        let mut random = random(draw as u64);
        for at in 0..mean.len() {
            let noise: f32 = StandardNormal.sample(&mut random);
            z[at] = mean[at] + scale * noise * (0.5 * log_variance[at]).exp();
        }
    }
    z
}

/// Sum over the batch of KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (σ² + μ² − 1 − log σ²).
#[must_use]
pub fn kl_divergence(gaussian: Gaussian<'_>) -> f64 {
    let user = |user| {
        let (mean, log_variance) = gaussian.user(user);
        let terms = mean.iter().zip(log_variance).map(|(&m, &l)| {
            let (m, l) = (f64::from(m), f64::from(l));
            0.5 * (l.exp() + m * m - 1.0 - l)
        });
        terms.sum::<f64>()
    };
    let users: Vec<f64> = (0..gaussian.parameters.cols()).into_par_iter().map(user).collect();
    users.into_iter().sum()
}

/// The gradient of μ and log σ² (2·latent × users) from `dz`, that of the sample, plus `kl_scale`
/// times the gradient of [`kl_divergence`].
///
/// # Panics
/// When shapes do not fit.
pub fn gaussian_backward(
    gaussian: Gaussian<'_>,
    noise: Columns<'_>,
    dz: Columns<'_>,
    kl_scale: f32,
    mut out: ColumnsMut<'_>,
) {
    let latent = gaussian.latent();
    assert_eq!((dz.rows(), noise.rows(), out.rows()), (latent, latent, 2 * latent), "latent x users");
    out.data().par_chunks_mut(2 * latent).enumerate().for_each(|(user, out)| {
        let (mean, log_variance) = gaussian.user(user);
        let (noise, dz) = (noise.col(user), dz.col(user));
        let (d_mean, d_log_variance) = out.split_at_mut(latent);
        for at in 0..latent {
            let deviation = (0.5 * log_variance[at]).exp();
            d_mean[at] = dz[at] + kl_scale * mean[at];
            d_log_variance[at] = 0.5 * (dz[at] * noise[at] * deviation + kl_scale * (deviation * deviation - 1.0));
        }
    });
}
