//! One model on one set of users.

use std::num::NonZeroUsize;
use std::ops::AddAssign;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::buckets::{HistoryBucket, TargetBucket, by_history_length};
use super::item_popularity::{ItemPopularity, PopularityBucket};
use super::jackknife::{Exposure, Jackknife};
use super::mean::mean;
use super::metric::{Measure, Metric};
use super::metrics::Found;
use super::ratings::{RatingErrors, rating_errors};
use crate::interactions::{HistoryRef, Interactions};
use crate::models::Model;
use crate::ranking::{Candidates, rank_users};
use crate::types::{ItemIdx, UserIdx};

/// Listed items held at a time: bounds memory to some 100 MB whatever the cutoff or the number of users.
const LISTED_AT_ONCE: usize = 1 << 20;

/// What came of an evaluation. Beside the sums it keeps one value a user and metric, and one for each part of the
/// catalogue that the user has targets in: 8 bytes each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Means over the evaluated users, or values of all lists together, in the order asked for.
    #[serde(rename = "metrics", serialize_with = "as_map")]
    pub means: Vec<(Metric, f64)>,
    /// Who was evaluated and who was not.
    #[serde(flatten)]
    pub counts: Counts,
    /// By the length of the history that was folded in, the shortest first.
    pub by_history_length: Vec<HistoryBucket>,
    /// By the popularity of the targets, the most popular first.
    pub by_item_popularity: Vec<TargetBucket>,
    /// How far expected ratings are from those given, for models of ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratings: Option<RatingErrors>,
    /// The evaluated users, in the order of their rows.
    #[serde(skip)]
    pub users: Vec<EvaluatedUser>,
    /// For every metric that has a value for a user, in the order asked for, the values of `users`.
    #[serde(skip)]
    pub values: Vec<(Metric, Vec<f64>)>,
    /// The metrics of all lists together, with what they are without some of the users.
    #[serde(skip)]
    pub of_all_lists: Vec<(Metric, Jackknife)>,
}

/// One user of the means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluatedUser {
    /// The row of fold-in and target.
    pub row: UserIdx,
    /// Interactions folded in.
    pub history_length: u32,
    /// Items to be found, those folded in as well not counted.
    pub target_size: u32,
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

/// Serialises values by metric as a map.
pub(super) fn as_map<S: Serializer>(means: &[(Metric, f64)], serializer: S) -> Result<S::Ok, S::Error> {
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
/// measures the lists against the same row of `target`. `popularity` is that of the training log.
///
/// Lists come from [`rank_users`], as in serving. Users whose target is empty, or wholly among the
/// folded-in items, are left out and counted. Uses the rayon pool it is called from; the result has
/// the same bits for any number of threads, and memory does not grow with users × items.
///
/// # Errors
/// [`NothingToEvaluate`] when no user is left.
///
/// # Panics
/// When the two matrices differ in shape or in items from the model or the popularity.
pub fn evaluate(
    model: &dyn Model,
    fold_in: &Interactions,
    target: &Interactions,
    popularity: &ItemPopularity,
    metrics: &[Metric],
) -> Result<Evaluation, NothingToEvaluate> {
    assert_eq!((fold_in.users(), fold_in.items()), (target.users(), target.items()), "one target row a fold-in row");
    assert_eq!((model.items(), popularity.items()), (target.items(), target.items()), "the items of the model");
    let deepest = metrics.iter().map(|m| m.k.get()).max().unwrap_or(1).min(model.items());
    let users: Vec<UserIdx> = (0..fold_in.users() as u32).map(UserIdx).collect();
    let mut counts = Counts::default();
    let mut tally = Tally::new(metrics, popularity, users.len());
    for users in users.chunks((LISTED_AT_ONCE / deepest).clamp(64, 8192)) {
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(users.len());
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
                rows.push(Row { user, history, target: unseen });
            }
        }
        let histories: Vec<HistoryRef<'_>> = rows.iter().map(|row| row.history).collect();
        let candidates: Vec<Candidates<'_>> =
            histories.iter().map(|history| Candidates { seen: history.items(), ..Candidates::default() }).collect();
        let rankings = rank_users(model, &histories, &candidates, deepest);
        let lists: Vec<Vec<ItemIdx>> =
            rankings.into_iter().map(|ranking| ranking.items.iter().map(|scored| scored.item).collect()).collect();
        tally.add(&rows, &lists);
    }
    if counts.users == 0 {
        return Err(NothingToEvaluate {
            users: counts.users_without_target,
            targets_already_seen: counts.targets_already_seen,
        });
    }
    Ok(Evaluation { ratings: rating_errors(model, fold_in, target), ..tally.finish(counts) })
}

