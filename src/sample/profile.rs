//! What histories look like, counted one by one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The most popular items whose pairs are counted.
pub const PAIR_ITEMS: usize = 100;

/// Not among the items whose pairs are counted.
const OTHER: u32 = u32::MAX;

/// Counts of lengths, items and pairs of popular items over histories. Memory grows with the catalogue alone.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Histories of each length.
    lengths: BTreeMap<usize, u64>,
    /// Histories with each item.
    items: Vec<u64>,
    /// Where each item stands among those whose pairs are counted, or [`OTHER`].
    places: Vec<u32>,
    /// Those items, the most popular first.
    popular: Vec<u32>,
    /// Histories with both of two of them, as a square of which the part below the diagonal is used.
    pairs: Vec<u64>,
}

impl Profile {
    /// Nothing counted yet. Pairs will be counted of the [`PAIR_ITEMS`] items with the largest `popularity`, as of
    /// `most_popular`.
    #[must_use]
    pub fn new(popularity: &[u32]) -> Self {
        let popular = most_popular(popularity, PAIR_ITEMS);
        let mut places = vec![OTHER; popularity.len()];
        popular.iter().zip(0..).for_each(|(&item, place)| places[item as usize] = place);
        let pairs = vec![0; popular.len() * popular.len()];
        Self { lengths: BTreeMap::new(), items: vec![0; popularity.len()], places, popular, pairs }
    }

    /// Counts a history in that is not empty: different items.
    ///
    /// # Panics
    /// When an item is outside the catalogue.
    pub fn add(&mut self, items: &[u32]) {
        if items.is_empty() {
            return;
        }
        *self.lengths.entry(items.len()).or_default() += 1;
        items.iter().for_each(|&item| self.items[item as usize] += 1);
        let places = items.iter().map(|&item| self.places[item as usize]);
        let places: Vec<usize> = places.filter(|&place| place != OTHER).map(|place| place as usize).collect();
        for (at, &a) in places.iter().enumerate() {
            places[..at].iter().for_each(|&b| self.pairs[a.max(b) * self.popular.len() + a.min(b)] += 1);
        }
    }

    /// Histories of each length, ascending.
    #[must_use]
    pub fn lengths(&self) -> &BTreeMap<usize, u64> {
        &self.lengths
    }

    /// Histories with each item.
    #[must_use]
    pub fn items(&self) -> &[u64] {
        &self.items
    }

    /// The items whose pairs are counted.
    #[must_use]
    pub fn popular(&self) -> &[u32] {
        &self.popular
    }

    /// Every pair of popular items with the number of histories that have both.
    pub fn pairs(&self) -> impl Iterator<Item = ([u32; 2], u64)> {
        let pairs = (0..self.popular.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
        pairs.map(|(a, b)| ([self.popular[a], self.popular[b]], self.pairs[a * self.popular.len() + b]))
    }

    /// Histories counted.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.lengths.values().sum()
    }
}

/// The `n` items with the largest of these numbers, the lower item first where they are equal; items with 0 are none.
pub(super) fn most_popular<N: Copy + Ord + Default>(popularity: &[N], n: usize) -> Vec<u32> {
    let mut items: Vec<u32> = (0..).zip(popularity).filter(|of| *of.1 > N::default()).map(|of| of.0).collect();
    items.sort_by_key(|&item| Reverse(popularity[item as usize]));
    items.truncate(n);
    items
}
