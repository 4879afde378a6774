use super::*;
use crate::models::gradient_check;
use crate::models::{Elsa, ElsaTrainer};
use crate::nn::GradientRef;
use crate::training::Gradient;
use crate::types::UserIdx;

fn config(dimensions: usize, kept: usize, weights: InputWeights) -> CompressedElsaConfig {
    CompressedElsaConfig { dimensions, kept, pruning: 0.5, weights }
}

#[test]
fn gradients_match_finite_differences_and_what_is_not_kept_has_none() {
    for weights in [InputWeights::Binary, InputWeights::Use] {
        // The check stands after the schedule: 8 of 12 values of 7 items are kept.
        let model = CompressedElsa::new(&config(12, 8, weights), 7, 11);
        gradient_check::check(CompressedElsaTrainer::new(model));
    }
}

#[test]
fn the_number_of_values_falls_by_equal_factors() {
    let config = config(1024, 16, InputWeights::Binary);
    let kept: Vec<usize> = [0.0, 0.125, 0.25, 0.375, 0.5, 1.0].map(|progress| config.kept_at(progress)).into();
    // Each quarter of the first half divides by √8.
    assert_eq!(kept, [1024, 362, 128, 45, 16, 16]);
    assert_eq!(CompressedElsaConfig { pruning: 0.0, ..config }.kept_at(0.0), 16);
}

/// One gradient over all users after a fraction of the steps: the loss and the values.
fn gradient<N: Network>(mut network: N, progress: f64) -> (f64, Vec<f32>) {
    let train = gradient_check::fixture();
    let users = [0, 1, 2, 3];
    let histories = users.iter().map(|&user| train.history(UserIdx(user))).collect();
    let shard = Shard { histories, users: &users, seed: 1, epoch: 1, progress, batch_users: 4 };
    let mut gradient = network.new_gradient();
    let loss = network.gradient(&shard, &mut gradient);
    let GradientRef::Dense(values) = gradient.parts()[0] else { unreachable!("a dense table") };
    (loss, values.to_vec())
}

#[test]
fn before_anything_is_pruned_it_is_an_elsa() {
    let elsa = ElsaConfig { dimensions: 9, weights: InputWeights::Use };
    let ours = CompressedElsa::new(&config(9, 3, InputWeights::Use), 7, 5);
    let dense = Elsa::new(&elsa, 7, 5);
    assert_eq!(gradient(CompressedElsaTrainer::new(ours.clone()), 0.0), gradient(ElsaTrainer::new(dense), 0.0));
    // Afterwards, an ELSA of the pruned table, with a gradient where that is not zero.
    let mut pruned = Elsa::new(&elsa, 7, 5);
    let mut order = Vec::new();
    for column in pruned.values_mut()[0].chunks_exact_mut(9) {
        let kept = strongest(column, 3, &mut order);
        let others = (0..9).filter(|place| !kept.contains(place));
        others.for_each(|place| column[place as usize] = 0.0);
    }
    let (loss, values) = gradient(CompressedElsaTrainer::new(ours), 1.0);
    let (expected_loss, expected) = gradient(ElsaTrainer::new(pruned), 1.0);
    assert!((loss - expected_loss).abs() < 1e-6, "{loss} instead of {expected_loss}");
    assert_eq!(values.iter().filter(|value| **value != 0.0).count(), 7 * 3);
    for (value, expected) in values.iter().zip(&expected).filter(|(value, _)| **value != 0.0) {
        assert!((value - expected).abs() < 1e-6, "{value} instead of {expected}");
    }
}

#[test]
fn scores_are_inner_products_of_unit_vectors() {
    let model = CompressedElsa::new(&config(10, 4, InputWeights::Use), 6, 2);
    let vectors = model.embed_items(0..6).unwrap();
    for vector in vectors.column_iter() {
        assert!((vector.norm() - 1.0).abs() < 1e-6);
        assert_eq!(vector.iter().filter(|value| **value != 0.0).count(), 4);
    }
    let history = HistoryRef::from_sorted(&[1, 4], &[2.0, 0.5]);
    let query = model.encode(&[history]);
    let mut scores = [0.0; 6];
    model.score_block(&query, 0..6, ColumnsMut::new(&mut scores, (6, 1)));
    let user = vectors.column(1) * 2.0 + vectors.column(4) * 0.5;
    for (score, vector) in scores.iter().zip(vectors.column_iter()) {
        assert!((score - vector.dot(&user)).abs() < 1e-6);
    }
}

#[test]
fn words_that_are_no_code_are_refused_by_name() {
    let config = config(5, 2, InputWeights::Binary);
    // Two places in a word, two values in the next.
    let stored = |places: [[u32; 2]; 2], words: usize| {
        let mut all = places.iter().flat_map(|[first, second]| [first | second << 16, 0x0101]).collect::<Vec<_>>();
        all.truncate(words);
        let mut stored = StoredTensors::default();
        stored.insert(SCALES.into(), vec![2], vec![0.6, 0.8]);
        stored.insert_indices(CODES.into(), all);
        CompressedElsa::restore(&config, 2, &mut stored)
    };
    assert!(stored([[0, 4], [1, 2]], 4).is_ok());
    for (places, words) in [([[0, 5], [1, 2]], 4), ([[4, 0], [1, 2]], 4), ([[0, 4], [1, 2]], 3)] {
        let refused = stored(places, words).err().unwrap().to_string();
        assert!(refused.contains("`codes`"), "{refused}");
    }
}
