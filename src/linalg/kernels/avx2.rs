//! The kernels for x86-64 with AVX2 and FMA.
//!
//! Every function here requires the processor features (its caller has detected them) and the
//! shapes that its wrapper in the parent module asserts; all memory is reached through slices whose
//! bounds those assertions establish, or through pointers derived from them.

use std::arch::x86_64::*;
use std::array;
use std::f32::consts::LOG2_E;

use super::AdamStep;
use super::scalar::{positives, subtract_targets};
use crate::linalg::columns::{Columns, ColumnsMut};

/// f32 values in a register.
pub const LANES: usize = 8;

/// Registers of the output that a gather keeps while it walks over the history: 96 values, so that
/// each visit to an item's column reads six whole cache lines.
const GATHER_TILE: usize = 12;

#[target_feature(enable = "avx2,fma")]
pub unsafe fn gather(out: &mut [f32], table: Columns<'_>, offset: usize, items: &[u32], weights: &[f32]) {
    let (stride, data) = (table.rows(), table.data().as_ptr());
    let len = out.len();
    let mut row = 0;
    // SAFETY: `row + TILE * LANES <= out.len()`, `offset + out.len() <= table.rows()` and every item is
    // a column of the table, so all accesses lie within `out` and `table`.
    unsafe {
        while row + GATHER_TILE * LANES <= len {
            gather_tile::<GATHER_TILE>(out.as_mut_ptr().add(row), data.add(offset + row), stride, items, weights);
            row += GATHER_TILE * LANES;
        }
        while row + LANES <= len {
            gather_tile::<1>(out.as_mut_ptr().add(row), data.add(offset + row), stride, items, weights);
            row += LANES;
        }
        for (r, sum) in out.iter_mut().enumerate().skip(row) {
            for (&item, &weight) in items.iter().zip(weights) {
                *sum = weight.mul_add(*data.add(item as usize * stride + offset + r), *sum);
            }
        }
    }
}

