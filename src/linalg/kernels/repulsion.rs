//! The sums over all pairs of points in the plane that the gradient of t-SNE is made of.

use super::has_avx2;

/// Interleaved partial sums: the lanes of an AVX register.
const LANES: usize = 8;

/// Points added up in single precision before the sums are carried on in double.
const RUN: usize = 1024;

/// What all points j do to the point at (x, y), with qⱼ = 1 / (1 + (x − xⱼ)² + (y − yⱼ)²), the kernel of Student's
/// t-distribution with one degree of freedom: `[Σ qⱼ² (x − xⱼ), Σ qⱼ² (y − yⱼ), Σ qⱼ]`.
///
/// The order of every sum depends on the number of points alone, and no product is fused with a sum: the bits are the
/// same for any instructions.
///
/// # Panics
/// When there is not one `y` an `x`.
#[must_use]
pub fn student_t_sums(at: [f32; 2], xs: &[f32], ys: &[f32]) -> [f64; 3] {
    assert_eq!(xs.len(), ys.len(), "one y an x");
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: AVX2 was detected.
        return totals(xs, ys, at, |xs, ys| unsafe { avx2(at, xs, ys) });
    }
    totals(xs, ys, at, |xs, ys| scalar(at, xs, ys))
}

/// Adds up runs of points, of each the whole registers by `whole` and what is left one by one.
fn totals(
    xs: &[f32],
    ys: &[f32],
    at: [f32; 2],
    whole: impl Fn(&[[f32; LANES]], &[[f32; LANES]]) -> [[f32; LANES]; 3],
) -> [f64; 3] {
    let mut totals = [0.0; 3];
    for (xs, ys) in xs.chunks(RUN).zip(ys.chunks(RUN)) {
        let ((xs, x_rest), (ys, y_rest)) = (xs.as_chunks(), ys.as_chunks());
        let mut lanes = whole(xs, ys);
        for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
            add(&mut lanes, lane, at, x, y);
        }
        for (total, lanes) in totals.iter_mut().zip(lanes) {
            *total += lanes.into_iter().map(f64::from).sum::<f64>();
        }
    }
    totals
}

fn scalar(at: [f32; 2], xs: &[[f32; LANES]], ys: &[[f32; LANES]]) -> [[f32; LANES]; 3] {
    let mut lanes = [[0.0; LANES]; 3];
    for (xs, ys) in xs.iter().zip(ys) {
        for lane in 0..LANES {
            add(&mut lanes, lane, at, xs[lane], ys[lane]);
        }
    }
    lanes
}

fn add(lanes: &mut [[f32; LANES]; 3], lane: usize, at: [f32; 2], x: f32, y: f32) {
    let (x, y) = (at[0] - x, at[1] - y);
    let q = 1.0 / (1.0 + (x * x + y * y));
    lanes[0][lane] += q * q * x;
    lanes[1][lane] += q * q * y;
    lanes[2][lane] += q;
}

/// The twin of [`scalar`], a register at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(at: [f32; 2], xs: &[[f32; LANES]], ys: &[[f32; LANES]]) -> [[f32; LANES]; 3] {
    use std::arch::x86_64::*;
    let (x_at, y_at, one) = (_mm256_set1_ps(at[0]), _mm256_set1_ps(at[1]), _mm256_set1_ps(1.0));
    let mut sums = [_mm256_setzero_ps(); 3];
    for (xs, ys) in xs.iter().zip(ys) {
        // SAFETY: an array of as many values as a register holds.
        let (xs, ys) = unsafe { (_mm256_loadu_ps(xs.as_ptr()), _mm256_loadu_ps(ys.as_ptr())) };
        let (x, y) = (_mm256_sub_ps(x_at, xs), _mm256_sub_ps(y_at, ys));
        let square = _mm256_add_ps(_mm256_mul_ps(x, x), _mm256_mul_ps(y, y));
        let q = _mm256_div_ps(one, _mm256_add_ps(one, square));
        let q_squared = _mm256_mul_ps(q, q);
        sums[0] = _mm256_add_ps(sums[0], _mm256_mul_ps(q_squared, x));
        sums[1] = _mm256_add_ps(sums[1], _mm256_mul_ps(q_squared, y));
        sums[2] = _mm256_add_ps(sums[2], q);
    }
    let mut lanes = [[0.0; LANES]; 3];
    for (lanes, sum) in lanes.iter_mut().zip(sums) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
    }
    lanes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(at: [f32; 2], xs: &[f32], ys: &[f32]) -> [f64; 3] {
        xs.iter().zip(ys).fold([0.0; 3], |[fx, fy, z], (&x, &y)| {
            let (x, y) = (f64::from(at[0]) - f64::from(x), f64::from(at[1]) - f64::from(y));
            let q = 1.0 / (1.0 + x * x + y * y);
            [fx + q * q * x, fy + q * q * y, z + q]
        })
    }

    proptest! {
        #[test]
        fn the_sums_are_those_of_the_plain_loop_by_any_instructions(
            points in proptest::collection::vec((-50.0f32..50.0, -50.0f32..50.0), 0..2500),
            at in (-50.0f32..50.0, -50.0f32..50.0),
        ) {
            let (xs, ys): (Vec<f32>, Vec<f32>) = points.into_iter().unzip();
            let (at, found) = ([at.0, at.1], student_t_sums([at.0, at.1], &xs, &ys));
            let twin = totals(&xs, &ys, at, |xs, ys| scalar(at, xs, ys));
            prop_assert_eq!(found.map(f64::to_bits), twin.map(f64::to_bits));
            let expected = naive(at, &xs, &ys);
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{} {}", found, expected);
            }
        }
    }
}
