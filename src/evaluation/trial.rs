//! Who is ranked on what: the protocols.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::evaluate::{Evaluation, NothingToEvaluate, evaluate};
use super::item_popularity::ItemPopularity;
use super::metric::Metric;
use crate::interactions::{
    FoldInTarget, IdMap, Interactions, LogRules, SplitByTime, Timestamp, fold_in_target, hold_out_users,
    leave_last_out, split_at,
};
use crate::io::{LogError, LogReport, read_log_onto};
use crate::models::Model;
use crate::types::UserIdx;

/// Share of a held-out user's history that has to be predicted (Liang et al. 2018, §4.2).
pub const TARGET_FRACTION: f64 = 0.2;

/// How training and test data relate; figures of different protocols do not compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Strong generalisation: the model never saw the users it is measured on; one part of their
    /// histories is folded in, the other part has to be found.
    Strong,
    /// Weak generalisation: all users are in training, with the part of their histories that is
    /// folded in.
    Weak,
    /// Training and fold-in hold what happened before a moment, the target what happened from then on.
    Temporal,
    /// The last interaction of every user is the target, everything before it is in training.
    LeaveLastOut,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strong => "strong generalisation",
            Self::Weak => "weak generalisation",
            Self::Temporal => "temporal split",
            Self::LeaveLastOut => "leave-last-out",
        })
    }
}

/// What models are trained on and what they are then measured on, over one set of items.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    /// How the two relate.
    pub protocol: Protocol,
    /// What models are trained on.
    pub train: Cow<'a, Interactions>,
    /// How popular the items are in training.
    pub popularity: ItemPopularity,
    /// Where not the training histories are folded in, of which there is no second copy.
    fold_in: Option<Interactions>,
    target: Interactions,
    /// The row of the log that each row of fold-in and target was, where they are not the rows of training.
    pub rows: Option<Vec<UserIdx>>,
    /// What splitting left out.
    pub left_out: LeftOut,
}

/// What an own split leaves out of fold-in and target, because no collaborative model could know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Interactions of held-out users, or targets, with items that no training user has.
    pub items_unseen_in_training: usize,
    /// Users that have targets but nothing in training to fold in.
    pub users_without_history: usize,
}

impl<'a> Trial<'a> {
    /// Strong generalisation by an own split: `held_out` users chosen by `seed`, a fifth of the
    /// history of each as target.
    ///
    /// Of held-out users, items that no training user has are left out and counted: no
    /// collaborative model can know them.
    #[must_use]
    pub fn split(log: &Interactions, held_out: usize, seed: u64) -> Self {
        Self::holding_out(log, hold_out_users(log, held_out, seed).1, seed)
    }

    /// Strong generalisation with the users at `rows` (ascending) held out, a fifth of the history of each, chosen
    /// by `seed`, as target. What is left out is as of [`split`](Self::split).
    #[must_use]
    pub fn holding_out(log: &Interactions, rows: Vec<UserIdx>, seed: u64) -> Self {
        let stays = |user: &UserIdx| rows.binary_search(user).is_err();
        let train: Vec<UserIdx> = (0..log.users() as u32).map(UserIdx).filter(stays).collect();
        let train = log.select_users(&train);
        let held_out = log.select_users(&rows);
        let known = known(&train);
        let kept = held_out.filtered(|_, item| known[item.at()]);
        let left_out = LeftOut { items_unseen_in_training: held_out.len() - kept.len(), ..LeftOut::default() };
        let users = fold_in_target(&kept, TARGET_FRACTION, seed);
        Self { left_out, rows: Some(rows), ..Self::strong(Cow::Owned(train), users) }
    }

    /// Strong generalisation on given users.
    #[must_use]
    pub fn strong(train: Cow<'a, Interactions>, users: FoldInTarget) -> Self {
        Self { fold_in: Some(users.fold_in), ..Self::on_training_users(Protocol::Strong, train, users.target) }
    }

    /// Weak generalisation: row by row, `target` is what the users of `train` went on to.
    #[must_use]
    pub fn weak(train: Cow<'a, Interactions>, target: Interactions) -> Self {
        Self::on_training_users(Protocol::Weak, train, target)
    }

    /// Weak generalisation by an own split: a fifth of the history of `users` users, both chosen by `seed`, is the
    /// target; everything else is trained on, and folded in for those users.
    ///
    /// Targets with items that nobody has in training are left out and counted.
    #[must_use]
    pub fn weak_split(log: &Interactions, users: usize, seed: u64) -> Self {
        let (_, measured) = hold_out_users(log, users, seed);
        let all = fold_in_target(log, TARGET_FRACTION, seed).target;
        let target = all.filtered(|user, _| measured.binary_search(&user).is_ok());
        let train = log.filtered(|user, item| target.history(user).items().binary_search(&item.0).is_err());
        let known = known(&train);
        let kept = target.filtered(|_, item| known[item.at()]);
        let left_out = LeftOut { items_unseen_in_training: target.len() - kept.len(), ..LeftOut::default() };
        Self { left_out, ..Self::weak(Cow::Owned(train), kept) }
    }