/// A user with a target that can be found.
struct Row<'a> {
    user: UserIdx,
    history: HistoryRef<'a>,
    /// Without the items of the history, not empty.
    target: Vec<u32>,
}

/// What adds up over the users.
struct Tally<'a> {
    metrics: &'a [Metric],
    popularity: &'a ItemPopularity,
    users: Vec<EvaluatedUser>,
    /// Of the metrics that have a value for a user.
    values: Vec<(Metric, Vec<f64>)>,
    /// Lists that hold each item in their first places, by cutoff.
    exposure: Vec<(NonZeroUsize, Exposure)>,
    /// Of the metrics that compare with a target, as if it were only that part of the catalogue.
    by_bucket: [BucketSum; 3],
}

/// What adds up over the users with a target in one part of the catalogue.
#[derive(Clone, Default)]
struct BucketSum {
    targets: u64,
    /// Those users, by their places among all.
    members: Vec<u32>,
    /// Their values, by metric.
    values: Vec<Vec<f64>>,
}

/// What one user adds.
struct Measured {
    values: Vec<f64>,
    /// Targets in each part of the catalogue, and the accuracy there.
    by_bucket: [(usize, Vec<f64>); 3],
}

impl<'a> Tally<'a> {
    /// Nothing measured yet, of `users` users at most.
    fn new(metrics: &'a [Metric], popularity: &'a ItemPopularity, users: usize) -> Self {
        let mut cutoffs: Vec<NonZeroUsize> = metrics.iter().filter(|m| !m.is_per_user()).map(|m| m.k).collect();
        cutoffs.sort_unstable();
        cutoffs.dedup();
        let per_user = metrics.iter().filter(|m| m.is_per_user()).map(|&m| (m, Vec::new()));
        let accuracy = metrics.iter().filter(|m| m.is_accuracy()).count();
        let nothing = BucketSum { values: vec![Vec::new(); accuracy], ..BucketSum::default() };
        Self {
            metrics,
            popularity,
            users: Vec::new(),
            values: per_user.collect(),
            exposure: cutoffs.into_iter().map(|k| (k, Exposure::new(popularity.items(), users))).collect(),
            by_bucket: [nothing.clone(), nothing.clone(), nothing],
        }
    }

