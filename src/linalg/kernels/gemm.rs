//! General matrix products: who packs what, and which tile of the result is whose.
//!
//! Each element of a product is computed by the same operations in the same order whatever the number
//! of threads: the inner dimension is cut into blocks by its length alone, and tiles of the result
//! only say who computes an element, never how. With AVX2 the arithmetic is that of
//! `packed`; elsewhere the `gemm` crate's.

use std::ops::Range;

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::has_avx2;
#[cfg(target_arch = "x86_64")]
use super::packed::{HEIGHT, WIDTH, multiply_panels, pack};

/// A strided read-only matrix: element (i, j) is `data[i * row_stride + j * col_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    data: &'a [f32],
    shape: (usize, usize),
    strides: (usize, usize),
}

/// A strided writable matrix; see [`Strided`].
#[derive(Debug)]
pub struct StridedMut<'a> {
    data: &'a mut [f32],
    shape: (usize, usize),
    col_stride: usize,
}

/// Asserts that the last element of a strided matrix lies within its data.
fn check(len: usize, (rows, cols): (usize, usize), (row_stride, col_stride): (usize, usize)) {
    if rows > 0 && cols > 0 {
        let last = (rows - 1).checked_mul(row_stride).zip((cols - 1).checked_mul(col_stride));
        let last = last.and_then(|(r, c)| r.checked_add(c));
        assert!(
            last.is_some_and(|last| last < len),
            "{rows} x {cols} by {row_stride}, {col_stride} leaves {len} values"
        );
    }
}

impl<'a> Strided<'a> {
    /// Views `data` with the given `(rows, cols)` and `(row, column)` strides.
    ///
    /// # Panics
    /// When an element would lie outside `data`.
    pub fn new(data: &'a [f32], shape: (usize, usize), strides: (usize, usize)) -> Self {
        check(data.len(), shape, strides);
        Self { data, shape, strides }
    }

    /// Rows and columns.
    pub(super) fn shape(self) -> (usize, usize) {
        self.shape
    }

    /// Number of elements.
    fn len(self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// The transpose, by its strides.
    pub(super) fn transposed(self) -> Self {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        Self { data: self.data, shape: (cols, rows), strides: (col, row) }
    }

    /// A part of the matrix.
    ///
    /// # Panics
    /// When it leaves the matrix.
    pub(super) fn part(self, rows: Range<usize>, cols: Range<usize>) -> Self {
        assert!(rows.end <= self.shape.0 && cols.end <= self.shape.1, "{rows:?}, {cols:?} of {:?}", self.shape);
        let start = rows.start * self.strides.0 + cols.start * self.strides.1;
        Self { data: &self.data[start.min(self.data.len())..], shape: (rows.len(), cols.len()), ..self }
    }

    /// Its first element and its strides; elements within the shape may be read.
    pub(super) fn raw(self) -> (*const f32, (usize, usize)) {
        (self.data.as_ptr(), self.strides)
    }
}

impl<'a> StridedMut<'a> {
    /// Views `data` column-major, columns `col_stride` apart.
    ///
    /// # Panics
    /// When an element would lie outside `data`, or columns would overlap.
    pub fn new(data: &'a mut [f32], shape: (usize, usize), col_stride: usize) -> Self {
        assert!(col_stride >= shape.0, "columns of {} values {col_stride} apart overlap", shape.0);
        check(data.len(), shape, (1, col_stride));
        Self { data, shape, col_stride }
    }
}

/// What becomes of a destination: `dst = keep · dst + scale · product`.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Factor of what is there; 0 does not read it.
    pub keep: f32,
    /// Factor of the product.
    pub scale: f32,
}

impl Update {
    /// `dst = product`.
    pub const REPLACE: Self = Self { keep: 0.0, scale: 1.0 };
    /// `dst = −product`.
    pub const REPLACE_NEGATED: Self = Self { keep: 0.0, scale: -1.0 };
    /// `dst = dst − product`.
    pub const SUBTRACT: Self = Self { keep: 1.0, scale: -1.0 };

    /// The update by a further block of the inner dimension.
    fn further(self) -> Self {
        Self { keep: 1.0, ..self }
    }
}

/// Longest block of the inner dimension: a packed panel of rows of that length stays in the nearest cache.
const INNER_BLOCK: usize = 320;

/// Blocks of the inner dimension, of equal length: a short last one would be all overhead.
fn inner_blocks(k: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let step = k.div_ceil(k.div_ceil(INNER_BLOCK).max(1)).max(1);
    (0..k).step_by(step).map(move |start| start..(start + step).min(k))
}

