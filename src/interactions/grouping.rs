//! Rows in any order, grouped by user, sorted by item and merged: the heart of the builder.
//!
//! In place, because the rows of a log are the largest thing in memory. First an "American flag" pass
//! (McIlroy, Bostic & McIlroy 1993) moves every row into one of some hundred buckets of neighbouring
//! users: few enough that each bucket's next place stays in the cache. Then every bucket is finished on
//! its own, in parallel. A single pass over a million users instead would wait for memory at every row.

use rayon::prelude::*;

use super::builder::BuildError;
use super::merging::{ExactSums, Merging};
use super::rules::Duplicates;

/// Buckets of the first pass.
const BUCKETS: usize = 256;

/// Columns of equal length, one entry a row. `T` is when it happened, `()` where that is not known.
pub(super) struct Columns<T> {
    pub users: Vec<u32>,
    pub items: Vec<u32>,
    pub weights: Vec<f32>,
    pub times: Vec<T>,
}

/// The merged rows of all users: those of user `u` are at `offsets[u]..offsets[u + 1]`.
pub(super) struct Grouped<T> {
    pub offsets: Vec<usize>,
    pub items: Vec<u32>,
    pub weights: Vec<f32>,
    pub times: Vec<T>,
    pub sums: ExactSums,
}

/// What merging left of a bucket.
struct Merged {
    rows: usize,
    /// By position in the bucket.
    sums: ExactSums,
}

/// One row of one user. Positive floats order like their bits, so the order of entries is total, and what
/// is computed from a sorted run does not depend on the order of the rows in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<T> {
    item: u32,
    time: T,
    weight: u32,
}

/// One bucket: its users, its rows, and after merging how many rows each user has left.
struct Bucket<'a, T> {
    first_user: u32,
    users: &'a [u32],
    items: &'a mut [u32],
    weights: &'a mut [f32],
    times: &'a mut [T],
    counts: &'a mut [usize],
}

/// Groups `rows` by user (numbered below `users`), sorts each user's rows by item and merges repeated items.
pub(super) fn group<T: Copy + Ord + Send + Sync>(
    mut rows: Columns<T>,
    users: usize,
    duplicates: Duplicates,
) -> Result<Grouped<T>, BuildError> {
    let shift = (0..).find(|shift| users >> shift <= BUCKETS).unwrap_or(0);
    let buckets = (users >> shift) + 1;
    let bounds = into_buckets(&mut rows, buckets, |user| (user >> shift) as usize);

    let mut offsets = vec![0; users + 1];
    let kept: Vec<Merged> = {
        let (mut items, mut weights, mut times) = (&mut rows.items[..], &mut rows.weights[..], &mut rows.times[..]);
        let parts = bounds.windows(2).zip(offsets[1..].chunks_mut(1 << shift)).enumerate();
        let parts: Vec<Bucket<'_, T>> = parts
            .map(|(number, (bound, counts))| Bucket {
                first_user: (number << shift) as u32,
                users: &rows.users[bound[0]..bound[1]],
                items: items.split_off_mut(..bound[1] - bound[0]).unwrap_or_default(),
                weights: weights.split_off_mut(..bound[1] - bound[0]).unwrap_or_default(),
                times: times.split_off_mut(..bound[1] - bound[0]).unwrap_or_default(),
                counts,
            })
            .collect();
        let merged: Vec<_> = parts.into_par_iter().map(|bucket| bucket.merge(duplicates)).collect();
        // Of several errors the first, whichever thread was faster.
        merged.into_iter().collect::<Result<_, _>>()?
    };
    drop(rows.users);

    // Every bucket has its merged rows at its start: close the gaps.
    let mut end = 0;
    let mut sums = ExactSums::default();
    for (&start, Merged { rows: kept, sums: of_bucket }) in bounds.iter().zip(kept) {
        for (&at, &part) in of_bucket.positions().iter().zip(of_bucket.parts()) {
            sums.push(end as u64 + at, &[part]);
        }
        rows.items.copy_within(start..start + kept, end);
        rows.weights.copy_within(start..start + kept, end);
        rows.times.copy_within(start..start + kept, end);
        end += kept;
    }
    rows.items.truncate(end);
    rows.weights.truncate(end);
    rows.times.truncate(end);
    (0..users).for_each(|user| offsets[user + 1] += offsets[user]);
    Ok(Grouped { offsets, items: rows.items, weights: rows.weights, times: rows.times, sums })
}

/// Moves every row into its bucket, in place; returns where the buckets start, and the end.
fn into_buckets<T: Copy>(rows: &mut Columns<T>, buckets: usize, bucket_of: impl Fn(u32) -> usize) -> Vec<usize> {
    let mut bounds = vec![0usize; buckets + 1];
    rows.users.iter().for_each(|&user| bounds[bucket_of(user) + 1] += 1);
    (0..buckets).for_each(|bucket| bounds[bucket + 1] += bounds[bucket]);
    let mut next = bounds.clone();
    for bucket in 0..buckets {
        while next[bucket] < bounds[bucket + 1] {
            let here = next[bucket];
            let owner = bucket_of(rows.users[here]);
            let there = next[owner];
            next[owner] += 1;
            if here != there {
                rows.users.swap(here, there);
                rows.items.swap(here, there);
                rows.weights.swap(here, there);
                rows.times.swap(here, there);
            }
        }
    }
    bounds
}

