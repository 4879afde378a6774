//! From rows in any order to the matrix: merging, minimums and compaction, without hashing pairs.

mod core;
mod merge;

use rayon::prelude::*;

use super::matrix::{Interactions, MatrixError};
use super::rules::{Duplicates, LogRules};
use super::time::Timestamp;

/// Collects (user, item, weight) rows and turns them into [`Interactions`].
///
/// Holds 12 bytes a row, and 8 more where the rules name a time column. Rows are grouped by user with a counting sort in
/// place, then each user's rows are sorted by item and merged; the result does not depend on the order of the rows.
#[derive(Clone, Debug)]
pub struct InteractionsBuilder {
    rules: Rules,
    rows: Collected,
}

/// The rules that are followed here.
#[derive(Clone, Copy, Debug)]
struct Rules {
    duplicates: Duplicates,
    min_user_items: usize,
    min_item_users: usize,
}

/// What has been pushed; without times they take no memory.
#[derive(Clone, Debug)]
enum Collected {
    Plain(Columns<()>),
    Timed(Columns<Timestamp>),
}

/// Rows, column by column.
#[derive(Clone, Debug)]
struct Columns<T> {
    users: Vec<u32>,
    items: Vec<u32>,
    weights: Vec<f32>,
    times: Vec<T>,
}

/// When a row happened, or nothing in its place.
trait Time: Copy + Ord + Send + Sync {}
impl Time for () {}
impl Time for Timestamp {}

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
    /// The latest time of each interaction, in the order of the matrix, where the rules name a time column.
    pub times: Option<Vec<Timestamp>>,
    /// What the rules took away.
    pub dropped: Dropped,
}

/// The matrix after the minimums, over the users and items that are left.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltCore {
    /// Row `r` is user `users[r]`, column `c` is item `items[c]`.
    pub interactions: Interactions,
    /// The latest time of each interaction, in the order of the matrix, where the rules name a time column.
    pub times: Option<Vec<Timestamp>>,
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
    /// A pushed row breaks the contract of [`InteractionsBuilder::push`].
    #[error(transparent)]
    Matrix(#[from] MatrixError),
}

/// CSR parts under construction.
struct Rows<T> {
    offsets: Vec<usize>,
    items: Vec<u32>,
    weights: Vec<f32>,
    times: Vec<T>,
}

impl InteractionsBuilder {
    /// An empty builder that follows the rules about duplicates and minimums, and keeps times where `rules` name a
    /// column of them. What single rows weigh is up to the caller (see [`Weighting`](super::Weighting)).
    #[must_use]
    pub fn new(rules: &LogRules) -> Self {
        let rows = match rules.columns.time.is_empty() {
            true => Collected::Plain(Columns::default()),
            false => Collected::Timed(Columns::default()),
        };
        let LogRules { duplicates, min_user_items, min_item_users, .. } = *rules;
        Self { rules: Rules { duplicates, min_user_items, min_item_users }, rows }
    }

    /// Makes room for `rows` more rows, as far as memory allows; a hint, never an error.
    pub fn reserve(&mut self, rows: usize) {
        match &mut self.rows {
            Collected::Plain(columns) => columns.reserve(rows),
            Collected::Timed(columns) => columns.reserve(rows),
        }
    }

    /// Takes one row. The weight must be finite and greater than 0, otherwise the build fails; the time counts where
    /// the rules name a time column.
    pub fn push(&mut self, user: u32, item: u32, weight: f32, time: Timestamp) {
        self.extend(&[user], &[item], &[weight], &[time]);
    }

    /// Takes rows, column by column, on the terms of [`push`](Self::push); `times` may be empty where the rules name no
    /// time column.
    ///
    /// # Panics
    /// When the columns differ in length.
    pub fn extend(&mut self, users: &[u32], items: &[u32], weights: &[f32], times: &[Timestamp]) {
        assert_eq!((users.len(), users.len()), (items.len(), weights.len()), "columns of one length");
        match &mut self.rows {
            Collected::Plain(columns) => {
                columns.extend(users, items, weights);
                columns.times.resize(columns.users.len(), ());
            }
            Collected::Timed(columns) => {
                assert_eq!(users.len(), times.len(), "one time a row");
                columns.extend(users, items, weights);
                columns.times.extend_from_slice(times);
            }
        }
    }