    /// Measures in parallel and adds up user by user, in order: no sum depends on how the work was spread.
    fn add(&mut self, rows: &[Row<'_>], lists: &[Vec<ItemIdx>]) {
        let (metrics, popularity) = (self.metrics, self.popularity);
        let measured: Vec<Measured> =
            rows.par_iter().zip(lists).map(|(row, list)| measure(metrics, popularity, list, &row.target)).collect();
        for ((row, list), measured) in rows.iter().zip(lists).zip(measured) {
            let place = self.users.len() as u32;
            self.users.push(EvaluatedUser {
                row: row.user,
                history_length: row.history.len() as u32,
                target_size: row.target.len() as u32,
            });
            self.values.iter_mut().zip(measured.values).for_each(|((_, column), value)| column.push(value));
            for (bucket, (targets, values)) in self.by_bucket.iter_mut().zip(measured.by_bucket) {
                bucket.targets += targets as u64;
                bucket.members.extend((targets > 0).then_some(place));
                bucket.values.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
            }
            for (k, exposure) in &mut self.exposure {
                exposure.add(place as usize, &list[..k.get().min(list.len())]);
            }
        }
    }

    fn finish(self, counts: Counts) -> Evaluation {
        let of_all_lists = self.metrics.iter().filter_map(|metric| {
            let Measure::Exposure(measure) = metric.kind.measure() else { return None };
            let (_, exposure) = self.exposure.iter().find(|(k, _)| *k == metric.k)?;
            Some((*metric, exposure.measure(counts.users, measure)))
        });
        let of_all_lists: Vec<(Metric, Jackknife)> = of_all_lists.collect();
        let value = |metric: Metric| {
            let of_users = self.values.iter().find(|(m, _)| *m == metric);
            let of_all = || of_all_lists.iter().find(|(m, _)| *m == metric).map_or(0.0, |(_, value)| value.whole);
            of_users.map_or_else(of_all, |(_, values)| mean(values.iter().copied()))
        };
        let means = self.metrics.iter().map(|&metric| (metric, value(metric))).collect();
        let by_history_length = by_history_length(&self.users, &self.values);
        let accuracy: Vec<Metric> = self.metrics.iter().copied().filter(|m| m.is_accuracy()).collect();
        let by_item_popularity = self.popularity.buckets().into_iter().zip(self.by_bucket).map(|(items, bucket)| {
            let BucketSum { targets, members, values } = bucket;
            let means = accuracy.iter().zip(&values).map(|(&metric, values)| (metric, mean(values.iter().copied())));
            TargetBucket { items, targets, users: members.len(), means: means.collect(), members, values }
        });
        Evaluation {
            means,
            counts,
            by_history_length,
            by_item_popularity: by_item_popularity.collect(),
            ratings: None,
            users: self.users,
            values: self.values,
            of_all_lists,
        }
    }
}

/// All that one list adds.
fn measure(metrics: &[Metric], popularity: &ItemPopularity, list: &[ItemIdx], target: &[u32]) -> Measured {
    let accuracy = |target: &[u32]| {
        let found = Found::new(list, target);
        metrics.iter().filter_map(move |metric| match (metric.kind.measure(), &found) {
            (Measure::Accuracy(measure), Some(found)) => Some(measure(found, metric.k)),
            _ => None,
        })
    };
    let mut accurate = accuracy(target);
    let values = metrics.iter().filter_map(|metric| match metric.kind.measure() {
        Measure::Accuracy(_) => accurate.next(),
        Measure::List(measure) => Some(measure(&list[..metric.k.get().min(list.len())], popularity)),
        Measure::Exposure(_) => None,
    });
    let by_bucket = PopularityBucket::ALL.map(|bucket| {
        let part: Vec<u32> = target.iter().copied().filter(|&i| popularity.bucket(ItemIdx(i)) == bucket).collect();
        (part.len(), accuracy(&part).collect())
    });
    Measured { values: values.collect(), by_bucket }
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

    /// Popularity order is 0 1 2 3 4 5: item i has 6 − i users.
    fn log() -> Interactions {
        let all: Vec<Vec<u32>> = (0..6).map(|user| (0..6 - user).collect()).collect();
        rows(6, &all.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Measures popularity.
    fn run(fold_in: &[&[u32]], target: &[&[u32]], names: &[&str]) -> Result<Evaluation, NothingToEvaluate> {
        let items = ItemPopularity::of(&log());
        evaluate(&Popularity::fit(&log()), &rows(6, fold_in), &rows(6, target), &items, &metrics(names))
    }

    fn metrics(texts: &[&str]) -> Vec<Metric> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn folded_in_items_make_room_for_the_next() {
        // Without items 0 and 2 the list starts 1, 3: both targets are found.
        let got = run(&[&[0, 2]], &[&[1, 3]], &["recall@2"]).unwrap();
        assert_eq!(got.means, [(metrics(&["recall@2"])[0], 1.0)]);
    }

    #[test]
    fn users_without_target_are_excluded_and_counted() {
        let (fold_in, target): ([&[u32]; 4], [&[u32]; 4]) = ([&[5], &[0], &[0, 1], &[4]], [&[0], &[], &[1], &[4, 5]]);
        let got = run(&fold_in, &target, &["recall@1", "recall@6"]).unwrap();
        // User 0 finds 0 first; user 1 has no target; user 2 has it already; user 3 keeps item 5 only.
        assert_eq!(got.counts, Counts { users: 2, users_without_target: 2, targets_already_seen: 2 });
        assert_eq!(got.means.iter().map(|m| m.1).collect::<Vec<_>>(), [0.5, 1.0]);
        let user = |row, history_length| EvaluatedUser { row: UserIdx(row), history_length, target_size: 1 };
        assert_eq!(got.users, [user(0, 1), user(3, 1)]);
        assert_eq!(got.values[0].1, [1.0, 0.0]);
    }

    #[test]
    fn nothing_to_evaluate_is_an_error_with_numbers() {
        let error = run(&[&[1], &[2]], &[&[1], &[]], &["ndcg@100"]);
        assert_eq!(error, Err(NothingToEvaluate { users: 2, targets_already_seen: 1 }));
    }

    #[test]
    fn what_all_lists_show_together_is_no_mean() {
        // Lists of two: user 0 gets 0 1, user 1 gets 1 2; four of six items are never shown.
        let names = ["coverage@2", "ndcg@2", "coverage@1", "gini@2", "novelty@1"];
        let got = run(&[&[5], &[0]], &[&[0], &[2]], &names).unwrap();
        assert_eq!(got.means.iter().map(|m| m.0).collect::<Vec<_>>(), metrics(&names));
        let mean = |name: &str| got.mean(metrics(&[name])[0]).unwrap();
        assert_eq!([mean("coverage@2"), mean("coverage@1")], [0.5, 2.0 / 6.0]);
        // Exposures 0 0 0 1 1 2 by the definition.
        assert!((mean("gini@2") - f64::from(1 + 3 + 2 * 5) / 24.0).abs() < 1e-15);
        assert_eq!(mean("novelty@1"), (6f64 / 6.0).log2() / 2.0 + (6f64 / 5.0).log2() / 2.0);
        assert_eq!(got.values.iter().map(|v| v.0).collect::<Vec<_>>(), metrics(&["ndcg@2", "novelty@1"]));
    }

    #[test]
    fn buckets_of_users_and_of_targets() {
        // 21 interactions: items 0 and 1 are head (before item 1: 6), 2 is mid (11), the rest (15 or more) tail.
        let (fold_in, target): ([&[u32]; 3], [&[u32]; 3]) = ([&[5], &[3, 4], &[5]], [&[0, 4], &[0, 1], &[2]]);
        let got = run(&fold_in, &target, &["recall@1", "popularity@1"]).unwrap();
        let recall = metrics(&["recall@1"])[0];
        let parts: Vec<_> = got.by_item_popularity.iter().map(|b| (b.items.items, b.targets, b.users)).collect();
        assert_eq!(parts, [(2, 3, 2), (1, 1, 1), (3, 1, 1)]);
        // In the head user 0 finds all (item 0), user 1 half of its two; nothing is found elsewhere.
        let users: Vec<_> = got.by_item_popularity.iter().map(|b| (b.members.clone(), b.values.clone())).collect();
        assert_eq!(users[0], (vec![0, 1], vec![vec![1.0, 0.5]]));
        assert_eq!([&users[1], &users[2]], [&(vec![2], vec![vec![0.0]]), &(vec![0], vec![vec![0.0]])]);
        let means: Vec<_> = got.by_item_popularity.iter().map(|b| b.means.clone()).collect();
        assert_eq!(means, [vec![(recall, 0.75)], vec![(recall, 0.0)], vec![(recall, 0.0)]]);
        // Users 0 and 2 have one item, user 1 has two.
        let lengths: Vec<_> = got.by_history_length.iter().map(|b| (b.from, b.to, b.users)).collect();
        assert_eq!(lengths, [(1, 1, 2), (2, 2, 1)]);
        assert_eq!(got.by_history_length[0].means[0], (recall, 0.25));
        assert_eq!(got.by_history_length[1].means.len(), 2);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let one: Vec<Vec<u32>> = (0..500u32).map(|u| vec![u % 6]).collect();
        let other: Vec<Vec<u32>> = (0..500u32).map(|u| vec![(u * 7 + 1) % 6]).collect();

        let (one, other): (Vec<&[u32]>, Vec<&[u32]>) =
            (one.iter().map(Vec::as_slice).collect(), other.iter().map(Vec::as_slice).collect());
        let at = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&one, &other, &["ndcg@3", "recall@2", "gini@3", "novelty@2"]).unwrap())
        };
        assert_eq!(at(1), at(3));
    }
}