    /// Temporal split: interactions before `cut` are trained on and folded in, those at the cut or later are
    /// the target; see [`split_at`]. `times` is parallel to the CSR order of `log`.
    ///
    /// Targets with items that nobody had before the cut, and users without a history before it, are left
    /// out and counted.
    #[must_use]
    pub fn temporal(log: &Interactions, times: &[Timestamp], cut: Timestamp) -> Self {
        Self::by_time(Protocol::Temporal, split_at(log, times, cut))
    }

    /// Leave-last-out: the latest interaction of every user with at least two is the target, the rest is
    /// trained on and folded in; see [`leave_last_out`]. `times` is parallel to the CSR order of `log`.
    ///
    /// Targets with items that nobody has in training are left out and counted.
    #[must_use]
    pub fn leave_last_out(log: &Interactions, times: &[Timestamp]) -> Self {
        Self::by_time(Protocol::LeaveLastOut, leave_last_out(log, times))
    }

    fn by_time(protocol: Protocol, SplitByTime { train, target, .. }: SplitByTime) -> Self {
        let with_history = |user: UserIdx| !train.history(user).is_empty();
        let foldable = target.filtered(|user, _| with_history(user));
        let known = known(&train);
        let kept = foldable.filtered(|_, item| known[item.at()]);
        let without_history = |user: &UserIdx| !with_history(*user) && !target.history(*user).is_empty();
        let left_out = LeftOut {
            items_unseen_in_training: foldable.len() - kept.len(),
            users_without_history: (0..target.users() as u32).map(UserIdx).filter(without_history).count(),
        };
        Self { left_out, ..Self::on_training_users(protocol, Cow::Owned(train), kept) }
    }

    /// Training histories are folded in; the rows of `target` are those of `train`.
    fn on_training_users(protocol: Protocol, train: Cow<'a, Interactions>, target: Interactions) -> Self {
        let popularity = ItemPopularity::of(&train);
        Self { protocol, train, popularity, fold_in: None, target, rows: None, left_out: LeftOut::default() }
    }

    /// The histories that are folded in.
    #[must_use]
    pub fn fold_in(&self) -> &Interactions {
        self.fold_in.as_ref().unwrap_or(&self.train)
    }

    /// What has to be found.
    #[must_use]
    pub fn target(&self) -> &Interactions {
        &self.target
    }

    /// Measures a model; see [`evaluate`].
    ///
    /// # Errors
    /// [`NothingToEvaluate`] when no user has a target to be found.
    pub fn evaluate(&self, model: &dyn Model, metrics: &[Metric]) -> Result<Evaluation, NothingToEvaluate> {
        evaluate(model, self.fold_in(), &self.target, &self.popularity, metrics)
    }
}

/// For every item, whether it is in any history.
fn known(histories: &Interactions) -> Vec<bool> {
    histories.item_counts().into_iter().map(|users| users > 0).collect()
}

/// Users outside a training log, read from two files.
#[derive(Clone, Debug)]
pub struct GivenUsers {
    /// The ids of the rows.
    pub ids: IdMap,
    /// What is folded in and what has to be found.
    pub histories: FoldInTarget,
    /// What was read, kept and dropped: fold-in, then target.
    pub reports: [LogReport; 2],
}