/// `dst = keep · dst + scale · lhs · rhs`, in tiles spread over the rayon pool; the same bits for any
/// number of threads. An empty inner dimension makes an empty sum, 0.
///
/// # Panics
/// When the shapes do not fit.
pub fn gemm(dst: &mut StridedMut<'_>, update: Update, lhs: Strided<'_>, rhs: Strided<'_>) {
    let (m, n) = dst.shape;
    let k = lhs.shape.1;
    assert_eq!((lhs.shape.0, rhs.shape), (m, (k, n)), "shapes of a {m} x {n} product do not fit");
    if k == 0 {
        for j in 0..n {
            let column = &mut dst.data[j * dst.col_stride..][..m];
            match update.keep {
                0.0 => column.fill(0.0),
                keep => column.iter_mut().for_each(|value| *value *= keep),
            }
        }
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        return packed(dst, update, lhs, rhs);
    }
    portable(dst, update, lhs, rhs);
}

/// [`gemm`] by packed panels.
#[cfg(target_arch = "x86_64")]
fn packed(dst: &mut StridedMut<'_>, update: Update, lhs: Strided<'_>, rhs: Strided<'_>) {
    let (data, stride, k) = (Destination(dst.data.as_mut_ptr()), dst.col_stride, lhs.shape.1);
    let (lhs, rhs, rows, cols) = Operand::pair(lhs, rhs.transposed());
    tiles(&rows, &cols).for_each(|(rows, cols)| {
        // SAFETY: only called where AVX2 and FMA were detected. The tiles partition the destination, which is
        // borrowed mutably, and columns of a `StridedMut` do not overlap: one task writes each element.
        unsafe { packed_tile(&data, stride, (rows, cols), update, (&lhs, &rhs), k) }
    });
}

/// [`gemm`] by the `gemm` crate: where there is no AVX2, and the twin in tests.
pub(super) fn portable(dst: &mut StridedMut<'_>, update: Update, lhs: Strided<'_>, rhs: Strided<'_>) {
    /// Most rows and columns of a tile.
    const TILE: usize = 512;
    let ((m, n), threads) = (dst.shape, rayon::current_num_threads());
    let (data, stride) = (Destination(dst.data.as_mut_ptr()), dst.col_stride);
    tiles(&parts(m, TILE, 8, 1), &parts(n, TILE, 4, threads)).for_each(|(rows, cols)| {
        // SAFETY: as in `packed`, but for the processor features, which are not needed.
        unsafe { portable_tile(&data, stride, (rows, cols), update, (lhs, rhs)) }
    });
}

/// Every pair of a range of rows and one of columns.
fn tiles<'a>(
    rows: &'a [Range<usize>],
    cols: &'a [Range<usize>],
) -> impl ParallelIterator<Item = (&'a Range<usize>, &'a Range<usize>)> {
    (0..rows.len() * cols.len()).into_par_iter().map(|at| (&rows[at / cols.len()], &cols[at % cols.len()]))
}

/// A destination whose disjoint tiles are written by several threads.
struct Destination(*mut f32);

// SAFETY: only `gemm` makes one, and its tasks write disjoint elements.
unsafe impl Sync for Destination {}

/// Cuts `0..len` into parts of about `longest` at most, in multiples of `unit`, their number a multiple of
/// `tasks` where there is enough to cut.
fn parts(len: usize, longest: usize, unit: usize, tasks: usize) -> Vec<Range<usize>> {
    let rounds = len.div_ceil(longest * tasks).max(1);
    let part = len.div_ceil(rounds * tasks).next_multiple_of(unit).max(unit);
    (0..len).step_by(part).map(|start| start..(start + part).min(len)).collect()
}

/// The rows of one factor (of the right one: its columns), as panels of `W`.
#[cfg(target_arch = "x86_64")]
enum Operand<'a, const W: usize> {
    /// Packed once for all tasks: block after block of the inner dimension, each padded to whole panels.
    Whole(Vec<f32>, usize),
    /// Every task packs what it needs.
    Loose(Strided<'a>),
}

/// Values of an operand up to which it is packed once for all tasks: it stays in the last cache.
#[cfg(target_arch = "x86_64")]
const SHARED: usize = 2 << 20;

