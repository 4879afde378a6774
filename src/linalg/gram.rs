//! The item-item Gram matrix of a sparse matrix.

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
    let by_item = x.to_csc();
    let (csr_offsets, csc_offsets) = (x.indptr(), by_item.indptr());
    out.par_chunks_mut(items).enumerate().for_each(|(item, column)| {
        column.fill(0.0);
        for at in csc_offsets.outer_inds_sz(item) {
            let (user, weight) = (by_item.indices()[at] as usize, by_item.data()[at]);
            let row = csr_offsets.outer_inds_sz(user);
            let (others, weights) = (&x.indices()[row.clone()], &x.data()[row]);
            // Rows are sorted: what stands before the item itself belongs to the upper triangle.
            let lower = others.partition_point(|&other| (other as usize) < item);
            for (&other, &other_weight) in others[lower..].iter().zip(&weights[lower..]) {
                column[other as usize] += weight * other_weight;
            }
        }
    });
    mirror_lower(out, items);
}

/// Copies the lower triangle of an n × n column-major matrix onto the upper one, tile by tile.
pub(super) fn mirror_lower(matrix: &mut [f32], n: usize) {
    const TILE: usize = 64;
    for left in (0..n).step_by(TILE) {
        for top in (left..n).step_by(TILE) {
            for j in left..(left + TILE).min(n) {
                for i in top.max(j + 1)..(top + TILE).min(n) {
                    matrix[i * n + j] = matrix[j * n + i];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_dense_product() {
        let x: CsMatI<f32, u32, usize> =
            CsMatI::new((4, 3), vec![0, 2, 3, 3, 6], vec![0, 2, 1, 0, 1, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let mut out = vec![f32::NAN; 9];
        gram(&mut out, &x);
        assert_eq!(out, [17.0, 20.0, 26.0, 20.0, 34.0, 30.0, 26.0, 30.0, 40.0]);
    }
}
