//! Who is ranked on what: the protocols.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::evaluate::{Evaluation, NothingToEvaluate, evaluate};
use super::metric::Metric;
use crate::interactions::{FoldInTarget, HistoryRef, IdMap, Interactions, LogRules, fold_in_target, hold_out_users};
use crate::io::{LogError, LogReport, read_log_onto};
use crate::models::Model;

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
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strong => "strong generalisation",
            Self::Weak => "weak generalisation",
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
    /// Under weak generalisation the training histories are folded in: there is no second copy.
    fold_in: Option<Interactions>,
    target: Interactions,
    /// Interactions of held-out users that were left out because no training user has the item.
    pub unseen_in_training: usize,
}

impl<'a> Trial<'a> {
    /// Strong generalisation by an own split: `held_out` users chosen by `seed`, a fifth of the
    /// history of each as target.
    ///
    /// Of held-out users, items that no training user has are left out and counted: no
    /// collaborative model can know them.
    #[must_use]
    pub fn split(log: &Interactions, held_out: usize, seed: u64) -> Self {
        let (train, held_out) = hold_out_users(log, held_out, seed);
        let train = log.select_users(&train);
        let known: Vec<bool> = train.item_counts().into_iter().map(|users| users > 0).collect();
        let held_out = log.select_users(&held_out);
        let kept = only_known(&held_out, &known);
        let unseen_in_training = held_out.len() - kept.len();
        Self { unseen_in_training, ..Self::strong(Cow::Owned(train), fold_in_target(&kept, TARGET_FRACTION, seed)) }
    }

    /// Strong generalisation on given users.
    #[must_use]
    pub fn strong(train: Cow<'a, Interactions>, users: FoldInTarget) -> Self {
        Self {
            protocol: Protocol::Strong,
            train,
            fold_in: Some(users.fold_in),
            target: users.target,
            unseen_in_training: 0,
        }
    }

    /// Weak generalisation: row by row, `target` is what the users of `train` went on to.
    #[must_use]
    pub fn weak(train: Cow<'a, Interactions>, target: Interactions) -> Self {
        Self { protocol: Protocol::Weak, train, fold_in: None, target, unseen_in_training: 0 }
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
        evaluate(model, self.fold_in(), &self.target, metrics)
    }
}

/// The same histories without the items that are not `known`.
fn only_known(histories: &Interactions, known: &[bool]) -> Interactions {
    let rows: Vec<(Vec<u32>, Vec<f32>)> = histories
        .histories()
        .map(|h| h.items().iter().zip(h.weights()).filter(|(item, _)| known[**item as usize]).unzip())
        .collect();
    let views = rows.iter().map(|(items, weights)| HistoryRef::from_sorted(items, weights));
    Interactions::from_histories(histories.items(), views)
        .unwrap_or_else(|error| unreachable!("parts of valid rows are valid: {error}"))
}

/// Reads the two files of users outside the training log over the items of a model; rows of items
/// that the model does not know, and target rows of users without a fold-in history, are counted in
/// the reports (fold-in first).
///
/// # Errors
/// [`LogError`] naming the file that cannot be used.
pub fn read_fold_in_target(
    fold_in: &Path,
    target: &Path,
    rules: &LogRules,
    items: &IdMap,
) -> Result<(FoldInTarget, [LogReport; 2]), LogError> {
    let fold_in = read_log_onto(fold_in, rules, items, None)?;
    let target = read_log_onto(target, rules, items, Some(&fold_in.users))?;
    let users = FoldInTarget { fold_in: fold_in.interactions, target: target.interactions };
    Ok((users, [fold_in.report, target.report]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UserIdx;

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
            assert_eq!(kept + trial.unseen_in_training, log.len(), "seed {seed}");
            let counts = trial.train.item_counts();
            for user in (0..5).map(UserIdx) {
                let (shown, hidden) = (trial.fold_in().history(user).items(), trial.target().history(user).items());
                assert!(!hidden.is_empty() && shown.iter().all(|item| !hidden.contains(item)));
                assert!(shown.iter().chain(hidden).all(|&item| counts[item as usize] > 0));
            }
            // User 0 is held out exactly when its private item is unknown to training.
            assert_eq!(trial.unseen_in_training, usize::from(counts[7] == 0));
        }
    }

    #[test]
    fn weak_generalisation_folds_the_training_histories_in() {
        let trial = Trial::weak(Cow::Owned(log()), log());
        assert_eq!(trial.fold_in(), &log());
    }
}
