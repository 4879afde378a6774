//! What every model must fulfil, on one asymmetric fixture.

use foldin::anomaly::{Calibration, reconstruct};
use foldin::interactions::{History, HistoryRef, Interactions};
use foldin::linalg::ColumnsMut;
use foldin::models::{
    AutoRecConfig, BiasesConfig, Blend, BspmConfig, CdaeConfig, CompressedElsaConfig, Draws, EaseConfig, EdlaeConfig,
    ElsaConfig, Fitted, GfCfConfig, InputWeights, LowPassConfig, Model, ModelConfig, MultDaeConfig, MultVaeConfig,
    Observer, PopularityConfig, Query, RecVaeConfig, SparseAeConfig, SparseEaseConfig, StackedConfig, Start,
    StoredTensors, fit, restore,
};
use foldin::ranking::{Candidates, rank_users};
use foldin::training::TrainingConfig;
use foldin::types::{ItemIdx, UserIdx};

const ITEMS: usize = 37;
const USERS: usize = 90;

/// Users of every length from 1 on, items of every popularity, weights that differ: nothing in it is
/// symmetric, so a transposition or an off-by-one shows.
fn fixture() -> Interactions {
    let histories: Vec<History> = (0..USERS)
        .map(|user| {
            let pairs = (0..1 + user % 11).map(|k| {
                let item = (user * user + 3 * k * k + k) % (ITEMS - user % 5);
                (ItemIdx(item as u32), 0.5 + ((user + 2 * k) % 7) as f32)
            });
            History::from_pairs(pairs).unwrap()
        })
        .collect();
    Interactions::from_histories(ITEMS, histories.iter().map(History::as_ref)).unwrap()
}

fn configurations() -> Vec<ModelConfig> {
    let (minimum, maximum) = (0.5, 6.5);
    let mut all = vec![
        ModelConfig::Popularity(PopularityConfig::default()),
        ModelConfig::Biases(BiasesConfig { minimum, maximum, ..BiasesConfig::default() }),
    ];
    for residual in [false, true] {
        all.push(ModelConfig::AutoRec(AutoRecConfig {
            hidden: 11,
            residual,
            minimum,
            maximum,
            ..AutoRecConfig::default()
        }));
    }
    for weights in [InputWeights::Binary, InputWeights::Use] {
        all.push(ModelConfig::Ease(EaseConfig { lambda: 20.0, weights, ..EaseConfig::default() }));
        all.push(ModelConfig::Edlae(EdlaeConfig {
            lambda: 20.0,
            weights,
            diagonal: 0.2,
            user_power: 0.3,
            item_power: 0.2,
            ..EdlaeConfig::default()
        }));
        all.push(ModelConfig::SparseEase(SparseEaseConfig {
            neighbours: 9,
            lambda: 20.0,
            weights,
            ..SparseEaseConfig::default()
        }));
        all.push(ModelConfig::Elsa(ElsaConfig { dimensions: 11, weights }));
        all.push(ModelConfig::CompressedElsa(CompressedElsaConfig { dimensions: 12, kept: 4, pruning: 0.5, weights }));
        all.push(ModelConfig::LowPass(LowPassConfig { rank: 6, weights }));
        all.push(ModelConfig::GfCf(GfCfConfig { rank: 5, alpha: 0.3, weights }));
        all.push(ModelConfig::Bspm(BspmConfig { rank: 7, weights, ..BspmConfig::default() }));
        all.push(ModelConfig::MultVae(MultVaeConfig { hidden: 19, latent: 6, weights, ..MultVaeConfig::default() }));
        all.push(ModelConfig::MultDae(MultDaeConfig { hidden: 13, weights, ..MultDaeConfig::default() }));
        let cdae = CdaeConfig { hidden: 9, weights, ..CdaeConfig::default() };
        all.push(ModelConfig::Cdae(cdae.clone()));
        all.push(ModelConfig::Cdae(CdaeConfig { user_nodes: true, ..cdae }));
        let stacked = StackedConfig { encoder: vec![17, 9, 6], weights, ..StackedConfig::default() };
        all.push(ModelConfig::Stacked(stacked.clone()));
        all.push(ModelConfig::Stacked(StackedConfig { decoder: Some(vec![7]), ..stacked.clone() }));
        all.push(ModelConfig::Stacked(StackedConfig { tied: true, pretraining: vec![1, 0, 1], ..stacked }));
        all.push(ModelConfig::SparseAe(SparseAeConfig { hidden: 21, weights, ..SparseAeConfig::default() }));
        all.push(ModelConfig::RecVae(RecVaeConfig {
            hidden: 17,
            layers: 3,
            latent: 6,
            weights,
            encoder_epochs: 2,
            ..RecVaeConfig::default()
        }));
    }
    all
}

