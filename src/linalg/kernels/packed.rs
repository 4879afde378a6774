//! The matrix product for x86-64: panels and the register tiles that multiply them.
//!
//! A factor is packed in panels as high as a tile (the right one: as wide), so that the inner loop reads both from
//! one place to the next, and the sums of a tile stay in registers (Goto & van de Geijn 2008, "Anatomy of
//! High-Performance Matrix Multiplication"). The caller chooses blocks that fit the caches.
//!
//! A sum is the same chain of fused multiply-adds in every tile, so that the bits of a product do not depend on
//! which of them computes it.

use std::arch::x86_64::*;

use super::gemm::{Strided, Update};

/// A register tile of `H` rows and `W` columns of sums.
#[derive(Clone, Copy)]
pub struct Tile<const H: usize, const W: usize> {
    multiply: MultiplyTile<H>,
    /// Rows or columns that a task takes at a time: a block of them stays in the second cache of processors with these
    /// instructions.
    pub strip: usize,
}

/// One register tile over all `k` steps of two panels: destination and the distance of its columns, k, the panels, what
/// becomes of the destination, the offset of its rows.
///
/// # Safety
/// The processor must have the instructions of the tile. The destination must be valid for it; the panels for `k` steps.
type MultiplyTile<const H: usize> =
    unsafe fn((*mut f32, usize), usize, (*const f32, *const f32), Update<'_>, &[f32; H]);

/// Twelve of sixteen registers of eight values, strips for half a megabyte.
pub const AVX2: Tile<16, 6> = Tile { multiply: multiply_tile_avx2, strip: 96 };
/// 24 of 32 registers of sixteen values, strips for a megabyte.
pub const AVX512: Tile<32, 12> = Tile { multiply: multiply_tile_avx512, strip: 320 };

/// f32 values in a register of AVX2.
const LANES: usize = 8;

/// Packs a matrix of rows × k in panels of `W` rows: panel after panel, within it step after step of k,
/// each `W` values; the last panel is filled up with zeros.
///
/// # Panics
/// When `out` is not `W · ⌈rows / W⌉ · k` long.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn pack<const W: usize>(matrix: Strided<'_>, out: &mut [f32]) {
    let ((rows, k), (data, (row_stride, col_stride))) = (matrix.shape(), matrix.raw());
    assert_eq!(out.len(), rows.next_multiple_of(W) * k, "{rows} x {k} in panels of {W}");
    let whole = rows / W;
    let (panels, last) = out.split_at_mut(whole * W * k);
    // SAFETY: all reads are of elements within the matrix, all writes within `out`, whose length was
    // checked: panel `p` is its values from `p · W · k`.
    unsafe {
        if row_stride == 1 {
            // Rows lie beside each other: a column is read from end to end.
            for step in 0..k {
                let (mut from, mut to) = (data.add(step * col_stride), panels.as_mut_ptr().add(step * W));
                for _ in 0..whole {
                    to.cast::<[f32; W]>().write_unaligned(from.cast::<[f32; W]>().read_unaligned());
                    (from, to) = (from.add(W), to.add(W * k));
                }
            }
        } else {
            for (panel, out) in panels.chunks_exact_mut(W * k).enumerate() {
                pack_panel::<W>(data.add(panel * W * row_stride), (row_stride, col_stride), k, out);
            }
        }
        let left = rows - whole * W;
        if left > 0 {
            let data = data.add(whole * W * row_stride);
            for (step, values) in last.chunks_exact_mut(W).enumerate() {
                let (values, padding) = values.split_at_mut(left);
                for (row, value) in values.iter_mut().enumerate() {
                    *value = *data.add(row * row_stride + step * col_stride);
                }
                padding.fill(0.0);
            }
        }
    }
}

