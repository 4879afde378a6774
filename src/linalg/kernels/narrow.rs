//! Inner products with tables of narrow numbers: eight-bit integers and half-precision floats.
//!
//! A list for one user reads the whole item table, so its time is that of the memory; narrow numbers are a
//! quarter and a half of it. Who needs exact scores computes them again for the few items that come close.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use half::f16;

/// Length that a row of a table of eight-bit integers is filled up to with zeros.
pub const NARROW_RUN: usize = 32;

/// Largest value in a query against eight-bit integers: two products of such a value with −128 still fit into 16 bits.
pub const LARGEST_QUERY: u8 = 127;

/// `out[q · rows + r] = Σₖ table[r · width + k] · queries[q · width + k]`, exactly: every row of the table with every
/// query. Each row is fetched from memory once for all queries.
///
/// # Panics
/// When `width` is no positive multiple of [`NARROW_RUN`], a query holds a value above [`LARGEST_QUERY`], or the lengths
/// do not fit each other.
pub fn dots_i8(out: &mut [i32], table: &[i8], queries: &[u8], width: usize) {
    assert!(width > 0 && width.is_multiple_of(NARROW_RUN), "{width} values are no whole number of runs");
    // The largest of all by wide comparisons: looking for the first one that is too large takes them one by one.
    let largest = queries.iter().fold(0, |largest, &value| largest.max(value));
    assert!(largest <= LARGEST_QUERY, "a value of a query is above {LARGEST_QUERY}");
    assert!(table.len().is_multiple_of(width) && queries.len().is_multiple_of(width), "whole rows and queries");
    let products = (table.len() / width).checked_mul(queries.len() / width);
    assert_eq!(Some(out.len()), products, "one product of each row with each query");
    #[cfg(target_arch = "x86_64")]
    if super::has_avx2() {
        let tiles = if super::has_vnni() { Tiles::VNNI } else { Tiles::AVX2 };
        // SAFETY: the instructions were detected.
        return unsafe { tiles.dots(out, table, queries, width) };
    }
    dots_i8_scalar(out, table, queries, width);
}

/// `out[i] = Σₖ table[i · width + k] · query[k]` in f32, over eight interleaved partial sums; `width` is the
/// length of the query.
///
/// # Panics
/// When the table has not `out.len()` rows of the query's length.
pub fn dots_f16(out: &mut [f32], table: &[f16], query: &[f32]) {
    assert_eq!(Some(table.len()), out.len().checked_mul(query.len()), "one row an inner product");
    #[cfg(target_arch = "x86_64")]
    if super::has_avx2() && std::arch::is_x86_feature_detected!("f16c") {
        // SAFETY: AVX2, FMA and F16C were detected; the shapes were checked.
        return unsafe { dots_f16_avx2(out, table, query) };
    }
    dots_f16_scalar(out, table, query);
}

/// The naive twin of [`dots_i8`].
pub(super) fn dots_i8_scalar(out: &mut [i32], table: &[i8], queries: &[u8], width: usize) {
    let pairs = queries.chunks_exact(width).flat_map(|query| table.chunks_exact(width).map(move |row| (row, query)));
    for (out, (row, query)) in out.iter_mut().zip(pairs) {
        *out = row.iter().zip(query).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
    }
}

/// The naive twin of [`dots_f16`].
pub(super) fn dots_f16_scalar(out: &mut [f32], table: &[f16], query: &[f32]) {
    for (at, out) in out.iter_mut().enumerate() {
        let row = &table[at * query.len()..][..query.len()];
        let mut sums = [0.0f32; 8];
        row.iter().zip(query).enumerate().for_each(|(k, (a, b))| sums[k % 8] += a.to_f32() * b);
        *out = sums.iter().sum();
    }
}

/// Rows of which the inner products are computed together: each run of a query is loaded once for all.
#[cfg(target_arch = "x86_64")]
const TOGETHER: usize = 4;

/// Bytes from a row to what is fetched while it is multiplied: one query takes a quarter less time than without, and
/// anything from 2 to 16 KiB does.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 8192;

/// Bytes that come from memory together.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE: usize = 64;

/// The instructions at hand to multiply [`TOGETHER`] rows with queries: with `at_once` of them, as many as there are
/// registers for the sums, and with one.
#[cfg(target_arch = "x86_64")]
struct Tiles {
    at_once: usize,
    many: Tile,
    one: Tile,
}