/// Accumulates `T` registers of rows over all items.
///
/// # Safety
/// `out` and each `table + item * stride` must be valid for `T * LANES` values.
#[target_feature(enable = "avx2,fma")]
unsafe fn gather_tile<const T: usize>(out: *mut f32, table: *const f32, stride: usize, items: &[u32], weights: &[f32]) {
    // SAFETY: by the function's contract.
    unsafe {
        let mut sums = [_mm256_setzero_ps(); T];
        for (t, sum) in sums.iter_mut().enumerate() {
            *sum = _mm256_loadu_ps(out.add(t * LANES));
        }
        for (&item, &weight) in items.iter().zip(weights) {
            let column = table.add(item as usize * stride);
            let weight = _mm256_set1_ps(weight);
            for (t, sum) in sums.iter_mut().enumerate() {
                *sum = _mm256_fmadd_ps(weight, _mm256_loadu_ps(column.add(t * LANES)), *sum);
            }
        }
        for (t, sum) in sums.iter().enumerate() {
            _mm256_storeu_ps(out.add(t * LANES), *sum);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
pub unsafe fn axpy(y: &mut [f32], a: f32, x: &[f32]) {
    let wide = _mm256_set1_ps(a);
    let whole = y.len() / LANES * LANES;
    for at in (0..whole).step_by(LANES) {
        // SAFETY: `at + LANES <= whole <= y.len() == x.len()`.
        unsafe {
            let sum = _mm256_fmadd_ps(wide, _mm256_loadu_ps(x.as_ptr().add(at)), _mm256_loadu_ps(y.as_ptr().add(at)));
            _mm256_storeu_ps(y.as_mut_ptr().add(at), sum);
        }
    }
    for (y, &x) in y[whole..].iter_mut().zip(&x[whole..]) {
        *y = a.mul_add(x, *y);
    }
}

/// Users (columns of `b`) of a tile: with two items they fill the registers with twelve sums.
pub const DOT_USERS: usize = 6;
/// Items (columns of `a`) that stay in the second-level cache while all users pass by.
pub const DOT_BLOCK: usize = 128;
/// Users from which on it pays to copy the items to where no load crosses a cache line.
const DOT_ALIGN: usize = 24;

#[target_feature(enable = "avx2,fma")]
pub unsafe fn dots(mut out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    let (m, n, k) = (a.cols(), b.cols(), a.rows());
    let (mut a_copy, mut b_copy) = (Vec::new(), Vec::new());
    let (a, b) = (aligned(a, n, &mut a_copy), aligned(b, n, &mut b_copy));
    let c = out.data().as_mut_ptr();
    // One user alone waits for memory: eight items at a time keep it busy. Several share each load.
    let step = if n == 1 { 8 } else { 2 };
    for block in (0..m).step_by(DOT_BLOCK) {
        let block_end = (block + DOT_BLOCK).min(m);
        for j in (0..n).step_by(DOT_USERS) {
            let cols = DOT_USERS.min(n - j);
            let mut i = block;
            while i < block_end {
                let rows = if i + step <= block_end { step } else { 1 };
                // SAFETY: columns `i..i + rows` of `a` and `j..j + cols` of `b` exist, and so does the
                // corresponding tile of the output, whose leading dimension is `m`.
                unsafe {
                    let (b, c) = (b.add(j * k), c.add(j * m + i));
                    let a = a.add(i * k);
                    match rows {
                        8 => dot_tile::<8, 1>((neighbours(a, k), b, c), m, k),
                        2 => dot_tiles::<2>(cols, (neighbours(a, k), b, c), m, k),
                        _ => dot_tiles::<1>(cols, ([a], b, c), m, k),
                    }
                }
                i += rows;
            }
        }
    }
}

/// See [`super::dots_each`].
///
/// # Safety
/// AVX2 and FMA; as many outputs as columns, all of the length of `b`.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn dots_each(out: &mut [f32], a: &[&[f32]], b: &[f32]) {
    let (whole, rest) = a.as_chunks::<8>();
    let (whole_out, rest_out) = out.as_chunks_mut::<8>();
    for (out, columns) in whole_out.iter_mut().zip(whole) {
        // SAFETY: by the function's contract.
        unsafe { dot_tile::<8, 1>((columns.map(<[f32]>::as_ptr), b.as_ptr(), out.as_mut_ptr()), 8, b.len()) };
    }
    for (out, column) in rest_out.iter_mut().zip(rest) {
        // SAFETY: by the function's contract.
        unsafe { dot_tile::<1, 1>(([column.as_ptr()], b.as_ptr(), out), 1, b.len()) };
    }
}

/// The values of `columns`; for many users those where every run of eight lies within one cache line: where they are, or
/// in `copy`. Columns that are no whole number of runs stay where they are.
#[target_feature(enable = "avx2,fma")]
pub fn aligned(columns: Columns<'_>, users: usize, copy: &mut Vec<__m256>) -> *const f32 {
    let data = columns.data();
    let runs = columns.rows().is_multiple_of(LANES);
    if users < DOT_ALIGN || !runs || data.as_ptr().cast::<__m256>().is_aligned() {
        return data.as_ptr();
    }
    // SAFETY: each chunk holds `LANES` values.
    copy.extend(data.chunks_exact(LANES).map(|run| unsafe { _mm256_loadu_ps(run.as_ptr()) }));
    copy.as_ptr().cast()
}

/// A tile of `I` items and `cols` users.
///
/// # Safety
/// As [`dot_tile`].
#[target_feature(enable = "avx2,fma")]
pub unsafe fn dot_tiles<const I: usize>(cols: usize, tile: DotTile<I>, m: usize, k: usize) {
    // SAFETY: by the function's contract.
    unsafe {
        match cols {
            1 => dot_tile::<I, 1>(tile, m, k),
            2 => dot_tile::<I, 2>(tile, m, k),
            3 => dot_tile::<I, 3>(tile, m, k),
            4 => dot_tile::<I, 4>(tile, m, k),
            5 => dot_tile::<I, 5>(tile, m, k),
            _ => dot_tile::<I, DOT_USERS>(tile, m, k),
        }
    }
}

/// Columns that lie `k` apart, the first of them at `a`.
fn neighbours<const I: usize>(a: *const f32, k: usize) -> [*const f32; I] {
    array::from_fn(|i| a.wrapping_add(i * k))
}

/// Columns of `a`, and the first ones of `b` and `c`.
pub type DotTile<const I: usize> = ([*const f32; I], *const f32, *mut f32);

/// `I × J` inner products of length `k`; the columns of `b` are `k` apart, those of `c` are `m`.
///
/// # Safety
/// The pointers must be valid for the tile they describe.
#[target_feature(enable = "avx2,fma")]
unsafe fn dot_tile<const I: usize, const J: usize>((a, b, c): DotTile<I>, m: usize, k: usize) {
    // SAFETY: by the function's contract; `at + LANES <= whole <= k`.
    unsafe {
        let mut sums = [[_mm256_setzero_ps(); I]; J];
        let whole = k / LANES * LANES;
        let mut at = 0;
        while at < whole {
            // The I values of `a` stay in registers beside the I × J sums; each of `b` is used at once.
            let mut values = [_mm256_setzero_ps(); I];
            for (i, value) in values.iter_mut().enumerate() {
                *value = _mm256_loadu_ps(a[i].add(at));
            }
            for (j, sums) in sums.iter_mut().enumerate() {
                let b = _mm256_loadu_ps(b.add(j * k + at));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = _mm256_fmadd_ps(value, b, *sum);
                }
            }
            at += LANES;
        }
        let mut totals = [[0.0; I]; J];
        let (fours, ones) = sums.as_flattened().as_chunks();
        let (four_totals, one_totals) = totals.as_flattened_mut().as_chunks_mut();
        fours.iter().zip(four_totals).for_each(|(sums, totals)| *totals = add_lanes_of_four(*sums));
        ones.iter().zip(one_totals).for_each(|(sum, total)| *total = add_lanes(*sum));
        for (j, totals) in totals.iter_mut().enumerate() {
            for rest in whole..k {
                for (i, total) in totals.iter_mut().enumerate() {
                    *total = (*a[i].add(rest)).mul_add(*b.add(j * k + rest), *total);
                }
            }
            c.add(j * m).cast::<[f32; I]>().write_unaligned(*totals);
        }
    }
}

/// Sum of the lanes in the order the scalar twin documents: ((0+4)+(2+6)) + ((1+5)+(3+7)).
#[target_feature(enable = "avx2,fma")]
fn add_lanes(v: __m256) -> f32 {
    let pairs = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let fours = _mm_add_ps(pairs, _mm_movehl_ps(pairs, pairs));
    _mm_cvtss_f32(_mm_add_ss(fours, _mm_shuffle_ps::<1>(fours, fours)))
}

/// [`add_lanes`] of four registers at once, by the same additions.
#[target_feature(enable = "avx2,fma")]
pub fn add_lanes_of_four(v: [__m256; 4]) -> [f32; 4] {
    // The lower halves of two registers beside each other, plus their upper halves.
    let pairs = |v, w| _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(v, w), _mm256_permute2f128_ps::<0x31>(v, w));
    let (even, odd) = (pairs(v[0], v[2]), pairs(v[1], v[3]));
    // Registers 0 and 1 in the lower half, 2 and 3 in the upper one, two lanes each.
    let fours =
        _mm256_add_ps(_mm256_shuffle_ps::<0b01_00_01_00>(even, odd), _mm256_shuffle_ps::<0b11_10_11_10>(even, odd));
    let (low, high) = (_mm256_castps256_ps128(fours), _mm256_extractf128_ps::<1>(fours));
    let sums = _mm_add_ps(_mm_shuffle_ps::<0b10_00_10_00>(low, high), _mm_shuffle_ps::<0b11_01_11_01>(low, high));
    let mut out = [0.0; 4];
    // SAFETY: four values fit.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) };
    out
}