fn training() -> TrainingConfig {
    TrainingConfig { epochs: 3, batch_size: 16, learning_rate: 5e-3, ..TrainingConfig::default() }
}

fn train(config: &ModelConfig, training: &TrainingConfig) -> Fitted {
    let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    fit(config, training, &fixture(), Start::Random, observer).unwrap()
}

fn each_model(mut check: impl FnMut(&str, &dyn Model, &Interactions)) {
    let data = fixture();
    for config in configurations() {
        check(&format!("{config:?}"), &*train(&config, &training()).model, &data);
    }
    let parts = configurations().iter().skip(3).take(4).map(|config| train(config, &training()).model).collect();
    check("a blend", &Blend::new(parts, &[0.4, 0.3, 0.0, 0.3]).unwrap(), &data);
}

fn scores(model: &dyn Model, query: &Query) -> Vec<f32> {
    let mut out = vec![f32::NAN; ITEMS * query.users()];
    model.score_block(query, 0..ITEMS as u32, ColumnsMut::new(&mut out, (ITEMS, query.users())));
    out
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn a_users_scores_are_identical_in_any_batch() {
    each_model(|name, model, data| {
        let histories: Vec<HistoryRef<'_>> = data.histories().collect();
        let whole = scores(model, &model.encode(&histories));
        assert!(whole.iter().all(|s| s.is_finite()), "{name}");
        for size in [1, 2, 7, 64] {
            let parts: Vec<f32> = histories.chunks(size).flat_map(|part| scores(model, &model.encode(part))).collect();
            assert_eq!(bits(&parts), bits(&whole), "{name}: batches of {size}");
        }
    });
}

#[test]
fn a_history_is_reconstructed_alike_in_any_batch_and_as_its_definition_says() {
    each_model(|name, model, data| {
        let histories: Vec<HistoryRef<'_>> = data.histories().collect();
        let whole = reconstruct(model, &histories);
        for size in [1, 7, 64] {
            let parts: Vec<_> = histories.chunks(size).flat_map(|part| reconstruct(model, part)).collect();
            assert_eq!(parts, whole, "{name}: batches of {size}");
        }
        for user in [0, 10, 43, 89] {
            let history = histories[user];
            let pairs: Vec<_> = history.items().iter().zip(history.weights()).map(|(&i, &w)| (ItemIdx(i), w)).collect();
            for (at, place) in whole[user].places.iter().enumerate() {
                // Without every fifth item, of which this is one, everything else is a candidate.
                let rest = pairs.iter().enumerate().filter(|(other, _)| other % 5 != at % 5).map(|(_, pair)| *pair);
                let rest = History::from_pairs(rest).unwrap();
                let scores = scores(model, &model.encode(&[rest.as_ref()]));
                let own = scores[pairs[at].0.at()];
                let candidates = (0..ITEMS as u32).filter(|item| !rest.as_ref().items().contains(item));
                let scores: Vec<f32> = candidates.map(|item| scores[item as usize]).collect();
                let count = |of: &dyn Fn(&f32) -> bool| scores.iter().filter(|score| of(score)).count() as f64;
                let higher = count(&|score| *score > own) + count(&|score| *score == own) / 2.0;
                assert_eq!(*place, higher / scores.len() as f64, "{name}: item {at} of user {user}");
            }
        }
        let calibration = Calibration::of(model, &[&histories[..], &histories[..]].concat()).unwrap();
        let normal = whole.iter().map(|found| calibration.assess(found.places.len(), found.statistic().unwrap()));
        assert!(
            normal.into_iter().all(|found| found.p_value > 0.0 && found.p_value <= 1.0 && !found.outside),
            "{name}"
        );
    });
}

#[test]
fn a_stored_history_folds_in_like_the_same_items_given_ad_hoc() {
    each_model(|name, model, data| {
        for user in [0, 10, 43, 89] {
            let stored = data.history(UserIdx(user));
            // Given in another order and with a repeated item, as a client might.
            let mut pairs: Vec<(ItemIdx, f32)> =
                stored.items().iter().zip(stored.weights()).map(|(&i, &w)| (ItemIdx(i), w)).collect();
            pairs.reverse();
            pairs.push(pairs[0]);
            let ad_hoc = History::from_pairs(pairs).unwrap();
            let (a, b) = (model.encode(&[stored]), model.encode(&[ad_hoc.as_ref()]));
            assert_eq!(bits(&scores(model, &a)), bits(&scores(model, &b)), "{name}: user {user}");
            assert_eq!(model.embed_users(&[stored]), model.embed_users(&[ad_hoc.as_ref()]), "{name}: user {user}");
        }
    });
}

#[test]
fn blocks_and_single_items_equal_the_whole() {
    each_model(|name, model, data| {
        let histories: Vec<HistoryRef<'_>> = data.histories().take(9).collect();
        let query = model.encode(&histories);
        let whole = scores(model, &query);
        for width in [1, 5, 16] {
            for first in (0..ITEMS).step_by(width) {
                let len = width.min(ITEMS - first);
                let mut block = vec![f32::NAN; len * 9];
                model.score_block(&query, first as u32..(first + len) as u32, ColumnsMut::new(&mut block, (len, 9)));
                for user in 0..9 {
                    let expected = &whole[user * ITEMS + first..][..len];
                    assert_eq!(
                        bits(&block[user * len..][..len]),
                        bits(expected),
                        "{name}: items {first}.., user {user}"
                    );
                }
            }
        }
        let chosen = [ItemIdx(36), ItemIdx(0), ItemIdx(17)];
        let mut single = [f32::NAN; 3];
        model.score_items(&query, 8, &chosen, &mut single);
        let expected = chosen.map(|item| whole[8 * ITEMS + item.at()]);
        assert_eq!(bits(&single), bits(&expected), "{name}");
    });
}

#[test]
fn terms_add_up_to_the_score_and_leaving_the_largest_out_lowers_it() {
    let mut linear = 0;
    each_model(|_, model, data| {
        linear += usize::from(model.terms(data.history(UserIdx(0)), ItemIdx(0)).is_some());
        for user in [9, 43, 87] {
            let history = data.history(UserIdx(user));
            let whole = scores(model, &model.encode(&[history]));
            for (item, &score) in whole.iter().enumerate() {
                let Some(terms) = model.terms(history, ItemIdx(item as u32)) else { break };
                assert_eq!(terms.len(), history.len());
                assert!((terms.iter().sum::<f32>() - score).abs() < 1e-5 * score.abs().max(1.0));
                let (largest, term) = terms.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
                let rest = (0..history.len()).filter(|at| *at != largest);
                let rest = History::from_pairs(rest.map(|at| (ItemIdx(history.items()[at]), history.weights()[at])));
                let without = scores(model, &model.encode(&[rest.unwrap().as_ref()]))[item];
                assert!((score - without - term).abs() < 1e-5);
                assert!(*term <= 0.0 || without < score);
            }
        }
    });
    assert_eq!(
        linear, 14,
        "EASE, EDLAE, sparse EASE, ELSA, Compressed ELSA, low-pass and GF-CF, with weights and without"
    );
}

#[test]
fn draws_scatter_around_the_best_guess() {
    let mut variational = 0;
    each_model(|name, model, data| {
        let history = data.history(UserIdx(43));
        let draw = |seed, count, scale| model.draw(history, &Draws { seed, count, scale });
        let Some(certain) = draw(1, 2, 0.0) else { return };
        variational += 1;
        let best = scores(model, &model.encode(&[history]));
        assert_eq!(bits(&scores(model, &certain)), bits(&[best.clone(), best.clone()].concat()), "{name}");
        let draws = scores(model, &draw(1, 64, 1.0).unwrap());
        assert_eq!(bits(&draws), bits(&scores(model, &draw(1, 64, 1.0).unwrap())), "{name}: the seed decides");
        assert_ne!(bits(&draws), bits(&scores(model, &draw(2, 64, 1.0).unwrap())), "{name}");
        // More draws begin with the fewer.
        assert_eq!(bits(&draws[..3 * ITEMS]), bits(&scores(model, &draw(1, 3, 1.0).unwrap())), "{name}");
        let distance = |scale| {
            let draws = scores(model, &draw(5, 64, scale).unwrap());
            draws.chunks(ITEMS).flat_map(|draw| draw.iter().zip(&best)).map(|(a, b)| (a - b).abs()).sum::<f32>()
        };
        assert!(distance(0.5) < distance(1.0) && distance(1.0) < distance(2.0), "{name}");
    });
    assert_eq!(variational, 4, "Mult-VAE and RecVAE, with weights and without");
}

#[test]
fn batches_can_be_joined() {
    each_model(|name, model, data| {
        let histories: Vec<HistoryRef<'_>> = data.histories().take(9).collect();
        let parts = [0..2, 2..3, 3..9].map(|part| model.encode(&histories[part])).into();
        let (joined, whole) = (Query::joined(parts), model.encode(&histories));
        assert_eq!(joined.users(), 9);
        assert_eq!(bits(&scores(model, &joined)), bits(&scores(model, &whole)), "{name}");
    });
}

#[test]
fn an_empty_history_has_an_answer() {
    each_model(|name, model, _| {
        let empty = History::default();
        assert!(scores(model, &model.encode(&[empty.as_ref()])).iter().all(|s| s.is_finite()), "{name}");
    });
}

#[test]
fn embeddings_are_finite_and_of_the_declared_width() {
    each_model(|name, model, data| {
        let histories: Vec<HistoryRef<'_>> = data.histories().collect();
        let users = model.embed_users(&histories);
        assert_eq!(users.as_ref().map(|e| e.shape()), model.user_space().map(|s| (s.dim, USERS)), "{name}");
        let items = model.embed_items(0..ITEMS as u32);
        assert_eq!(items.as_ref().map(|e| e.shape()), model.item_space().map(|s| (s.dim, ITEMS)), "{name}");
        let some = model.embed_items(5..9);
        assert_eq!(some, items.as_ref().map(|e| e.columns(5, 4).into_owned()), "{name}");
        for embeddings in [users, items].into_iter().flatten() {
            assert!(embeddings.iter().all(|v| v.is_finite()), "{name}");
            assert!(embeddings.column_iter().any(|c| c != embeddings.column(0)), "{name}: all vectors alike");
        }
    });
}

/// What a model stores, its tensors changed by `change`.
fn stored(model: &dyn Model, change: &dyn Fn(usize, &mut Vec<f32>)) -> StoredTensors {
    let mut stored = StoredTensors::default();
    for (number, tensor) in model.tensors().into_iter().enumerate() {
        let mut data = tensor.data.to_vec();
        change(number, &mut data);
        stored.insert(tensor.full_name(), tensor.shape, data);
    }
    model.indices().into_iter().for_each(|indices| stored.insert_indices(indices.full_name(), indices.data.to_vec()));
    stored
}

#[test]
fn tensors_restore_the_model_to_the_bit() {
    each_model(|name, model, data| {
        for tensor in model.tensors() {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len(), "{name}: {}", tensor.name);
        }
        let stored = stored(model, &|_, _| {});
        let restored = restore(&model.config(), ITEMS, stored).unwrap();
        let histories: Vec<HistoryRef<'_>> = data.histories().collect();
        let (before, after) = (model.encode(&histories), restored.encode(&histories));
        assert_eq!(bits(&scores(model, &before)), bits(&scores(&*restored, &after)), "{name}");
        assert_eq!(restored.config(), model.config());
    });
}