/// The products of rows with queries of `width` values each; those of the next query stand `apart` places further on.
///
/// # Safety
/// The instructions exist here; [`TOGETHER`] rows and the tile's number of queries hold `width` values each, a multiple
/// of [`NARROW_RUN`]; the output has a place for every product.
#[cfg(target_arch = "x86_64")]
type Tile = unsafe fn(rows: *const i8, queries: *const u8, width: usize, out: *mut i32, apart: usize);

#[cfg(target_arch = "x86_64")]
impl Tiles {
    const AVX2: Self = Self { at_once: 2, many: tile_avx2::<2>, one: tile_avx2::<1> };
    const VNNI: Self = Self { at_once: 4, many: tile_vnni::<4>, one: tile_vnni::<1> };

    /// [`dots_i8`], whose checks hold.
    ///
    /// # Safety
    /// The instructions exist here.
    unsafe fn dots(&self, out: &mut [i32], table: &[i8], queries: &[u8], width: usize) {
        let (rows, count) = (table.len() / width, queries.len() / width);
        let (whole_rows, whole_queries) = (rows / TOGETHER * TOGETHER, count / self.at_once * self.at_once);
        for row in (0..whole_rows).step_by(TOGETHER) {
            for line in (AHEAD..AHEAD + TOGETHER * width).step_by(CACHE_LINE) {
                // SAFETY: nothing is read; any address may be named.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(table.as_ptr().wrapping_add(row * width + line)) };
            }
            let many = (0..whole_queries).step_by(self.at_once).map(|query| (self.many, query));
            for (tile, query) in many.chain((whole_queries..count).map(|query| (self.one, query))) {
                // SAFETY: rows `row..row + TOGETHER` of the table, the tile's queries from `query` on, and a value of
                // the output for each pair of them exist, by the checked shapes.
                unsafe {
                    let (rows_from, queries_from) =
                        (table.as_ptr().add(row * width), queries.as_ptr().add(query * width));
                    tile(rows_from, queries_from, width, out.as_mut_ptr().add(query * rows + row), rows);
                }
            }
        }
        for (out, query) in out.chunks_exact_mut(rows.max(1)).zip(queries.chunks_exact(width)) {
            dots_i8_scalar(&mut out[whole_rows..], &table[whole_rows * width..], query, width);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn tile_avx2<const QUERIES: usize>(
    rows: *const i8,
    queries: *const u8,
    width: usize,
    out: *mut i32,
    apart: usize,
) {
    let ones = _mm256_set1_epi16(1);
    let mut sums = [[_mm256_setzero_si256(); TOGETHER]; QUERIES];
    for at in (0..width).step_by(NARROW_RUN) {
        // SAFETY: runs within the rows and queries that the caller promises.
        unsafe {
            let mut values = [_mm256_setzero_si256(); QUERIES];
            for (q, values) in values.iter_mut().enumerate() {
                *values = _mm256_loadu_si256(queries.add(q * width + at).cast());
            }
            for r in 0..TOGETHER {
                let run = _mm256_loadu_si256(rows.add(r * width + at).cast());
                for (values, sums) in values.iter().zip(&mut sums) {
                    let pairs = _mm256_maddubs_epi16(*values, run);
                    sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(pairs, ones));
                }
            }
        }
    }
    for (query, sums) in sums.into_iter().enumerate() {
        let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
        let totals = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
        // SAFETY: the place that the caller promises.
        unsafe { _mm_storeu_si128(out.add(query * apart).cast(), totals) };
    }
}

/// Four products of neighbours are added to a sum by one instruction, two runs at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avx512f,avx512vnni")]
unsafe fn tile_vnni<const QUERIES: usize>(
    rows: *const i8,
    queries: *const u8,
    width: usize,
    out: *mut i32,
    apart: usize,
) {
    const RUNS: usize = 2 * NARROW_RUN;
    let mut sums = [[_mm512_setzero_si512(); TOGETHER]; QUERIES];
    for at in (0..width).step_by(RUNS) {
        // Behind the last run of an odd number there is none: zeros instead.
        let there = if at + RUNS <= width { 0xFFFF } else { 0x00FF };
        // SAFETY: runs within the rows and queries that the caller promises.
        unsafe {
            let mut runs = [_mm512_setzero_si512(); TOGETHER];
            for (r, run) in runs.iter_mut().enumerate() {
                *run = _mm512_maskz_loadu_epi32(there, rows.add(r * width + at).cast());
            }
            for (q, sums) in sums.iter_mut().enumerate() {
                let values = _mm512_maskz_loadu_epi32(there, queries.add(q * width + at).cast());
                for (sum, run) in sums.iter_mut().zip(runs) {
                    *sum = _mm512_dpbusd_epi32(*sum, values, run);
                }
            }
        }
    }
    for (query, sums) in sums.into_iter().enumerate() {
        let pairs = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (low, high) = (pairs(sums[0], sums[1]), pairs(sums[2], sums[3]));
        // Every quarter holds a part of the four sums, in their order.
        let quarters = _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high));
        let halves = _mm256_add_epi32(_mm512_castsi512_si256(quarters), _mm512_extracti64x4_epi64::<1>(quarters));
        let totals = _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
        // SAFETY: the place that the caller promises.
        unsafe { _mm_storeu_si128(out.add(query * apart).cast(), totals) };
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn dots_f16_avx2(out: &mut [f32], table: &[f16], query: &[f32]) {
    const LANES: usize = 8;
    let (width, whole_rows) = (query.len(), out.len() / TOGETHER * TOGETHER);
    let whole = width / LANES * LANES;
    for row in (0..whole_rows).step_by(TOGETHER) {
        // SAFETY: the rows lie in the table, in runs of eight.
        unsafe {
            let rows = table.as_ptr().add(row * width);
            let mut sums = [_mm256_setzero_ps(); TOGETHER];
            for at in (0..whole).step_by(LANES) {
                let values = _mm256_loadu_ps(query.as_ptr().add(at));
                for (r, sum) in sums.iter_mut().enumerate() {
                    let run = _mm256_cvtph_ps(_mm_loadu_si128(rows.add(r * width + at).cast()));
                    *sum = _mm256_fmadd_ps(values, run, *sum);
                }
            }
            let pairs = _mm256_hadd_ps(_mm256_hadd_ps(sums[0], sums[1]), _mm256_hadd_ps(sums[2], sums[3]));
            let total = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs));
            _mm_storeu_ps(out.as_mut_ptr().add(row), total);
        }
        for (r, out) in out[row..row + TOGETHER].iter_mut().enumerate() {
            let rest = &table[(row + r) * width + whole..][..width - whole];
            *out = rest.iter().zip(&query[whole..]).fold(*out, |sum, (a, b)| a.to_f32().mul_add(*b, sum));
        }
    }
    dots_f16_scalar(&mut out[whole_rows..], &table[whole_rows * width..], query);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_equal_their_twin_by_any_instructions(
            table in prop::collection::vec(any::<i8>(), 0..1500),
            queries in prop::collection::vec(0..=LARGEST_QUERY, 0..900),
            runs in 1usize..4,
        ) {
            let width = runs * NARROW_RUN;
            let (table, queries) = (&table[..table.len() / width * width], &queries[..queries.len() / width * width]);
            let products = table.len() / width * (queries.len() / width);
            let (mut got, mut expected) = (vec![7; products], vec![9; products]);
            dots_i8(&mut got, table, queries, width);
            dots_i8_scalar(&mut expected, table, queries, width);
            prop_assert_eq!(&got, &expected);
            // What the processor has besides the best.
            #[cfg(target_arch = "x86_64")]
            if crate::linalg::kernels::has_avx2() {
                got.fill(7);
                // SAFETY: the instructions were detected; the shapes fit.
                unsafe { Tiles::AVX2.dots(&mut got, table, queries, width) };
                prop_assert_eq!(&got, &expected);
            }
        }

        #[test]
        fn halves_equal_their_twin(
            table in prop::collection::vec((-2.0f32..2.0).prop_map(f16::from_f32), 0..900),
            query in prop::collection::vec(-1.0f32..1.0, 1..40),
        ) {
            let table = &table[..table.len() / query.len() * query.len()];
            let (mut got, mut expected) = (vec![7.0; table.len() / query.len()], vec![9.0; table.len() / query.len()]);
            dots_f16(&mut got, table, &query);
            dots_f16_scalar(&mut expected, table, &query);
            for (got, expected) in got.into_iter().zip(expected) {
                prop_assert!((got - expected).abs() < 1e-4, "{got} instead of {expected}");
            }
        }
    }

    #[test]
    fn the_largest_products_do_not_overflow() {
        let (table, queries) = (vec![i8::MIN; 4 * 640], vec![LARGEST_QUERY; 3 * 640]);
        let mut out = [0; 12];
        dots_i8(&mut out, &table, &queries, 640);
        assert_eq!(out, [-128 * 127 * 640; 12]);
    }

    #[test]
    #[should_panic(expected = "a value of a query is above")]
    fn queries_that_could_overflow_are_refused() {
        dots_i8(&mut [0], &[0; 32], &[200; 32], 32);
    }
}
