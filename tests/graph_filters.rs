//! The filters on the user–item graph against hand computation, and what their models refuse.

mod fixture;

use fixture::{ITEMS, ease, gf_cf, histories, publish_fixture, train, training};
use foldin::artifact::Manifest;
use foldin::interactions::Interactions;
use foldin::linalg::ColumnsMut;
use foldin::models::{
    BlendConfig, BlendPart, BspmConfig, GfCfConfig, LowPassConfig, Model, ModelConfig, Observer, Start, StoredTensors,
    fit, restore,
};
use foldin::types::UserIdx;

/// What a model stores.
fn stored(model: &dyn Model) -> StoredTensors {
    let mut stored = StoredTensors::default();
    for tensor in model.tensors() {
        stored.insert(tensor.full_name(), tensor.shape.clone(), tensor.data.to_vec());
    }
    model.indices().into_iter().for_each(|indices| stored.insert_indices(indices.full_name(), indices.data.to_vec()));
    stored
}

#[test]
fn a_sparse_matrix_whose_parts_contradict_each_other_is_refused() {
    let model = train(&gf_cf(), 1).model;
    let refused = |change: &dyn Fn(&str, &mut Vec<u32>)| {
        let mut tensors = stored(&*model);
        for indices in model.indices() {
            let mut data = indices.data.to_vec();
            change(indices.name, &mut data);
            tensors.insert_indices(indices.full_name(), data);
        }
        restore(&model.config(), ITEMS, tensors).err().unwrap().to_string()
    };
    let counts = refused(&|name, data| data[0] += u32::from(name == "graph.counts"));
    assert!(counts.contains("`graph.counts`") && counts.contains("add up to"), "{counts}");
    let users = refused(&|name, data| {
        if name == "graph.users" {
            data.reverse();
        }
    });
    assert!(users.contains("`graph.users`"), "{users}");
    let short = refused(&|name, data| data.truncate(data.len() - usize::from(name == "graph.users")));
    assert!(short.contains("`graph.values` has shape"), "{short}");
    let far = refused(&|name, data| {
        if name == "graph.users" {
            data[0] = u32::MAX;
        }
    });
    assert!(far.contains("`graph.users`") && far.contains("holds 4294967295 at position 0, must be below"), "{far}");
    let mut absent = stored(&*model);
    drop(absent.take_indices("graph.users").unwrap());
    let absent = restore(&model.config(), ITEMS, absent).err().unwrap().to_string();
    assert_eq!(absent, "tensor `graph.users` is missing");
}

#[test]
fn interactions_count_in_both_directions_that_memory_holds() {
    let root = tempfile::tempdir().unwrap();
    let manifest = publish_fixture(&root.path().join("model"), &gf_cf());
    let resident = |model: ModelConfig, more: usize| {
        let mut manifest = Manifest { model, ..manifest.clone() };
        manifest.shapes.interactions += more;
        // One direction is stored: a number and a value.
        manifest.files.get_mut("weights.safetensors").unwrap().bytes += 8 * more as u64;
        manifest.resident_bytes()
    };
    let part = |model| BlendPart { weight: 0.5, model };
    let blend = ModelConfig::Blend(BlendConfig { parts: vec![part(gf_cf()), part(ease())] });
    for model in [gf_cf(), ModelConfig::Bspm(BspmConfig::default()), blend] {
        assert_eq!(resident(model.clone(), 1000) - resident(model, 0), 16 * 1000);
    }
}

#[test]
fn a_rank_beyond_that_of_the_interactions_is_refused_with_both() {
    let observer =
        || Observer { validate: None, epoch: Box::leak(Box::new(|_: &_| {})), step: Box::leak(Box::new(|_, _| {})) };
    let refused = |rank, data: &Interactions| {
        let config = ModelConfig::GfCf(GfCfConfig { rank, ..GfCfConfig::default() });
        fit(&config, &training(1), data, Start::Random, observer()).err().unwrap().to_string()
    };
    // More than there are items; more than there are different histories.
    assert!(refused(256, &histories()).contains("model.rank is 256, and the normalised interactions have rank 37"));
    let rows: Vec<UserIdx> = (0..40).map(|user| UserIdx([43, 54, 32][user % 3])).collect();
    let twins = histories().select_users(&rows);
    assert!(refused(4, &twins).contains("model.rank is 4, and the normalised interactions have rank 3"));
}

#[test]
fn two_hops_and_the_low_pass_are_those_of_the_paper() {
    // Users {0, 1}, {1, 2}, {1}: degrees 2, 2, 1 of users and 1, 3, 1 of items, and R̃ᵀR̃ by hand.
    let data = Interactions::from_csr((3, 3), vec![0, 2, 4, 5], vec![0, 1, 1, 2, 1], vec![1.0; 5]).unwrap();
    let (a, b) = (1.0 / 2.0, 1.0 / 12f32.sqrt());
    let hops = [[a, b, 0.0], [b, 2.0 / 3.0, b], [0.0, b, a]];
    let scores_of = |config: &ModelConfig, user| {
        let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let model = fit(config, &training(1), &data, Start::Random, observer).unwrap().model;
        let mut out = [0.0; 3];
        model.score_block(&model.encode(&[data.history(UserIdx(user))]), 0..3, ColumnsMut::new(&mut out, (3, 1)));
        out
    };
    let near = |found: [f32; 3], expected: [f32; 3]| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}, not {expected:?}");
    };
    let two_hops = |r: [f32; 3]| [0, 1, 2].map(|item| (0..3).map(|from| r[from] * hops[from][item]).sum::<f32>());
    let both_filters = |rank, alpha| ModelConfig::GfCf(GfCfConfig { rank, alpha, ..GfCfConfig::default() });
    near(scores_of(&both_filters(1, 0.0), 0), two_hops([1.0, 1.0, 0.0]));
    // The first singular vector is that of √degree: a history counts by its length over all interactions.
    let smooth = [1.0, 3.0, 1.0].map(|degree| 2.0 * degree / 5.0);
    near(scores_of(&ModelConfig::LowPass(LowPassConfig { rank: 1, ..LowPassConfig::default() }), 0), smooth);
    let both = two_hops([1.0, 1.0, 0.0]);
    near(scores_of(&both_filters(1, 0.5), 0), [0, 1, 2].map(|item| both[item] + 0.5 * smooth[item]));
    // One Euler step of the sharpening, averaged with the blurred signal and not.
    let bspm = |averages| ModelConfig::Bspm(BspmConfig { rank: 1, beta: 0.0, averages, ..BspmConfig::default() });
    let again = two_hops(both);
    near(scores_of(&bspm(false), 0), [0, 1, 2].map(|item| both[item] - 1.2 * again[item]));
    near(scores_of(&bspm(true), 0), [0, 1, 2].map(|item| both[item] - 0.6 * again[item]));
    // The fourth order follows the exponential.
    let fine = ModelConfig::Bspm(BspmConfig {
        rank: 1,
        beta: 0.0,
        averages: false,
        sharpening_steps: 50,
        ..BspmConfig::default()
    });
    let coarse =
        ModelConfig::Bspm(BspmConfig { rank: 1, beta: 0.0, averages: false, order: 4, ..BspmConfig::default() });
    let (fine, coarse) = (scores_of(&fine, 0), scores_of(&coarse, 0));
    assert!(fine.iter().zip(coarse).all(|(a, b)| (a - b).abs() < 0.03), "{fine:?} {coarse:?}");
}
