//! General matrix products: who packs what, and which tile of the result is whose.
//!
//! Each element of a product is computed by the same operations in the same order whatever the number
//! of threads. With AVX2 or AVX-512 the arithmetic is that of `packed`: the inner dimension is cut into blocks by its
//! length alone, and tiles of the result only say who computes an element, never how. Elsewhere it is
//! the `gemm` crate's, which depends on the shape of a tile, so there tiles are cut by the shape of the result.

use std::cell::Cell;
use std::ops::Range;

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::packed::{AVX2, AVX512, Tile, multiply_panels, pack};
#[cfg(target_arch = "x86_64")]
use super::{has_avx2, has_avx512, memory::at_least};

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

/// What becomes of a destination: `dst = keep · dst + scale · product + offset`.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Factor of what is there; 0 does not read it.
    pub keep: f32,
    /// Factor of the product.
    pub scale: f32,
    /// One value a row, or nothing: added while a tile is in registers anyway.
    pub offset: &'a [f32],
}

impl<'a> Update<'a> {
    /// `dst = product`.
    pub const REPLACE: Self = Self { keep: 0.0, scale: 1.0, offset: &[] };
    /// `dst = −product`.
    pub const REPLACE_NEGATED: Self = Self { keep: 0.0, scale: -1.0, offset: &[] };
    /// `dst = dst − product`.
    pub const SUBTRACT: Self = Self { keep: 1.0, scale: -1.0, offset: &[] };

    /// `dst = product + offset`, one value of it a row.
    pub fn with_offset(offset: &'a [f32]) -> Self {
        Self { offset, ..Self::REPLACE }
    }

    /// The update by the block of the inner dimension that begins at `start`: what is there and the offset
    /// count once.
    fn at_block(self, start: usize) -> Self {
        if start == 0 { self } else { Self { keep: 1.0, offset: &[], ..self } }
    }

    /// The update of some of the rows.
    pub(super) fn of_rows(self, rows: Range<usize>) -> Self {
        Self { offset: if self.offset.is_empty() { &[] } else { &self.offset[rows] }, ..self }
    }
}

/// Length of the blocks of an inner dimension `k`, all but equal: a short last one would be all overhead.
/// A packed panel of a block stays in the nearest cache.
fn inner_step(k: usize) -> usize {
    const LONGEST: usize = 320;
    k.div_ceil(k.div_ceil(LONGEST).max(1)).max(1)
}

/// How much of an inner dimension `k` is packed at a time of a factor of so many rows or columns: whole blocks, as many
/// as the caches hold, at least one.
fn packed_depth(width: usize, k: usize) -> usize {
    const SHARED: usize = 5 << 16;
    let step = inner_step(k);
    (SHARED / width.saturating_mul(step).max(1)).max(1) * step
}

/// The most values that a product packs of its smaller factor at a time, once for all threads: `width` is
/// the smaller one of the extents of the product, `k` its inner dimension.
#[must_use]
pub fn packed_at_once(width: usize, k: usize) -> usize {
    width.saturating_mul(packed_depth(width, k).min(k))
}

/// `range` in blocks of `step`.
fn blocks(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    range.clone().step_by(step).map(move |start| start..(start + step).min(range.end))
}

/// `dst = keep · dst + scale · lhs · rhs + offset`, in tiles spread over the rayon pool; the same bits for
/// any number of threads. An empty inner dimension makes an empty sum, 0.
///
/// # Panics
/// When the shapes do not fit.
pub fn gemm(dst: &mut StridedMut<'_>, update: Update<'_>, lhs: Strided<'_>, rhs: Strided<'_>) {
    let (m, n) = dst.shape;
    let k = lhs.shape.1;
    assert_eq!((lhs.shape.0, rhs.shape), (m, (k, n)), "shapes of a {m} x {n} product do not fit");
    assert!([0, m].contains(&update.offset.len()), "{} values are added to {m} rows", update.offset.len());
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        for j in 0..n {
            let column = &mut dst.data[j * dst.col_stride..][..m];
            match update.keep {
                0.0 => column.fill(0.0),
                keep => column.iter_mut().for_each(|value| *value *= keep),
            }
            column.iter_mut().zip(update.offset).for_each(|(value, offset)| *value += offset);
        }
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if has_avx512() {
        return packed(AVX512, dst, update, lhs, rhs);
    } else if has_avx2() {
        return packed(AVX2, dst, update, lhs, rhs);
    }
    portable(dst, update, lhs, rhs);
}