/// Reads the two files of users outside the training log over the items of a model; rows of items
/// that the model does not know, and target rows of users without a fold-in history, are counted in
/// the reports.
///
/// # Errors
/// [`LogError`] naming the file that cannot be used.
pub fn read_fold_in_target(
    fold_in: &Path,
    target: &Path,
    rules: &LogRules,
    items: &IdMap,
) -> Result<GivenUsers, LogError> {
    let fold_in = read_log_onto(fold_in, rules, items, None)?;
    let target = read_log_onto(target, &rules.for_targets(), items, Some(&fold_in.users))?;
    let histories = FoldInTarget { fold_in: fold_in.interactions, target: target.interactions };
    Ok(GivenUsers { ids: fold_in.users, histories, reports: [fold_in.report, target.report] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactions::HistoryRef;

    /// Twenty users over eight items; item 7 belongs to user 0 alone.
    fn log() -> Interactions {
        let ones = [1.0; 8];
        let rows: Vec<Vec<u32>> =
            (0..20).map(|u| (0..7).filter(|i| (u + i) % 3 != 0).chain((u == 0).then_some(7)).collect()).collect();
        let views = rows.iter().map(|row| HistoryRef::from_sorted(row, &ones[..row.len()]));
        Interactions::from_histories(8, views).unwrap()
    }

    #[test]
    fn a_split_keeps_every_known_interaction_in_exactly_one_place() {
        let log = log();
        for seed in 0..20 {
            let trial = Trial::split(&log, 5, seed);
            assert_eq!((trial.train.users(), trial.fold_in().users(), trial.target().users()), (15, 5, 5));
            let kept = trial.train.len() + trial.fold_in().len() + trial.target().len();
            assert_eq!(kept + trial.left_out.items_unseen_in_training, log.len(), "seed {seed}");
            let counts = trial.train.item_counts();
            for user in (0..5).map(UserIdx) {
                let (shown, hidden) = (trial.fold_in().history(user).items(), trial.target().history(user).items());
                assert!(!hidden.is_empty() && shown.iter().all(|item| !hidden.contains(item)));
                assert!(shown.iter().chain(hidden).all(|&item| counts[item as usize] > 0));
            }
            // User 0 is held out exactly when its private item is unknown to training.
            assert_eq!(trial.left_out.items_unseen_in_training, usize::from(counts[7] == 0));
        }
    }

    #[test]
    fn weak_generalisation_folds_the_training_histories_in() {
        let trial = Trial::weak(Cow::Owned(log()), log());
        assert_eq!(trial.fold_in(), &log());
    }

    #[test]
    fn a_weak_split_takes_a_part_of_some_histories() {
        let log = log();
        for seed in 0..20 {
            let trial = Trial::weak_split(&log, 6, seed);
            assert_eq!((trial.protocol, trial.train.users(), trial.fold_in()), (Protocol::Weak, 20, &*trial.train));
            let kept = trial.train.len() + trial.target().len() + trial.left_out.items_unseen_in_training;
            assert_eq!(kept, log.len(), "seed {seed}");
            let hidden = (0..20).map(UserIdx).filter(|&user| trial.train.history(user) != log.history(user));
            assert_eq!(hidden.count(), 6);
            for user in (0..20).map(UserIdx) {
                let shown = trial.train.history(user).items();
                assert!(trial.target().history(user).items().iter().all(|item| !shown.contains(item)));
            }
        }
        assert_eq!(Trial::weak_split(&log, 6, 3).target(), Trial::weak_split(&log, 6, 3).target());
    }

    /// Users 0 to 3 over five items, the time of an interaction in its weight.
    fn timed(rows: [&[(u32, i64)]; 4]) -> (Interactions, Vec<Timestamp>) {
        let rows =
            rows.map(|row| row.iter().map(|&(item, time)| (item, time as f32)).unzip::<u32, f32, Vec<_>, Vec<_>>());
        let log = Interactions::from_histories(5, rows.iter().map(|(i, w)| HistoryRef::from_sorted(i, w))).unwrap();
        let times = log.csr().data().iter().map(|&time| Timestamp(time as i64)).collect();
        (log, times)
    }

    #[test]
    fn a_temporal_split_predicts_what_happened_from_the_cut_on() {
        // User 1 comes after the cut, user 2 goes on to an item nobody had before, user 3 leaves before.
        let (log, times) = timed([&[(0, 1), (1, 5), (2, 9)], &[(0, 7), (1, 8)], &[(1, 2), (4, 6)], &[(2, 3)]]);
        let trial = Trial::temporal(&log, &times, Timestamp(5));
        assert_eq!(trial.protocol, Protocol::Temporal);
        let rows = |part: &Interactions| part.histories().map(|h| h.items().to_vec()).collect::<Vec<_>>();
        assert_eq!(rows(&trial.train), [vec![0], vec![], vec![1], vec![2]]);
        assert_eq!(trial.fold_in(), trial.train.as_ref());
        assert_eq!(rows(trial.target()), [vec![1, 2], vec![], vec![], vec![]]);
        assert_eq!(trial.left_out, LeftOut { items_unseen_in_training: 1, users_without_history: 1 });
    }

    #[test]
    fn the_last_interaction_is_left_out() {
        // Users 0 and 1 end with items that others have; user 2's last is nobody else's; user 3 has one only.
        let (log, times) = timed([&[(0, 4), (1, 2)], &[(0, 1), (1, 1), (2, 1)], &[(2, 1), (4, 9)], &[(0, 3)]]);
        let trial = Trial::leave_last_out(&log, &times);
        let rows = |part: &Interactions| part.histories().map(|h| h.items().to_vec()).collect::<Vec<_>>();
        assert_eq!(rows(&trial.train), [vec![1], vec![0, 1], vec![2], vec![0]]);
        assert_eq!(rows(trial.target()), [vec![0], vec![2], vec![], vec![]]);
        assert_eq!(trial.left_out, LeftOut { items_unseen_in_training: 1, users_without_history: 0 });
    }
}
