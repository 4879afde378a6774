//! Splits along time: what came first trains, what came later has to be predicted.

use super::part::Part;
use crate::interactions::{Interactions, Timestamp};
use crate::types::UserIdx;

/// Interactions split in two by time, over the same users and items: rows and columns keep their
/// meaning, and a user may have an empty row in either part.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitByTime {
    /// What came first.
    pub train: Interactions,
    /// When, parallel to the CSR order of `train`.
    pub train_times: Vec<Timestamp>,
    /// What came later and has to be predicted; disjoint from `train`.
    pub target: Interactions,
    /// When, parallel to the CSR order of `target`.
    pub target_times: Vec<Timestamp>,
}

/// Temporal split: interactions before `cut` train, those at the cut or later are the target. `times`
/// is parallel to the CSR order of `interactions`.
///
/// One cut for all users, so that nothing is learned from what was the future when the target
/// happened (Meng et al. 2020, "Exploring data splitting strategies for the evaluation of
/// recommendation models").
///
/// # Panics
/// When there is not one time an interaction.
#[must_use]
pub fn split_at(interactions: &Interactions, times: &[Timestamp], cut: Timestamp) -> SplitByTime {
    split_rows(interactions, times, |times, is_target| {
        is_target.extend(times.iter().map(|&time| time >= cut));
    })
}

/// Leave-last-out: the latest interaction of every user is the target, the one with the highest item
/// index among equally late ones. `times` is parallel to the CSR order of `interactions`.
///
/// Users with fewer than two interactions keep them in training and have no target. Applied again to
/// the training part it yields the second last interactions, which many papers validate on.
///
/// # Panics
/// When there is not one time an interaction.
#[must_use]
pub fn leave_last_out(interactions: &Interactions, times: &[Timestamp]) -> SplitByTime {
    split_rows(interactions, times, |times, is_target| {
        // Of equal maxima the last one, which stands at the highest item: rows are sorted by item.
        let last = (0..times.len()).max_by_key(|&position| times[position]);
        is_target.extend((0..times.len()).map(|position| times.len() > 1 && Some(position) == last));
    })
}

/// Splits row by row; `choose` gets the times of a row and says for each whether it is target.
fn split_rows(
    interactions: &Interactions,
    times: &[Timestamp],
    mut choose: impl FnMut(&[Timestamp], &mut Vec<bool>),
) -> SplitByTime {
    assert_eq!(times.len(), interactions.len(), "one time an interaction");
    let mut parts = [Part::default(), Part::default()];
    let mut part_times = [Vec::new(), Vec::new()];
    let (mut start, mut is_target, mut positions) = (0, Vec::new(), Vec::new());
    for history in interactions.histories() {
        let row = &times[start..start + history.len()];
        start += history.len();
        is_target.clear();
        choose(row, &mut is_target);
        for (side, (part, times)) in parts.iter_mut().zip(&mut part_times).enumerate() {
            positions.clear();
            positions
                .extend((0..row.len() as u32).filter(|&position| usize::from(is_target[position as usize]) == side));
            part.push(history, &positions);
            times.extend(positions.iter().map(|&position| row[position as usize]));
        }
    }
    let ([train, target], [train_times, target_times]) = (parts, part_times);
    SplitByTime {
        train: train.over(interactions.items()),
        train_times,
        target: target.over(interactions.items()),
        target_times,
    }
}

