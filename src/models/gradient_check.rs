//! Analytic gradients against central finite differences.

use crate::interactions::Interactions;
use crate::nn::GradientRef;
use crate::training::{Gradient, Network, Shard, Weights};
use crate::types::UserIdx;

/// An asymmetric fixture: no two users, items or lengths alike.
pub fn fixture() -> Interactions {
    let offsets = vec![0, 3, 5, 6, 10];
    let items = vec![0, 2, 5, 1, 2, 6, 0, 3, 4, 6];
    let weights = vec![1.0, 2.0, 0.5, 3.0, 1.0, 1.5, 0.7, 1.2, 2.5, 1.0];
    Interactions::from_csr((4, 7), offsets, items, weights).unwrap()
}

/// A gradient with the zeros of untouched columns.
pub fn values(part: GradientRef<'_>) -> Vec<f32> {
    match part {
        GradientRef::Dense(values) => values.to_vec(),
        GradientRef::Table(table) => {
            let column = |item| table.column(item).map_or(vec![0.0; table.rows()], <[f32]>::to_vec);
            (0..table.items()).flat_map(column).collect()
        }
    }
}

/// Checks every parameter of `network`, and that weights and gradient list the same tensors in the same order.
///
/// Dropout and the code's noise depend on the shard's names alone, so the loss is a fixed function of
/// the weights and can be differentiated numerically.
pub fn check<N: Network>(network: N) {
    check_in(1, network);
}

/// The same for the tensors that an epoch moves.
pub fn check_in<N: Network>(epoch: u64, mut network: N) {
    const H: f32 = 4e-3;
    let train = fixture();
    let shard = Shard {
        histories: (0..4).map(|user| train.history(UserIdx(user))).collect(),
        users: &[0, 1, 2, 3],
        seed: 3,
        epoch,
        progress: 0.9,
        batch_users: 4,
    };
    network.begin_epoch(epoch);
    let mut gradient = network.new_gradient();
    network.gradient(&shard, &mut gradient);
    let analytic: Vec<Vec<f32>> = gradient.parts().into_iter().map(values).collect();
    let names: Vec<(&str, usize)> = network.weights().named().iter().map(|(name, data)| (*name, data.len())).collect();
    let lengths: Vec<usize> = network.weights_mut().values_mut().iter().map(|data| data.len()).collect();
    assert_eq!(names.iter().map(|(_, len)| *len).collect::<Vec<_>>(), lengths, "{names:?}");
    assert_eq!(analytic.iter().map(Vec::len).collect::<Vec<_>>(), lengths, "{names:?}");
    let mut scratch = network.new_gradient();
    let (mut nonzero, mut checked) = (0, 0);
    let moved = analytic.iter().enumerate().filter(|(t, _)| network.moves(*t, epoch)).collect::<Vec<_>>();
    for (t, analytic) in moved {
        for (at, &expected) in analytic.iter().enumerate() {
            let mut loss_at = |shift: f32| {
                let original = network.weights().named()[t].1[at];
                network.weights_mut().values_mut()[t][at] = original + shift;
                let loss = network.gradient(&shard, &mut scratch);
                network.weights_mut().values_mut()[t][at] = original;
                loss / 4.0
            };
            let numeric = (loss_at(H) - loss_at(-H)) / (2.0 * f64::from(H));
            let expected = f64::from(expected);
            assert!(
                (numeric - expected).abs() < 1e-3 + 1e-2 * expected.abs(),
                "{}, parameter {at}: {expected}, numerically {numeric}",
                names[t].0
            );
            nonzero += usize::from(expected.abs() > 1e-2);
            checked += 1;
        }
    }
    // A few tensors have no more than that.
    let enough = nonzero > 40 || 10 * nonzero >= 9 * checked;
    assert!(enough, "only {nonzero} of {checked} gradients are large enough to mean anything");
}
