//! Which instructions compute the inner loops? The only home of `unsafe` in the crate.
//!
//! Every kernel is a safe function here that checks the shapes and dispatches, once, to
//! `avx2` where the processor has AVX2 and FMA, and to its naive twin in `scalar` elsewhere.
//! Property tests hold the twins together. Results do not depend on how a caller splits its work:
//! each output value is computed by the same sequence of operations wherever it stands.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod gemm;
mod memory;
mod narrow;
#[cfg(target_arch = "x86_64")]
mod packed;
mod peak;
mod repulsion;
mod scalar;

pub use gemm::packed_at_once;
pub(super) use gemm::{Strided, StridedMut, Update, gemm};
pub use memory::{at_least, zeros};
pub use narrow::{LARGEST_QUERY, NARROW_RUN, dots_f16, dots_i8};
pub use peak::multiply_adds;
pub use repulsion::student_t_sums;

use super::columns::{Columns, ColumnsMut};

/// True when the AVX2 kernels may be called.
fn has_avx2() -> bool {
    // The standard library caches the answer; this is a load and a test.
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// True when products and inner products may use the registers of AVX-512, beside the AVX2 kernels. They come to the same
/// bits.
#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2() && std::arch::is_x86_feature_detected!("avx512f")
}

/// True when products of eight-bit integers may use the instructions made for them, beside the AVX2 kernels.
#[cfg(target_arch = "x86_64")]
fn has_vnni() -> bool {
    has_avx512() && std::arch::is_x86_feature_detected!("avx512vnni")
}

/// The instructions that compute here. The same numbers come to the same bits by the same instructions only.
#[must_use]
pub fn instructions() -> &'static str {
    if has_avx2() { "avx2+fma" } else { std::env::consts::ARCH }
}

/// Calls the AVX2 version of a kernel where the processor has it, its scalar twin otherwise.
macro_rules! dispatch {
    ($kernel:ident($($argument:expr),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            // SAFETY: AVX2 and FMA were detected; the safe wrapper has checked the shapes that the
            // kernel states as its contract.
            return unsafe { avx2::$kernel($($argument),*) };
        }
        scalar::$kernel($($argument),*)
    }};
}

/// `out[r] += Σₖ weights[k] · table[offset + r, items[k]]`, the sum in the order of `items`.
///
/// The sparse input layer (a whole column per item) and the scores of a linear model (a row range).
///
/// # Panics
/// When an item is not a column of `table`, or the row range leaves it.
pub fn gather(out: &mut [f32], table: Columns<'_>, offset: usize, items: &[u32], weights: &[f32]) {
    assert_eq!(items.len(), weights.len(), "one weight an item");
    assert!(
        offset <= table.rows() && out.len() <= table.rows() - offset,
        "{} rows from {offset} leave a table of {}",
        out.len(),
        table.rows()
    );
    assert!(items.iter().all(|&i| (i as usize) < table.cols()), "an item is outside a table of {}", table.cols());
    dispatch!(gather(out, table, offset, items, weights))
}

/// `y += a · x`.
///
/// # Panics
/// When the lengths differ.
pub fn axpy(y: &mut [f32], a: f32, x: &[f32]) {
    assert_eq!(y.len(), x.len(), "axpy of different lengths");
    dispatch!(axpy(y, a, x))
}

/// `out[i, j] = a.col(i) · b.col(j)`: every inner product of two sets of columns.
///
/// Each product runs over eight interleaved partial sums, whatever the shape of the operands.
///
/// # Panics
/// When the shapes do not fit: `a` k × m, `b` k × n, `out` m × n.
pub fn dots(mut out: ColumnsMut<'_>, a: Columns<'_>, b: Columns<'_>) {
    assert_eq!(a.rows(), b.rows(), "inner dimensions differ");
    assert_eq!((out.rows(), out.cols()), (a.cols(), b.cols()), "the output has the wrong shape");
    // One user alone waits for memory, not for the registers.
    #[cfg(target_arch = "x86_64")]
    if b.cols() > 1 && has_avx512() {
        // SAFETY: the instructions were detected; the shapes fit.
        return unsafe { avx512::dots(out, a, b) };
    }
    dispatch!(dots(out.reborrow(), a, b))
}

/// `out[i] = a[i] · b`: the inner products of columns from anywhere with one, by the bits of [`dots`].
///
/// # Panics
/// When the lengths differ.
pub fn dots_each(out: &mut [f32], a: &[&[f32]], b: &[f32]) {
    assert_eq!(out.len(), a.len(), "one value a column");
    assert!(a.iter().all(|column| column.len() == b.len()), "inner dimensions differ");
    dispatch!(dots_each(out, a, b))
}

/// Softmax, multinomial loss and its gradient for one user; see `scalar::softmax_loss`.
///
/// In: `logits`. Out: the gradient of `scale · loss` with respect to them,
/// `scale · (N · softmax(logits) − x)` with N = Σ weights. Returns the loss `−Σᵢ xᵢ log softmaxᵢ(logits)`.
///
/// # Panics
/// When an item is outside `logits`, or has no weight.
pub fn softmax_loss(logits: &mut [f32], items: &[u32], weights: &[f32], scale: f32) -> f64 {
    assert_eq!(items.len(), weights.len(), "one weight an item");
    assert!(items.iter().all(|&i| (i as usize) < logits.len()), "an item is outside {} logits", logits.len());
    dispatch!(softmax_loss(logits, items, weights, scale))
}

/// `x ← tanh(x + bias)`.
///
/// # Panics
/// When the lengths differ.
pub fn tanh_bias(x: &mut [f32], bias: &[f32]) {
    assert_eq!(x.len(), bias.len(), "one bias a value");
    dispatch!(tanh_bias(x, bias))
}

/// The constants of one step of Adam (Kingma & Ba 2015) or NAdam (Dozat 2016), bias corrections folded in: a value
/// moves by −(`rate` · m + `gradient_rate` · g) / (`second_scale` · √v + `epsilon`).
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate ÷ (1 − β₁ᵗ) for Adam.
    pub rate: f32,
    /// What the gradient itself adds: 0 for Adam.
    pub gradient_rate: f32,
    /// 1 ÷ √(1 − β₂ᵗ).
    pub second_scale: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the denominator.
    pub epsilon: f32,
    /// L2 penalty added to the gradient.
    pub weight_decay: f32,
}

/// One Adam update of a run of parameters: first moment, second moment and value in one pass.
///
/// # Panics
/// When the lengths differ.
pub fn adam(step: &AdamStep, value: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
    assert!(
        value.len() == gradient.len() && first.len() == gradient.len() && second.len() == gradient.len(),
        "parameters, moments and gradient differ in length"
    );
    dispatch!(adam(step, value, first, second, gradient))
}

#[cfg(test)]
mod tests;
