use super::*;
use crate::models::{EaseConfig, EdlaeConfig};

/// Users × items, no two of them alike.
fn fixture() -> Interactions {
    let histories = (0..23u32).map(|user| {
        let pairs =
            (0..2 + user % 6).map(|k| (ItemIdx((user * user + 3 * k * k + k) % 11), 0.5 + ((user + k) % 4) as f32));
        crate::interactions::History::from_pairs(pairs).unwrap()
    });
    let histories: Vec<_> = histories.collect();
    Interactions::from_histories(11, histories.iter().map(crate::interactions::History::as_ref)).unwrap()
}

/// Solves a·x = b by elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for j in 0..n {
        let pivot = (j..n).max_by(|&p, &q| a[p][j].abs().total_cmp(&a[q][j].abs())).unwrap();
        a.swap(j, pivot);
        b.swap(j, pivot);
        for i in j + 1..n {
            let factor = a[i][j] / a[j][j];
            (j..n).for_each(|k| a[i][k] -= factor * a[j][k]);
            b[i] -= factor * b[j];
        }
    }
    for j in (0..n).rev() {
        b[j] = (b[j] - (j + 1..n).map(|k| a[j][k] * b[k]).sum::<f64>()) / a[j][j];
    }
    b
}

/// The definition, column by column, without an inverse: the normalised matrix X̃ is written out, each column is
/// regressed on all of them, or, where that takes the diagonal beyond its limit, on the others with the diagonal at the limit; the
/// weights are mapped back. Bᵢⱼ at `[i][j]`.
fn by_definition(objective: &Objective, train: &Interactions) -> Vec<Vec<f64>> {
    let (items, counts) = (train.items(), train.item_counts());
    let item_scale = |i: usize| f64::from(counts[i].max(1)).powf(-f64::from(objective.normalisation.item_power));
    let mut x = vec![vec![0.0; items]; train.users()];
    for (row, history) in x.iter_mut().zip(train.histories()) {
        let user_scale = (history.len() as f64).powf(-f64::from(objective.normalisation.user_power));
        for (&item, weight) in history.items().iter().zip(objective.weights.of(history)) {
            row[item as usize] = user_scale * f64::from(weight) * item_scale(item as usize);
        }
    }
    let gram = |i: usize, j: usize| x.iter().map(|row| row[i] * row[j]).sum::<f64>();
    let (p, limit) = (f64::from(objective.dropout), f64::from(objective.diagonal));
    let penalty = |i: usize| f64::from(objective.lambda) + p / (1.0 - p) * gram(i, i);
    let regress = |j: usize, on: &[usize], share: f64| {
        let row = |&i: &usize| on.iter().map(|&k| gram(i, k) + if i == k { penalty(i) } else { 0.0 }).collect();
        solve(on.iter().map(row).collect(), on.iter().map(|&i| share * gram(i, j)).collect())
    };
    let mut b = vec![vec![0.0; items]; items];
    for j in 0..items {
        let all: Vec<usize> = (0..items).collect();
        let free = regress(j, &all, 1.0);
        let others: Vec<usize> = (0..items).filter(|&i| i != j).collect();
        let (on, column) = if free[j] > limit {
            b[j][j] = limit;
            (&others, regress(j, &others, 1.0 - limit))
        } else {
            (&all, free)
        };
        on.iter().zip(column).for_each(|(&i, weight)| b[i][j] = weight);
        (0..items).for_each(|i| b[i][j] *= item_scale(i) / item_scale(j));
    }
    b
}

fn assert_solved(model: &ItemItem, objective: &Objective) {
    let expected = by_definition(objective, &fixture());
    for (i, row) in expected.iter().enumerate() {
        for (j, expected) in row.iter().enumerate() {
            let found = f64::from(model.weights[i * model.items + j]);
            assert!((found - expected).abs() < 2e-5, "{objective:?}: weight {i}, {j} is {found} instead of {expected}");
        }
    }
}

#[test]
fn weights_are_those_of_the_definition() {
    let powers = [(0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.5, 0.5)];
    for (weights, (user_power, item_power)) in
        [InputWeights::Binary, InputWeights::Use].into_iter().flat_map(|w| powers.map(|powers| (w, powers)))
    {
        let normalisation = Normalisation { user_power, item_power };
        let objective = Objective { weights, normalisation, lambda: 0.8, dropout: 0.0, diagonal: 0.0 };
        let ease = EaseConfig { lambda: 0.8, weights, user_power, item_power };
        assert_solved(&ease.fit(&fixture()).unwrap(), &objective);
        for (dropout, diagonal) in [(0.3, 0.0), (0.0, 0.2), (0.4, 0.3), (0.2, 1.0)] {
            let edlae = EdlaeConfig { dropout, lambda: 0.8, diagonal, weights, user_power, item_power };
            assert_solved(&edlae.fit(&fixture()).unwrap(), &Objective { dropout, diagonal, ..objective });
        }
    }
}

#[test]
fn without_dropout_and_powers_all_are_ease_to_the_bit() {
    let bits = |model: ItemItem| model.weights.iter().map(|weight| weight.to_bits()).collect::<Vec<_>>();
    let ease = bits(EaseConfig { lambda: 3.0, ..EaseConfig::default() }.fit(&fixture()).unwrap());
    let edlae = EdlaeConfig { dropout: 0.0, lambda: 3.0, ..EdlaeConfig::default() };
    assert_eq!(bits(edlae.fit(&fixture()).unwrap()), ease);
}

#[test]
fn an_item_nobody_has_says_nothing() {
    let train = fixture().over_items(13, &(0..11).collect::<Vec<_>>()).unwrap();
    for item_power in [0.0, 0.5] {
        let edlae = EdlaeConfig { item_power, ..EdlaeConfig::default() }.fit(&train).unwrap();
        assert!(edlae.weights[12 * 13..].iter().all(|weight| *weight == 0.0));
    }
}
