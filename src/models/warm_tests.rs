use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::models::{
    CompressedElsaConfig, EaseConfig, ElsaConfig, MultDaeConfig, MultVaeConfig, RecVaeConfig, restore,
};

const SEED: u64 = 5;

fn ids(numbers: &[i64]) -> IdMap {
    IdMap::Int(numbers.to_vec().into())
}

fn vae(hidden: usize) -> ModelConfig {
    ModelConfig::MultVae(MultVaeConfig { hidden, latent: 3, ..MultVaeConfig::default() })
}

fn dae(hidden: usize) -> ModelConfig {
    ModelConfig::MultDae(MultDaeConfig { hidden, ..MultDaeConfig::default() })
}

fn elsa(dimensions: usize) -> ModelConfig {
    ModelConfig::Elsa(ElsaConfig { dimensions, ..ElsaConfig::default() })
}

fn compressed(kept: usize) -> ModelConfig {
    ModelConfig::CompressedElsa(CompressedElsaConfig { dimensions: 9, kept, ..CompressedElsaConfig::default() })
}

fn rec_vae(hidden: usize, layers: usize) -> ModelConfig {
    ModelConfig::RecVae(RecVaeConfig { hidden, layers, latent: 3, ..RecVaeConfig::default() })
}

fn fresh(config: &ModelConfig, items: usize, seed: u64) -> Box<dyn Model> {
    match config {
        ModelConfig::MultVae(config) => Box::new(MultVae::new(config, items, seed)),
        ModelConfig::MultDae(config) => Box::new(Autoencoder::new(config.description(), items, seed)),
        ModelConfig::Elsa(config) => Box::new(Elsa::new(config, items, seed)),
        ModelConfig::CompressedElsa(config) => Box::new(CompressedElsa::new(config, items, seed)),
        ModelConfig::RecVae(config) => Box::new(RecVae::new(config, items, seed)),
        _ => unreachable!("iterative models only"),
    }
}

/// Every tensor by name: the columns of items by external id, everything else under no id.
fn columns(model: &dyn Model, items: &[i64]) -> BTreeMap<(String, Option<i64>), Vec<f32>> {
    let mut out = BTreeMap::new();
    for tensor in model.tensors() {
        if !tensor.by_item {
            out.insert((tensor.name.into(), None), tensor.data.to_vec());
            continue;
        }
        for (column, &item) in tensor.data.chunks(tensor.data.len() / items.len()).zip(items) {
            out.insert((tensor.name.into(), Some(item)), column.to_vec());
        }
    }
    for indices in model.indices() {
        for (column, &item) in indices.data.chunks(indices.data.len() / items.len()).zip(items) {
            out.insert(
                (indices.name.into(), Some(item)),
                column.iter().flat_map(|&word| [(word >> 16) as f32, (word as u16).into()]).collect(),
            );
        }
    }
    out
}

proptest! {
    #[test]
    fn every_column_is_the_parents_or_a_new_models(
        old in proptest::collection::btree_set(-20..20i64, 1..20),
        new in proptest::collection::btree_set(-20..20i64, 1..20),
        config in prop::sample::select(vec![vae(4), dae(4), elsa(4), compressed(3), rec_vae(4, 3)]),
    ) {
        let (old, new): (Vec<i64>, Vec<i64>) = (old.into_iter().collect(), new.into_iter().collect());
        // Another seed, so that no column of the parent is a new model's by chance.
        let parent = fresh(&config, old.len(), SEED + 1);
        let common = new.iter().filter(|item| old.contains(item)).count();
        match carry_over(&*parent, &ids(&old), &ids(&new), &config, SEED) {
            Err(error) => {
                prop_assert_eq!(common, 0);
                prop_assert_eq!(error, WarmStartError::NoCommonItem { parent: old.len(), items: new.len() });
            }
            Ok((weights, changes)) => {
                let expected = ItemChanges { kept: common, new: new.len() - common, vanished: old.len() - common };
                prop_assert_eq!(changes, expected);
                let model = restore(&config, new.len(), weights).unwrap();
                let (parents, fresh) = (columns(&*parent, &old), columns(&*fresh(&config, new.len(), SEED), &new));
                for (key, values) in columns(&*model, &new) {
                    prop_assert_eq!(&values, parents.get(&key).unwrap_or_else(|| &fresh[&key]), "{:?}", key);
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_continued_is_named() {
    let refused = |parent: &ModelConfig, asked: &ModelConfig| check_shapes(parent, asked).unwrap_err().to_string();
    let ease = ModelConfig::Ease(EaseConfig::default());
    for (error, part) in [
        (refused(&ease, &ease), "ease is solved in closed form"),
        (refused(&vae(4), &ease), "is mult-vae, and ease cannot"),
        (refused(&vae(4), &dae(4)), "is mult-vae, and mult-dae cannot"),
        (refused(&vae(4), &vae(6)), "model.hidden is 6, the earlier model's is 4"),
        (refused(&dae(4), &dae(6)), "model.hidden is 6, the earlier model's is 4"),
        (refused(&elsa(4), &elsa(6)), "model.dimensions is 6, the earlier model's is 4"),
        (refused(&compressed(3), &compressed(4)), "model.kept is 4, the earlier model's is 3"),
        (refused(&rec_vae(4, 3), &rec_vae(4, 2)), "model.layers is 2, the earlier model's is 3"),
    ] {
        assert!(error.contains(part), "{error}");
    }
    // What does not change a shape may change.
    let other = ModelConfig::MultVae(MultVaeConfig { hidden: 4, latent: 3, dropout: 0.1, ..MultVaeConfig::default() });
    assert_eq!(check_shapes(&vae(4), &other), Ok(()));

    let parent = fresh(&dae(4), 2, SEED);
    let text = IdMap::Text(["1", "2"].into_iter().collect());
    let error = carry_over(&*parent, &ids(&[1, 2]), &text, &dae(4), SEED).unwrap_err();
    assert_eq!(error, WarmStartError::IdType { parent: "integer", found: "text" });
}

#[test]
fn integers_match_by_value_whatever_their_type() {
    let parent = fresh(&dae(4), 2, SEED);
    let unsigned = IdMap::Uint(vec![2, u64::MAX]);
    let (_, changes) = carry_over(&*parent, &ids(&[1, 2]), &unsigned, &dae(4), SEED).unwrap();
    assert_eq!(changes, ItemChanges { kept: 1, new: 1, vanished: 1 });
}