/// Packs one whole panel, eight steps at a time where the steps lie beside each other.
///
/// # Safety
/// `W` rows of `k` steps by the strides must be readable, and `out` must hold `W · k` values.
#[target_feature(enable = "avx2,fma")]
unsafe fn pack_panel<const W: usize>(
    data: *const f32,
    (row_stride, col_stride): (usize, usize),
    k: usize,
    out: &mut [f32],
) {
    let whole = if col_stride == 1 { k / LANES * LANES } else { 0 };
    // SAFETY: by the function's contract.
    unsafe {
        for step in (0..whole).step_by(LANES) {
            // The narrow group first: what it writes too far, the wide one or the next step overwrites.
            for group in (0..W).step_by(LANES).rev() {
                let height = LANES.min(W - group);
                let row = |row: usize| _mm256_loadu_ps(data.add((group + row.min(height - 1)) * row_stride + step));
                let columns = transpose([row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)]);
                for (column, values) in columns.into_iter().enumerate() {
                    let at = (step + column) * W + group;
                    if at + LANES <= out.len() {
                        _mm256_storeu_ps(out.as_mut_ptr().add(at), values);
                    } else {
                        let mut last = [0.0; LANES];
                        _mm256_storeu_ps(last.as_mut_ptr(), values);
                        out[at..].copy_from_slice(&last[..height]);
                    }
                }
            }
        }
        for step in whole..k {
            for row in 0..W {
                *out.as_mut_ptr().add(step * W + row) = *data.add(row * row_stride + step * col_stride);
            }
        }
    }
}

/// The transpose of eight rows of eight values.
#[target_feature(enable = "avx2,fma")]
fn transpose(r: [__m256; 8]) -> [__m256; 8] {
    let pairs = |a, b| (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) =
        (pairs(r[0], r[1]), pairs(r[2], r[3]), pairs(r[4], r[5]), pairs(r[6], r[7]));
    let fours = |a, b| (_mm256_shuffle_ps::<0b01_00_01_00>(a, b), _mm256_shuffle_ps::<0b11_10_11_10>(a, b));
    let ((e0, e1), (e2, e3), (f0, f1), (f2, f3)) = (fours(a0, b0), fours(a1, b1), fours(c0, d0), fours(c1, d1));
    let low = |a, b| _mm256_permute2f128_ps::<0x20>(a, b);
    let high = |a, b| _mm256_permute2f128_ps::<0x31>(a, b);
    [low(e0, f0), low(e1, f1), low(e2, f2), low(e3, f3), high(e0, f0), high(e1, f1), high(e2, f2), high(e3, f3)]
}

/// `dst = keep · dst + scale · lhs · rhs + offset` for an m × n destination, columns `stride` apart, and packed
/// factors of inner dimension k.
///
/// # Safety
/// The processor must have the instructions of the tile. `dst` must be valid for that shape, and nobody else may access
/// it meanwhile.
///
/// # Panics
/// When a factor is shorter than its panels.
pub unsafe fn multiply_panels<const H: usize, const W: usize>(
    tile: Tile<H, W>,
    (dst, stride): (*mut f32, usize),
    (m, n, k): (usize, usize, usize),
    (lhs, rhs): (&[f32], &[f32]),
    update: Update<'_>,
) {
    assert!(lhs.len() >= m.next_multiple_of(H) * k && rhs.len() >= n.next_multiple_of(W) * k);
    // What is added to a panel of fewer rows: its values, or none.
    let (_, last) = update.offset.as_chunks::<H>();
    let mut edge = [0.0; H];
    edge[..last.len()].copy_from_slice(last);
    for (j, rhs) in (0..n).step_by(W).zip(rhs.chunks_exact(W * k)) {
        for (i, lhs) in (0..m).step_by(H).zip(lhs.chunks_exact(H * k)) {
            let (height, width) = (H.min(m - i), W.min(n - j));
            let offset = update.offset.get(i..).and_then(<[f32]>::first_chunk).unwrap_or(&edge);
            // SAFETY: the panels hold k steps; the tile lies within the destination, by the contract.
            unsafe {
                let dst = dst.add(j * stride + i);
                if (height, width) == (H, W) {
                    (tile.multiply)((dst, stride), k, (lhs.as_ptr(), rhs.as_ptr()), update, offset);
                } else {
                    // At the edge: by way of a whole tile, so that the operations are the same.
                    let mut sums = [[0.0; H]; W];
                    let whole = sums.as_flattened_mut().as_mut_ptr();
                    copy((dst, stride), (whole, H), (height, width));
                    (tile.multiply)((whole, H), k, (lhs.as_ptr(), rhs.as_ptr()), update, offset);
                    copy((whole, H), (dst, stride), (height, width));
                }
            }
        }
    }
}

