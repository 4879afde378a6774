//! Dense views with one column per entity.

use nalgebra::DMatrix;

/// A read-only dense matrix, `rows × cols`, column-major and contiguous: column `j` is
/// `data[j * rows..][..rows]`.
///
/// Every dense table in Foldin is laid out this way, one user or item a column, so that one
/// entity's vector is one slice and a range of entities is one slice too.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
}

/// A writable [`Columns`].
#[derive(Debug)]
pub struct ColumnsMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
}

impl<'a> Columns<'a> {
    /// Views `data` as `rows × cols`.
    ///
    /// # Panics
    /// When `data.len() != rows * cols`.
    #[must_use]
    pub fn new(data: &'a [f32], (rows, cols): (usize, usize)) -> Self {
        assert_eq!(Some(data.len()), rows.checked_mul(cols), "a {rows} x {cols} view of {} values", data.len());
        Self { data, rows, cols }
    }

    /// Length of a column.
    #[must_use]
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(self) -> usize {
        self.cols
    }

    /// All values, column after column.
    #[must_use]
    pub fn data(self) -> &'a [f32] {
        self.data
    }

    /// Column `j`.
    #[must_use]
    pub fn col(self, j: usize) -> &'a [f32] {
        &self.data[j * self.rows..][..self.rows]
    }

    /// The columns in `range`.
    ///
    /// # Panics
    /// When the range leaves the matrix.
    #[must_use]
    pub fn range(self, range: std::ops::Range<usize>) -> Columns<'a> {
        assert!(range.start <= range.end && range.end <= self.cols, "columns {range:?} of {}", self.cols);
        let data = &self.data[range.start * self.rows..range.end * self.rows];
        Columns { data, rows: self.rows, cols: range.len() }
    }
}

impl<'a> From<&'a DMatrix<f32>> for Columns<'a> {
    fn from(matrix: &'a DMatrix<f32>) -> Self {
        Self::new(matrix.as_slice(), matrix.shape())
    }
}

impl<'a> From<&'a mut DMatrix<f32>> for ColumnsMut<'a> {
    fn from(matrix: &'a mut DMatrix<f32>) -> Self {
        let shape = matrix.shape();
        Self::new(matrix.as_mut_slice(), shape)
    }
}

impl<'a> ColumnsMut<'a> {
    /// Views `data` as `rows × cols`.
    ///
    /// # Panics
    /// When `data.len() != rows * cols`.
    #[must_use]
    pub fn new(data: &'a mut [f32], (rows, cols): (usize, usize)) -> Self {
        assert_eq!(Some(data.len()), rows.checked_mul(cols), "a {rows} x {cols} view of {} values", data.len());
        Self { data, rows, cols }
    }

    /// Length of a column.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All values, column after column.
    #[must_use]
    pub fn data(&mut self) -> &mut [f32] {
        self.data
    }

    /// Column `j`, writable.
    #[must_use]
    pub fn col(&mut self, j: usize) -> &mut [f32] {
        &mut self.data[j * self.rows..][..self.rows]
    }

    /// The same matrix, borrowed for a shorter time.
    #[must_use]
    pub fn reborrow(&mut self) -> ColumnsMut<'_> {
        ColumnsMut { data: self.data, rows: self.rows, cols: self.cols }
    }

    /// The same matrix, read-only.
    #[must_use]
    pub fn as_ref(&self) -> Columns<'_> {
        Columns { data: self.data, rows: self.rows, cols: self.cols }
    }
}