/// [`gemm`] by packed panels. The smaller factor is packed once for all tasks, as many blocks of the inner
/// dimension at a time as the caches hold; the tasks are strips of the other factor, each of which is
/// packed once, too.
#[cfg(target_arch = "x86_64")]
pub(super) fn packed<const H: usize, const W: usize>(
    tile: Tile<H, W>,
    dst: &mut StridedMut<'_>,
    update: Update<'_>,
    lhs: Strided<'_>,
    rhs: Strided<'_>,
) {
    let ((m, n), k, threads) = (dst.shape, lhs.shape.1, rayon::current_num_threads());
    let (data, stride) = (Destination(dst.data.as_mut_ptr()), dst.col_stride);
    let (rhs, step) = (rhs.transposed(), inner_step(k));
    let depth = packed_depth(m.min(n), k);
    let mut buffer = WHOLE.take();
    for inner in blocks(0..k, depth) {
        let update = update.at_block(inner.start);
        let (lhs, rhs) = (lhs.part(0..m, inner.clone()), rhs.part(0..n, inner.clone()));
        let compute = |(rows, cols): (&Range<usize>, &Range<usize>), factors: (&Operand<'_, H>, &Operand<'_, W>)| {
            // SAFETY: only called where the instructions of the tile were detected. The tiles partition the destination,
            // which is borrowed mutably, and columns of a `StridedMut` do not overlap: one task writes each element.
            unsafe { packed_tile(tile, &data, stride, (rows, cols), update, factors, (inner.len(), step)) }
        };
        if n <= m {
            let (lhs, rhs) = (Operand::Loose(lhs), Operand::whole(rhs, step, &mut buffer));
            parts(m, tile.strip, H, threads).par_iter().for_each(|rows| compute((rows, &(0..n)), (&lhs, &rhs)));
        } else {
            let (lhs, rhs) = (Operand::whole(lhs, step, &mut buffer), Operand::Loose(rhs));
            parts(n, tile.strip, W, threads).par_iter().for_each(|cols| compute((&(0..m), cols), (&lhs, &rhs)));
        }
    }
    WHOLE.set(buffer);
}

