//! From rows in any order to the matrix: merging, minimums and compaction.

use rayon::prelude::*;

use super::grouping::{Columns, Grouped, group};
use super::matrix::{Interactions, MatrixError};
use super::merging::ExactSums;
use super::rules::{Duplicates, LogRules};
use super::time::Timestamp;

/// Collects (user, item, weight) rows and turns them into [`Interactions`].
///
/// Holds 12 bytes a row, and 8 more where rows have times; the result does not depend on the order of the
/// rows. Uses the rayon pool it is called from.
#[derive(Clone, Debug)]
pub struct InteractionsBuilder {
    duplicates: Duplicates,
    min_user_items: usize,
    min_item_users: usize,
    users: Vec<u32>,
    items: Vec<u32>,
    weights: Vec<f32>,
    times: Vec<Timestamp>,
}

/// What the rules took away, in interactions; with what is left it adds up to the rows pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Rows merged into another row of the same user and item.
    pub merged_duplicates: u64,
    /// Interactions of users with too few of them.
    pub user_below_minimum: u64,
    /// Interactions of items with too few users.
    pub item_below_minimum: u64,
}

/// The matrix of all rows over the axes as they were given.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// Users and items as numbered by the caller.
    pub interactions: Interactions,
    /// The latest time of every interaction, in the order of the matrix; `None` for rows without times.
    pub times: Option<Vec<Timestamp>>,
    /// The sums that the weights do not tell exactly, where the rules add up.
    pub sums: ExactSums,
    /// What the rules took away.
    pub dropped: Dropped,
}

/// The matrix after the minimums, over the users and items that are left.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltCore {
    /// Row `r` is user `users[r]`, column `c` is item `items[c]`.
    pub interactions: Interactions,
    /// The latest time of every interaction, in the order of the matrix; `None` for rows without times.
    pub times: Option<Vec<Timestamp>>,
    /// The sums that the weights do not tell exactly, where the rules add up.
    pub sums: ExactSums,
    /// The users that are left, by their old index, ascending.
    pub users: Vec<u32>,
    /// The items that are left, by their old index, ascending.
    pub items: Vec<u32>,
    /// What the rules took away.
    pub dropped: Dropped,
    /// Rounds of the k-core filter that dropped something.
    pub core_rounds: usize,
}

/// Why rows cannot become a matrix.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// The weights of one pair add up to more than an `f32` holds.
    #[error("the weights of user index {user} and item index {item} add up to {sum}, which is too large")]
    WeightOverflow {
        /// Index of the user.
        user: u32,
        /// Index of the item.
        item: u32,
        /// The sum.
        sum: f64,
    },
    /// A pushed row breaks the contract of [`InteractionsBuilder::extend`].
    #[error(transparent)]
    Matrix(#[from] MatrixError),
}

/// CSR parts under construction; `times` is empty where none are known.
struct Rows {
    offsets: Vec<usize>,
    items: Vec<u32>,
    weights: Vec<f32>,
    times: Vec<Timestamp>,
    sums: ExactSums,
}