#[cfg(target_arch = "x86_64")]
impl<'a> Operand<'a, HEIGHT> {
    /// Both factors, and the rows and columns of the tiles. The smaller factor is packed once where it is
    /// small enough; the tiles then are strips of the other one, of which each is packed once, too.
    #[allow(clippy::type_complexity)]
    fn pair(lhs: Strided<'a>, rhs: Strided<'a>) -> (Self, Operand<'a, WIDTH>, Vec<Range<usize>>, Vec<Range<usize>>) {
        /// Rows or columns of a strip: its block stays in the second cache.
        const STRIP: usize = 96;
        /// Rows and columns of a tile whose factors are both packed for it alone.
        const LARGE: (usize, usize) = (384, 1024);
        let (m, n, threads) = (lhs.shape.0, rhs.shape.0, rayon::current_num_threads());
        let (small, other) = (rhs.len().min(lhs.len()), rhs.len() <= lhs.len());
        match (small <= SHARED, other) {
            (true, true) => {
                (Operand::Loose(lhs), Operand::whole(rhs), parts(m, STRIP, HEIGHT, threads), parts(n, n, 1, 1))
            }
            (true, false) => {
                (Operand::whole(lhs), Operand::Loose(rhs), parts(m, m, 1, 1), parts(n, STRIP, WIDTH, threads))
            }
            // The longer side is what the threads share: each packs the whole of the other factor.
            (false, _) if m > n => (
                Operand::Loose(lhs),
                Operand::Loose(rhs),
                parts(m, LARGE.0, HEIGHT, threads),
                parts(n, LARGE.1, WIDTH, 1),
            ),
            (false, _) => (
                Operand::Loose(lhs),
                Operand::Loose(rhs),
                parts(m, LARGE.0, HEIGHT, 1),
                parts(n, LARGE.1, WIDTH, threads),
            ),
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl<'a, const W: usize> Operand<'a, W> {
    fn whole(rows: Strided<'a>) -> Self {
        /// Panels packed by one task.
        const PANELS: usize = 8;
        let (height, k) = rows.shape;
        let padded = height.next_multiple_of(W);
        let mut data = vec![0.0; padded * k];
        let mut rest = data.as_mut_slice();
        for inner in inner_blocks(k) {
            let (block, further) = rest.split_at_mut(padded * inner.len());
            rest = further;
            block.par_chunks_mut(PANELS * W * inner.len()).enumerate().for_each(|(at, panels)| {
                let first = at * PANELS * W;
                let part = rows.part(first..(first + PANELS * W).min(height), inner.clone());
                // SAFETY: an operand is only made where AVX2 was detected.
                unsafe { pack::<W>(part, panels) }
            });
        }
        Self::Whole(data, padded)
    }

    /// The panels of some rows (beginning with a whole panel) within a block of the inner dimension;
    /// `buffer` takes them where they are not packed yet.
    fn panels<'b>(&'b self, rows: &Range<usize>, inner: &Range<usize>, buffer: &'b mut Vec<f32>) -> &'b [f32] {
        let len = rows.len().next_multiple_of(W) * inner.len();
        match self {
            Self::Whole(data, padded) => &data[inner.start * padded + rows.start * inner.len()..][..len],
            Self::Loose(matrix) => {
                buffer.resize(len, 0.0);
                // SAFETY: an operand is only made where AVX2 was detected.
                unsafe { pack::<W>(matrix.part(rows.clone(), inner.clone()), buffer) };
                buffer
            }
        }
    }
}

/// Computes the tile `(rows, cols)` of a destination whose columns are `stride` apart.
///
/// # Safety
/// AVX2 and FMA must be there. The tile must lie within the destination, nobody else may access it
/// meanwhile, and the factors must have these rows, columns and the inner dimension `k`.
#[cfg(target_arch = "x86_64")]
unsafe fn packed_tile(
    destination: &Destination,
    stride: usize,
    (rows, cols): (&Range<usize>, &Range<usize>),
    update: Update,
    (lhs, rhs): (&Operand<'_, HEIGHT>, &Operand<'_, WIDTH>),
    k: usize,
) {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for inner in inner_blocks(k) {
        let update = if inner.start == 0 { update } else { update.further() };
        let factors = (lhs.panels(rows, &inner, &mut left), rhs.panels(cols, &inner, &mut right));
        // SAFETY: by the function's contract.
        unsafe {
            let tile = destination.0.add(cols.start * stride + rows.start);
            multiply_panels((tile, stride), (rows.len(), cols.len(), inner.len()), factors, update);
        }
    }
}

/// Computes a tile by the `gemm` crate, on the calling thread.
///
/// # Safety
/// As [`packed_tile`], but for the processor features.
unsafe fn portable_tile(
    destination: &Destination,
    stride: usize,
    (rows, cols): (&Range<usize>, &Range<usize>),
    update: Update,
    (lhs, rhs): (Strided<'_>, Strided<'_>),
) {
    for inner in inner_blocks(lhs.shape.1) {
        let update = if inner.start == 0 { update } else { update.further() };
        let (lhs, rhs) = (lhs.part(rows.clone(), inner.clone()), rhs.part(inner.clone(), cols.clone()));
        // SAFETY: by the function's contract for the destination; parts of a checked matrix are within it.
        unsafe {
            ::gemm::gemm(
                rows.len(),
                cols.len(),
                inner.len(),
                destination.0.add(cols.start * stride + rows.start),
                stride as isize,
                1,
                update.keep != 0.0,
                lhs.data.as_ptr(),
                lhs.strides.1 as isize,
                lhs.strides.0 as isize,
                rhs.data.as_ptr(),
                rhs.strides.1 as isize,
                rhs.strides.0 as isize,
                update.keep,
                update.scale,
                false,
                false,
                false,
                ::gemm::Parallelism::None,
            );
        }
    }
}
