use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Row = (u32, u32, f32);

fn rules(duplicates: Duplicates, min_weight: Option<f32>, min_user_items: usize, min_item_users: usize) -> LogRules {
    LogRules { duplicates, min_weight, min_user_items, min_item_users, ..LogRules::default() }
}

fn builder(rules: &LogRules, rows: &[Row]) -> InteractionsBuilder {
    let mut builder = InteractionsBuilder::new(rules);
    rows.iter().for_each(|&(user, item, weight)| builder.push(user, item, weight));
    builder
}

/// The stored triples, by the numbers that rows and columns had before compaction.
fn triples(interactions: &Interactions, users: &[u32], items: &[u32]) -> Vec<Row> {
    let rows = users.iter().zip(interactions.histories());
    rows.flat_map(|(&user, history)| {
        history.items().iter().zip(history.weights()).map(move |(&item, &weight)| (user, items[item as usize], weight))
    })
    .collect()
}

/// Pairs in a map, users and items dropped one after the other until nothing changes.
fn naive(rules: &LogRules, rows: &[Row]) -> (Vec<Row>, Dropped) {
    let mut dropped = Dropped::default();
    let mut pairs: BTreeMap<(u32, u32), Vec<f32>> = BTreeMap::new();
    for &(user, item, weight) in rows {
        if rules.min_weight.is_some_and(|minimum| weight < minimum) {
            dropped.below_min_weight += 1;
        } else {
            pairs.entry((user, item)).or_default().push(weight);
        }
    }
    dropped.merged_duplicates = pairs.values().map(|weights| weights.len() as u64 - 1).sum();
    loop {
        let before = pairs.len();
        let users: BTreeSet<u32> = pairs.keys().map(|pair| pair.0).collect();
        let few: BTreeSet<u32> =
            users.into_iter().filter(|&u| pairs.keys().filter(|p| p.0 == u).count() < rules.min_user_items).collect();
        pairs.retain(|pair, _| !few.contains(&pair.0));
        dropped.user_below_minimum += (before - pairs.len()) as u64;
        let between = pairs.len();
        let items: BTreeSet<u32> = pairs.keys().map(|pair| pair.1).collect();
        let few: BTreeSet<u32> =
            items.into_iter().filter(|&i| pairs.keys().filter(|p| p.1 == i).count() < rules.min_item_users).collect();
        pairs.retain(|pair, _| !few.contains(&pair.1));
        dropped.item_below_minimum += (between - pairs.len()) as u64;
        if pairs.len() == before {
            break;
        }
    }
    let merge = |weights: Vec<f32>| match rules.duplicates {
        Duplicates::Max | Duplicates::Last => weights.into_iter().fold(0.0, f32::max),
        Duplicates::Sum => weights.into_iter().sum(),
    };
    (pairs.into_iter().map(|((user, item), weights)| (user, item, merge(weights))).collect(), dropped)
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    // Whole weights, so that sums are exact in any order.
    prop::collection::vec((0u32..9, 0u32..12, (1u8..6).prop_map(f32::from)), 0..120)
}

fn any_rules() -> impl Strategy<Value = LogRules> {
    let duplicates = prop_oneof![Just(Duplicates::Max), Just(Duplicates::Sum)];
    (duplicates, prop::option::of((0u8..5).prop_map(f32::from)), 0usize..5, 0usize..5)
        .prop_map(|(duplicates, min_weight, users, items)| rules(duplicates, min_weight, users, items))
}

proptest! {
    #[test]
    fn equals_the_naive_way(rows in any_rows(), rules in any_rules()) {
        let core = builder(&rules, &rows).build_core((9, 12)).unwrap();
        let (expected, dropped) = naive(&rules, &rows);
        prop_assert_eq!(triples(&core.interactions, &core.users, &core.items), expected);
        prop_assert_eq!(core.dropped, dropped);
        // Both axes are compact: everyone and everything that is left has an interaction.
        prop_assert!(core.interactions.histories().all(|history| !history.is_empty()));
        prop_assert!(core.interactions.item_counts().iter().all(|&count| count > 0));
    }

    #[test]
    fn fixed_axes_keep_their_places(rows in any_rows(), rules in any_rules()) {
        let built = builder(&rules, &rows).build((9, 12)).unwrap();
        let (expected, _) = naive(&LogRules { min_user_items: 0, min_item_users: 0, ..rules }, &rows);
        prop_assert_eq!((built.interactions.users(), built.interactions.items()), (9, 12));
        let numbers: Vec<u32> = (0..12).collect();
        prop_assert_eq!(triples(&built.interactions, &numbers[..9], &numbers), expected);
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(
        rows in prop::collection::vec((0u32..4, 0u32..4, 0.001f32..1000.0), 0..60),
        rules in any_rules(),
        seed: u64,
    ) {
        // Fractional weights: a sum of floats depends on its order, unless the order is fixed.
        let mut shuffled = rows.clone();
        shuffled.sort_by_key(|row| (row.2.to_bits() as u64).wrapping_mul(seed | 1));
        let build = |rows: &[Row]| builder(&rules, rows).build_core((4, 4)).unwrap();
        prop_assert_eq!(build(&rows), build(&shuffled));
    }
}

#[test]
fn the_core_takes_as_many_rounds_as_drops_cascade() {
    // A chain: user 0 falls, then items 0 and 2, then users 1 and 2; users 3 and 4 hold each other up.
    let rows = [(0, 0, 1.0), (1, 0, 1.0), (1, 1, 1.0), (2, 1, 1.0), (2, 2, 1.0)];
    let square = [(3, 3, 1.0), (3, 4, 1.0), (4, 3, 1.0), (4, 4, 1.0)];
    let rules = rules(Duplicates::Max, None, 2, 2);
    let core = builder(&rules, &[&rows[..], &square[..]].concat()).build_core((5, 5)).unwrap();
    assert_eq!((core.users.as_slice(), core.items.as_slice()), (&[3, 4][..], &[3, 4][..]));
    assert_eq!(core.dropped, Dropped { user_below_minimum: 3, item_below_minimum: 2, ..Dropped::default() });
    assert_eq!(core.core_rounds, 2);

    let untouched = builder(&rules, &square).build_core((5, 5)).unwrap();
    assert_eq!(untouched.core_rounds, 0);
}

#[test]
fn renumbering_moves_rows_before_they_are_built() {
    let mut builder = builder(&LogRules::default(), &[(0, 1, 2.0), (1, 0, 3.0)]);
    builder.renumber(Some(&[1, 0]), Some(&[5, 2]));
    let built = builder.build((2, 6)).unwrap();
    assert_eq!(triples(&built.interactions, &[0, 1], &[0, 1, 2, 3, 4, 5]), [(0, 5, 3.0), (1, 2, 2.0)]);
}

#[test]
fn weights_outside_the_contract_do_not_pass() {
    for weight in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
        let built = builder(&LogRules::default(), &[(0, 0, weight)]).build((1, 1));
        assert!(matches!(built, Err(BuildError::Matrix(_))), "weight {weight}");
    }
    let sum = builder(&rules(Duplicates::Sum, None, 1, 1), &[(0, 1, f32::MAX), (0, 1, f32::MAX)]).build((1, 2));
    assert!(matches!(sum, Err(BuildError::WeightOverflow { user: 0, item: 1, .. })));
}
