//! Grouping rows by user and merging those of one item, in place.
//!
//! Two passes of a counting sort by user: the first one, into a thousand ranges of users, touches memory in a thousand
//! places at a time, which processors bear well; the second one sorts each range on its own, where it fits a cache, and
//! the ranges in parallel. Sorting straight by user would miss the cache with every row.

use rayon::prelude::*;

use super::{BuildError, Columns, Duplicates, Rows, Time};

/// Ranges of users that are sorted on their own, at most twice as many; not a matter of threads.
const RANGES: usize = 512;

/// Groups rows by user, sorts the rows of each user by item, and merges repeated items.
pub(super) fn by_user<T: Time>(
    columns: Columns<T>,
    users: usize,
    duplicates: Duplicates,
) -> Result<Rows<T>, BuildError> {
    let mut columns = columns;
    let shift = (users / RANGES).checked_ilog2().unwrap_or(0);
    let ranges = (users >> shift) + 1;
    let mut starts = vec![0; ranges + 1];
    columns.users.iter().for_each(|&user| starts[(user >> shift) as usize + 1] += 1);
    (0..ranges).for_each(|range| starts[range + 1] += starts[range]);
    let mut all = Slices::of(&mut columns);
    all.sort_by_key(&starts, |user| (user >> shift) as usize);

    let mut offsets = vec![0; users + 1];
    let mut parts = Vec::with_capacity(ranges);
    let (mut rest, mut counts) = (all, &mut offsets[1..]);
    for range in 0..ranges {
        let (slices, others) = rest.split_at(starts[range + 1] - starts[range]);
        let (own, other_counts) = counts.split_at_mut(counts.len().min(1 << shift));
        parts.push(Part { first_user: (range as u32) << shift, slices, counts: own });
        (rest, counts) = (others, other_counts);
    }
    let kept: Vec<Result<usize, BuildError>> = parts.into_par_iter().map(|part| part.merge(duplicates)).collect();

    drop(std::mem::take(&mut columns.users));
    let Columns { mut items, mut weights, mut times, .. } = columns;
    let mut end = 0;
    for (kept, &start) in kept.into_iter().zip(&starts) {
        // In order, so that the error is the same one however the work was shared out.
        let kept = kept?;
        if end < start {
            items.copy_within(start..start + kept, end);
            weights.copy_within(start..start + kept, end);
            times.copy_within(start..start + kept, end);
        }
        end += kept;
    }
    (0..users).for_each(|user| offsets[user + 1] += offsets[user]);
    let mut rows = Rows { offsets, items, weights, times };
    rows.truncate(end);
    Ok(rows)
}

/// Columns of the same rows.
struct Slices<'a, T> {
    users: &'a mut [u32],
    items: &'a mut [u32],
    weights: &'a mut [f32],
    times: &'a mut [T],
}

impl<'a, T: Time> Slices<'a, T> {
    fn of(columns: &'a mut Columns<T>) -> Self {
        let Columns { users, items, weights, times } = columns;
        Self { users, items, weights, times }
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (users, other_users) = self.users.split_at_mut(at);
        let (items, other_items) = self.items.split_at_mut(at);
        let (weights, other_weights) = self.weights.split_at_mut(at);
        let (times, other_times) = self.times.split_at_mut(at);
        let other = Self { users: other_users, items: other_items, weights: other_weights, times: other_times };
        (Self { users, items, weights, times }, other)
    }

    fn row(&self, at: usize) -> (u32, u32, f32, T) {
        (self.users[at], self.items[at], self.weights[at], self.times[at])
    }

    fn put(&mut self, at: usize, (user, item, weight, time): (u32, u32, f32, T)) {
        self.users[at] = user;
        self.items[at] = item;
        self.weights[at] = weight;
        self.times[at] = time;
    }

    /// Brings every row to the place of its key, `starts[key]..starts[key + 1]`: an "American flag" pass, in which every
    /// move puts one row where it belongs, so that no second copy of the rows is needed.
    fn sort_by_key(&mut self, starts: &[usize], key: impl Fn(u32) -> usize) {
        let mut next = starts.to_vec();
        for own in 0..starts.len() - 1 {
            while next[own] < starts[own + 1] {
                let mut row = self.row(next[own]);
                loop {
                    let owner = key(row.0);
                    let there = next[owner];
                    next[owner] += 1;
                    if owner == own {
                        self.put(there, row);
                        break;
                    }
                    let displaced = self.row(there);
                    self.put(there, row);
                    row = displaced;
                }
            }
        }
    }
}

/// The rows of a range of users.
struct Part<'a, T> {
    first_user: u32,
    slices: Slices<'a, T>,
    /// Rows of each user, to be filled in.
    counts: &'a mut [usize],
}

impl<T: Time> Part<'_, T> {
    /// Groups and merges; what is left stands at the beginning. Returns how many rows that are.
    fn merge(mut self, duplicates: Duplicates) -> Result<usize, BuildError> {
        let first = self.first_user;
        let mut starts = vec![0; self.counts.len() + 1];
        self.slices.users.iter().for_each(|&user| starts[(user - first) as usize + 1] += 1);
        (0..self.counts.len()).for_each(|user| starts[user + 1] += starts[user]);
        self.slices.sort_by_key(&starts, |user| (user - first) as usize);
        let Slices { items, weights, times, .. } = self.slices;
        let mut row: Vec<(u64, T)> = Vec::new();
        let mut end = 0;
        for (user, count) in self.counts.iter_mut().enumerate() {
            let start = end;
            row.clear();
            // Positive floats order like their bits: sorting (item, weight) as one integer also makes
            // the sum of equal items independent of the order of the rows.
            let key = |at: usize| u64::from(items[at]) << 32 | u64::from(weights[at].to_bits());
            row.extend((starts[user]..starts[user + 1]).map(|at| (key(at), times[at])));
            row.sort_unstable();
            for same in row.chunk_by(|a, b| a.0 >> 32 == b.0 >> 32) {
                let item = (same[0].0 >> 32) as u32;
                let weight = |row: &(u64, T)| f32::from_bits(row.0 as u32);
                let largest = same[same.len() - 1];
                let latest = same.iter().fold(largest, |latest, row| if row.1 > latest.1 { *row } else { latest });
                items[end] = item;
                times[end] = latest.1;
                weights[end] = match duplicates {
                    Duplicates::Max => weight(&largest),
                    Duplicates::Last => {
                        let mut of_latest = same.iter().rev().filter(|row| row.1 == latest.1);
                        weight(of_latest.next().unwrap_or(&latest))
                    }
                    Duplicates::Sum => {
                        let sum: f64 = same.iter().map(|row| f64::from(weight(row))).sum();
                        if sum > f64::from(f32::MAX) {
                            return Err(BuildError::WeightOverflow { user: first + user as u32, item, sum });
                        }
                        sum as f32
                    }
                };
                end += 1;
            }
            *count = end - start;
        }
        Ok(end)
    }
}
