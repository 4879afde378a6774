//! The item-item Gram matrix of a sparse matrix.

use std::ops::Range;

use rayon::prelude::*;
use sprs::CsMatI;

/// `out = XᵀX` for a users × items CSR matrix; `out` is items × items, column-major, both triangles.
///
/// Each column is accumulated by one task over the users of its item, in ascending order, so the
/// result has the same bits for any number of threads. Only the lower triangle is computed.
///
/// # Panics
/// When `out` does not hold items × items values.
pub fn gram(out: &mut [f32], x: &CsMatI<f32, u32, usize>) {
    let items = x.cols();
    assert_eq!(out.len(), items * items, "the Gram matrix of {items} items");
    if items == 0 {
        return;
    }
    let by_item = ByItem::new(x);
    let offsets = x.indptr();
    out.par_chunks_mut(items).enumerate().for_each(|(item, column)| {
        column.fill(0.0);
        for at in by_item.range(item) {
            // Rows are sorted: what stands before the item itself belongs to the upper triangle.
            let place = by_item.places[at];
            let lower = place..offsets.outer_inds_sz(by_item.users[at] as usize).end;
            let (weight, others, weights) = (x.data()[place], &x.indices()[lower.clone()], &x.data()[lower]);
            for (&other, &other_weight) in others.iter().zip(weights) {
                column[other as usize] += weight * other_weight;
            }
        }
    });
    mirror_lower(out, items);
}

/// The entries of a CSR matrix in the order of their items and, within one, of their users: whose row each stands
/// in, and where, so that nobody has to search for it.
struct ByItem {
    /// Where the entries of each item end.
    ends: Vec<usize>,
    users: Vec<u32>,
    /// Places among all entries of the matrix.
    places: Vec<usize>,
}

impl ByItem {
    fn new(x: &CsMatI<f32, u32, usize>) -> Self {
        // First where the entries of each item begin; as they are filled in, that becomes where they end.
        let mut ends = vec![0; x.cols()];
        x.indices().iter().for_each(|&item| ends[item as usize] += 1);
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let (mut users, mut places) = (vec![0; x.nnz()], vec![0; x.nnz()]);
        for user in 0..x.rows() {
            for place in x.indptr().outer_inds_sz(user) {
                let end = &mut ends[x.indices()[place] as usize];
                (users[*end], places[*end]) = (user as u32, place);
                *end += 1;
            }
        }
        Self { ends, users, places }
    }

    fn range(&self, item: usize) -> Range<usize> {
        (if item == 0 { 0 } else { self.ends[item - 1] })..self.ends[item]
    }
}

/// Copies the lower triangle of an n × n column-major matrix onto the upper one.
pub(super) fn mirror_lower(matrix: &mut [f32], n: usize) {
    mirror_columns(matrix, n, 0);
}

/// The part of [`mirror_lower`] within the columns from `first` on that `columns` holds: the square on the
/// diagonal is halved, and the lower left quarter copied onto the upper right one.
fn mirror_columns(columns: &mut [f32], n: usize, first: usize) {
    /// Columns copied together, so that a cache line that was read is used up.
    const TILE: usize = 64;
    let count = columns.len() / n;
    if count <= TILE {
        for j in 0..count {
            for i in j + 1..count {
                columns[i * n + first + j] = columns[j * n + first + i];
            }
        }
        return;
    }
    let half = (count / 2).next_multiple_of(TILE);
    let (left, right) = columns.split_at_mut(half * n);
    right.par_chunks_mut(TILE * n).enumerate().for_each(|(tile, right)| {
        let row = first + half + tile * TILE;
        for (group, source) in left.chunks(TILE * n).enumerate() {
            for (at, target) in right.chunks_exact_mut(n).enumerate() {
                let target = &mut target[first + group * TILE..];
                target.iter_mut().zip(source.chunks_exact(n)).for_each(|(value, column)| *value = column[row + at]);
            }
        }
    });
    rayon::join(|| mirror_columns(left, n, first), || mirror_columns(right, n, first + half));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_triangle_is_mirrored() {
        for n in [1, 2, 64, 65, 200, 333] {
            let mut matrix: Vec<f32> =
                (0..n * n).map(|at| if at % n >= at / n { at as f32 } else { f32::NAN }).collect();
            mirror_lower(&mut matrix, n);
            for (at, &value) in matrix.iter().enumerate() {
                let (i, j) = (at % n, at / n);
                assert_eq!(value, (i.min(j) * n + i.max(j)) as f32, "row {i}, column {j} of {n}");
            }
        }
    }

    #[test]
    fn equals_the_dense_product() {
        let x: CsMatI<f32, u32, usize> =
            CsMatI::new((4, 3), vec![0, 2, 3, 3, 6], vec![0, 2, 1, 0, 1, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let mut out = vec![f32::NAN; 9];
        gram(&mut out, &x);
        assert_eq!(out, [17.0, 20.0, 26.0, 20.0, 34.0, 30.0, 26.0, 30.0, 40.0]);
    }
}