impl<T: Copy + Ord> Bucket<'_, T> {
    /// Writes the merged rows, user by user, over the start of the bucket; returns what is left.
    fn merge(self, duplicates: Duplicates) -> Result<Merged, BuildError> {
        let Self { first_user, users, items, weights, times, counts } = self;
        let mut sums = ExactSums::default();
        let Some(&time) = times.first() else { return Ok(Merged { rows: 0, sums }) };
        let mut starts = vec![0usize; counts.len() + 1];
        users.iter().for_each(|&user| starts[(user - first_user) as usize + 1] += 1);
        (0..counts.len()).for_each(|user| starts[user + 1] += starts[user]);
        let mut entries = vec![Entry { item: 0, time, weight: 0 }; items.len()];
        let mut next = starts.clone();
        for (row, &user) in users.iter().enumerate() {
            let place = &mut next[(user - first_user) as usize];
            entries[*place] = Entry { item: items[row], time: times[row], weight: weights[row].to_bits() };
            *place += 1;
        }
        let mut merging = Merging::new(duplicates);
        let mut end = 0;
        for (user, bound) in starts.windows(2).enumerate() {
            let (start, row) = (end, &mut entries[bound[0]..bound[1]]);
            row.sort_unstable();
            for same in row.chunk_by(|a, b| a.item == b.item) {
                let (item, last) = (same[0].item, same[same.len() - 1]);
                items[end] = item;
                times[end] = last.time;
                weights[end] = f32::from_bits(last.weight);
                if same.len() > 1 {
                    merging.clear();
                    same.iter().for_each(|row| merging.add(row.time, f32::from_bits(row.weight)));
                    weights[end] = merging.weight().map_err(|sum| BuildError::WeightOverflow {
                        user: first_user + user as u32,
                        item,
                        sum,
                    })?;
                    sums.push(end as u64, merging.inexact_sum().unwrap_or_default());
                }
                end += 1;
            }
            counts[user] = end - start;
        }
        Ok(Merged { rows: end, sums })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// (user, item) → (weight, time), the slow way.
    fn expected(rows: &[(u32, u32, u8, i64)], duplicates: Duplicates) -> BTreeMap<(u32, u32), (f32, i64)> {
        let mut pairs: BTreeMap<(u32, u32), Vec<(i64, f32)>> = BTreeMap::new();
        rows.iter().for_each(|&(user, item, weight, time)| {
            pairs.entry((user, item)).or_default().push((time, f32::from(weight) + 0.5));
        });
        let merge = |mut same: Vec<(i64, f32)>| {
            same.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let weight = match duplicates {
                Duplicates::Max => same.iter().map(|row| row.1).fold(0.0, f32::max),
                Duplicates::Sum => same.iter().map(|row| row.1).sum(),
                Duplicates::Last => same[same.len() - 1].1,
            };
            (weight, same[same.len() - 1].0)
        };
        pairs.into_iter().map(|(pair, same)| (pair, merge(same))).collect()
    }

    proptest! {
        #[test]
        fn rows_are_grouped_sorted_and_merged(
            // More users than buckets, and fewer.
            users in prop_oneof![1u32..6, 200u32..2000],
            rows in prop::collection::vec((0u32..u32::MAX, 0u32..9, 0u8..4, -3i64..4), 0..400),
            rule in prop_oneof![Just(Duplicates::Max), Just(Duplicates::Sum), Just(Duplicates::Last)],
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(user, item, weight, time)| (user % users, item, weight, time)).collect();
            let columns = Columns {
                users: rows.iter().map(|row| row.0).collect(),
                items: rows.iter().map(|row| row.1).collect(),
                weights: rows.iter().map(|row| f32::from(row.2) + 0.5).collect(),
                times: rows.iter().map(|row| row.3).collect(),
            };
            let got = group(columns, users as usize, rule).unwrap();
            prop_assert_eq!(got.offsets.len(), users as usize + 1);
            let flat: Vec<_> = (0..users as usize)
                .flat_map(|user| (got.offsets[user]..got.offsets[user + 1]).map(move |at| (user as u32, at)))
                .map(|(user, at)| ((user, got.items[at]), (got.weights[at], got.times[at])))
                .collect();
            prop_assert_eq!(flat, expected(&rows, rule).into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn without_times_the_rows_are_the_same() {
        let columns = Columns {
            users: vec![1, 0, 1, 1],
            items: vec![4, 2, 0, 4],
            weights: vec![1.0, 2.0, 3.0, 5.0],
            times: vec![(); 4],
        };
        let got = group(columns, 3, Duplicates::Sum).unwrap();
        assert_eq!((got.offsets, got.items, got.weights), (vec![0, 1, 3, 3], vec![2, 0, 4], vec![2.0, 3.0, 6.0]));
    }
}
