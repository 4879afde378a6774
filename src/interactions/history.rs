//! One user's history: the bag of (item, weight) pairs that is folded in.

use std::fmt;

use crate::types::ItemIdx;

/// A borrowed user history: two parallel slices, sorted by item, each item once, weights finite and
/// greater than zero.
///
/// The order is part of the contract: every sum over a history runs in it, so the same history has
/// the same embedding to the last bit wherever it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryRef<'a> {
    items: &'a [u32],
    weights: &'a [f32],
}

impl<'a> HistoryRef<'a> {
    /// Wraps slices that are already sorted, unique and of equal length (a row of a checked matrix).
    ///
    /// # Panics
    /// When the lengths differ; the order is checked in debug builds only.
    #[must_use]
    pub fn from_sorted(items: &'a [u32], weights: &'a [f32]) -> Self {
        assert_eq!(items.len(), weights.len(), "a history needs one weight an item");
        debug_assert!(items.windows(2).all(|w| w[0] < w[1]), "history items must be sorted and unique");
        Self { items, weights }
    }

    /// Item indices (raw [`ItemIdx`] values), ascending.
    #[must_use]
    pub fn items(self) -> &'a [u32] {
        self.items
    }

    /// Weights, parallel to [`items`](Self::items).
    #[must_use]
    pub fn weights(self) -> &'a [f32] {
        self.weights
    }

    /// Number of distinct items.
    #[must_use]
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// True when there is nothing to fold in.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }
}

/// An owned user history; see [`HistoryRef`] for the invariants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    items: Vec<u32>,
    weights: Vec<f32>,
}

/// A weight that is not a finite number greater than zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BadWeight {
    /// The item it was given for.
    pub item: ItemIdx,
    /// The weight as given.
    pub weight: f32,
}

impl fmt::Display for BadWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "weight {} of item index {} is not a finite number greater than 0", self.weight, self.item.0)
    }
}

impl std::error::Error for BadWeight {}

impl History {
    /// Sorts the pairs by item and merges repeated items, keeping the largest weight.
    ///
    /// # Errors
    /// [`BadWeight`] for a weight that is NaN, infinite, zero or negative.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (ItemIdx, f32)>) -> Result<Self, BadWeight> {
        let mut pairs: Vec<(ItemIdx, f32)> = pairs.into_iter().collect();
        if let Some(&(item, weight)) = pairs.iter().find(|(_, w)| !(w.is_finite() && *w > 0.0)) {
            return Err(BadWeight { item, weight });
        }
        // Largest weight first among equal items, so that `dedup` keeps it.
        pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        pairs.dedup_by_key(|pair| pair.0);
        Ok(Self { items: pairs.iter().map(|p| p.0.0).collect(), weights: pairs.iter().map(|p| p.1).collect() })
    }

    /// The history as a borrowed view.
    #[must_use]
    pub fn as_ref(&self) -> HistoryRef<'_> {
        HistoryRef { items: &self.items, weights: &self.weights }
    }
}

impl From<HistoryRef<'_>> for History {
    fn from(view: HistoryRef<'_>) -> Self {
        Self { items: view.items.to_vec(), weights: view.weights.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_items_keep_the_largest_weight() {
        let history = History::from_pairs([(ItemIdx(7), 1.0), (ItemIdx(2), 0.5), (ItemIdx(7), 3.0)]).unwrap();
        assert_eq!(history.as_ref().items(), [2, 7]);
        assert_eq!(history.as_ref().weights(), [0.5, 3.0]);
    }

    #[test]
    fn weights_must_be_positive_and_finite() {
        for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let error = History::from_pairs([(ItemIdx(1), weight)]).unwrap_err();
            assert_eq!(error.item, ItemIdx(1));
        }
    }
}