/// The times of a part of `whole`, parallel to the CSR order of the part: row `r` of `part` holds some
/// of the interactions of row `rows[r]` of `whole`, whose times are `times`.
///
/// # Panics
/// When there is not one time an interaction of `whole`, or `part` holds one that `whole` does not.
#[must_use]
pub fn times_of_part(
    whole: &Interactions,
    times: &[Timestamp],
    part: &Interactions,
    rows: &[UserIdx],
) -> Vec<Timestamp> {
    assert_eq!(times.len(), whole.len(), "one time an interaction");
    assert_eq!(rows.len(), part.users(), "one row of the whole for each of the part");
    let mut out = Vec::with_capacity(part.len());
    for (history, &user) in part.histories().zip(rows) {
        let start = whole.csr().indptr().outer_inds_sz(user.at()).start;
        let items = whole.history(user).items();
        // Both are sorted by item: one walk along the longer finds all of the shorter.
        let mut position = 0;
        for item in history.items() {
            position += items[position..].iter().position(|other| other == item).expect("the part is of the whole");
            out.push(times[start + position]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::interactions::{History, fold_in_target};
    use crate::types::ItemIdx;

    /// Rows of (item, time) over 50 items; the weight tells the time again.
    fn log(rows: &[Vec<(u32, i64)>]) -> (Interactions, Vec<Timestamp>) {
        let histories: Vec<History> = rows
            .iter()
            .map(|row| History::from_pairs(row.iter().map(|&(item, time)| (ItemIdx(item), time as f32 + 1.0))).unwrap())
            .collect();
        let interactions = Interactions::from_histories(50, histories.iter().map(History::as_ref)).unwrap();
        let times = interactions.csr().data().iter().map(|&weight| Timestamp(weight as i64 - 1)).collect();
        (interactions, times)
    }

    /// (user, item, time) of every interaction, having checked that weight and time still belong together.
    fn triples(part: &Interactions, times: &[Timestamp]) -> Vec<(u32, u32, i64)> {
        assert_eq!(part.len(), times.len());
        let users =
            (0u32..).zip(part.histories()).flat_map(|(user, h)| h.items().iter().map(move |&item| (user, item)));
        let all: Vec<_> = users.zip(times).map(|((user, item), time)| (user, item, time.0)).collect();
        assert!(part.csr().data().iter().zip(times).all(|(&weight, time)| weight as i64 - 1 == time.0));
        all
    }

    #[test]
    fn a_cut_belongs_to_the_target() {
        let (all, times) = log(&[vec![(3, 10), (4, 11), (5, 9)], vec![], vec![(0, 11)], vec![(1, 2)]]);
        let split = split_at(&all, &times, Timestamp(11));
        assert_eq!(triples(&split.train, &split.train_times), [(0, 3, 10), (0, 5, 9), (3, 1, 2)]);
        assert_eq!(triples(&split.target, &split.target_times), [(0, 4, 11), (2, 0, 11)]);
        assert_eq!((split.train.users(), split.target.users(), split.target.items()), (4, 4, 50));
        assert_eq!(split_at(&all, &times, Timestamp(i64::MIN)).train.len(), 0);
        assert_eq!(split_at(&all, &times, Timestamp(i64::MAX)).target.len(), 0);
    }

    #[test]
    fn the_last_one_is_left_out_with_ties_to_the_highest_item() {
        let (all, times) = log(&[vec![(3, 10), (4, 12), (5, 9)], vec![], vec![(7, 1)], vec![(1, 2), (8, 2), (9, 1)]]);
        let split = leave_last_out(&all, &times);
        assert_eq!(triples(&split.target, &split.target_times), [(0, 4, 12), (3, 8, 2)]);
        assert_eq!(triples(&split.train, &split.train_times), [(0, 3, 10), (0, 5, 9), (2, 7, 1), (3, 1, 2), (3, 9, 1)]);
        let again = leave_last_out(&split.train, &split.train_times);
        assert_eq!(triples(&again.target, &again.target_times), [(0, 3, 10), (3, 1, 2)]);
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<(u32, i64)>>> {
        prop::collection::vec(prop::collection::btree_map(0u32..50, 0i64..20, 0..12), 1..15)
            .prop_map(|rows| rows.into_iter().map(|row| row.into_iter().collect()).collect())
    }

    proptest! {
        #[test]
        fn parts_make_the_whole_and_keep_to_the_order_of_time(rows in rows(), cut in -1i64..21) {
            let (all, times) = log(&rows);
            for split in [split_at(&all, &times, Timestamp(cut)), leave_last_out(&all, &times)] {
                let mut parts = triples(&split.train, &split.train_times);
                parts.extend(triples(&split.target, &split.target_times));
                parts.sort_unstable();
                prop_assert_eq!(parts, triples(&all, &times));
            }
            let split = split_at(&all, &times, Timestamp(cut));
            prop_assert!(split.train_times.iter().all(|time| time.0 < cut));
            prop_assert!(split.target_times.iter().all(|time| time.0 >= cut));

            let split = leave_last_out(&all, &times);
            let (train, target) = (triples(&split.train, &split.train_times), triples(&split.target, &split.target_times));
            for (user, row) in (0u32..).zip(&rows) {
                let left: Vec<_> = target.iter().filter(|t| t.0 == user).collect();
                prop_assert_eq!(left.len(), usize::from(row.len() > 1));
                for last in left {
                    prop_assert!(train.iter().filter(|t| t.0 == user).all(|t| (t.2, t.1) < (last.2, last.1)));
                }
            }
        }

        #[test]
        fn a_part_keeps_its_times(rows in rows(), seed: u64) {
            let (all, times) = log(&rows);
            let users: Vec<UserIdx> = (0..rows.len() as u32).rev().map(UserIdx).collect();
            let split = fold_in_target(&all.select_users(&users), 0.4, seed);
            for part in [&split.fold_in, &split.target] {
                // `triples` compares each time with the one in the weight.
                triples(part, &times_of_part(&all, &times, part, &users));
            }
        }
    }
}
