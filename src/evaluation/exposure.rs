//! What lists show, whether it was wanted or not: pure functions of lists and item popularity.

use super::item_popularity::ItemPopularity;
use super::mean::{mean, sum};
use crate::types::ItemIdx;

/// `popularity@k` of one list = mean over its first `k` items of the share of training users who have
/// the item. `ranked` is the list cut at `k`; 0 for an empty one.
///
/// The average recommendation popularity of Yin et al. 2012, "Challenging the long tail
/// recommendation", as a share so that logs of different size compare.
#[must_use]
pub fn popularity(ranked: &[ItemIdx], items: &ItemPopularity) -> f64 {
    mean(ranked.iter().map(|&item| items.share(item)))
}

/// `novelty@k` of one list = mean over its first `k` items of −log₂ of the share of training users who
/// have the item: the surprise, in bits. `ranked` is the list cut at `k`; 0 for an empty one.
///
/// Zhou et al. 2010, "Solving the apparent diversity-accuracy dilemma of recommender systems" (mean
/// self-information). An item that no training user has counts as had by one, so that the value is finite.
#[must_use]
pub fn novelty(ranked: &[ItemIdx], items: &ItemPopularity) -> f64 {
    mean(ranked.iter().map(|&item| items.surprise(item)))
}

/// `coverage@k` of all lists together = share of the catalogue that stands in the first `k` of at least
/// one list. `exposure` says for every item of the catalogue in how many lists it stands; 0 for an
/// empty catalogue.
///
/// Ge et al. 2010, "Beyond accuracy: evaluating recommender systems by coverage and serendipity".
#[must_use]
pub fn coverage(exposure: &[u32]) -> f64 {
    mean(exposure.iter().map(|&lists| f64::from(u8::from(lists > 0))))
}

/// `gini@k` of all lists together: how unequally the first `k` places are spread over the catalogue; 0
/// when every item stands in as many lists, near 1 when few items take all places.
///
/// With the exposures e₁ ≤ … ≤ eₙ of the n catalogue items, Σⱼ (2j − n − 1) eⱼ / (n Σⱼ eⱼ), j from 1
/// (Gini 1912; for recommendations Fleder & Hosanagar 2009). 0 when nothing is listed.
#[must_use]
pub fn gini(exposure: &[u32]) -> f64 {
    let mut ascending = exposure.to_vec();
    ascending.sort_unstable();
    let places: u64 = ascending.iter().map(|&lists| u64::from(lists)).sum();
    let n = ascending.len() as f64;
    let weighted = (1u64..).zip(&ascending).map(|(j, &lists)| (2.0 * j as f64 - n - 1.0) * f64::from(lists));
    if places == 0 { 0.0 } else { sum(weighted) / (n * places as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactions::{HistoryRef, Interactions};

    /// Four users: item 0 has all of them, item 1 two, item 2 one, item 3 none.
    fn items() -> ItemPopularity {
        let rows: [&[u32]; 4] = [&[0, 1, 2], &[0, 1], &[0], &[0]];
        let ones = [1.0; 3];
        let views = rows.iter().map(|row| HistoryRef::from_sorted(row, &ones[..row.len()]));
        ItemPopularity::of(&Interactions::from_histories(4, views).unwrap())
    }

    fn list(items: &[u32]) -> Vec<ItemIdx> {
        items.iter().map(|&item| ItemIdx(item)).collect()
    }

    #[test]
    fn popularity_and_novelty_of_lists() {
        assert_eq!(popularity(&list(&[0, 1, 2, 3]), &items()), (1.0 + 0.5 + 0.25 + 0.0) / 4.0);
        // 0, 1 and 2 bits; the item nobody has counts as the one that a single user has.
        assert_eq!(novelty(&list(&[0, 1]), &items()), 0.5);
        assert_eq!(novelty(&list(&[2, 3]), &items()), 2.0);
        assert_eq!((popularity(&[], &items()), novelty(&[], &items())), (0.0, 0.0));
    }

    #[test]
    fn coverage_and_gini_of_exposures() {
        assert_eq!((coverage(&[3, 0, 1, 0]), coverage(&[]), coverage(&[0, 0])), (0.5, 0.0, 0.0));
        assert_eq!((gini(&[2, 2, 2, 2]), gini(&[]), gini(&[0, 0])), (0.0, 0.0, 0.0));
        // One of four items takes everything: 1 − 1/4.
        assert_eq!(gini(&[0, 8, 0, 0]), 0.75);
        // By the mean difference: Σᵢⱼ |eᵢ − eⱼ| / (2 n² mean) = 2 (1 + 2 + 1) / (2 · 9 · 2).
        assert!((gini(&[1, 3, 2]) - 8.0 / 36.0).abs() < 1e-15);
    }
}
