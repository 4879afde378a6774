//! One model on one set of users.

use std::ops::AddAssign;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::metric::Metric;
use crate::interactions::{HistoryRef, Interactions};
use crate::models::Model;
use crate::ranking::{Candidates, rank_users};
use crate::types::{ItemIdx, UserIdx};

/// Listed items held at a time: bounds memory to some 100 MB whatever the cutoff or the number of users.
const LISTED_AT_ONCE: usize = 1 << 20;

/// What came of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Mean over the evaluated users, in the order asked for.
    #[serde(rename = "metrics", serialize_with = "as_map")]
    pub means: Vec<(Metric, f64)>,
    /// Who was evaluated and who was not.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Who was evaluated, and what was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Users in the means.
    pub users: usize,
    /// Users left out because nothing of theirs could be hit.
    pub users_without_target: usize,
    /// Target items left out because the user has them already: they are never listed.
    pub targets_already_seen: usize,
}

fn as_map<S: Serializer>(means: &[(Metric, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(means.iter().copied())
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.users += other.users;
        self.users_without_target += other.users_without_target;
        self.targets_already_seen += other.targets_already_seen;
    }
}

impl Evaluation {
    /// The mean of one metric, `None` when it was not asked for.
    #[must_use]
    pub fn mean(&self, metric: Metric) -> Option<f64> {
        self.means.iter().find(|(m, _)| *m == metric).map(|(_, mean)| *mean)
    }
}

/// No user has a target that could be hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "none of the {users} users has a target to be found ({targets_already_seen} target items are already in the fold-in part); check that fold-in and target name the same users and items the model knows"
)]
pub struct NothingToEvaluate {
    /// Users looked at.
    pub users: usize,
    /// Target items that the users have already.
    pub targets_already_seen: usize,
}

/// Folds in every row of `fold_in`, ranks the whole catalogue without the folded-in items, and
/// measures the lists against the same row of `target`.
///
/// Lists come from [`rank_users`], as in serving. Users whose target is empty, or wholly among the
/// folded-in items, are left out and counted. Uses the rayon pool it is called from; the result has
/// the same bits for any number of threads, and memory does not grow with users × items.
///
/// # Errors
/// [`NothingToEvaluate`] when no user is left.
///
/// # Panics
/// When the two matrices differ in shape or in items from the model.
pub fn evaluate(
    model: &dyn Model,
    fold_in: &Interactions,
    target: &Interactions,
    metrics: &[Metric],
) -> Result<Evaluation, NothingToEvaluate> {
    assert_eq!((fold_in.users(), fold_in.items()), (target.users(), target.items()), "one target row a fold-in row");
    assert_eq!(model.items(), target.items(), "the model's items");
    let deepest = metrics.iter().map(|m| m.k.get()).max().unwrap_or(1).min(model.items());
    let users: Vec<UserIdx> = (0..fold_in.users() as u32).map(UserIdx).collect();
    let mut counts = Counts::default();
    let mut sums = vec![0.0f64; metrics.len()];
    for users in users.chunks((LISTED_AT_ONCE / deepest).clamp(64, 8192)) {
        let mut rows: Vec<(HistoryRef<'_>, Vec<u32>)> = Vec::with_capacity(users.len());
        for &user in users {
            let (history, target) = (fold_in.history(user), target.history(user).items());
            let unseen: Vec<u32> =
                target.iter().copied().filter(|item| history.items().binary_search(item).is_err()).collect();
            counts += Counts {
                users: usize::from(!unseen.is_empty()),
                users_without_target: usize::from(unseen.is_empty()),
                targets_already_seen: target.len() - unseen.len(),
            };
            if !unseen.is_empty() {
                rows.push((history, unseen));
            }
        }
        let histories: Vec<HistoryRef<'_>> = rows.iter().map(|row| row.0).collect();
        let candidates: Vec<Candidates<'_>> =
            histories.iter().map(|history| Candidates { seen: history.items(), ..Candidates::default() }).collect();
        let rankings = rank_users(model, &histories, &candidates, deepest);
        let values: Vec<Vec<f64>> = rankings
            .par_iter()
            .zip(&rows)
            .map(|(ranking, (_, target))| {
                let ranked: Vec<ItemIdx> = ranking.items.iter().map(|scored| scored.item).collect();
                metrics.iter().filter_map(|metric| metric.value(&ranked, target)).collect()
            })
            .collect();
        // Added up user by user, in order: the sum must not depend on how the work was spread.
        for user in values {
            sums.iter_mut().zip(user).for_each(|(sum, value)| *sum += value);
        }
    }
    if counts.users == 0 {
        return Err(NothingToEvaluate {
            users: counts.users_without_target,
            targets_already_seen: counts.targets_already_seen,
        });
    }
    let means = metrics.iter().zip(sums).map(|(&metric, sum)| (metric, sum / counts.users as f64)).collect();
    Ok(Evaluation { means, counts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Popularity;

    fn rows(items: usize, rows: &[&[u32]]) -> Interactions {
        let ones = vec![1.0; items];
        Interactions::from_histories(items, rows.iter().map(|row| HistoryRef::from_sorted(row, &ones[..row.len()])))
            .unwrap()
    }

    fn metrics(texts: &[&str]) -> Vec<Metric> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    /// Popularity order is 0 1 2 3 4 5: item i has 6 − i users.
    fn popularity() -> Popularity {
        let all: Vec<Vec<u32>> = (0..6).map(|user| (0..6 - user).collect()).collect();
        Popularity::fit(&rows(6, &all.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    }

    #[test]
    fn folded_in_items_make_room_for_the_next() {
        // Without items 0 and 2 the list starts 1, 3: both targets are found.
        let got = evaluate(&popularity(), &rows(6, &[&[0, 2]]), &rows(6, &[&[1, 3]]), &metrics(&["recall@2"])).unwrap();
        assert_eq!(got.means, [(metrics(&["recall@2"])[0], 1.0)]);
    }

    #[test]
    fn users_without_target_are_excluded_and_counted() {
        let fold_in = rows(6, &[&[5], &[0], &[0, 1], &[4]]);
        let target = rows(6, &[&[0], &[], &[1], &[4, 5]]);
        let got = evaluate(&popularity(), &fold_in, &target, &metrics(&["recall@1", "recall@6"])).unwrap();
        // User 0 finds 0 first; user 1 has no target; user 2 has it already; user 3 keeps item 5 only.
        assert_eq!(got.counts, Counts { users: 2, users_without_target: 2, targets_already_seen: 2 });
        assert_eq!(got.means.iter().map(|m| m.1).collect::<Vec<_>>(), [0.5, 1.0]);
    }

    #[test]
    fn nothing_to_evaluate_is_an_error_with_numbers() {
        let error = evaluate(&popularity(), &rows(6, &[&[1], &[2]]), &rows(6, &[&[1], &[]]), &[Metric::NDCG_100]);
        assert_eq!(error, Err(NothingToEvaluate { users: 2, targets_already_seen: 1 }));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let many: Vec<Vec<u32>> = (0..500u32).map(|u| vec![u % 6]).collect();
        let others: Vec<Vec<u32>> = (0..500u32).map(|u| vec![(u * 7 + 1) % 6]).collect();
        let matrix = |rs: &[Vec<u32>]| rows(6, &rs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (fold_in, target) = (matrix(&many), matrix(&others));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| evaluate(&popularity(), &fold_in, &target, &metrics(&["ndcg@3", "recall@2"])).unwrap())
        };
        assert_eq!(run(1), run(3));
    }
}
