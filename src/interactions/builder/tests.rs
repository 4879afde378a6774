use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Row = (u32, u32, f32);
type TimedRow = (u32, u32, f32, i64);

fn rules(duplicates: Duplicates, min_user_items: usize, min_item_users: usize) -> LogRules {
    LogRules { duplicates, min_user_items, min_item_users, ..LogRules::default() }
}

fn builder(rules: &LogRules, rows: &[Row]) -> InteractionsBuilder {
    let mut builder = InteractionsBuilder::new(rules);
    rows.iter().for_each(|&(user, item, weight)| builder.extend(&[user], &[item], &[weight], &[]));
    builder
}

fn timed_builder(rules: &LogRules, rows: &[TimedRow]) -> InteractionsBuilder {
    let mut builder = InteractionsBuilder::new(rules);
    rows.iter().for_each(|&(user, item, weight, time)| builder.extend(&[user], &[item], &[weight], &[Timestamp(time)]));
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
fn naive(rules: &LogRules, rows: &[TimedRow]) -> (Vec<TimedRow>, Dropped) {
    let mut dropped = Dropped::default();
    let mut pairs: BTreeMap<(u32, u32), Vec<(i64, f32)>> = BTreeMap::new();
    for &(user, item, weight, time) in rows {
        pairs.entry((user, item)).or_default().push((time, weight));
    }
    dropped.merged_duplicates = pairs.values().map(|rows| rows.len() as u64 - 1).sum();
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
    let merge = |rows: &[(i64, f32)]| {
        let latest = rows.iter().map(|row| row.0).max().unwrap();
        let weight = match rules.duplicates {
            Duplicates::Max => rows.iter().map(|row| row.1).fold(0.0, f32::max),
            Duplicates::Last => rows.iter().filter(|row| row.0 == latest).map(|row| row.1).fold(0.0, f32::max),
            Duplicates::Sum => rows.iter().map(|row| row.1).sum(),
        };
        (weight, latest)
    };
    let merged = pairs.into_iter().map(|((user, item), rows)| (user, item, merge(&rows).0, merge(&rows).1));
    (merged.collect(), dropped)
}

fn any_rows() -> impl Strategy<Value = Vec<TimedRow>> {
    // Whole weights, so that sums are exact in any order.
    prop::collection::vec((0u32..9, 0u32..12, (1u8..6).prop_map(f32::from), -2i64..3), 0..120)
}

fn any_rules() -> impl Strategy<Value = LogRules> {
    let duplicates = prop_oneof![Just(Duplicates::Max), Just(Duplicates::Sum), Just(Duplicates::Last)];
    (duplicates, 0usize..5, 0usize..5).prop_map(|(duplicates, users, items)| rules(duplicates, users, items))
}

/// Rows without their times, which then are all the same.
fn untimed(rows: &[TimedRow]) -> (Vec<Row>, Vec<TimedRow>) {
    rows.iter().map(|&(user, item, weight, _)| ((user, item, weight), (user, item, weight, 0))).unzip()
}

fn without_times(rows: &[TimedRow]) -> Vec<Row> {
    rows.iter().map(|&(user, item, weight, _)| (user, item, weight)).collect()
}

fn times(rows: &[TimedRow]) -> Vec<Timestamp> {
    rows.iter().map(|row| Timestamp(row.3)).collect()
}

proptest! {
    #[test]
    fn equals_the_naive_way(rows in any_rows(), rules in any_rules()) {
        let core = timed_builder(&rules, &rows).build_core((9, 12)).unwrap();
        let (expected, dropped) = naive(&rules, &rows);
        prop_assert_eq!(triples(&core.interactions, &core.users, &core.items), without_times(&expected));
        prop_assert_eq!(core.times.unwrap_or_default(), times(&expected));
        prop_assert_eq!(core.dropped, dropped);
        // Both axes are compact: everyone and everything that is left has an interaction.
        prop_assert!(core.interactions.histories().all(|history| !history.is_empty()));
        prop_assert!(core.interactions.item_counts().iter().all(|&count| count > 0));

        // Without times, all rows are equally late.
        let (plain, level) = untimed(&rows);
        let core = builder(&rules, &plain).build_core((9, 12)).unwrap();
        let expected = without_times(&naive(&rules, &level).0);
        prop_assert_eq!((triples(&core.interactions, &core.users, &core.items), core.times), (expected, None));
    }

    #[test]
    fn fixed_axes_keep_their_places(rows in any_rows(), rules in any_rules()) {
        let built = timed_builder(&rules, &rows).build((9, 12)).unwrap();
        let (expected, _) = naive(&LogRules { min_user_items: 0, min_item_users: 0, ..rules }, &rows);
        prop_assert_eq!((built.interactions.users(), built.interactions.items()), (9, 12));
        let numbers: Vec<u32> = (0..12).collect();
        prop_assert_eq!(triples(&built.interactions, &numbers[..9], &numbers), without_times(&expected));
        prop_assert_eq!(built.times.unwrap_or_default(), times(&expected));
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
    let rules = rules(Duplicates::Max, 2, 2);
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
    let sum = builder(&rules(Duplicates::Sum, 1, 1), &[(0, 1, f32::MAX), (0, 1, f32::MAX)]).build((1, 2));
    assert!(matches!(sum, Err(BuildError::WeightOverflow { user: 0, item: 1, .. })));
}

#[test]
fn exact_sums_stay_with_their_interactions_when_others_are_dropped() {
    // Of 40 users every third has one item and goes, and with the last items, that few have, go their sums.
    let tiny = |user: u32, item: u32| 2f32.powi(-30) * (1 + user + 50 * item) as f32;
    let mut rows = Vec::new();
    for user in 0..40u32 {
        for item in 0..if user % 3 == 0 { 1 } else { 4 + user / 12 } {
            rows.push((user, item, 1.0));
            rows.push((user, item, tiny(user, item)));
        }
    }
    let built = builder(&rules(Duplicates::Sum, 2, 20), &rows).build_core((40, 8)).unwrap();
    assert!(built.users.len() < 30 && built.items.len() < 7, "{:?} {:?}", built.users, built.items);
    let mut at = 0;
    for (&user, history) in built.users.iter().zip(built.interactions.histories()) {
        for &item in history.items() {
            let sum: f64 = built.sums.of(at).iter().sum();
            let expected = 1.0 + f64::from(tiny(user, built.items[item as usize]));
            assert_eq!(sum, expected, "user {user}, item {item}");
            at += 1;
        }
    }
    assert!(built.sums.of(at).is_empty() && !built.sums.is_empty());
}
