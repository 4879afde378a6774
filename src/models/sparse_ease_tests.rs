use super::*;
use crate::interactions::History;
use crate::models::EaseConfig;

/// Users × items, no two of them alike.
fn fixture() -> Interactions {
    let histories: Vec<History> = (0..40u32)
        .map(|user| {
            let pairs =
                (0..2 + user % 7).map(|k| (ItemIdx((user * user + 3 * k * k + k) % 17), 1.0 + (user % 3) as f32));
            History::from_pairs(pairs).unwrap()
        })
        .collect();
    Interactions::from_histories(17, histories.iter().map(History::as_ref)).unwrap()
}

fn sparse(neighbours: usize) -> SparseEaseConfig {
    SparseEaseConfig { neighbours, lambda: 2.0, weights: InputWeights::Use, user_power: 0.3, item_power: 0.2 }
}

/// Every Bᵢⱼ, item i after item i.
fn weights(model: &dyn Model, items: usize) -> Vec<f32> {
    let one = |item: u32| History::from_pairs([(ItemIdx(item), 1.0)]).unwrap();
    let histories: Vec<History> = (0..items as u32).map(one).collect();
    let query = model.encode(&histories.iter().map(History::as_ref).collect::<Vec<_>>());
    let mut out = vec![0.0; items * items];
    model.score_block(&query, 0..items as u32, ColumnsMut::new(&mut out, (items, items)));
    out
}

#[test]
fn with_all_neighbours_it_is_ease() {
    // Somebody has everything, so that everything is correlated.
    let everything = History::from_pairs((0..17).map(|item| (ItemIdx(item), 1.0))).unwrap();
    let train = fixture();
    let histories = train.histories().chain([everything.as_ref()]);
    let train = Interactions::from_histories(17, histories).unwrap();
    let SparseEaseConfig { lambda, weights: input, user_power, item_power, .. } = sparse(16);
    let dense = EaseConfig { lambda, weights: input, user_power, item_power }.fit(&train).unwrap();
    let model = SparseEase::fit(&sparse(16), &train).unwrap();
    for (found, expected) in weights(&model, 17).into_iter().zip(weights(&dense, 17)) {
        assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
    }
}

/// Of each column the weights that stand on the pattern solve the normal equations of these items: the gradient of the
/// objective vanishes there, computed from the log written out.
#[test]
fn weights_are_the_best_on_their_pattern() {
    let config = SparseEaseConfig { weights: InputWeights::Binary, user_power: 0.0, item_power: 0.0, ..sparse(4) };
    let train = fixture();
    let model = SparseEase::fit(&config, &train).unwrap();
    let b = weights(&model, 17);
    let rows: Vec<Vec<f64>> = train
        .histories()
        .map(|history| (0..17).map(|item| f64::from(u8::from(history.items().contains(&item)))).collect())
        .collect();
    for j in 0..17 {
        let near: Vec<usize> = (0..17).filter(|i| b[i * 17 + j] != 0.0).collect();
        assert!(near.len() <= 4 && !near.contains(&j), "{near:?}");
        for &i in &near {
            let residual =
                |row: &Vec<f64>| row[j] - near.iter().map(|k| row[*k] * f64::from(b[k * 17 + j])).sum::<f64>();
            let fit: f64 = rows.iter().map(|row| row[i] * residual(row)).sum();
            assert!((fit - 2.0 * f64::from(b[i * 17 + j])).abs() < 1e-4, "item {j}, neighbour {i}: {fit}");
        }
    }
}

#[test]
fn stored_numbers_that_are_no_items_are_refused() {
    let model = SparseEase::fit(&sparse(3), &fixture()).unwrap();
    let refusal = |name: &str, position: usize, value: u32| {
        let mut stored = StoredTensors::default();
        for part in model.tensors() {
            stored.insert(part.full_name(), part.shape.clone(), part.data.to_vec());
        }
        for indices in model.indices() {
            let mut data = indices.data.to_vec();
            if indices.name == name {
                data[position] = value;
            }
            stored.insert_indices(indices.full_name(), data);
        }
        SparseEase::restore(&sparse(3), 17, &mut stored).unwrap_err().to_string()
    };
    let no_matrix = |name: &str| format!("tensor `{name}` does not describe a sparse matrix: ");
    assert_eq!(refusal("items", 2, 17), no_matrix("items") + "it holds 17 at position 2, must be below 17");
    let counts = refusal("counts", 0, u32::MAX);
    assert!(counts.starts_with(&(no_matrix("counts") + "they add up to 4294967")), "{counts}");
    // Not ascending within a row.
    assert!(refusal("items", 0, 16).starts_with(&no_matrix("items")));
}