#[test]
fn stored_tensors_that_do_not_fit_are_refused_by_name() {
    each_model(|name, model, _| {
        let stored = |change: &dyn Fn(usize, &mut Vec<f32>)| stored(model, change);
        let first = model.tensors()[0].full_name();
        let error = restore(
            &model.config(),
            ITEMS,
            stored(&|n, d| {
                if n == 0 {
                    d[1] = f32::NAN
                }
            }),
        )
        .err()
        .unwrap();
        assert!(error.to_string().contains(&first), "{name}: {error}");
        let error = restore(&model.config(), ITEMS + 1, stored(&|_, _| {})).err().unwrap();
        assert!(error.to_string().contains("shape"), "{name}: {error}");
        let mut extra = stored(&|_, _| {});
        extra.insert("stray".into(), vec![1], vec![0.0]);
        assert!(restore(&model.config(), ITEMS, extra).err().unwrap().to_string().contains("stray"), "{name}");
        assert!(restore(&model.config(), ITEMS, StoredTensors::default()).is_err(), "{name}");
    });
}

fn weights(config: &ModelConfig, training: &TrainingConfig) -> Vec<Vec<u32>> {
    train(config, training).model.tensors().iter().map(|t| bits(t.data)).collect()
}

/// Wide enough that products, chunks of users and of items are all split.
#[test]
fn a_large_model_does_not_depend_on_batches_either() {
    const MANY: usize = 610;
    let histories: Vec<History> = (0..150)
        .map(|user| {
            let pairs = (0..3 + user % 40).map(|k| (ItemIdx(((user * 31 + 7 * k * k + k) % MANY) as u32), 1.0));
            History::from_pairs(pairs).unwrap()
        })
        .collect();
    let data = Interactions::from_histories(MANY, histories.iter().map(History::as_ref)).unwrap();
    let training = TrainingConfig { epochs: 1, batch_size: 140, ..TrainingConfig::default() };
    for config in [
        ModelConfig::Ease(EaseConfig { lambda: 20.0, ..EaseConfig::default() }),
        ModelConfig::SparseEase(SparseEaseConfig { neighbours: 50, lambda: 20.0, ..SparseEaseConfig::default() }),
        ModelConfig::Elsa(ElsaConfig { dimensions: 70, ..ElsaConfig::default() }),
        ModelConfig::CompressedElsa(CompressedElsaConfig {
            dimensions: 70,
            kept: 9,
            ..CompressedElsaConfig::default()
        }),
        ModelConfig::GfCf(GfCfConfig { rank: 20, ..GfCfConfig::default() }),
        ModelConfig::Bspm(BspmConfig { rank: 20, order: 2, averages: false, ..BspmConfig::default() }),
        ModelConfig::MultVae(MultVaeConfig { hidden: 70, latent: 33, ..MultVaeConfig::default() }),
        ModelConfig::MultDae(MultDaeConfig { hidden: 70, ..MultDaeConfig::default() }),
        ModelConfig::RecVae(RecVaeConfig { hidden: 70, latent: 33, ..RecVaeConfig::default() }),
    ] {
        let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let model = fit(&config, &training, &data, Start::Random, observer).unwrap().model;
        let views: Vec<HistoryRef<'_>> = data.histories().collect();
        let candidates: Vec<Candidates<'_>> = views.iter().map(|_| Candidates::default()).collect();
        let together = rank_users(&*model, &views, &candidates, MANY);
        for user in [0, 63, 64, 149] {
            let alone = rank_users(&*model, &views[user..=user], &candidates[..1], MANY);
            assert_eq!(alone[0], together[user], "{config:?}: user {user}");
        }
    }
}