/// 2ˣ for x up to 127, with a relative error of 2.2e-7: x is split into a whole number n, which becomes
/// the exponent, and the rest in [−½, ½], where the polynomial of degree 5 of least relative error serves.
/// Below −126 the result is the smallest normal number.
///
/// As a power of e it costs two multiplications less than a reduction by ln 2 in two parts; what that
/// would save in accuracy, the rounding of x itself has lost already.
#[target_feature(enable = "avx2,fma")]
fn exp2(x: __m256) -> __m256 {
    // Added to a small number, its last bit counts ones: the sum is rounded to a whole number, and its
    // lowest bits are that number plus 127, the exponent of 2ⁿ as a float stores it.
    const ROUNDING: f32 = 12_582_912.0 + 127.0;
    // The operand that may be NaN stands second: this instruction returns it then, so NaN comes out as NaN.
    let x = _mm256_max_ps(_mm256_set1_ps(-126.0), x);
    let rounding = _mm256_set1_ps(ROUNDING);
    let shifted = _mm256_add_ps(x, rounding);
    let rest = _mm256_sub_ps(x, _mm256_sub_ps(shifted, rounding));
    let mut p = _mm256_set1_ps(1.327_647_1e-3);
    for c in [9.675_542e-3, 5.550_713e-2, 2.402_212e-1, 6.931_469_4e-1, 1.0] {
        p = _mm256_fmadd_ps(p, rest, _mm256_set1_ps(c));
    }
    let power = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
    _mm256_mul_ps(p, _mm256_castsi256_ps(power))
}

