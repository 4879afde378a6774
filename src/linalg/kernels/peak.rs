//! The most that a core can multiply and add: the yardstick for the kernels.

use std::hint::black_box;

/// Independent sums, more than a core has multiply-adds under way at once.
const CHAINS: usize = 12;

/// Turns that pass between two looks at the clock: some milliseconds.
const TURNS: usize = 4 << 20;

/// Multiplies and adds f32 values in the widest registers there are, for some milliseconds, with nothing to wait for;
/// returns how many floating point operations that were. The fastest of many calls is the peak of a core.
#[must_use]
pub fn multiply_adds() -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if super::has_avx512() {
            // SAFETY: AVX-512 was detected.
            return unsafe { x86::chains_avx512() };
        } else if super::has_avx2() {
            // SAFETY: AVX2 and FMA were detected.
            return unsafe { x86::chains_avx2() };
        }
    }
    // Eight times as many sums: the compiler fills whatever registers it knows of.
    let (mut sums, factor) = (black_box([1.0f32; CHAINS * 8]), black_box(0.999f32));
    for _ in 0..TURNS / 4 {
        for sum in &mut sums {
            *sum = *sum * factor + factor;
        }
    }
    black_box(sums);
    (TURNS / 4 * CHAINS * 8 * 2) as f64
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    use super::{CHAINS, TURNS};

    /// Defines the loop over registers of `$lanes` values.
    macro_rules! chains {
        ($name:ident, $features:literal, $lanes:literal, $splat:ident, $multiply_add:ident) => {
            #[target_feature(enable = $features)]
            pub fn $name() -> f64 {
                let (mut sums, factor) = (black_box([$splat(1.0); CHAINS]), black_box($splat(0.999)));
                for _ in 0..TURNS {
                    for sum in &mut sums {
                        *sum = $multiply_add(*sum, factor, factor);
                    }
                }
                black_box(sums);
                (TURNS * CHAINS * $lanes * 2) as f64
            }
        };
    }

    chains!(chains_avx2, "avx2,fma", 8, _mm256_set1_ps, _mm256_fmadd_ps);
    chains!(chains_avx512, "avx512f", 16, _mm512_set1_ps, _mm512_fmadd_ps);
}