    /// Renumbers what has been collected: user `u` becomes `users[u]`, item `i` becomes `items[i]`.
    ///
    /// # Panics
    /// When a collected row lies outside the tables.
    pub fn renumber(&mut self, users: Option<&[u32]>, items: Option<&[u32]>) {
        let (of_users, of_items) = match &mut self.rows {
            Collected::Plain(columns) => (&mut columns.users, &mut columns.items),
            Collected::Timed(columns) => (&mut columns.users, &mut columns.items),
        };
        for (axis, numbers) in [(of_users, users), (of_items, items)] {
            if let Some(numbers) = numbers {
                axis.par_iter_mut().for_each(|index| *index = numbers[*index as usize]);
            }
        }
    }

    /// Builds over fixed axes of `users` and `items`: rows are merged, the minimums of users and items
    /// are *not* applied, and a user or item without rows keeps its (empty) place.
    ///
    /// # Errors
    /// [`BuildError`] when summed weights overflow or a row breaks the contract of [`push`](Self::push).
    pub fn build(self, axes: (usize, usize)) -> Result<Built, BuildError> {
        match self.rows {
            Collected::Plain(columns) => columns.build(self.rules, axes).map(|(built, _)| built),
            Collected::Timed(columns) => {
                let (built, times) = columns.build(self.rules, axes)?;
                Ok(Built { times: Some(times), ..built })
            }
        }
    }

    /// Builds over the users and items that are left once the minimums hold.
    ///
    /// # Errors
    /// [`BuildError`] when summed weights overflow or a row breaks the contract of [`push`](Self::push).
    pub fn build_core(self, axes: (usize, usize)) -> Result<BuiltCore, BuildError> {
        match self.rows {
            Collected::Plain(columns) => columns.build_core(self.rules, axes).map(|(built, _)| built),
            Collected::Timed(columns) => {
                let (built, times) = columns.build_core(self.rules, axes)?;
                Ok(BuiltCore { times: Some(times), ..built })
            }
        }
    }
}

impl<T> Default for Columns<T> {
    fn default() -> Self {
        Self { users: Vec::new(), items: Vec::new(), weights: Vec::new(), times: Vec::new() }
    }
}

impl<T: Time> Columns<T> {
    fn reserve(&mut self, rows: usize) {
        let _ = self.users.try_reserve(rows);
        let _ = self.items.try_reserve(rows);
        let _ = self.weights.try_reserve(rows);
        let _ = self.times.try_reserve(rows);
    }

    fn extend(&mut self, users: &[u32], items: &[u32], weights: &[f32]) {
        self.users.extend_from_slice(users);
        self.items.extend_from_slice(items);
        self.weights.extend_from_slice(weights);
    }

    fn build(self, rules: Rules, (users, items): (usize, usize)) -> Result<(Built, Vec<T>), BuildError> {
        let (rows, dropped) = self.merged(rules.duplicates, users)?;
        let (interactions, times) = rows.finish(items)?;
        Ok((Built { interactions, times: None, dropped }, times))
    }

    fn build_core(self, rules: Rules, (users, items): (usize, usize)) -> Result<(BuiltCore, Vec<T>), BuildError> {
        let (mut rows, mut dropped) = self.merged(rules.duplicates, users)?;
        let core_rounds = rows.core(items, [rules.min_user_items, rules.min_item_users], &mut dropped);
        let (users, items) = rows.compact(items);
        let (interactions, times) = rows.finish(items.len())?;
        Ok((BuiltCore { interactions, times: None, users, items, dropped, core_rounds }, times))
    }

    /// Groups, sorts and merges.
    fn merged(self, duplicates: Duplicates, users: usize) -> Result<(Rows<T>, Dropped), BuildError> {
        let pushed = self.users.len();
        let rows = merge::by_user(self, users, duplicates)?;
        let merged_duplicates = (pushed - rows.items.len()) as u64;
        Ok((rows, Dropped { merged_duplicates, ..Dropped::default() }))
    }
}

impl<T: Time> Rows<T> {
    fn truncate(&mut self, end: usize) {
        self.items.truncate(end);
        self.weights.truncate(end);
        self.times.truncate(end);
        if let Some(last) = self.offsets.last_mut() {
            *last = end;
        }
    }

    fn finish(self, items: usize) -> Result<(Interactions, Vec<T>), MatrixError> {
        let axes = (self.offsets.len() - 1, items);
        Ok((Interactions::from_csr(axes, self.offsets, self.items, self.weights)?, self.times))
    }
}

#[cfg(test)]
mod tests;
