//! The metrics themselves: pure functions of a ranked list and a target set.
//!
//! Shared by all of them:
//! - `ranked` is the list as recommended, best first, each item once. Only its first `k` entries
//!   count; a list shorter than `k` (the candidates ran out) simply has no hit in the missing places.
//! - `target` holds the relevant item indices (raw [`ItemIdx`] values) in ascending order, each once.
//! - Ties in score are broken by item index, and that has already happened: it is the rule of
//!   [`ranking`](crate::ranking), so that a metric never depends on a sort.
//! - Relevance is binary: an item is in the target or it is not.
//! - An empty target has no value (`None`): such a user is left out of every mean, and counted.
//! - Sums run in f64, in rank order.

use std::num::NonZeroUsize;

use crate::types::ItemIdx;

fn is_hit(target: &[u32], item: ItemIdx) -> bool {
    target.binary_search(&item.0).is_ok()
}

fn hits(ranked: &[ItemIdx], target: &[u32], k: NonZeroUsize) -> f64 {
    ranked.iter().take(k.get()).filter(|&&item| is_hit(target, item)).count() as f64
}

/// Discount of a 0-based position: 1 / log₂(rank + 1) with ranks from 1.
fn discount(position: usize) -> f64 {
    1.0 / (position as f64 + 2.0).log2()
}

/// `recall@k` = hits in the first `k` / |target|: the share of the target that was found.
///
/// Cannot reach 1 when the target is larger than `k`; see [`capped_recall`]. The definition of
/// the graph-recommendation literature (NGCF, LightGCN, …). Ties and the empty case: module rules.
#[must_use]
pub fn recall(ranked: &[ItemIdx], target: &[u32], k: NonZeroUsize) -> Option<f64> {
    (!target.is_empty()).then(|| hits(ranked, target, k) / target.len() as f64)
}

/// `capped_recall@k` = hits in the first `k` / min(k, |target|): 1 means that no better list of
/// `k` items exists.
///
/// What Liang et al. 2018 (Mult-VAE, §4.2) and its successors call Recall@k. Ties and the empty
/// case: module rules.
#[must_use]
pub fn capped_recall(ranked: &[ItemIdx], target: &[u32], k: NonZeroUsize) -> Option<f64> {
    (!target.is_empty()).then(|| hits(ranked, target, k) / target.len().min(k.get()) as f64)
}

/// `ndcg@k` = DCG / ideal DCG, with DCG = Σ over hits in the first `k` of 1 / log₂(rank + 1), ranks
/// from 1, and the ideal list holding min(k, |target|) hits at the top.
///
/// Järvelin & Kekäläinen 2002 with binary gain. Ties and the empty case: module rules.
#[must_use]
pub fn ndcg(ranked: &[ItemIdx], target: &[u32], k: NonZeroUsize) -> Option<f64> {
    let dcg = |ranks: &mut dyn Iterator<Item = usize>| ranks.map(discount).sum::<f64>();
    (!target.is_empty()).then(|| {
        let found = ranked.iter().take(k.get()).enumerate().filter(|&(_, &item)| is_hit(target, item));
        dcg(&mut found.map(|(position, _)| position)) / dcg(&mut (0..target.len().min(k.get())))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn k(k: usize) -> NonZeroUsize {
        NonZeroUsize::new(k).unwrap()
    }

    fn items(items: &[u32]) -> Vec<ItemIdx> {
        items.iter().map(|&i| ItemIdx(i)).collect()
    }

    /// Worked by hand: list 5 3 9 1, target {1, 3, 7}.
    #[test]
    fn values_of_a_worked_example() {
        let (ranked, target) = (items(&[5, 3, 9, 1]), [1, 3, 7]);
        assert_eq!(recall(&ranked, &target, k(2)), Some(1.0 / 3.0));
        assert_eq!(capped_recall(&ranked, &target, k(2)), Some(0.5));
        assert_eq!(recall(&ranked, &target, k(4)), Some(2.0 / 3.0));
        // Hits at ranks 2 and 4; the ideal has ranks 1, 2 and 3.
        let expected = (1.0 / 3f64.log2() + 1.0 / 5f64.log2()) / (1.0 + 1.0 / 3f64.log2() + 0.5);
        assert!((ndcg(&ranked, &target, k(4)).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn an_empty_target_has_no_value() {
        for metric in [recall, capped_recall, ndcg] {
            assert_eq!(metric(&items(&[1, 2]), &[], k(5)), None);
        }
    }

    #[test]
    fn a_short_list_is_not_forgiven() {
        // One item listed, found, of a target of two: the ideal list of three would hold both.
        assert_eq!(recall(&items(&[4]), &[4, 6], k(3)), Some(0.5));
        assert_eq!(capped_recall(&items(&[4]), &[4, 6], k(3)), Some(0.5));
        assert!(ndcg(&items(&[4]), &[4, 6], k(3)).unwrap() < 1.0);
    }

    /// The definitions written as differently as possible: relevance vectors, sorted for the ideal.
    fn naive(ranked: &[u32], target: &BTreeSet<u32>, k: usize) -> [f64; 3] {
        let relevance: Vec<f64> =
            (0..k).map(|r| ranked.get(r).map_or(0.0, |i| f64::from(u8::from(target.contains(i))))).collect();
        let mut ideal = vec![1.0; target.len()];
        ideal.resize(target.len().max(k), 0.0);
        let dcg = |gains: &[f64]| {
            gains
                .iter()
                .take(k)
                .enumerate()
                .map(|(i, g)| (2f64.powf(*g) - 1.0) * 2f64.ln() / (i as f64 + 2.0).ln())
                .sum::<f64>()
        };
        let found: f64 = relevance.iter().sum();
        [found / target.len() as f64, found / (target.len() as f64).min(k as f64), dcg(&relevance) / dcg(&ideal)]
    }

    proptest! {
        #[test]
        fn equal_the_naive_definitions(
            ranked in Just((0..40u32).collect::<Vec<_>>()).prop_shuffle(),
            length in 0usize..40,
            target in prop::collection::btree_set(0..40u32, 1..30),
            cutoff in 1usize..60,
        ) {
            let ranked = &ranked[..length];
            let sorted: Vec<u32> = target.iter().copied().collect();
            let got = [recall, capped_recall, ndcg].map(|m| m(&items(ranked), &sorted, k(cutoff)).unwrap());
            for (got, expected) in got.into_iter().zip(naive(ranked, &target, cutoff)) {
                prop_assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
                prop_assert!((0.0..=1.0 + 1e-12).contains(&got));
            }
        }

        #[test]
        fn the_ideal_list_scores_one(target in prop::collection::btree_set(0..40u32, 1..30), cutoff in 1usize..60) {
            let sorted: Vec<u32> = target.into_iter().collect();
            prop_assert_eq!(ndcg(&items(&sorted), &sorted, k(cutoff)), Some(1.0));
            prop_assert_eq!(capped_recall(&items(&sorted), &sorted, k(cutoff)), Some(1.0));
        }
    }
}
