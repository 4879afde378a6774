//! Sums whose order is fixed, so that they have the same bits in every run.

/// Σ in the order given; 0 of nothing (`Iterator::sum` has −0 there, which prints as such).
pub(super) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// The mean, added up in the order given; 0 of nothing.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    sum(values) / count
}