#[test]
fn the_seed_decides() {
    for config in configurations().iter().filter(|config| config.is_iterative()) {
        let other = TrainingConfig { seed: 2, ..training() };
        assert!(weights(config, &training()) == weights(config, &training()), "{config:?}");
        assert!(weights(config, &training()) != weights(config, &other), "{config:?}");
    }
}

#[test]
fn the_best_epoch_is_kept() {
    // Validation peaks at epoch 2 of 6 and patience is 3: training stops after epoch 5 with the weights of epoch 2.
    let config = ModelConfig::MultDae(MultDaeConfig { hidden: 8, ..MultDaeConfig::default() });
    let data = fixture();
    let (mut calls, mut epochs) = (0, 0);
    let mut seen: Vec<Vec<u32>> = Vec::new();
    let mut validate = |model: &dyn Model| {
        seen.push(bits(model.tensors()[0].data));
        calls += 1;
        [0.1, 0.5, 0.2, 0.3, 0.4, 0.9][calls - 1]
    };
    let observer = Observer { validate: Some(&mut validate), epoch: &mut |_| epochs += 1, step: &mut |_, _| {} };
    let training = TrainingConfig { epochs: 6, patience: 3, ..training() };
    let fitted = fit(&config, &training, &data, Start::Random, observer).unwrap();
    assert_eq!((fitted.summary.best_epoch, fitted.summary.best_validation, epochs), (2, Some(0.5), 5));
    assert_eq!(bits(fitted.model.tensors()[0].data), seen[1]);
}

