//! Accuracy of one list: pure functions of where it holds what its user went on to.
//!
//! Shared by all of them:
//! - A list is ranked best first and holds each item once. Only its first `k` places count; a list
//!   shorter than `k` (the candidates ran out) simply has no hit in the missing places.
//! - Ties in score are broken by item index, and that has already happened: it is the rule of
//!   [`ranking`](crate::ranking), so that a metric never depends on a sort.
//! - Relevance is binary: an item is in the target or it is not.
//! - There is no value for an empty target: no [`Found`] exists for one. Such a user is left out of
//!   every mean, and counted.
//! - Sums run in f64, in rank order.

use std::num::NonZeroUsize;

use super::mean::sum;
use crate::types::ItemIdx;

/// Where a list holds the items of a target that is not empty: all that accuracy depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Places of the hits in the list, from 0, ascending.
    places: Vec<u32>,
    /// |target|, at least 1.
    wanted: usize,
}

impl Found {
    /// Looks the target up in a list; `None` when the target is empty.
    ///
    /// `ranked` is best first, each item once; `target` holds item indices (raw [`ItemIdx`] values) in
    /// ascending order, each once.
    #[must_use]
    pub fn new(ranked: &[ItemIdx], target: &[u32]) -> Option<Self> {
        let hits = ranked.iter().zip(0u32..).filter(|(item, _)| target.binary_search(&item.0).is_ok());
        (!target.is_empty()).then(|| Self { places: hits.map(|(_, place)| place).collect(), wanted: target.len() })
    }

    /// Places of the hits in the first `k`, from 0, ascending.
    fn within(&self, k: NonZeroUsize) -> impl Iterator<Item = usize> {
        self.places.iter().map(|&place| place as usize).take_while(move |&place| place < k.get())
    }

    fn hits(&self, k: NonZeroUsize) -> f64 {
        self.within(k).count() as f64
    }

    /// Hits in the first `k` of the best possible list: min(k, |target|).
    fn ideal(&self, k: NonZeroUsize) -> usize {
        self.wanted.min(k.get())
    }
}

/// `recall@k` = hits in the first `k` / |target|: the share of the target that was found.
///
/// Cannot reach 1 when the target is larger than `k`; see [`capped_recall`]. The definition of the
/// graph-recommendation literature (NGCF, LightGCN, …). Ties and the empty case: module rules.
#[must_use]
pub fn recall(found: &Found, k: NonZeroUsize) -> f64 {
    found.hits(k) / found.wanted as f64
}

/// `capped_recall@k` = hits in the first `k` / min(k, |target|): 1 means that no better list of `k`
/// items exists.
///
/// What Liang et al. 2018 (Mult-VAE, §4.2) and its successors call Recall@k. Ties and the empty case:
/// module rules.
#[must_use]
pub fn capped_recall(found: &Found, k: NonZeroUsize) -> f64 {
    found.hits(k) / found.ideal(k) as f64
}

/// `precision@k` = hits in the first `k` / k: the share of the list that was wanted. A list shorter
/// than `k` is not forgiven.
///
/// Herlocker et al. 2004, "Evaluating collaborative filtering recommender systems", §4.2. Ties and the
/// empty case: module rules.
#[must_use]
pub fn precision(found: &Found, k: NonZeroUsize) -> f64 {
    found.hits(k) / k.get() as f64
}

/// `hit_rate@k` = 1 when the first `k` hold any item of the target, else 0.
///
/// Deshpande & Karypis 2004, "Item-based top-N recommendation algorithms", where each user has one
/// target. Ties and the empty case: module rules.
#[must_use]
pub fn hit_rate(found: &Found, k: NonZeroUsize) -> f64 {
    found.hits(k).min(1.0)
}

/// `mrr@k` = 1 / rank of the first hit, ranks from 1, and 0 when the first `k` hold none.
///
/// Voorhees 1999, "The TREC-8 question answering track report". Ties and the empty case: module rules.
#[must_use]
pub fn mrr(found: &Found, k: NonZeroUsize) -> f64 {
    found.within(k).next().map_or(0.0, |place| 1.0 / (place + 1) as f64)
}

