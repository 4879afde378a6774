//! The user × item matrix.

use sprs::CsMatI;

use super::history::HistoryRef;
use crate::types::{ItemIdx, UserIdx};

/// All interactions of a log: a sparse users × items matrix in CSR form.
///
/// Invariants: rows sorted by item, each pair once, weights finite and greater than zero. Column
/// numbers are `u32`, row offsets `usize`.
#[derive(Clone, Debug, PartialEq)]
pub struct Interactions {
    matrix: CsMatI<f32, u32, usize>,
}

/// Why a matrix is not a valid [`Interactions`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MatrixError {
    /// Offsets, columns and values do not describe a CSR matrix with sorted rows.
    #[error("not a sorted CSR matrix of {users} users x {items} items: {reason}")]
    Structure {
        /// Declared rows.
        users: usize,
        /// Declared columns.
        items: usize,
        /// What is wrong.
        reason: String,
    },
    /// A stored weight is unusable.
    #[error("weight {weight} at position {position} is not a finite number greater than 0")]
    Weight {
        /// Position among the stored values.
        position: usize,
        /// The value found.
        weight: f32,
    },
}

impl Interactions {
    /// Builds the matrix from CSR parts: `offsets` (users + 1), `items` and `weights` (one per interaction).
    ///
    /// # Errors
    /// [`MatrixError`] when the parts break an invariant of the type.
    pub fn from_csr(
        (users, items): (usize, usize),
        offsets: Vec<usize>,
        columns: Vec<u32>,
        weights: Vec<f32>,
    ) -> Result<Self, MatrixError> {
        if let Some(position) = weights.iter().position(|w| !(w.is_finite() && *w > 0.0)) {
            return Err(MatrixError::Weight { position, weight: weights[position] });
        }
        let matrix = CsMatI::try_new((users, items), offsets, columns, weights)
            .map_err(|(_, _, _, error)| MatrixError::Structure { users, items, reason: error.to_string() })?;
        Ok(Self { matrix })
    }

