//! Inner products by the registers of AVX-512, to the bits of those by AVX2.
//!
//! A register holds the eight partial sums of two items beside each other. Each is added to in the same order as in a
//! register of its own, so only the time differs.

use std::arch::x86_64::*;

use super::avx2::{self, DOT_BLOCK, DOT_USERS, LANES, add_lanes_of_four};
use crate::linalg::columns::{Columns, ColumnsMut};

/// Items (columns of `a`) of a tile: with six users two registers of them are loaded for twelve of sums.
const ITEMS: usize = 4;

/// See [`super::dots`].
///
/// # Safety
/// AVX2, FMA and AVX-512F; the shapes fit.
#[target_feature(enable = "avx2,fma,avx512f")]
pub unsafe fn dots(mut out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    let (m, n, k) = (a.cols(), b.cols(), a.rows());
    let (mut a_copy, mut b_copy) = (Vec::new(), Vec::new());
    let (a, b) = (avx2::aligned(a, n, &mut a_copy), avx2::aligned(b, n, &mut b_copy));
    let c = out.data().as_mut_ptr();
    for block in (0..m).step_by(DOT_BLOCK) {
        let block_end = (block + DOT_BLOCK).min(m);
        let whole_end = block + (block_end - block) / ITEMS * ITEMS;
        for j in (0..n).step_by(DOT_USERS) {
            let users = DOT_USERS.min(n - j);
            // SAFETY: columns `i..i + ITEMS` (or the one) of `a` and `j..j + users` of `b` exist, and so does the
            // corresponding tile of the output, whose leading dimension is `m`.
            unsafe {
                let tile = |i: usize| (a.add(i * k), b.add(j * k), c.add(j * m + i));
                for i in (block..whole_end).step_by(ITEMS) {
                    match users {
                        1 => dot_tile::<1>(tile(i), m, k),
                        2 => dot_tile::<2>(tile(i), m, k),
                        3 => dot_tile::<3>(tile(i), m, k),
                        4 => dot_tile::<4>(tile(i), m, k),
                        5 => dot_tile::<5>(tile(i), m, k),
                        _ => dot_tile::<DOT_USERS>(tile(i), m, k),
                    }
                }
                for i in whole_end..block_end {
                    let (a, b, c) = tile(i);
                    avx2::dot_tiles::<1>(users, ([a], b, c), m, k);
                }
            }
        }
    }
}

/// `ITEMS × J` inner products of length `k`; the columns of `a` and `b` are `k` apart, those of `c` are `m`.
///
/// # Safety
/// The pointers must be valid for the tile they describe.
#[target_feature(enable = "avx2,fma,avx512f")]
unsafe fn dot_tile<const J: usize>((a, b, c): (*const f32, *const f32, *mut f32), m: usize, k: usize) {
    // SAFETY: by the function's contract; `at + LANES <= whole <= k`.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); ITEMS / 2]; J];
        let whole = k / LANES * LANES;
        for at in (0..whole).step_by(LANES) {
            let mut pairs = [_mm512_setzero_ps(); ITEMS / 2];
            for (p, pair) in pairs.iter_mut().enumerate() {
                let first = _mm256_loadu_ps(a.add(2 * p * k + at));
                *pair = beside(first, _mm256_loadu_ps(a.add((2 * p + 1) * k + at)));
            }
            for (j, sums) in sums.iter_mut().enumerate() {
                let user = _mm256_loadu_ps(b.add(j * k + at));
                let user = beside(user, user);
                for (sum, pair) in sums.iter_mut().zip(pairs) {
                    *sum = _mm512_fmadd_ps(pair, user, *sum);
                }
            }
        }
        for (j, [first, second]) in sums.into_iter().enumerate() {
            let upper = |pair| _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(pair)));
            let lower = |pair| _mm512_castps512_ps256(pair);
            let mut totals = add_lanes_of_four([lower(first), upper(first), lower(second), upper(second)]);
            for rest in whole..k {
                for (i, total) in totals.iter_mut().enumerate() {
                    *total = (*a.add(i * k + rest)).mul_add(*b.add(j * k + rest), *total);
                }
            }
            c.add(j * m).cast::<[f32; ITEMS]>().write_unaligned(totals);
        }
    }
}

/// Two halves of a register.
#[target_feature(enable = "avx512f")]
fn beside(lower: __m256, upper: __m256) -> __m512 {
    let lower = _mm512_castps_pd(_mm512_castps256_ps512(lower));
    _mm512_castpd_ps(_mm512_insertf64x4::<1>(lower, _mm256_castps_pd(upper)))
}