/// `map@k` = average precision: Σ over hits in the first `k` of the precision at their rank, divided by
/// min(k, |target|).
///
/// Average precision of the TREC evaluations (Buckley & Voorhees 2000), cut at `k`; divided by what a
/// list of `k` could hold, so that the best list scores 1. Ties and the empty case: module rules.
#[must_use]
pub fn map(found: &Found, k: NonZeroUsize) -> f64 {
    let precisions = found.within(k).enumerate().map(|(before, place)| (before + 1) as f64 / (place + 1) as f64);
    sum(precisions) / found.ideal(k) as f64
}

/// `ndcg@k` = DCG / ideal DCG, with DCG = Σ over hits in the first `k` of 1 / log₂(rank + 1), ranks
/// from 1, and the ideal list holding min(k, |target|) hits at the top.
///
/// Järvelin & Kekäläinen 2002 with binary gain. Ties and the empty case: module rules.
#[must_use]
pub fn ndcg(found: &Found, k: NonZeroUsize) -> f64 {
    sum(found.within(k).map(discount)) / sum((0..found.ideal(k)).map(discount))
}

/// Discount of a 0-based place: 1 / log₂(rank + 1) with ranks from 1.
fn discount(place: usize) -> f64 {
    1.0 / (place as f64 + 2.0).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn k(k: usize) -> NonZeroUsize {
        NonZeroUsize::new(k).unwrap()
    }

    fn found(ranked: &[u32], target: &[u32]) -> Option<Found> {
        Found::new(&ranked.iter().map(|&i| ItemIdx(i)).collect::<Vec<_>>(), target)
    }

    /// Worked by hand: list 5 3 9 1, target {1, 3, 7}; hits at ranks 2 and 4.
    #[test]
    fn values_of_a_worked_example() {
        let found = found(&[5, 3, 9, 1], &[1, 3, 7]).unwrap();
        assert_eq!([recall(&found, k(2)), recall(&found, k(4))], [1.0 / 3.0, 2.0 / 3.0]);
        assert_eq!([capped_recall(&found, k(2)), capped_recall(&found, k(4))], [0.5, 2.0 / 3.0]);
        assert_eq!([precision(&found, k(4)), precision(&found, k(8))], [0.5, 0.25]);
        assert_eq!([hit_rate(&found, k(1)), hit_rate(&found, k(2))], [0.0, 1.0]);
        assert_eq!([mrr(&found, k(1)), mrr(&found, k(4))], [0.0, 0.5]);
        assert_eq!(map(&found, k(4)), (1.0 / 2.0 + 2.0 / 4.0) / 3.0);
        // The ideal list has ranks 1, 2 and 3.
        let expected = (1.0 / 3f64.log2() + 1.0 / 5f64.log2()) / (1.0 + 1.0 / 3f64.log2() + 0.5);
        assert!((ndcg(&found, k(4)) - expected).abs() < 1e-12);
    }

    #[test]
    fn an_empty_target_has_no_value() {
        assert_eq!(found(&[1, 2], &[]), None);
        assert_eq!(found(&[], &[]), None);
    }

    #[test]
    fn a_short_list_is_not_forgiven() {
        // One item listed, found, of a target of two: the ideal list of three would hold both.
        let found = found(&[4], &[4, 6]).unwrap();
        for metric in [recall, capped_recall, map] {
            assert_eq!(metric(&found, k(3)), 0.5);
        }
        assert_eq!(precision(&found, k(3)), 1.0 / 3.0);
        assert!(ndcg(&found, k(3)) < 1.0);
    }

    #[test]
    fn the_ideal_list_scores_one() {
        let found = found(&[2, 4, 6, 8], &[2, 4, 6, 8]).unwrap();
        for cutoff in [1, 3, 4, 9] {
            for metric in [capped_recall, map, ndcg, mrr, hit_rate] {
                assert_eq!(metric(&found, k(cutoff)), 1.0);
            }
        }
    }
}