    /// Stacks histories as rows, in order.
    ///
    /// # Errors
    /// [`MatrixError`] when a history names an item outside `0..items`.
    pub fn from_histories<'a>(
        items: usize,
        histories: impl IntoIterator<Item = HistoryRef<'a>>,
    ) -> Result<Self, MatrixError> {
        let (mut offsets, mut columns, mut weights) = (vec![0], Vec::new(), Vec::new());
        for history in histories {
            columns.extend_from_slice(history.items());
            weights.extend_from_slice(history.weights());
            offsets.push(columns.len());
        }
        Self::from_csr((offsets.len() - 1, items), offsets, columns, weights)
    }

    /// The same interactions over more items: item `i` becomes `places[i]` of `items`.
    ///
    /// # Errors
    /// [`MatrixError`] when the places do not ascend or leave `0..items`.
    ///
    /// # Panics
    /// When there is not one place an item.
    pub fn over_items(self, items: usize, places: &[u32]) -> Result<Self, MatrixError> {
        assert_eq!(places.len(), self.items(), "one place an item");
        let users = self.users();
        let (offsets, mut columns, weights) = self.matrix.into_raw_storage();
        columns.iter_mut().for_each(|item| *item = places[*item as usize]);
        Self::from_csr((users, items), offsets, columns, weights)
    }

    /// Number of users (rows).
    #[must_use]
    pub fn users(&self) -> usize {
        self.matrix.rows()
    }

    /// Number of items (columns).
    #[must_use]
    pub fn items(&self) -> usize {
        self.matrix.cols()
    }

    /// Number of stored interactions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.matrix.nnz()
    }

    /// True when nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The history of one user.
    ///
    /// # Panics
    /// When `user` is not below [`users`](Self::users).
    #[must_use]
    pub fn history(&self, user: UserIdx) -> HistoryRef<'_> {
        let indptr = self.matrix.indptr();
        let range = indptr.outer_inds_sz(user.at());
        HistoryRef::from_sorted(&self.matrix.indices()[range.clone()], &self.matrix.data()[range])
    }

    /// The histories of all users, in order.
    pub fn histories(&self) -> impl ExactSizeIterator<Item = HistoryRef<'_>> + Clone {
        (0..self.users() as u32).map(|user| self.history(UserIdx(user)))
    }

    /// The matrix itself, for code that works on CSR directly.
    #[must_use]
    pub fn csr(&self) -> &CsMatI<f32, u32, usize> {
        &self.matrix
    }

    /// The matrix itself, to be changed.
    #[must_use]
    pub fn into_csr(self) -> CsMatI<f32, u32, usize> {
        self.matrix
    }

    /// Number of users that interacted with each item; length: items.
    #[must_use]
    pub fn item_counts(&self) -> Vec<u32> {
        let mut counts = vec![0u32; self.items()];
        for &item in self.matrix.indices() {
            counts[item as usize] += 1;
        }
        counts
    }

    /// Replaces every weight by 1 (implicit feedback: it happened).
    #[must_use]
    pub fn binarised(mut self) -> Self {
        self.matrix.data_mut().fill(1.0);
        self
    }

    /// The interactions that `keep` says yes to, over the same users and items.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(UserIdx, ItemIdx) -> bool) -> Self {
        let (mut offsets, mut columns, mut weights) = (vec![0], Vec::new(), Vec::new());
        for (user, history) in (0..).map(UserIdx).zip(self.histories()) {
            for (&item, &weight) in history.items().iter().zip(history.weights()) {
                if keep(user, ItemIdx(item)) {
                    columns.push(item);
                    weights.push(weight);
                }
            }
            offsets.push(columns.len());
        }
        Self::from_csr((self.users(), self.items()), offsets, columns, weights)
            .unwrap_or_else(|error| unreachable!("parts of valid rows are valid: {error}"))
    }

    /// The users in `rows`, in that order, over the same items.
    ///
    /// # Panics
    /// When a user is not below [`users`](Self::users).
    #[must_use]
    pub fn select_users(&self, rows: &[UserIdx]) -> Self {
        Self::from_histories(self.items(), rows.iter().map(|&user| self.history(user)))
            .unwrap_or_else(|error| unreachable!("rows of a valid matrix are valid: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_must_be_sorted_unique_and_positive() {
        let build =
            |columns: Vec<u32>, weights: Vec<f32>| Interactions::from_csr((2, 3), vec![0, 2, 2], columns, weights);
        assert!(build(vec![0, 2], vec![1.0, 1.0]).is_ok());
        assert!(matches!(build(vec![2, 0], vec![1.0, 1.0]), Err(MatrixError::Structure { .. })));
        assert!(matches!(build(vec![1, 1], vec![1.0, 1.0]), Err(MatrixError::Structure { .. })));
        assert!(matches!(build(vec![0, 3], vec![1.0, 1.0]), Err(MatrixError::Structure { .. })));
        assert!(matches!(build(vec![0, 1], vec![1.0, f32::NAN]), Err(MatrixError::Weight { position: 1, .. })));
    }

    #[test]
    fn histories_are_the_rows() {
        let m = Interactions::from_csr((3, 4), vec![0, 2, 2, 3], vec![1, 3, 0], vec![1.0, 2.0, 5.0]).unwrap();
        assert_eq!(m.history(UserIdx(0)).items(), [1, 3]);
        assert!(m.history(UserIdx(1)).is_empty());
        assert_eq!(m.item_counts(), [1, 1, 0, 1]);
        let kept = m.filtered(|user, item| user == UserIdx(2) || item == ItemIdx(3));
        assert_eq!((kept.users(), kept.items(), kept.item_counts()), (3, 4, vec![1, 0, 0, 1]));
        assert_eq!(kept.history(UserIdx(0)).weights(), [2.0]);
        assert_eq!(m.select_users(&[UserIdx(2)]).history(UserIdx(0)).weights(), [5.0]);
    }
}
