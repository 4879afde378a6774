//! Every metric against the textbook, written as differently as possible: relevance vectors instead of
//! places, sets instead of sorted slices, differences of all pairs instead of a sort.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::item_popularity::ItemPopularity;
use super::metric::{Measure, MetricKind};
use super::metrics::Found;
use crate::interactions::{HistoryRef, Interactions};
use crate::types::ItemIdx;

/// A catalogue, who has what in training, and lists with their targets.
#[derive(Clone, Debug)]
struct Case {
    items: u32,
    train: Vec<BTreeSet<u32>>,
    lists: Vec<(Vec<u32>, BTreeSet<u32>)>,
    k: usize,
}

fn case() -> impl Strategy<Value = Case> {
    (2u32..30, 1usize..45).prop_flat_map(|(items, k)| {
        let everything: Vec<u32> = (0..items).collect();
        let list =
            (Just(everything).prop_shuffle(), 0..=items as usize).prop_map(|(items, length)| items[..length].to_vec());
        let target = prop::collection::btree_set(0..items, 1..=items as usize);
        let train = prop::collection::vec(prop::collection::btree_set(0..items, 0..=items as usize), 1..6);
        (train, prop::collection::vec((list, target), 1..5)).prop_map(move |(train, lists)| Case {
            items,
            train,
            lists,
            k,
        })
    })
}

/// Relevance by rank: 1 for a hit, 0 for a miss or a missing place.
fn relevance(list: &[u32], target: &BTreeSet<u32>, k: usize) -> Vec<f64> {
    (0..k).map(|rank| if list.get(rank).is_some_and(|item| target.contains(item)) { 1.0 } else { 0.0 }).collect()
}

fn dcg(gains: &[f64]) -> f64 {
    gains.iter().enumerate().map(|(i, g)| (2f64.powf(*g) - 1.0) * 2f64.ln() / (i as f64 + 2.0).ln()).sum()
}

/// Mean over the lists of a metric that each list has by itself.
fn naive_of_list(kind: MetricKind, case: &Case, list: &[u32], target: &BTreeSet<u32>) -> f64 {
    let k = case.k;
    let gains = relevance(list, target, k);
    let found: f64 = gains.iter().sum();
    let shown: Vec<u32> = list.iter().copied().take(k).collect();
    let people = case.train.iter().filter(|history| !history.is_empty()).count().max(1) as f64;
    let fans = |item: u32| case.train.iter().filter(|history| history.contains(&item)).count() as f64;
    let per_item = |value: &dyn Fn(u32) -> f64| match shown.len() {
        0 => 0.0,
        n => shown.iter().map(|&item| value(item)).sum::<f64>() / n as f64,
    };
    match kind {
        MetricKind::Recall => found / target.len() as f64,
        MetricKind::CappedRecall => (found / target.len() as f64).max(found / k as f64),
        MetricKind::Precision => found / k as f64,
        MetricKind::HitRate => f64::from(u8::from(shown.iter().any(|item| target.contains(item)))),
        MetricKind::Mrr => {
            (0..k).rev().fold(0.0, |value, place| if gains[place] > 0.0 { 1.0 / (place as f64 + 1.0) } else { value })
        }
        MetricKind::Map => {
            let precision = |n: usize| gains[..n].iter().sum::<f64>() / n as f64;
            (1..=k).map(|n| precision(n) * gains[n - 1]).sum::<f64>() / target.len().min(k) as f64
        }
        MetricKind::Ndcg => {
            let mut ideal = vec![1.0; target.len()];
            ideal.resize(target.len().max(k), 0.0);
            dcg(&gains) / dcg(&ideal[..k])
        }
        MetricKind::Popularity => per_item(&|item| fans(item) / people),
        MetricKind::Novelty => per_item(&|item| -(fans(item).max(1.0) / people).ln() / 2f64.ln()),
        MetricKind::Coverage | MetricKind::Gini => unreachable!("of all lists together"),
    }
}

fn naive(kind: MetricKind, case: &Case) -> f64 {
    let shown = |list: &Vec<u32>| list.iter().copied().take(case.k).collect::<Vec<u32>>();
    let mut exposure: BTreeMap<u32, f64> = (0..case.items).map(|item| (item, 0.0)).collect();
    for item in case.lists.iter().flat_map(|(list, _)| shown(list)) {
        *exposure.get_mut(&item).unwrap() += 1.0;
    }
    match kind {
        MetricKind::Coverage => {
            let any: HashSet<u32> = case.lists.iter().flat_map(|(list, _)| shown(list)).collect();
            any.len() as f64 / f64::from(case.items)
        }
        MetricKind::Gini => {
            // Half the relative mean absolute difference.
            let values: Vec<f64> = exposure.into_values().collect();
            let differences: f64 = values.iter().flat_map(|a| values.iter().map(move |b| (a - b).abs())).sum();
            let total: f64 = values.iter().sum();
            if total == 0.0 { 0.0 } else { differences / (2.0 * values.len() as f64 * total) }
        }
        _ => {
            let values = case.lists.iter().map(|(list, target)| naive_of_list(kind, case, list, target));
            values.sum::<f64>() / case.lists.len() as f64
        }
    }
}

/// What the library makes of the same case.
fn ours(kind: MetricKind, case: &Case) -> f64 {
    let rows: Vec<Vec<u32>> = case.train.iter().map(|history| history.iter().copied().collect()).collect();
    let ones = vec![1.0; case.items as usize];
    let views = rows.iter().map(|row| HistoryRef::from_sorted(row, &ones[..row.len()]));
    let popularity = ItemPopularity::of(&Interactions::from_histories(case.items as usize, views).unwrap());
    let k = NonZeroUsize::new(case.k).unwrap();
    let mut exposure = vec![0; case.items as usize];
    let mut values = Vec::new();
    for (list, target) in &case.lists {
        let (list, target): (Vec<ItemIdx>, Vec<u32>) =
            (list.iter().map(|&i| ItemIdx(i)).collect(), target.iter().copied().collect());
        let shown = &list[..case.k.min(list.len())];
        shown.iter().for_each(|item| exposure[item.at()] += 1);
        values.push(match kind.measure() {
            Measure::Accuracy(measure) => measure(&Found::new(&list, &target).unwrap(), k),
            Measure::List(measure) => measure(shown, &popularity),
            Measure::Exposure(_) => f64::NAN,
        });
    }
    match kind.measure() {
        Measure::Exposure(measure) => measure(&exposure),
        _ => values.iter().sum::<f64>() / values.len() as f64,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_metric_equals_its_naive_definition(case in case()) {
        for kind in MetricKind::ALL {
            let (got, expected) = (ours(kind, &case), naive(kind, &case));
            prop_assert!((got - expected).abs() < 1e-9, "{} is {got}, naively {expected}", kind.name());
            let most = if kind == MetricKind::Novelty { f64::INFINITY } else { 1.0 + 1e-12 };
            prop_assert!((0.0..=most).contains(&got), "{} is {got}", kind.name());
        }
    }
}
