//! Many p-values at once: Benjamini & Hochberg 1995, "Controlling the False Discovery Rate".

/// The adjusted p-value of each: the smallest false discovery rate at which it is reported.
///
/// With p₍₁₎ ≤ … ≤ p₍ₘ₎ in order it is min over j ≥ k of p₍ⱼ₎ m / j, at most 1. Reporting those that are at most q is the
/// step-up procedure: of what is reported, on average at most the share q is normal. This holds for conformal p-values
/// that share their calibration users (Bates et al. 2023, "Testing for Outliers with Conformal p-values").
#[must_use]
pub fn adjusted_p_values(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[b].total_cmp(&p_values[a]));
    let tests = p_values.len();
    let mut adjusted = vec![1.0; tests];
    let mut least = 1.0f64;
    for (at, rank) in order.into_iter().zip((1..=tests).rev()) {
        least = least.min(p_values[at] * (tests as f64 / rank as f64));
        adjusted[at] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Independent values: `scipy.stats.false_discovery_control([0.01, 0.04, 0.03, 0.005, 0.9])`.
    #[test]
    fn golden_values() {
        let adjusted = adjusted_p_values(&[0.01, 0.04, 0.03, 0.005, 0.9]);
        for (found, expected) in adjusted.iter().zip([0.025, 0.05, 0.05, 0.025, 0.9]) {
            assert!((found - expected).abs() < 1e-15, "{adjusted:?}");
        }
        assert!(adjusted_p_values(&[]).is_empty());
        assert_eq!(adjusted_p_values(&[0.3]), [0.3]);
    }

    proptest! {
        #[test]
        fn it_is_the_step_up_procedure(
            sixtieths in prop::collection::vec(1u32..=60, 0..40), rate in 0.0f64..1.0,
        ) {
            let p_values: Vec<f64> = sixtieths.iter().map(|&p| f64::from(p) / 60.0).collect();
            let adjusted = adjusted_p_values(&p_values);
            // The naive twin: the largest k with p(k) m / k ≤ q, and everything up to p(k) is reported.
            let mut sorted = p_values.clone();
            sorted.sort_by(f64::total_cmp);
            let tests = sorted.len() as f64;
            let last = (1..=sorted.len()).rfind(|&k| sorted[k - 1] * (tests / k as f64) <= rate);
            for (p, adjusted) in p_values.iter().zip(&adjusted) {
                prop_assert_eq!(*adjusted <= rate, last.is_some_and(|k| *p <= sorted[k - 1]));
                prop_assert!(adjusted >= p && *adjusted <= 1.0);
            }
        }
    }
}