/// Logits that are taken together: they stay in the nearest cache between the search for the largest and
/// the powers, which are summed in f32 before they join the f64 total.
const SOFTMAX_BLOCK: usize = 1024;

/// The largest of some logits, a multiple of [`LANES`] of them.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn largest(logits: &[f32]) -> f32 {
    // Four maxima beside each other: one alone would wait for itself.
    let mut maxima = [_mm256_set1_ps(f32::NEG_INFINITY); 4];
    for start in (0..logits.len()).step_by(4 * LANES) {
        for (at, max) in (start..logits.len()).step_by(LANES).zip(&mut maxima) {
            // SAFETY: `at + LANES <= logits.len()`.
            *max = _mm256_max_ps(*max, unsafe { _mm256_loadu_ps(logits.as_ptr().add(at)) });
        }
    }
    let max = _mm256_max_ps(_mm256_max_ps(maxima[0], maxima[1]), _mm256_max_ps(maxima[2], maxima[3]));
    let mut lanes = [0.0; LANES];
    // SAFETY: one register fits.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), max) };
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// `logits ← e^(logits − max)`, a multiple of [`LANES`] of them; returns the sum. Fetches what lies
/// `ahead` of them meanwhile.
#[target_feature(enable = "avx2,fma")]
#[inline]
fn powers(logits: &mut [f32], max: f32, ahead: usize) -> f32 {
    let (log2_e, shift) = (_mm256_set1_ps(LOG2_E), _mm256_set1_ps(max * LOG2_E));
    let mut sum = _mm256_setzero_ps();
    for at in (0..logits.len()).step_by(LANES) {
        // SAFETY: `at + LANES <= logits.len()`; a prefetch may be of any address.
        unsafe {
            let p = logits.as_mut_ptr().add(at);
            _mm_prefetch::<_MM_HINT_T1>(p.wrapping_add(ahead).cast());
            let e = exp2(_mm256_fmsub_ps(_mm256_loadu_ps(p), log2_e, shift));
            _mm256_storeu_ps(p, e);
            sum = _mm256_add_ps(sum, e);
        }
    }
    add_lanes(sum)
}

/// By blocks, each relative to the largest logit so far, so that a block is fetched once for its largest logit and its
/// powers (Milakov & Gimelshein 2018, "Online normalizer calculation for softmax").
#[target_feature(enable = "avx2,fma")]
pub unsafe fn softmax_loss(logits: &mut [f32], items: &[u32], weights: &[f32], scale: f32) -> f64 {
    let (total, score) = positives(logits, items, weights);
    let len = logits.len();
    let (whole, rest) = logits.split_at_mut(len / LANES * LANES);
    let rest_max = rest.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut max, mut sum) = (rest_max, 0.0f64);
    for logit in rest.iter_mut() {
        *logit = (*logit - max).exp();
        sum += f64::from(*logit);
    }
    // What the powers of each block are relative to.
    let mut references = Vec::with_capacity(len.div_ceil(SOFTMAX_BLOCK));
    for block in whole.chunks_mut(SOFTMAX_BLOCK) {
        let largest = largest(block);
        if largest > max {
            sum *= f64::from(max - largest).exp();
            max = largest;
        }
        // The next user of a batch stands right behind this one; the powers leave time to fetch it.
        sum += f64::from(powers(block, max, len));
        references.push(max);
    }

    let factor = f64::from(scale) * total / sum;
    let relative = |reference: f32| (factor * f64::from(reference - max).exp()) as f32;
    for (block, reference) in whole.chunks_mut(SOFTMAX_BLOCK).zip(references) {
        let factor = relative(reference);
        block.iter_mut().for_each(|e| *e *= factor);
    }
    let factor = relative(rest_max);
    rest.iter_mut().for_each(|e| *e *= factor);
    subtract_targets(logits, items, weights, scale);
    total * (f64::from(max) + sum.ln()) - score
}

