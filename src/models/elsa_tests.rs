use super::*;
use crate::models::gradient_check;
use crate::types::UserIdx;

fn config(dimensions: usize, weights: InputWeights) -> ElsaConfig {
    ElsaConfig { dimensions, weights }
}

#[test]
fn gradients_match_finite_differences() {
    for weights in [InputWeights::Binary, InputWeights::Use] {
        gradient_check::check(ElsaTrainer::new(Elsa::new(&config(8, weights), 7, 11)));
    }
}

/// The loss as the paper defines it, with predictions written out.
fn loss_by_definition(table: &[f32], dimensions: usize, history: HistoryRef<'_>) -> f64 {
    let unit = |v: Vec<f64>| {
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.into_iter().map(|x| x / length).collect::<Vec<_>>()
    };
    let a: Vec<Vec<f64>> =
        table.chunks(dimensions).map(|column| unit(column.iter().map(|&x| f64::from(x)).collect())).collect();
    let mut x = vec![0.0; a.len()];
    history.items().iter().zip(history.weights()).for_each(|(&item, &weight)| x[item as usize] = f64::from(weight));
    let x = unit(x);
    let product = |i: usize, j: usize| a[i].iter().zip(&a[j]).map(|(a, b)| a * b).sum::<f64>();
    let y = (0..x.len()).map(|j| (0..x.len()).map(|i| x[i] * product(i, j)).sum::<f64>() - x[j]).collect();
    unit(y).iter().zip(&x).map(|(y, x)| (y - x).powi(2)).sum()
}

#[test]
fn the_loss_is_that_of_the_paper() {
    let train = gradient_check::fixture();
    let users = [0, 1, 3];
    let shard = Shard {
        histories: users.iter().map(|&user| train.history(UserIdx(user))).collect(),
        users: &users,
        seed: 1,
        epoch: 1,
        progress: 0.0,
        batch_users: 3,
    };
    let model = Elsa::new(&config(5, InputWeights::Use), 7, 3);
    let expected: f64 = shard.histories.iter().map(|&history| loss_by_definition(&model.table, 5, history)).sum();
    let mut trainer = ElsaTrainer::new(model);
    let mut gradient = trainer.new_gradient();
    let found = trainer.gradient(&shard, &mut gradient);
    assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
}

#[test]
fn a_vector_without_length_has_no_part_in_anything() {
    let mut model = Elsa::new(&config(4, InputWeights::Binary), 7, 3);
    model.values_mut()[0][8..12].fill(0.0);
    assert_eq!(model.directions().col(2), [0.0; 4]);
    let history = [2];
    let alone = HistoryRef::from_sorted(&history, &[1.0]);
    assert_eq!(model.embed(&[alone]).as_slice(), [0.0; 4]);
}
