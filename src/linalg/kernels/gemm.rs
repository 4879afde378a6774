//! General matrix products, by the `gemm` crate on raw pointers and strides.

use std::ops::Range;

use rayon::prelude::*;

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
    strides: (usize, usize),
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
}

impl<'a> StridedMut<'a> {
    /// Views `data` column-major, columns `col_stride` apart.
    ///
    /// # Panics
    /// When an element would lie outside `data`, or columns would overlap.
    pub fn new(data: &'a mut [f32], shape: (usize, usize), col_stride: usize) -> Self {
        assert!(col_stride >= shape.0, "columns of {} values {col_stride} apart overlap", shape.0);
        check(data.len(), shape, (1, col_stride));
        Self { data, shape, strides: (1, col_stride) }
    }
}

/// Longest inner dimension handed to the crate at once. Up to 512 it never splits the sum itself;
/// beyond, it would split by the size of this machine's cache, and the result would depend on it.
const INNER_BLOCK: usize = 512;

/// `dst = beta · dst + alpha · lhs · rhs`, on the calling thread.
///
/// # Panics
/// When the shapes do not fit.
pub fn gemm(dst: &mut StridedMut<'_>, beta: f32, alpha: f32, lhs: Strided<'_>, rhs: Strided<'_>) {
    let ((m, n), data) = (dst.shape, dst.data.as_mut_ptr());
    assert_eq!((lhs.shape.0, rhs.shape), (m, (lhs.shape.1, n)), "shapes of a {m} x {n} product do not fit");
    // SAFETY: the tile is the whole destination, which is borrowed mutably.
    unsafe { gemm_tile(data, dst.strides, (0..m, 0..n), [beta, alpha], lhs, rhs) }
}

/// `dst = lhs · rhs`, in tiles spread over the rayon pool. The tiles depend on the shape alone, so the
/// result has the same bits for any number of threads.
///
/// # Panics
/// When the shapes do not fit.
pub fn gemm_parallel(dst: &mut StridedMut<'_>, lhs: Strided<'_>, rhs: Strided<'_>) {
    let ((m, n), strides) = (dst.shape, dst.strides);
    assert_eq!((lhs.shape.0, rhs.shape), (m, (lhs.shape.1, n)), "shapes of a {m} x {n} product do not fit");
    let (height, width) = tile(m, n);
    let columns = n.div_ceil(width);
    let data = Destination(dst.data.as_mut_ptr());
    (0..m.div_ceil(height) * columns).into_par_iter().for_each(|number| {
        let (top, left) = (number / columns * height, number % columns * width);
        let ranges = (top..(top + height).min(m), left..(left + width).min(n));
        // SAFETY: the tiles partition the destination, which is borrowed mutably, and columns of a
        // `StridedMut` do not overlap: each element is written by one task.
        unsafe { gemm_tile(data.get(), strides, ranges, [0.0, 1.0], lhs, rhs) }
    });
}

/// A destination whose disjoint tiles are written by several threads.
struct Destination(*mut f32);

// SAFETY: only `gemm_parallel` makes one, and its tasks write disjoint elements.
unsafe impl Sync for Destination {}

impl Destination {
    fn get(&self) -> *mut f32 {
        self.0
    }
}

/// Height and width of a tile of an m × n product: at most 512, so that packed operands stay in the
/// cache, and at least eight tiles, so that small products keep several threads busy too.
fn tile(m: usize, n: usize) -> (usize, usize) {
    const LARGEST: usize = 512;
    const SMALLEST: usize = 64;
    let (mut rows, mut cols) = (m.div_ceil(LARGEST).max(1), n.div_ceil(LARGEST).max(1));
    while rows * cols < 8 && (m / rows).max(n / cols) > SMALLEST {
        if m / rows >= n / cols { rows += 1 } else { cols += 1 }
    }
    (m.div_ceil(rows).next_multiple_of(8), n.div_ceil(cols).next_multiple_of(4))
}

/// Computes the tile `(rows, cols)` of `dst = beta · dst + alpha · lhs · rhs`.
///
/// # Safety
/// `dst` with its strides must cover the tile, nobody else may access the tile meanwhile, and the
/// shapes must fit: rows within `lhs`, cols within `rhs`, one inner dimension.
unsafe fn gemm_tile(
    dst: *mut f32,
    (row_stride, col_stride): (usize, usize),
    (rows, cols): (Range<usize>, Range<usize>),
    [beta, alpha]: [f32; 2],
    lhs: Strided<'_>,
    rhs: Strided<'_>,
) {
    let k = lhs.shape.1;
    // Equal parts: a short last one would be all overhead.
    let step = k.div_ceil(k.div_ceil(INNER_BLOCK).max(1)).max(1);
    for start in (0..k).step_by(step) {
        let beta = if start == 0 { beta } else { 1.0 };
        // SAFETY: by the function's contract for `dst`; the operands were checked on construction,
        // the tile lies within them, and `start + step.min(k - start) <= k`.
        unsafe {
            ::gemm::gemm(
                rows.len(),
                cols.len(),
                step.min(k - start),
                dst.add(rows.start * row_stride + cols.start * col_stride),
                col_stride as isize,
                row_stride as isize,
                beta != 0.0,
                lhs.data.as_ptr().add(rows.start * lhs.strides.0 + start * lhs.strides.1),
                lhs.strides.1 as isize,
                lhs.strides.0 as isize,
                rhs.data.as_ptr().add(start * rhs.strides.0 + cols.start * rhs.strides.1),
                rhs.strides.1 as isize,
                rhs.strides.0 as isize,
                beta,
                alpha,
                false,
                false,
                false,
                ::gemm::Parallelism::None,
            );
        }
    }
}
