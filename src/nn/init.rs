//! Initial weights.

use rand::RngExt;
use rand_distr::StandardNormal;

use crate::linalg::zeros;
use crate::random::{Purpose, fill_normal, stream};

/// Xavier/Glorot normal: N(0, 2 / (inputs + outputs)) (Glorot & Bengio 2010, eq. 12).
///
/// `parameter` numbers the tensor within its network and names its random stream.
#[must_use]
pub fn xavier_normal((inputs, outputs): (usize, usize), seed: u64, parameter: u64) -> Vec<f32> {
    let deviation = (2.0 / (inputs + outputs) as f64).sqrt() as f32;
    let mut values = zeros(inputs * outputs);
    fill_normal(&mut values, deviation, seed, Purpose::Init, parameter);
    values
}

/// N(0, 0.001²) without its tails beyond two deviations: the bias initialisation of Liang et al. 2018.
pub(super) fn small_bias(len: usize, seed: u64, parameter: u64) -> Vec<f32> {
    let mut random = stream(seed, Purpose::Init, [parameter, u64::MAX]);
    let mut draw = || loop {
        let normal: f32 = random.sample(StandardNormal);
        if normal.abs() <= 2.0 {
            return 0.001 * normal;
        }
    };
    (0..len).map(|_| draw()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xavier_has_the_stated_deviation() {
        let values = xavier_normal((400, 600), 1, 0);
        let variance = values.iter().map(|v| f64::from(v * v)).sum::<f64>() / values.len() as f64;
        assert!((variance / (2.0 / 1000.0) - 1.0).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn biases_stay_within_two_deviations() {
        let values = small_bias(5000, 1, 0);
        assert!(values.iter().all(|v| v.abs() <= 0.002));
        assert!(values.iter().any(|v| v.abs() > 0.0015));
    }
}