#[test]
fn shards_change_nothing_but_rounding() {
    // Both halves of RecVAE are trained in three epochs.
    let rec_vae = RecVaeConfig { hidden: 9, latent: 4, encoder_epochs: 1, ..RecVaeConfig::default() };
    for config in [
        ModelConfig::MultVae(MultVaeConfig { hidden: 9, latent: 4, ..MultVaeConfig::default() }),
        ModelConfig::RecVae(rec_vae),
    ] {
        let one = train(&config, &training());
        let three = train(&config, &TrainingConfig { shards: 3, ..training() });
        for (a, b) in one.model.tensors().iter().zip(three.model.tensors()) {
            for (a, b) in a.data.iter().zip(b.data) {
                assert!((a - b).abs() < 2e-3, "{a} {b}");
            }
        }
    }
}

#[test]
fn training_learns_what_goes_together() {
    // Two tastes: even items and odd items.
    let histories: Vec<History> = (0..60)
        .map(|user| {
            let pairs =
                (0..6).map(|k| (ItemIdx((2 * ((7 * (user / 2) + k * (k + 3) / 2) % 15) + user % 2) as u32), 1.0));
            History::from_pairs(pairs).unwrap()
        })
        .collect();
    let data = Interactions::from_histories(30, histories.iter().map(History::as_ref)).unwrap();
    let taste = History::from_pairs([(ItemIdx(3), 1.0), (ItemIdx(9), 1.0)]).unwrap();
    let training = TrainingConfig { epochs: 60, batch_size: 20, learning_rate: 1e-2, ..TrainingConfig::default() };
    for config in [
        ModelConfig::Ease(EaseConfig { lambda: 5.0, ..EaseConfig::default() }),
        ModelConfig::Edlae(EdlaeConfig { lambda: 5.0, ..EdlaeConfig::default() }),
        ModelConfig::SparseEase(SparseEaseConfig { neighbours: 12, lambda: 5.0, ..SparseEaseConfig::default() }),
        ModelConfig::Elsa(ElsaConfig { dimensions: 8, ..ElsaConfig::default() }),
        ModelConfig::CompressedElsa(CompressedElsaConfig { dimensions: 8, kept: 3, ..CompressedElsaConfig::default() }),
        ModelConfig::LowPass(LowPassConfig { rank: 2, ..LowPassConfig::default() }),
        ModelConfig::GfCf(GfCfConfig { rank: 2, ..GfCfConfig::default() }),
        ModelConfig::Bspm(BspmConfig { rank: 2, ..BspmConfig::default() }),
        ModelConfig::MultVae(MultVaeConfig { hidden: 20, latent: 8, ..MultVaeConfig::default() }),
        ModelConfig::MultDae(MultDaeConfig { hidden: 20, ..MultDaeConfig::default() }),
        ModelConfig::RecVae(RecVaeConfig { hidden: 20, latent: 8, ..RecVaeConfig::default() }),
    ] {
        let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let fitted = fit(&config, &training, &data, Start::Random, observer).unwrap();
        let candidates = [Candidates { seen: taste.as_ref().items(), ..Candidates::default() }];
        let list = &rank_users(&*fitted.model, &[taste.as_ref()], &candidates, 8)[0];
        let odd = list.items.iter().filter(|s| s.item.0 % 2 == 1).count();
        assert!(odd >= 7, "{}: {odd} of 8 recommendations share the taste: {list:?}", config.name());
    }
}

