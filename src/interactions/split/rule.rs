//! The rules by which a log is split into named parts, as evaluations use them and files record them.

use serde::{Deserialize, Serialize};

use super::by_time::{leave_last_out, split_at, times_of_part};
use super::held_out::{fold_in_target, hold_out_users};
use crate::interactions::{Interactions, Timestamp};
use crate::types::UserIdx;

/// How training, validation and test data relate; figures of different rules do not compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SplitRule {
    /// Strong generalisation (Liang et al. 2018): test users are held out of training altogether; a part
    /// of their histories is folded in, the rest has to be predicted.
    Strong {
        /// Decides who is held out and what is predicted.
        seed: u64,
        /// Users held out for the test.
        test_users: usize,
        /// Users held out for validation, chosen among those left; 0: none.
        validation_users: usize,
        /// Share of a held-out history that has to be predicted (0.2 in the paper).
        target_fraction: f64,
    },
    /// Weak generalisation: all users train; a random part of every history has to be predicted.
    Weak {
        /// Decides what is predicted.
        seed: u64,
        /// Share of every history that is the test.
        target_fraction: f64,
        /// Whether the same share of what is left is set apart for validation.
        validation: bool,
    },
    /// What happened before a moment trains, what happened since has to be predicted.
    Temporal {
        /// The first moment of the test.
        cut_at: Timestamp,
        /// The first moment of validation, which ends at the cut; `None`: no validation.
        validation_cut_at: Option<Timestamp>,
    },
    /// Every user's latest interaction has to be predicted.
    LeaveLastOut {
        /// Whether the second last one is set apart for validation.
        validation: bool,
    },
}

/// One part of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitPart {
    /// `train`, `test`, `test_fold_in`, …: what the part is for.
    pub name: &'static str,
    /// The user of the log that each row is.
    pub rows: Vec<UserIdx>,
    /// Row `r` belongs to user `rows[r]`; the columns are those of the log. A row may be empty.
    pub interactions: Interactions,
    /// When, parallel to the CSR order; `None` where the log has no times.
    pub times: Option<Vec<Timestamp>>,
    /// What a model that was trained on `train` could not have known.
    pub left_out: LeftOut,
}

/// Interactions that belong to a part by the rule and are left out of it, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The user has nothing in `train` to fold in.
    pub user_not_in_training: usize,
    /// No user has the item in `train`.
    pub item_not_in_training: usize,
}

/// Why a log cannot be split by a rule.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// The rule needs times.
    #[error("a split by time needs times; name their column with --time-column")]
    NoTimes,
    /// Nobody would be left to train on.
    #[error("cannot hold out {held_out} of {users} users: at least 2 must be left to train on")]
    TooManyHeldOut {
        /// Users to hold out.
        held_out: usize,
        /// Users there are.
        users: usize,
    },
    /// A share that leaves nothing on one side.
    #[error("the target fraction is {0}, must be above 0 and below 1")]
    Fraction(f64),
    /// The cuts are in the wrong order.
    #[error("validation has to begin before the test: it begins at {validation}, the test at {test}")]
    Order {
        /// First moment of validation.
        validation: Timestamp,
        /// First moment of the test.
        test: Timestamp,
    },
    /// A part would be empty.
    #[error("nothing is left for `{part}`{}", spanned(*.span))]
    Empty {
        /// The name of the part.
        part: &'static str,
        /// First and last time of the log, where it has any.
        span: Option<[Timestamp; 2]>,
    },
}

fn spanned(span: Option<[Timestamp; 2]>) -> String {
    span.map(|[first, last]| format!("; the log goes from {first} to {last}")).unwrap_or_default()
}