#[target_feature(enable = "avx2,fma")]
pub unsafe fn tanh_bias(x: &mut [f32], bias: &[f32]) {
    let whole = x.len() / LANES * LANES;
    let (one, two) = (_mm256_set1_ps(1.0), _mm256_set1_ps(2.0));
    let twice_log2_e = _mm256_set1_ps(2.0 * LOG2_E);
    // Far beyond where tanh is 1; NaN stands second, and stays.
    let largest = _mm256_set1_ps(120.0);
    for at in (0..whole).step_by(LANES) {
        // SAFETY: `at + LANES <= whole <= x.len() == bias.len()`.
        unsafe {
            let p = x.as_mut_ptr().add(at);
            let value = _mm256_add_ps(_mm256_loadu_ps(p), _mm256_loadu_ps(bias.as_ptr().add(at)));
            // tanh x = 1 − 2 / (e²ˣ + 1), which saturates correctly on both sides.
            let e = exp2(_mm256_min_ps(largest, _mm256_mul_ps(value, twice_log2_e)));
            _mm256_storeu_ps(p, _mm256_sub_ps(one, _mm256_div_ps(two, _mm256_add_ps(e, one))));
        }
    }
    for (x, bias) in x[whole..].iter_mut().zip(&bias[whole..]) {
        *x = (*x + bias).tanh();
    }
}

#[target_feature(enable = "avx2,fma")]
pub unsafe fn adam(step: &AdamStep, value: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
    let whole = value.len() / LANES * LANES;
    let set = |v: f32| _mm256_set1_ps(v);
    let (rate, second_scale, epsilon) = (set(step.rate), set(step.second_scale), set(step.epsilon));
    let (gain1, beta2, gain2) = (set(1.0 - step.beta1), set(step.beta2), set(1.0 - step.beta2));
    let (gradient_rate, decay) = (set(step.gradient_rate), set(step.weight_decay));
    for at in (0..whole).step_by(LANES) {
        // SAFETY: `at + LANES <= whole`, the common length of the four slices.
        unsafe {
            let (pv, pm, ps) = (value.as_mut_ptr().add(at), first.as_mut_ptr().add(at), second.as_mut_ptr().add(at));
            let v = _mm256_loadu_ps(pv);
            let g = _mm256_fmadd_ps(decay, v, _mm256_loadu_ps(gradient.as_ptr().add(at)));
            let m = _mm256_loadu_ps(pm);
            let m = _mm256_fmadd_ps(gain1, _mm256_sub_ps(g, m), m);
            let s = _mm256_loadu_ps(ps);
            let s = _mm256_fmadd_ps(gain2, _mm256_mul_ps(g, g), _mm256_mul_ps(beta2, s));
            let denominator = _mm256_fmadd_ps(_mm256_sqrt_ps(s), second_scale, epsilon);
            _mm256_storeu_ps(pm, m);
            _mm256_storeu_ps(ps, s);
            let direction = _mm256_fmadd_ps(gradient_rate, g, _mm256_mul_ps(rate, m));
            _mm256_storeu_ps(pv, _mm256_sub_ps(v, _mm256_div_ps(direction, denominator)));
        }
    }
    super::scalar::adam(step, &mut value[whole..], &mut first[whole..], &mut second[whole..], &gradient[whole..]);
}
