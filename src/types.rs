//! The index types every layer speaks: a user and an item by position.
//!
//! External ids (`user_id`, `item_id`) exist only at the edges (files, command line, wire); an
//! [`IdMap`](crate::interactions::IdMap) translates. Indices are `u32`: half the memory traffic of
//! `usize` in every sparse structure, and four billion is more than any catalogue.

/// Position of a user, numbered in sorted order of the external `user_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserIdx(pub u32);

/// Position of an item, numbered in sorted order of the external `item_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemIdx(pub u32);

impl UserIdx {
    /// The index as a `usize`, for slicing.
    #[must_use]
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

impl ItemIdx {
    /// The index as a `usize`, for slicing.
    #[must_use]
    pub fn at(self) -> usize {
        self.0 as usize
    }
}
