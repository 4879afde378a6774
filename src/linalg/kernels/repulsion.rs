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
        return unsafe { sums_avx2(at, xs, ys) };
    }
    sums(at, xs, ys)
}

/// The same loops, compiled for wide registers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn sums_avx2(at: [f32; 2], xs: &[f32], ys: &[f32]) -> [f64; 3] {
    sums(at, xs, ys)
}

#[inline(always)]
fn sums(at: [f32; 2], xs: &[f32], ys: &[f32]) -> [f64; 3] {
    let mut totals = [0.0; 3];
    for (xs, ys) in xs.chunks(RUN).zip(ys.chunks(RUN)) {
        let mut lanes = [[0.0f32; LANES]; 3];
        let ((xs, x_rest), (ys, y_rest)) = (xs.as_chunks::<LANES>(), ys.as_chunks::<LANES>());
        for (xs, ys) in xs.iter().zip(ys) {
            for lane in 0..LANES {
                add(&mut lanes, lane, at, xs[lane], ys[lane]);
            }
        }
        for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
            add(&mut lanes, lane, at, x, y);
        }
        for (total, lanes) in totals.iter_mut().zip(lanes) {
            *total += lanes.into_iter().map(f64::from).sum::<f64>();
        }
    }
    totals
}

#[inline(always)]
fn add(lanes: &mut [[f32; LANES]; 3], lane: usize, at: [f32; 2], x: f32, y: f32) {
    let (x, y) = (at[0] - x, at[1] - y);
    let q = 1.0 / (1.0 + (x * x + y * y));
    lanes[0][lane] += q * q * x;
    lanes[1][lane] += q * q * y;
    lanes[2][lane] += q;
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
            prop_assert_eq!(found.map(f64::to_bits), sums(at, &xs, &ys).map(f64::to_bits));
            let expected = naive(at, &xs, &ys);
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{} {}", found, expected);
            }
        }
    }
}
