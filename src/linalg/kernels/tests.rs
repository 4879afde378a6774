//! Each kernel against its naive twin.

use proptest::prelude::*;

use super::*;
#[cfg(target_arch = "x86_64")]
use packed::{AVX2, AVX512};

fn values(len: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-4.0f32..4.0, len)
}

/// Sorted unique columns with weights.
fn history(cols: usize) -> impl Strategy<Value = (Vec<u32>, Vec<f32>)> {
    prop::collection::btree_map(0..cols as u32, 0.1f32..3.0, 0..cols.min(30)).prop_map(|m| m.into_iter().unzip())
}

#[track_caller]
fn assert_close(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= tolerance * (1.0 + e.abs()), "at {i}: {g} instead of {e}");
    }
}

proptest! {
    #[test]
    fn gather_equals_its_twin(
        (rows, offset, cols, table, out) in (1usize..230, 0usize..20, 1usize..40).prop_flat_map(|(rows, offset, cols)| {
            (Just(rows), Just(offset), Just(cols), values((rows + offset) * cols), values(rows))
        }),
        seed in any::<prop::sample::Index>(),
    ) {
        let items: Vec<u32> = (0..cols as u32).filter(|i| !(i + seed.index(7) as u32).is_multiple_of(3)).collect();
        let weights: Vec<f32> = items.iter().map(|&i| 0.3 + i as f32 * 0.01).collect();
        let table = Columns::new(&table, (rows + offset, cols));
        let (mut got, mut expected) = (out.clone(), out);
        gather(&mut got, table, offset, &items, &weights);
        scalar::gather(&mut expected, table, offset, &items, &weights);
        assert_close(&got, &expected, 1e-5);
    }

    #[test]
    fn dots_equal_their_twin_and_do_not_depend_on_the_batch(
        (k, m, n, a, b) in (0usize..70, 1usize..20, 1usize..40).prop_flat_map(|(k, m, n)| {
            (Just(k), Just(m), Just(n), values(k * m + 1), values(k * n + 1))
        }),
    ) {
        // One value further, so that the start of an allocation does not decide on the alignment.
        let (a, b) = (Columns::new(&a[1..], (k, m)), Columns::new(&b[1..], (k, n)));
        let (mut got, mut expected) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
        dots(ColumnsMut::new(&mut got, (m, n)), a, b);
        scalar::dots(ColumnsMut::new(&mut expected, (m, n)), a, b);
        assert_close(&got, &expected, 1e-4);
        for j in 0..n {
            let mut alone = vec![f32::NAN; m];
            dots(ColumnsMut::new(&mut alone, (m, 1)), a, b.range(j..j + 1));
            prop_assert_eq!(&alone, &got[j * m..][..m], "column {} has other bits when computed alone", j);
            let (mut backwards, columns) = (vec![f32::NAN; m], (0..m).rev().map(|i| a.col(i)).collect::<Vec<_>>());
            dots_each(&mut backwards, &columns, b.col(j));
            backwards.reverse();
            prop_assert_eq!(&backwards, &alone, "columns from anywhere have other bits");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn dots_have_the_same_bits_by_any_registers(
        (k, m, n, a, b) in (0usize..70, 1usize..300, 1usize..30).prop_flat_map(|(k, m, n)| {
            (Just(k), Just(m), Just(n), values(k * m), values(k * n))
        }),
    ) {
        if has_avx512() {
            let (a, b) = (Columns::new(&a, (k, m)), Columns::new(&b, (k, n)));
            let (mut narrow, mut wide) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
            // SAFETY: the instructions were detected; the shapes fit.
            unsafe {
                avx2::dots(ColumnsMut::new(&mut narrow, (m, n)), a, b);
                avx512::dots(ColumnsMut::new(&mut wide, (m, n)), a, b);
            }
            prop_assert_eq!(narrow, wide);
        }
    }

    #[test]
    fn softmax_loss_equals_its_twin(
        (logits, (items, weights)) in (1usize..2100).prop_flat_map(|n| (values(n), history(n))),
        scale in 0.01f32..2.0,
    ) {
        let (mut got, mut expected) = (logits.clone(), logits);
        let loss = softmax_loss(&mut got, &items, &weights, scale);
        let expected_loss = scalar::softmax_loss(&mut expected, &items, &weights, scale);
        assert_close(&got, &expected, 1e-5);
        prop_assert!((loss - expected_loss).abs() <= 1e-5 * (1.0 + expected_loss.abs()), "{} {}", loss, expected_loss);
    }

    #[test]
    fn tanh_equals_its_twin((x, bias) in (0usize..40).prop_flat_map(|n| (values(n), values(n)))) {
        let (mut got, mut expected) = (x.clone(), x);
        tanh_bias(&mut got, &bias);
        scalar::tanh_bias(&mut expected, &bias);
        assert_close(&got, &expected, 1e-6);
    }

    #[test]
    fn adam_equals_its_twin((value, first, second, gradient) in (0usize..40).prop_flat_map(|n| (values(n), values(n), values(n), values(n)))) {
        let step = AdamStep { rate: 0.01, gradient_rate: 0.02, second_scale: 1.3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 };
        let second: Vec<f32> = second.into_iter().map(f32::abs).collect();
        let mut got = (value.clone(), first.clone(), second.clone());
        let mut expected = (value, first, second);
        adam(&step, &mut got.0, &mut got.1, &mut got.2, &gradient);
        scalar::adam(&step, &mut expected.0, &mut expected.1, &mut expected.2, &gradient);
        assert_close(&got.0, &expected.0, 1e-5);
        assert_close(&got.1, &expected.1, 1e-5);
        assert_close(&got.2, &expected.2, 1e-5);
    }

    /// Over edges of panels and blocks, with gaps between the columns of the destination.
    #[test]
    fn gemm_equals_the_triple_loop(
        (m, n, k, gap, a, b) in (0usize..40, 0usize..40, 0usize..700, 0usize..3).prop_flat_map(|(m, n, k, gap)| {
            (Just(m), Just(n), Just(k), Just(gap), values(m * k), values(n * k))
        }),
        strides in any::<[bool; 2]>(),
        update in prop::sample::select(vec![Update::REPLACE, Update::REPLACE_NEGATED, Update::SUBTRACT]),
        with_offset in any::<bool>(),
    ) {
        let offset: Vec<f32> = (0..if with_offset { m } else { 0 }).map(|row| row as f32 - 7.5).collect();
        let update = Update { offset: &offset, ..update };
        let (a_strides, b_strides) = (if strides[0] { (1, m) } else { (k, 1) }, if strides[1] { (1, k) } else { (n, 1) });
        let (lhs, rhs) = (Strided::new(&a, (m, k), a_strides), Strided::new(&b, (k, n), b_strides));
        let start = if update.keep == 0.0 { f32::NAN } else { 2.0 };
        let mut got = vec![start; (m + gap) * n];
        gemm(&mut StridedMut::new(&mut got, (m, n), m + gap), update, lhs, rhs);
        for (at, got) in got.into_iter().enumerate() {
            let (i, j) = (at % (m + gap), at / (m + gap));
            if i >= m {
                prop_assert_eq!(got.to_bits(), start.to_bits(), "written between the columns");
                continue;
            }
            let term = |p: usize| {
                f64::from(a[i * a_strides.0 + p * a_strides.1]) * f64::from(b[p * b_strides.0 + j * b_strides.1])
            };
            let sum = f64::from(update.scale) * (0..k).map(term).sum::<f64>();
            let kept = if update.keep == 0.0 { 0.0 } else { 2.0 * f64::from(update.keep) };
            let expected = kept + sum + offset.get(i).map_or(0.0, |&value| f64::from(value));
            prop_assert!((f64::from(got) - expected).abs() < 1e-2, "({i}, {j}): {got} instead of {expected}");
        }
    }
}

/// The product of two made-up factors, m × k and k × n, by `kernel` in a pool of so many threads.
fn product(
    kernel: fn(&mut StridedMut<'_>, Update<'_>, Strided<'_>, Strided<'_>),
    (m, n, k): (usize, usize, usize),
    threads: usize,
) -> Vec<f32> {
    let value = |salt: usize| move |i: usize| ((i * 7919 + salt) % 1009) as f32 / 504.0 - 1.0;
    let (a, b): (Vec<f32>, Vec<f32>) = ((0..m * k).map(value(1)).collect(), (0..k * n).map(value(2)).collect());
    let (lhs, rhs) = (Strided::new(&a, (m, k), (k, 1)), Strided::new(&b, (k, n), (1, k)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (mut out, offset): (_, Vec<f32>) = (vec![f32::NAN; m * n], (0..m).map(value(3)).collect());
    pool.install(|| kernel(&mut StridedMut::new(&mut out, (m, n), m), Update::with_offset(&offset), lhs, rhs));
    out
}

/// Every way of packing: the right factor once, the left one once, and both by each tile; and every way in which the
/// twin computes a tile: narrow ones, whose factors are contiguous, by inner products.
#[test]
fn gemm_and_its_twin_have_the_same_bits_for_any_number_of_threads() {
    for shape in [(130, 40, 650), (40, 130, 650), (1500, 1500, 1450), (3000, 7, 900), (40, 9, 600), (1, 33, 600)] {
        let [one, twin] = [gemm, gemm::portable].map(|kernel| {
            let one = product(kernel, shape, 1);
            for threads in [2, 3, 8] {
                assert!(product(kernel, shape, threads) == one, "{shape:?} with {threads} threads");
            }
            one
        });
        assert_close(&one, &twin, 1e-3);
    }
}

/// A model trained by one processor goes on with the same bytes on the other.
#[cfg(target_arch = "x86_64")]
#[test]
fn register_tiles_of_both_sizes_come_to_the_same_bits() {
    if !super::has_avx512() {
        println!("skipped: this processor has no AVX-512");
        return;
    }
    for shape in [(130, 40, 650), (40, 130, 650), (601, 500, 1450), (1, 33, 600), (33, 13, 7)] {
        let narrow = product(|dst, update, lhs, rhs| gemm::packed(AVX2, dst, update, lhs, rhs), shape, 2);
        let wide = product(|dst, update, lhs, rhs| gemm::packed(AVX512, dst, update, lhs, rhs), shape, 2);
        assert!(narrow == wide, "{shape:?}");
    }
}

#[test]
fn no_more_is_packed_at_once_than_the_caches_hold_or_one_block() {
    // Eleven blocks of 304 and 305 in all, two of which fit.
    assert_eq!(packed_at_once(500, 3_345), 500 * 2 * 305);
    // All of it.
    assert_eq!(packed_at_once(500, 600), 500 * 600);
    // One block of 300 is more already.
    assert_eq!(packed_at_once(20_000, 600), 20_000 * 300);
    assert_eq!([packed_at_once(0, 600), packed_at_once(500, 0)], [0, 0]);
    assert_eq!(packed_at_once(usize::MAX, usize::MAX), usize::MAX);
}

#[test]
fn softmax_survives_extreme_logits() {
    let mut logits = vec![-1e30f32, 0.0, 80.0, 1e4, -1e4, 5.0, 5.0, 5.0, 1e4];
    let loss = softmax_loss(&mut logits, &[0, 3], &[1.0, 1.0], 1.0);
    assert!(loss.is_finite() && logits.iter().all(|g| g.is_finite()), "{loss} {logits:?}");
}

#[test]
fn nan_is_never_swallowed() {
    for at in [0, 7, 13, 16] {
        let mut logits = vec![0.5f32; 17];
        logits[at] = f32::NAN;
        assert!(softmax_loss(&mut logits, &[3], &[1.0], 1.0).is_nan(), "position {at}");
        let mut x = vec![0.5f32; 17];
        x[at] = f32::NAN;
        tanh_bias(&mut x, &[0.0; 17]);
        assert!(x[at].is_nan(), "position {at}");
    }
}

#[test]
fn dots_beyond_one_block_equal_their_twin() {
    // More items than a block holds, users for whole and partial tiles.
    let (k, m, n) = (19, 2 * 128 + 3, 13);
    let number = |i: usize| ((i * 37) % 23) as f32 - 11.0;
    let (a, b): (Vec<f32>, Vec<f32>) = ((0..k * m).map(number).collect(), (0..k * n).map(number).collect());
    let (a, b) = (Columns::new(&a, (k, m)), Columns::new(&b, (k, n)));
    let (mut got, mut expected) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
    dots(ColumnsMut::new(&mut got, (m, n)), a, b);
    scalar::dots(ColumnsMut::new(&mut expected, (m, n)), a, b);
    assert_eq!(got, expected);
}

#[test]
#[should_panic(expected = "rows from")]
fn a_row_range_that_wraps_is_refused() {
    gather(&mut [0.0], Columns::new(&[1.0, 2.0], (2, 1)), usize::MAX, &[0], &[1.0]);
}

#[test]
#[should_panic(expected = "an item is outside")]
fn items_beyond_the_table_are_refused() {
    gather(&mut [0.0], Columns::new(&[1.0, 2.0], (1, 2)), 0, &[2], &[1.0]);
}
