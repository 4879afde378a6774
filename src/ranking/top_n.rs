//! Selection of the n best of a stream of scores.

use std::cmp::Ordering;

use crate::types::ItemIdx;

/// An item with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The item.
    pub item: ItemIdx,
    /// Its score; comparable only within one user's list.
    pub score: f32,
}

/// Best first: higher score, then lower item index.
fn best_first(a: &Scored, b: &Scored) -> Ordering {
    b.score.total_cmp(&a.score).then(a.item.cmp(&b.item))
}

/// Scores that are compared with the threshold together.
const RUN: usize = 16;

/// Keeps the `n` best of the items offered to it.
///
/// Offers that cannot enter are refused by one comparison with the n-th best score known so far;
/// the others are collected and thinned whenever the buffer is full (a lazy partial sort, cheaper
/// than a heap because nearly every score fails the comparison).
#[derive(Clone, Debug)]
pub struct TopN {
    n: usize,
    threshold: f32,
    kept: Vec<Scored>,
}

impl TopN {
    /// An empty selection of at most `n` items.
    #[must_use]
    pub fn new(n: usize) -> Self {
        // Room for as many again before the next thinning; bounded, as `n` may exceed the catalogue.
        Self { n, threshold: f32::NEG_INFINITY, kept: Vec::with_capacity((2 * n).clamp(64, 4096)) }
    }

    /// Offers consecutive items, the first being `first`. Items must be offered in ascending order:
    /// that is what breaks ties by item index. A score of −∞ marks an item that must not be listed.
    pub fn offer_block(&mut self, first: u32, scores: &[f32]) {
        let (runs, rest) = scores.as_chunks::<RUN>();
        let mut item = first;
        for scores in runs {
            // Nearly every run holds nothing that could enter, which wide comparisons tell at once.
            if scores.iter().fold(false, |any, &score| any | (score > self.threshold)) {
                self.offer_all(item, scores);
            }
            item += RUN as u32;
        }
        self.offer_all(item, rest);
    }

    fn offer_all(&mut self, first: u32, scores: &[f32]) {
        for (item, &score) in (first..).zip(scores) {
            self.offer(Scored { item: ItemIdx(item), score });
        }
    }

    /// Offers one item; see [`offer_block`](Self::offer_block) for the order.
    pub fn offer(&mut self, candidate: Scored) {
        if candidate.score > self.threshold {
            self.kept.push(candidate);
            if self.kept.len() >= (2 * self.n).max(64) {
                self.thin();
            }
        }
    }

    fn thin(&mut self) {
        if self.n == 0 {
            self.kept.clear();
        } else if self.kept.len() > self.n {
            self.kept.select_nth_unstable_by(self.n - 1, best_first);
            self.kept.truncate(self.n);
            self.threshold = self.kept[self.n - 1].score;
        }
    }

    /// The selection, best first; ties by item index.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Scored> {
        self.thin();
        self.kept.sort_unstable_by(best_first);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_a_full_sort(scores in prop::collection::vec(-3i8..3, 0..400), n in 0usize..70, block in 1usize..50) {
            // Few distinct scores, so that ties are the rule.
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let mut expected: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
            expected.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
            let expected: Vec<usize> = expected.into_iter().take(n).map(|e| e.0).collect();

            let mut top = TopN::new(n);
            for (b, chunk) in scores.chunks(block).enumerate() {
                top.offer_block((b * block) as u32, chunk);
            }
            let got: Vec<usize> = top.into_sorted().into_iter().map(|s| s.item.at()).collect();
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn minus_infinity_is_never_listed() {
        let mut top = TopN::new(3);
        top.offer_block(0, &[f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY]);
        assert_eq!(top.into_sorted().len(), 1);
    }
}