/// Splits a log into the parts of a rule, `train` first. `times` is parallel to the CSR order of `log`.
///
/// Whatever a model trained on `train` cannot know is left out of the other parts and counted: items that
/// no training user has, and in a temporal split users without a training history. A held-out user with
/// fewer than two interactions left has no target.
///
/// # Errors
/// [`SplitError`] when the log cannot be split like that.
///
/// # Panics
/// When `times` has not one entry an interaction.
pub fn split(log: &Interactions, times: Option<&[Timestamp]>, rule: &SplitRule) -> Result<Vec<SplitPart>, SplitError> {
    let parts = match *rule {
        SplitRule::Strong { seed, test_users, validation_users, target_fraction } => {
            strong(log, times, seed, [test_users, validation_users], target_fraction)?
        }
        SplitRule::Weak { seed, target_fraction, validation } => weak(log, times, seed, target_fraction, validation)?,
        SplitRule::Temporal { cut_at, validation_cut_at } => {
            if let Some(validation) = validation_cut_at.filter(|validation| *validation >= cut_at) {
                return Err(SplitError::Order { validation, test: cut_at });
            }
            by_time(log, times, [Some(cut_at), validation_cut_at], |log, times, &cut| split_at(log, times, cut))?
        }
        SplitRule::LeaveLastOut { validation } => {
            by_time(log, times, [Some(()), validation.then_some(())], |log, times, ()| leave_last_out(log, times))?
        }
    };
    match parts.iter().find(|part| part.interactions.is_empty()) {
        None => Ok(parts),
        Some(empty) => {
            let span = times.and_then(|times| Some([*times.iter().min()?, *times.iter().max()?]));
            Err(SplitError::Empty { part: empty.name, span })
        }
    }
}

/// Held-out users, for the test first, so that how many validate changes nothing about the test.
fn strong(
    log: &Interactions,
    times: Option<&[Timestamp]>,
    seed: u64,
    [test_users, validation_users]: [usize; 2],
    target_fraction: f64,
) -> Result<Vec<SplitPart>, SplitError> {
    check_fraction(target_fraction)?;
    let held_out = test_users.saturating_add(validation_users);
    if held_out.saturating_add(2) > log.users() {
        return Err(SplitError::TooManyHeldOut { held_out, users: log.users() });
    }
    let (rest, test) = hold_out_users(log, test_users, seed);
    let (train, validation) = hold_out_users(&log.select_users(&rest), validation_users, seed);
    let of_rest = |rows: Vec<UserIdx>| -> Vec<UserIdx> { rows.into_iter().map(|row| rest[row.at()]).collect() };
    let mut parts = vec![part("train", log, times, log.select_users(&of_rest(train.clone())), of_rest(train))];
    let known = parts[0].interactions.item_counts();
    for (names, rows) in
        [(["validation_fold_in", "validation_target"], of_rest(validation)), (["test_fold_in", "test_target"], test)]
    {
        if rows.is_empty() {
            continue;
        }
        let all = log.select_users(&rows);
        let held_out = all.filtered(|_, item| known[item.at()] > 0);
        let item_not_in_training = all.len() - held_out.len();
        let histories = fold_in_target(&held_out, target_fraction, seed);
        let fold_in = part(names[0], log, times, histories.fold_in, rows.clone());
        let left_out = LeftOut { item_not_in_training, ..LeftOut::default() };
        parts.extend([SplitPart { left_out, ..fold_in }, part(names[1], log, times, histories.target, rows)]);
    }
    Ok(parts)
}

/// A random part of every history. Validation has a seed of its own: with that of the test, the same
/// places of a history would be drawn again.
fn weak(
    log: &Interactions,
    times: Option<&[Timestamp]>,
    seed: u64,
    target_fraction: f64,
    validation: bool,
) -> Result<Vec<SplitPart>, SplitError> {
    check_fraction(target_fraction)?;
    let test = fold_in_target(log, target_fraction, seed);
    let mut targets = vec![("test", test.target)];
    let mut train = test.fold_in;
    if validation {
        let inner = fold_in_target(&train, target_fraction, seed.wrapping_add(1));
        targets.insert(0, ("validation", inner.target));
        train = inner.fold_in;
    }
    Ok(with_known_targets(log, times, train, targets))
}

/// One split by time, and inside of its training part another one where validation is asked for.
fn by_time<C>(
    log: &Interactions,
    times: Option<&[Timestamp]>,
    [test, validation]: [Option<C>; 2],
    split: impl Fn(&Interactions, &[Timestamp], &C) -> super::SplitByTime,
) -> Result<Vec<SplitPart>, SplitError> {
    let log_times = times.ok_or(SplitError::NoTimes)?;
    let (mut train, mut train_times) = (log.clone(), log_times.to_vec());
    let mut targets = Vec::new();
    for (name, cut) in [("test", test), ("validation", validation)] {
        let Some(cut) = cut else { continue };
        let halves = split(&train, &train_times, &cut);
        (train, train_times) = (halves.train, halves.train_times);
        targets.insert(0, (name, halves.target));
    }
    Ok(with_known_targets(log, times, train, targets))
}