#[test]
fn parameters_out_of_range_and_too_little_data_are_refused() {
    let observer =
        || Observer { validate: None, epoch: Box::leak(Box::new(|_: &_| {})), step: Box::leak(Box::new(|_, _| {})) };
    let vae = |dropout| ModelConfig::MultVae(MultVaeConfig { dropout, ..MultVaeConfig::default() });
    let error = fit(&vae(1.0), &training(), &fixture(), Start::Random, observer()).err().unwrap().to_string();
    assert_eq!(error, "model.dropout is 1, must be at least 0 and below 1");
    let one_user = fixture().select_users(&[UserIdx(4)]);
    let error = fit(&vae(0.5), &training(), &one_user, Start::Random, observer()).err().unwrap().to_string();
    assert!(error.contains("1 users"), "{error}");
}

#[test]
fn divergence_is_reported_with_epoch_step_and_layer() {
    // Weights of the log whose squares leave the single-precision numbers.
    let histories: Vec<History> = fixture()
        .histories()
        .map(|history| History::from_pairs(history.items().iter().map(|&item| (ItemIdx(item), 3e38))).unwrap())
        .collect();
    let data = Interactions::from_histories(ITEMS, histories.iter().map(History::as_ref)).unwrap();
    for config in configurations().into_iter().filter(ModelConfig::is_iterative) {
        let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let outcome = fit(&config, &training(), &data, Start::Random, observer);
        // ELSA, compressed or not, looks at the direction of a history alone.
        let elsa = matches!(config, ModelConfig::Elsa(_) | ModelConfig::CompressedElsa(_));
        if elsa || format!("{config:?}").contains("Binary") {
            assert!(outcome.is_ok(), "{config:?}: what the weights are makes no difference");
            continue;
        }
        let error = outcome.err().unwrap().to_string();
        if let ModelConfig::AutoRec(_) = config {
            assert!(error.contains("470 of 470 ratings are outside the scale"), "{error}");
            continue;
        }
        // A deep encoder multiplies such numbers on their way back, and loses its weights in the first step.
        let what = match config {
            ModelConfig::RecVae(_) => ["diverged at epoch 1, step 2: ", "`input.items` is not finite"],
            // Their losses, or deeper layers, leave them elsewhere.
            ModelConfig::Cdae(_) | ModelConfig::Stacked(_) | ModelConfig::SparseAe(_) => {
                ["diverged at epoch 1, step ", " not finite"]
            }
            _ => ["diverged at epoch 1, step 6: ", "of `input.items` "],
        };
        for part in what.into_iter().chain(["learning_rate", "model.weights = \"binary\""]) {
            assert!(error.contains(part), "{config:?}: `{part}` is not in: {error}");
        }
    }
}