/// Copies height × width values between column-major places.
///
/// # Safety
/// Both must be valid for that, and must not overlap.
unsafe fn copy(
    (from, from_stride): (*const f32, usize),
    (to, to_stride): (*mut f32, usize),
    (height, width): (usize, usize),
) {
    for column in 0..width {
        // SAFETY: by the function's contract.
        unsafe { to.add(column * to_stride).copy_from_nonoverlapping(from.add(column * from_stride), height) };
    }
}

/// Defines the function of a tile: `$half` registers of `$lanes` rows high, `$width` columns wide.
macro_rules! multiply_tile {
    (
        $name:ident, $features:literal, $lanes:literal x $half:literal, $width:literal:
        $zero:ident, $load:ident, $store:ident, $splat:ident, $multiply_add:ident
    ) => {
        #[target_feature(enable = $features)]
        unsafe fn $name(
            (dst, stride): (*mut f32, usize),
            k: usize,
            (mut lhs, mut rhs): (*const f32, *const f32),
            update: Update<'_>,
            offset: &[f32; $lanes * $half],
        ) {
            const HEIGHT: usize = $lanes * $half;
            /// Steps ahead of which the left panel is fetched from the second cache.
            const AHEAD: usize = 16;
            /// f32 values in a line of the caches.
            const LINE: usize = 16;
            // SAFETY: by the contract of `MultiplyTile`; a prefetch may be of any address.
            unsafe {
                let mut sums = [[$zero(); $half]; $width];
                for column in 0..$width {
                    _mm_prefetch::<_MM_HINT_T0>(dst.wrapping_add(column * stride).cast());
                    _mm_prefetch::<_MM_HINT_T0>(dst.wrapping_add(column * stride + HEIGHT - 1).cast());
                }
                for step in 0..k {
                    if step % 2 == 0 {
                        for line in 0..2 * HEIGHT / LINE {
                            _mm_prefetch::<_MM_HINT_T0>(lhs.wrapping_add(AHEAD * HEIGHT + line * LINE).cast());
                        }
                    }
                    let mut left = [$zero(); $half];
                    for (at, left) in left.iter_mut().enumerate() {
                        *left = $load(lhs.add(at * $lanes));
                    }
                    for (column, sums) in sums.iter_mut().enumerate() {
                        let right = $splat(*rhs.add(column));
                        for (sum, left) in sums.iter_mut().zip(left) {
                            *sum = $multiply_add(left, right, *sum);
                        }
                    }
                    (lhs, rhs) = (lhs.add(HEIGHT), rhs.add($width));
                }
                let (keep, scale) = ($splat(update.keep), $splat(update.scale));
                for (column, sums) in sums.iter().enumerate() {
                    for (half, &sum) in sums.iter().enumerate() {
                        let to = dst.add(column * stride + half * $lanes);
                        let added = $multiply_add(scale, sum, $load(offset.as_ptr().add(half * $lanes)));
                        let value = if update.keep == 0.0 { added } else { $multiply_add(keep, $load(to), added) };
                        $store(to, value);
                    }
                }
            }
        }
    };
}

multiply_tile!(multiply_tile_avx2, "avx2,fma", 8 x 2, 6:
    _mm256_setzero_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_set1_ps, _mm256_fmadd_ps);
multiply_tile!(multiply_tile_avx512, "avx512f", 16 x 2, 12:
    _mm512_setzero_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_set1_ps, _mm512_fmadd_ps);