/// The parts of a split in which every user has a row everywhere, without what `train` does not know.
fn with_known_targets(
    log: &Interactions,
    times: Option<&[Timestamp]>,
    train: Interactions,
    targets: Vec<(&'static str, Interactions)>,
) -> Vec<SplitPart> {
    let rows: Vec<UserIdx> = (0..log.users() as u32).map(UserIdx).collect();
    let known = train.item_counts();
    let is_known = |user| !train.history(user).is_empty();
    let targets: Vec<SplitPart> = targets
        .into_iter()
        .map(|(name, target)| {
            let of_known = target.filtered(|user, _| is_known(user));
            let kept = of_known.filtered(|_, item| known[item.at()] > 0);
            let left_out = LeftOut {
                user_not_in_training: target.len() - of_known.len(),
                item_not_in_training: of_known.len() - kept.len(),
            };
            SplitPart { left_out, ..part(name, log, times, kept, rows.clone()) }
        })
        .collect();
    let train = part("train", log, times, train, rows);
    [train].into_iter().chain(targets).collect()
}

fn part(
    name: &'static str,
    log: &Interactions,
    times: Option<&[Timestamp]>,
    interactions: Interactions,
    rows: Vec<UserIdx>,
) -> SplitPart {
    let times = times.map(|times| times_of_part(log, times, &interactions, &rows));
    SplitPart { name, rows, interactions, times, left_out: LeftOut::default() }
}

fn check_fraction(fraction: f64) -> Result<(), SplitError> {
    if fraction > 0.0 && fraction < 1.0 { Ok(()) } else { Err(SplitError::Fraction(fraction)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::interactions::History;
    use crate::types::ItemIdx;

    /// Sixty users over forty items with times that do not follow the items; item 39 is user 7's alone.
    fn log() -> (Interactions, Vec<Timestamp>) {
        let histories: Vec<History> = (0..60u32)
            .map(|user| {
                let items = (0..2 + user % 9).map(|k| (user * 5 + k * 7) % 39).chain((user == 7).then_some(39));
                History::from_pairs(items.map(|item| (ItemIdx(item), 1.0 + item as f32))).unwrap()
            })
            .collect();
        let log = Interactions::from_histories(40, histories.iter().map(History::as_ref)).unwrap();
        let times = (0..log.len() as i64).map(|at| Timestamp(at * 37 % 101)).collect();
        (log, times)
    }

    fn rules() -> [SplitRule; 4] {
        [
            SplitRule::Strong { seed: 3, test_users: 12, validation_users: 9, target_fraction: 0.2 },
            SplitRule::Weak { seed: 3, target_fraction: 0.3, validation: true },
            SplitRule::Temporal { cut_at: Timestamp(80), validation_cut_at: Some(Timestamp(60)) },
            SplitRule::LeaveLastOut { validation: true },
        ]
    }

    /// (user of the log, item, time) of everything in a part.
    fn triples(part: &SplitPart) -> Vec<(u32, u32, i64)> {
        let pairs = part.rows.iter().zip(part.interactions.histories());
        let pairs = pairs.flat_map(|(user, history)| history.items().iter().map(|&item| (user.0, item)));
        let times = part.times.as_ref().unwrap();
        assert_eq!(times.len(), part.interactions.len());
        pairs.zip(times).map(|((user, item), time)| (user, item, time.0)).collect()
    }

    #[test]
    fn every_interaction_is_in_one_part_or_counted_as_left_out() {
        let (log, times) = log();
        let whole = SplitPart {
            name: "log",
            rows: (0..60).map(UserIdx).collect(),
            interactions: log.clone(),
            times: Some(times.clone()),
            left_out: LeftOut::default(),
        };
        let whole: BTreeSet<_> = triples(&whole).into_iter().collect();
        for rule in rules() {
            let parts = split(&log, Some(&times), &rule).unwrap();
            assert_eq!(parts[0].name, "train");
            let all: Vec<_> = parts.iter().flat_map(triples).collect();
            let distinct: BTreeSet<_> = all.iter().copied().collect();
            assert_eq!(distinct.len(), all.len(), "{rule:?}: an interaction is in two parts");
            assert!(distinct.is_subset(&whole), "{rule:?}");
            let left_out: usize =
                parts.iter().map(|part| part.left_out.user_not_in_training + part.left_out.item_not_in_training).sum();
            assert_eq!(all.len() + left_out, log.len(), "{rule:?}");
            let known = parts[0].interactions.item_counts();
            assert!(all.iter().all(|(_, item, _)| known[*item as usize] > 0), "{rule:?}");
        }
    }

    #[test]
    fn strong_generalisation_keeps_users_apart_and_the_test_as_it_is_without_validation() {
        let (log, times) = log();
        let [strong, ..] = rules();
        let parts = split(&log, Some(&times), &strong).unwrap();
        let names: Vec<_> = parts.iter().map(|part| part.name).collect();
        assert_eq!(names, ["train", "validation_fold_in", "validation_target", "test_fold_in", "test_target"]);
        assert_eq!(parts.iter().map(|part| part.rows.len()).collect::<Vec<_>>(), [39, 9, 9, 12, 12]);
        let users: BTreeSet<_> = [0, 1, 3].iter().flat_map(|&part| &parts[part].rows).collect();
        assert_eq!(users.len(), 60);
        let alone = SplitRule::Strong { seed: 3, test_users: 12, validation_users: 0, target_fraction: 0.2 };
        let alone = split(&log, None, &alone).unwrap();
        assert_eq!(alone.iter().map(|part| part.name).collect::<Vec<_>>(), ["train", "test_fold_in", "test_target"]);
        assert_eq!((&alone[1].rows, &alone[1].times), (&parts[3].rows, &None));
    }

    #[test]
    fn time_goes_from_train_over_validation_to_test() {
        let (log, times) = log();
        let [_, _, temporal, last] = rules();
        let parts = split(&log, Some(&times), &temporal).unwrap();
        assert_eq!(parts.iter().map(|part| part.name).collect::<Vec<_>>(), ["train", "validation", "test"]);
        for (part, range) in parts.iter().zip([0..60, 60..80, 80..101]) {
            assert!(triples(part).iter().all(|(_, _, time)| range.contains(time)), "{}", part.name);
        }
        let parts = split(&log, Some(&times), &last).unwrap();
        for user in (0..60).map(UserIdx) {
            let latest = |part: &SplitPart| triples(part).iter().filter(|t| t.0 == user.0).map(|t| t.2).max();
            let [train, validation, test] = [0, 1, 2].map(|part| latest(&parts[part]));
            assert!(train.is_some(), "everybody has something to be folded in");
            assert!(validation.is_none_or(|time| Some(time) >= train) && test.is_none_or(|time| Some(time) >= train));
        }
    }

    #[test]
    fn of_a_temporal_test_what_training_cannot_know_is_counted() {
        let pair = |items: &[u32]| History::from_pairs(items.iter().map(|&item| (ItemIdx(item), 1.0))).unwrap();
        let rows = [pair(&[0, 1]), pair(&[1, 2]), pair(&[0, 2])];
        let log = Interactions::from_histories(3, rows.iter().map(History::as_ref)).unwrap();
        let times = [1, 9, 1, 9, 9, 9].map(Timestamp);
        let rule = SplitRule::Temporal { cut_at: Timestamp(5), validation_cut_at: None };
        let parts = split(&log, Some(&times), &rule).unwrap();
        // User 2 has no past (both rows), item 2 neither (the row of user 1).
        assert_eq!(parts[1].left_out, LeftOut { user_not_in_training: 2, item_not_in_training: 1 });
        assert_eq!(triples(&parts[1]), [(0, 1, 9)]);
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let (log, times) = log();
        let of = |rule| split(&log, Some(&times), &rule).unwrap_err();
        let strong = |test_users, validation_users, target_fraction| SplitRule::Strong {
            seed: 1,
            test_users,
            validation_users,
            target_fraction,
        };
        assert_eq!(of(strong(30, 29, 0.2)), SplitError::TooManyHeldOut { held_out: 59, users: 60 });
        assert_eq!(of(strong(usize::MAX, 2, 0.2)), SplitError::TooManyHeldOut { held_out: usize::MAX, users: 60 });
        assert_eq!(of(strong(5, 5, 1.0)), SplitError::Fraction(1.0));
        assert!(of(strong(5, 5, f64::NAN)).to_string().contains("NaN"));
        let temporal = |cut, validation| SplitRule::Temporal {
            cut_at: Timestamp(cut),
            validation_cut_at: Some(Timestamp(validation)),
        };
        assert!(matches!(of(temporal(50, 50)), SplitError::Order { .. }));
        let message = of(temporal(Timestamp::DAY, 50)).to_string();
        assert!(message.contains("`test`") && message.contains("1970-01-01T00:00:00.000100Z"), "{message}");
        assert_eq!(split(&log, None, &SplitRule::LeaveLastOut { validation: false }).unwrap_err(), SplitError::NoTimes);
    }
}