#[cfg(target_arch = "x86_64")]
thread_local! {
    // Packed factors, kept from one product to the next: fresh memory would cost more than the packing.
    /// A factor packed for all tasks.
    static WHOLE: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
    /// A block of a strip.
    static BLOCK: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// [`gemm`] by the `gemm` crate: where there is no AVX2, and the twin in tests.
pub(super) fn portable(dst: &mut StridedMut<'_>, update: Update<'_>, lhs: Strided<'_>, rhs: Strided<'_>) {
    /// Most rows and columns of a tile.
    const TILE: usize = 512;
    /// Tiles side by side, or a multiple of that. Not the number of threads: the crate computes tiles of different
    /// shapes in different ways.
    const ABREAST: usize = 8;
    let (m, n) = dst.shape;
    let (data, stride) = (Destination(dst.data.as_mut_ptr()), dst.col_stride);
    tiles(&parts(m, TILE, 8, 1), &parts(n, TILE, 4, ABREAST)).for_each(|(rows, cols)| {
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

/// Cuts `0..len` into parts of about `longest`, in multiples of `unit`, their number a multiple of
/// `tasks` where there is enough to cut, and all but equal: the longest of a few decides how long all take.
fn parts(len: usize, longest: usize, unit: usize, tasks: usize) -> Vec<Range<usize>> {
    let units = len.div_ceil(unit);
    let count = (len.div_ceil(longest * tasks).max(1) * tasks).min(units);
    let edge = |at: usize| (at * units / count * unit).min(len);
    (0..count).map(|at| edge(at)..edge(at + 1)).collect()
}

/// The rows of one factor (of the right one: its columns), as panels of `W`.
#[cfg(target_arch = "x86_64")]
enum Operand<'a, const W: usize> {
    /// Packed for all tasks: block after block of the inner dimension, each padded to that many rows.
    Whole(&'a [f32], usize),
    /// Every task packs what it needs.
    Loose(Strided<'a>),
}

#[cfg(target_arch = "x86_64")]
impl<'a, const W: usize> Operand<'a, W> {
    fn whole(rows: Strided<'_>, step: usize, buffer: &'a mut Vec<f32>) -> Self {
        /// Panels packed by one task.
        const PANELS: usize = 8;
        let (height, k) = rows.shape;
        let padded = height.next_multiple_of(W);
        let data = at_least(buffer, padded * k);
        let mut rest = &mut *data;
        for inner in blocks(0..k, step) {
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
                let panels = at_least(buffer, len);
                // SAFETY: an operand is only made where AVX2 was detected.
                unsafe { pack::<W>(matrix.part(rows.clone(), inner.clone()), panels) };
                panels
            }
        }
    }
}

/// Computes the tile `(rows, cols)` of a destination whose columns are `stride` apart, over an inner dimension
/// `k` in blocks of `step`.
///
/// # Safety
/// The instructions of the register tile must be there. The tile must lie within the destination, nobody else may
/// access it meanwhile, and the factors, at most one of them loose, must have these rows, columns and inner dimension.
#[cfg(target_arch = "x86_64")]
unsafe fn packed_tile<const H: usize, const W: usize>(
    tile: Tile<H, W>,
    destination: &Destination,
    stride: usize,
    (rows, cols): (&Range<usize>, &Range<usize>),
    update: Update<'_>,
    (lhs, rhs): (&Operand<'_, H>, &Operand<'_, W>),
    (k, step): (usize, usize),
) {
    // One of the factors is whole and leaves its buffer empty.
    let (mut left, mut right) = match lhs {
        Operand::Loose(_) => (BLOCK.take(), Vec::new()),
        Operand::Whole(..) => (Vec::new(), BLOCK.take()),
    };
    let update = update.of_rows(rows.clone());
    for inner in blocks(0..k, step) {
        let update = update.at_block(inner.start);
        let factors = (lhs.panels(rows, &inner, &mut left), rhs.panels(cols, &inner, &mut right));
        // SAFETY: by the function's contract.
        unsafe {
            let to = destination.0.add(cols.start * stride + rows.start);
            multiply_panels(tile, (to, stride), (rows.len(), cols.len(), inner.len()), factors, update);
        }
    }
    BLOCK.set(if left.is_empty() { right } else { left });
}

/// Computes a tile by the `gemm` crate, on the calling thread.
///
/// # Safety
/// As [`packed_tile`], but for the processor features.
unsafe fn portable_tile(
    destination: &Destination,
    stride: usize,
    (rows, cols): (&Range<usize>, &Range<usize>),
    update: Update<'_>,
    (lhs, rhs): (Strided<'_>, Strided<'_>),
) {
    let k = lhs.shape.1;
    for inner in blocks(0..k, inner_step(k)) {
        let update = update.at_block(inner.start);
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
    for column in cols.clone() {
        for (row, offset) in rows.clone().zip(update.of_rows(rows.clone()).offset) {
            // SAFETY: by the function's contract.
            unsafe { *destination.0.add(column * stride + row) += offset };
        }
    }
}
