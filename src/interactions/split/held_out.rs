//! Seeded splits for evaluation under strong generalisation (Liang et al. 2018, section 4.2): whole
//! users are held out, and of a held-out user's history one part is folded in, the rest predicted.

use rand::RngExt;

use super::part::Part;
use crate::interactions::Interactions;
use crate::random::{Purpose, stream};
use crate::types::UserIdx;

/// Chooses `count` users to hold out (all of them when there are fewer); returns (training users,
/// held-out users), both ascending. The choice depends on the seed and the number of users alone.
#[must_use]
pub fn hold_out_users(interactions: &Interactions, count: usize, seed: u64) -> (Vec<UserIdx>, Vec<UserIdx>) {
    let mut users: Vec<u32> = (0..interactions.users() as u32).collect();
    let count = count.min(users.len());
    let mut random = stream(seed, Purpose::HoldOutUsers, [0, 0]);
    shuffle_front(&mut users, count, &mut random);
    users[..count].sort_unstable();
    users[count..].sort_unstable();
    let rows = |part: &[u32]| part.iter().map(|&user| UserIdx(user)).collect();
    (rows(&users[count..]), rows(&users[..count]))
}

/// Histories split in two, over the same users and items.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldInTarget {
    /// What the model is shown.
    pub fold_in: Interactions,
    /// What it has to predict; disjoint from `fold_in`.
    pub target: Interactions,
}

/// Splits every history: a random `target_fraction` of its interactions (0.2 in the paper) becomes the
/// target, rounded to the nearest whole number, at least one and never all of them.
///
/// A user with fewer than two interactions keeps everything as fold-in and has an empty target. A
/// user's draw depends on the seed, its row and the length of its history, not on other users.
#[must_use]
pub fn fold_in_target(histories: &Interactions, target_fraction: f64, seed: u64) -> FoldInTarget {
    let mut fold_in = Part::default();
    let mut target = Part::default();
    for (user, history) in (0u64..).zip(histories.histories()) {
        let mut positions: Vec<u32> = (0..history.len() as u32).collect();
        let count = target_size(history.len(), target_fraction);
        shuffle_front(&mut positions, count, &mut stream(seed, Purpose::HoldOutItems, [user, 0]));
        let (chosen, rest) = positions.split_at_mut(count);
        chosen.sort_unstable();
        rest.sort_unstable();
        target.push(history, chosen);
        fold_in.push(history, rest);
    }
    FoldInTarget { fold_in: fold_in.over(histories.items()), target: target.over(histories.items()) }
}

/// How many of `len` interactions become the target.
fn target_size(len: usize, fraction: f64) -> usize {
    if len < 2 { 0 } else { ((len as f64 * fraction).round() as usize).clamp(1, len - 1) }
}

/// Fisher–Yates, stopped once the first `count` places are drawn.
fn shuffle_front(values: &mut [u32], count: usize, random: &mut impl rand::Rng) {
    let len = values.len() as u32;
    for place in 0..(count as u32).min(len.saturating_sub(1)) {
        values.swap(place as usize, random.random_range(place..len) as usize);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::interactions::{History, HistoryRef};
    use crate::types::ItemIdx;

    /// One history of each length, over 100 items, with the item number in the weight.
    fn of_lengths(lengths: &[usize]) -> Interactions {
        let histories: Vec<History> = lengths
            .iter()
            .enumerate()
            .map(|(user, &length)| {
                let items = (0..length as u32).map(|position| (7 * position + user as u32) % 100);
                History::from_pairs(items.map(|item| (ItemIdx(item), item as f32 + 1.0))).unwrap()
            })
            .collect();
        Interactions::from_histories(100, histories.iter().map(History::as_ref)).unwrap()
    }

    #[test]
    fn users_are_split_without_overlap_and_by_seed() {
        let all = of_lengths(&[1; 50]);
        let (train, held) = hold_out_users(&all, 10, 3);
        assert_eq!((train.len(), held.len()), (40, 10));
        assert!(train.is_sorted() && held.is_sorted());
        let mut both: Vec<u32> = train.iter().chain(&held).map(|user| user.0).collect();
        both.sort_unstable();
        assert_eq!(both, (0..50).collect::<Vec<_>>());

        assert_eq!(hold_out_users(&all, 10, 3).1, held);
        assert_ne!(hold_out_users(&all, 10, 4).1, held);
        assert_ne!(held, (0..10).map(UserIdx).collect::<Vec<_>>());
        assert_eq!(hold_out_users(&all, 99, 3), (vec![], (0..50).map(UserIdx).collect()));
        assert_eq!(hold_out_users(&all, 0, 3).1, []);
    }

    #[test]
    fn every_user_is_as_likely_to_be_held_out() {
        let all = of_lengths(&[1; 10]);
        let mut held_out = [0; 10];
        for seed in 0..2_000 {
            hold_out_users(&all, 3, seed).1.iter().for_each(|user| held_out[user.at()] += 1);
        }
        // 600 expected, standard deviation 20.5: five of them on either side.
        assert!(held_out.iter().all(|count| (498..=702).contains(count)), "{held_out:?}");
    }

    #[test]
    fn the_target_is_a_fifth_at_least_one_and_never_all() {
        let lengths = [0, 1, 2, 3, 7, 8, 10, 100];
        let FoldInTarget { target, .. } = fold_in_target(&of_lengths(&lengths), 0.2, 1);
        let sizes: Vec<usize> = target.histories().map(HistoryRef::len).collect();
        assert_eq!(sizes, [0, 0, 1, 1, 1, 2, 2, 20]);
        for (fraction, expected) in [(0.0, 1), (1.0, 99), (f64::NAN, 1), (-3.0, 1), (9.0, 99)] {
            let split = fold_in_target(&of_lengths(&[100]), fraction, 1);
            assert_eq!(split.target.len(), expected, "fraction {fraction}");
        }
    }

    #[test]
    fn a_users_draw_does_not_depend_on_others() {
        let split = |lengths: &[usize]| fold_in_target(&of_lengths(lengths), 0.2, 5).target;
        let (one, other) = (split(&[30, 40, 50]), split(&[3, 40, 9, 11]));
        assert_eq!(one.history(UserIdx(1)), other.history(UserIdx(1)));
        // Neither is it the same positions for everyone.
        let same = split(&[50; 20]);
        let positions = |user: u32| -> Vec<u32> {
            let history = of_lengths(&[50; 20]);
            let all = history.history(UserIdx(user)).items().to_vec();
            same.history(UserIdx(user)).items().iter().map(|item| all.binary_search(item).unwrap() as u32).collect()
        };
        assert!((1..20).any(|user| positions(user) != positions(0)));
    }

    proptest! {
        #[test]
        fn the_parts_make_the_whole(lengths in prop::collection::vec(0usize..60, 1..20), seed: u64, fraction in 0.0..1.0) {
            let all = of_lengths(&lengths);
            let split = fold_in_target(&all, fraction, seed);
            prop_assert_eq!((split.fold_in.items(), split.target.items()), (100, 100));
            for user in (0..lengths.len() as u32).map(UserIdx) {
                let parts = [split.fold_in.history(user), split.target.history(user)];
                let pairs = parts.iter().flat_map(|part| part.items().iter().copied().map(ItemIdx).zip(part.weights().iter().copied()));
                prop_assert_eq!(parts[0].len() + parts[1].len(), all.history(user).len());
                let whole = History::from_pairs(pairs).unwrap();
                prop_assert_eq!(whole.as_ref(), all.history(user));
            }
        }
    }
}