impl InteractionsBuilder {
    /// An empty builder that follows the rules about duplicates and minimums. What single rows weigh is up to the caller
    /// (see [`Weighting`](super::Weighting)).
    #[must_use]
    pub fn new(rules: &LogRules) -> Self {
        Self {
            duplicates: rules.duplicates,
            min_user_items: rules.min_user_items,
            min_item_users: rules.min_item_users,
            users: Vec::new(),
            items: Vec::new(),
            weights: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Makes room for `rows` more rows, as far as memory allows; a hint, never an error.
    pub fn reserve(&mut self, rows: usize) {
        let _ = self.users.try_reserve(rows);
        let _ = self.items.try_reserve(rows);
        let _ = self.weights.try_reserve(rows);
    }

    /// Takes rows, column by column; `times` is empty for rows without times. Weights must be finite and greater than 0,
    /// otherwise the build fails.
    ///
    /// # Panics
    /// When the columns differ in length.
    pub fn extend(&mut self, users: &[u32], items: &[u32], weights: &[f32], times: &[Timestamp]) {
        assert_eq!([items.len(), weights.len()], [users.len(); 2], "columns of one length");
        assert!(times.is_empty() || times.len() == users.len(), "one time a row, or none");
        self.users.extend_from_slice(users);
        self.items.extend_from_slice(items);
        self.weights.extend_from_slice(weights);
        self.times.extend_from_slice(times);
    }

    /// Renumbers what has been collected: user `u` becomes `users[u]`, item `i` becomes `items[i]`.
    ///
    /// # Panics
    /// When a collected row lies outside the tables.
    pub fn renumber(&mut self, users: Option<&[u32]>, items: Option<&[u32]>) {
        for (axis, numbers) in [(&mut self.users, users), (&mut self.items, items)] {
            if let Some(numbers) = numbers {
                axis.par_iter_mut().for_each(|index| *index = numbers[*index as usize]);
            }
        }
    }

    /// Builds over fixed axes of `users` and `items`: rows are merged, the minimums of users and items
    /// are *not* applied, and a user or item without rows keeps its (empty) place.
    ///
    /// # Errors
    /// [`BuildError`] when summed weights overflow or a row breaks the contract of [`extend`](Self::extend).
    pub fn build(self, (users, items): (usize, usize)) -> Result<Built, BuildError> {
        let (rows, dropped, _) = self.merged(users)?;
        let (interactions, times, sums) = rows.finish(items)?;
        Ok(Built { interactions, times, sums, dropped })
    }

    /// Builds over the users and items that are left once the minimums hold.
    ///
    /// # Errors
    /// [`BuildError`] when summed weights overflow or a row breaks the contract of [`extend`](Self::extend).
    pub fn build_core(self, (users, items): (usize, usize)) -> Result<BuiltCore, BuildError> {
        let (mut rows, mut dropped, minimums) = self.merged(users)?;
        let core_rounds = rows.core(items, minimums, &mut dropped);
        let (users, items) = rows.compact(items);
        let (interactions, times, sums) = rows.finish(items.len())?;
        Ok(BuiltCore { interactions, times, sums, users, items, dropped, core_rounds })
    }

    /// Groups, sorts and merges; returns the minimums of users and items beside it.
    fn merged(self, users: usize) -> Result<(Rows, Dropped, [usize; 2]), BuildError> {
        let pushed = self.users.len();
        let Self { users: owners, items, weights, times, duplicates, .. } = self;
        let rows = if times.is_empty() {
            let times = vec![(); owners.len()];
            let Grouped { offsets, items, weights, sums, .. } =
                group(Columns { users: owners, items, weights, times }, users, duplicates)?;
            Rows { offsets, items, weights, times: Vec::new(), sums }
        } else {
            assert_eq!(times.len(), owners.len(), "all rows have times, or none has");
            let Grouped { offsets, items, weights, times, sums } =
                group(Columns { users: owners, items, weights, times }, users, duplicates)?;
            Rows { offsets, items, weights, times, sums }
        };
        let merged_duplicates = (pushed - rows.items.len()) as u64;
        let dropped = Dropped { merged_duplicates, ..Dropped::default() };
        Ok((rows, dropped, [self.min_user_items, self.min_item_users]))
    }
}

impl Rows {
    /// Drops users and items below their minimum until both minimums hold (the k-core, which does not
    /// depend on the order of the drops); returns the rounds that dropped something. A user that is
    /// dropped keeps an empty row.
    fn core(&mut self, items: usize, [min_user, min_item]: [usize; 2], dropped: &mut Dropped) -> usize {
        let mut counts = vec![0usize; items];
        self.items.iter().for_each(|&item| counts[item as usize] += 1);
        let mut rounds = 0;
        loop {
            let (mut end, mut lost) = (0, 0);
            let (mut next_sum, mut end_sums) = (0, 0);
            for user in 0..self.offsets.len() - 1 {
                let range = self.offsets[user]..self.offsets[user + 1];
                self.offsets[user] = end;
                let start_sums = end_sums;
                // Items that fell below the minimum in the round before have a count of 0.
                for at in range {
                    let of_sum = next_sum;
                    next_sum += self.sums.positions()[of_sum..].iter().take_while(|&&of| of == at as u64).count();
                    if counts[self.items[at] as usize] > 0 {
                        for part in of_sum..next_sum {
                            self.sums.relocate(part, end_sums, end as u64);
                            end_sums += 1;
                        }
                        self.items[end] = self.items[at];
                        self.weights[end] = self.weights[at];
                        if let Some(&time) = self.times.get(at) {
                            self.times[end] = time;
                        }
                        end += 1;
                    }
                }
                let start = self.offsets[user];
                if end - start < min_user {
                    self.items[start..end].iter().for_each(|&item| counts[item as usize] -= 1);
                    lost += end - start;
                    (end, end_sums) = (start, start_sums);
                }
            }
            self.truncate(end);
            self.sums.truncate(end_sums);
            let mut fallen = 0;
            for count in counts.iter_mut().filter(|count| **count < min_item) {
                fallen += std::mem::take(count);
            }
            dropped.user_below_minimum += lost as u64;
            dropped.item_below_minimum += fallen as u64;
            rounds += usize::from(lost + fallen > 0);
            if fallen == 0 {
                return rounds;
            }
        }
    }

    /// Renumbers what is left; returns the old indices of users and items.
    fn compact(&mut self, items: usize) -> (Vec<u32>, Vec<u32>) {
        let users: Vec<u32> = (0..self.offsets.len() as u32 - 1)
            .filter(|&user| self.offsets[user as usize] < self.offsets[user as usize + 1])
            .collect();
        // Every row that is left ends where the next one starts, so removing the starts of empty rows is enough.
        self.offsets.dedup();
        let mut numbers = vec![0u32; items];
        self.items.iter().for_each(|&item| numbers[item as usize] = 1);
        let kept: Vec<u32> = (0..items as u32).filter(|&item| numbers[item as usize] == 1).collect();
        kept.iter().zip(0u32..).for_each(|(&item, number)| numbers[item as usize] = number);
        self.items.iter_mut().for_each(|item| *item = numbers[*item as usize]);
        (users, kept)
    }

    fn truncate(&mut self, end: usize) {
        self.items.truncate(end);
        self.weights.truncate(end);
        self.times.truncate(end);
        if let Some(last) = self.offsets.last_mut() {
            *last = end;
        }
    }

    fn finish(mut self, items: usize) -> Result<(Interactions, Option<Vec<Timestamp>>, ExactSums), MatrixError> {
        // What merging and the minimums freed is given back: the matrix lives as long as the run.
        self.items.shrink_to_fit();
        self.weights.shrink_to_fit();
        self.times.shrink_to_fit();
        let users = self.offsets.len() - 1;
        let interactions = Interactions::from_csr((users, items), self.offsets, self.items, self.weights)?;
        Ok((interactions, (!self.times.is_empty()).then_some(self.times), self.sums))
    }
}

#[cfg(test)]
mod tests;
