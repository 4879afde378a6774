//! General matrix products, by the `gemm` crate on raw pointers and strides.

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
    let ((m, n), k) = (dst.shape, lhs.shape.1);
    assert_eq!((lhs.shape, rhs.shape), ((m, k), (k, n)), "shapes of a {m} x {n} product do not fit");
    let (dst_strides, dst_data) = (dst.strides, dst.data.as_mut_ptr());
    for start in (0..k).step_by(INNER_BLOCK) {
        let len = INNER_BLOCK.min(k - start);
        let beta = if start == 0 { beta } else { 1.0 };
        // SAFETY: the views were checked on construction, so every element of the three operands
        // lies within its slice; `dst` is borrowed mutably and cannot alias the operands, and its
        // columns do not overlap. `start + len <= k`.
        unsafe {
            ::gemm::gemm(
                m,
                n,
                len,
                dst_data,
                dst_strides.1 as isize,
                dst_strides.0 as isize,
                beta != 0.0,
                lhs.data.as_ptr().add(start * lhs.strides.1),
                lhs.strides.1 as isize,
                lhs.strides.0 as isize,
                rhs.data.as_ptr().add(start * rhs.strides.0),
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
