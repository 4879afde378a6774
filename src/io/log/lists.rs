//! Logs of one row a user: lists of items, taken apart into one entry an item.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, UInt32Array};

use crate::io::error::{LogError, TableError};

/// The lists of items of a chunk.
pub(super) struct Lists<'a> {
    column: &'a str,
    lists: &'a ListArray,
    /// The row of every element.
    rows: UInt32Array,
}

impl<'a> Lists<'a> {
    /// The lists of a column of that type.
    pub fn of(column: &'a str, array: &'a ArrayRef) -> Self {
        let lists = array.as_list::<i32>();
        let rows = (0..lists.len() as u32).flat_map(|row| std::iter::repeat_n(row, length(lists, row as usize)));
        Self { column, rows: rows.collect::<Vec<u32>>().into(), lists }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of lists that are empty or null.
    pub fn empty(&self) -> u64 {
        (0..self.lists.len()).filter(|&row| length(self.lists, row) == 0).count() as u64
    }

    /// The values of a column of one value a row, repeated for every element of its row.
    pub fn repeated(&self, file: &Path, array: &ArrayRef) -> Result<ArrayRef, TableError> {
        arrow_select::take::take(array, &self.rows, None)
            .map_err(|error| TableError::Damaged { file: file.into(), reason: error.to_string() })
    }

    /// The elements of another column of lists; `before` rows of the file come before the chunk.
    ///
    /// # Errors
    /// [`LogError::ListLength`] for the first row with another number of elements than items.
    pub fn elements(&self, file: &Path, column: &str, array: &ArrayRef, before: u64) -> Result<ArrayRef, LogError> {
        let others = array.as_list::<i32>();
        let unlike = (0..self.lists.len()).find(|&row| length(self.lists, row) != length(others, row));
        match unlike {
            None => Ok(elements(others)),
            Some(row) => Err(LogError::ListLength {
                file: file.into(),
                row: before + row as u64 + 1,
                column: column.into(),
                found: length(others, row),
                items: self.column.into(),
                expected: length(self.lists, row),
            }),
        }
    }

    /// The items, and the row of each.
    pub fn into_parts(self) -> (ArrayRef, Vec<u32>) {
        (elements(self.lists), self.rows.values().to_vec())
    }
}

/// Elements in a row; a null list has none.
fn length(lists: &ListArray, row: usize) -> usize {
    if lists.is_null(row) { 0 } else { lists.value_length(row).max(0) as usize }
}

/// All elements end to end.
fn elements(lists: &ListArray) -> ArrayRef {
    // The Parquet reader stores nothing in the place of a null list, so elements are contiguous.
    let offsets = lists.value_offsets();
    let (start, end) = (offsets[0] as usize, offsets[lists.len()] as usize);
    lists.values().slice(start, end - start)
}
