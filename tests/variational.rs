//! What only variational models know: how uncertain they are of a user, and which histories they would make up.

mod fixture;

use std::fs;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;

use fixture::{ITEMS, histories, mult_vae, publish_model, rec_vae, train};
use foldin::artifact::Artifact;
use foldin::generate::{GenerateConfig, generate};
use foldin::interactions::{History, HistoryRef, Interactions, LogRules};
use foldin::io::read_log;
use foldin::linalg::ColumnsMut;
use foldin::models::{Draws, Model, ModelConfig, MultVaeConfig, Observer, Query, RecVaeConfig, Start, fit};
use foldin::nn::Loss;
use foldin::sample::{CodeSource, SampleConfig, SampleError, Sampler, sample};
use foldin::training::TrainingConfig;
use foldin::types::{ItemIdx, UserIdx};
use nalgebra::DMatrix;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use tempfile::TempDir;

/// A model that has learnt something.
fn trained(config: &ModelConfig, data: &Interactions, (epochs, batch_size): (usize, usize)) -> Box<dyn Model> {
    let training = TrainingConfig { epochs, batch_size, learning_rate: 1e-2, ..TrainingConfig::default() };
    let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    fit(config, &training, data, Start::Random, observer).unwrap().model
}

/// The same, published with the histories of the fixture.
fn published(config: &ModelConfig) -> (Artifact, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model");
    publish_model(&path, &*trained(config, &histories(), (60, 20)), &LogRules::default());
    (Artifact::open(&path).unwrap(), directory)
}

fn bernoulli() -> ModelConfig {
    ModelConfig::MultVae(MultVaeConfig { hidden: 19, latent: 6, loss: Loss::Bernoulli, ..MultVaeConfig::default() })
}

fn config(seed: u64, length: Option<usize>, codes: CodeSource) -> SampleConfig {
    SampleConfig { seed, length: length.and_then(NonZeroUsize::new), codes }
}

#[test]
fn draws_have_the_variances_that_are_stated() {
    // The scores of RecVAE are computed from codes themselves, so the state of a draw is the code that was drawn.
    let model = train(&rec_vae(), 1).model;
    let all = histories();
    for user in [0, 10, 43].map(UserIdx) {
        let history = all.history(user);
        let (mean, variances) = (model.embed_users(&[history]).unwrap(), model.variances(&[history]).unwrap());
        let count = 20_000;
        let draws = model.draw(history, &Draws { seed: 5, count, scale: 1.0 }).unwrap();
        for (at, (&mean, &variance)) in mean.iter().zip(&variances).enumerate() {
            let codes: Vec<f64> = (0..count).map(|draw| f64::from(draws.state(draw).unwrap()[at])).collect();
            let found_mean = codes.iter().sum::<f64>() / count as f64;
            let found = codes.iter().map(|z| (z - found_mean).powi(2)).sum::<f64>() / (count - 1) as f64;
            // A standard error of the variance is √(2 / 20,000) = 1 % of it.
            let variance = f64::from(variance);
            assert!((found / variance - 1.0).abs() < 0.045, "{user:?}, {at}: {found} instead of {variance}");
            assert!((found_mean - f64::from(mean)).abs() < 4.5 * (variance / count as f64).sqrt(), "{user:?}, {at}");
        }
    }
}

#[test]
fn a_longer_history_leaves_less_uncertainty() {
    // Tastes overlap there, so that every further item tells more of a user.
    let directory = tempfile::tempdir().unwrap();
    let wanted = GenerateConfig { users: 800, items: 200, interactions: 24_000, ..GenerateConfig::default() };
    let log = generate(&wanted, &directory.path().join("data"), &mut |_, _| ()).unwrap().log;
    let data = read_log(&log, &LogRules::default()).unwrap().interactions;
    let config = ModelConfig::MultVae(MultVaeConfig { hidden: 40, latent: 8, ..MultVaeConfig::default() });
    let model = trained(&config, &data, (30, 50));
    let mean_of = |histories: &[HistoryRef<'_>]| {
        let variances = model.variances(histories).unwrap();
        variances.iter().map(|&variance| f64::from(variance)).sum::<f64>() / variances.len() as f64
    };
    let falls = |means: &[f64]| means.windows(2).all(|two| two[1] < 0.9 * two[0]);

    let of_length = |lengths: Range<usize>| {
        let of = data.histories().filter(|history| lengths.contains(&history.len()));
        mean_of(&of.collect::<Vec<_>>())
    };
    let means = [1..8, 8..16, 16..32, 32..200].map(of_length);
    assert!(falls(&means), "users by length, the shortest first: {means:?}");

    // The same users, of whom less is known.
    let every = |step: usize| {
        let long = data.histories().filter(|history| history.len() >= 32);
        let some = long.map(|history| {
            let items = history.items().iter().step_by(step);
            History::from_pairs(items.map(|&item| (ItemIdx(item), 1.0))).unwrap()
        });
        let some: Vec<History> = some.collect();
        mean_of(&some.iter().map(History::as_ref).collect::<Vec<_>>())
    };
    let means = [16, 4, 1].map(every);
    assert!(falls(&means), "every 16th, every 4th, every item: {means:?}");
}

#[test]
fn a_sample_has_the_same_bytes_on_any_number_of_threads() {
    for model in [mult_vae(), rec_vae(), bernoulli()] {
        let (artifact, directory) = published(&model);
        let run = |threads: usize, seed: u64| {
            let path = directory.path().join(format!("{threads}.parquet"));
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let users = NonZeroU64::new(1500).unwrap();
            let config = config(seed, None, CodeSource::Posterior);
            let drawn = pool.install(|| sample(&artifact, &config, users, &path, &mut |_, _| ()).unwrap());
            (fs::read(&path).unwrap(), drawn)
        };
        assert!(run(1, 7) == run(3, 7), "{model:?}");
        assert!(run(1, 7) != run(1, 8), "{model:?}: seeds differ");
    }
}

#[test]
fn a_user_does_not_depend_on_the_others() {
    for codes in [CodeSource::Standard, CodeSource::Posterior] {
        let (artifact, _directory) = published(&mult_vae());
        let sampler = Sampler::new(&artifact, &config(3, None, codes)).unwrap();
        let whole = sampler.histories(0..40).unwrap();
        let parts = [0..1, 1..8, 8..40].map(|part| sampler.histories(part).unwrap()).concat();
        assert_eq!(whole, parts, "{codes:?}");
    }
}

#[test]
fn histories_are_as_long_as_stored_ones_and_repeat_nothing() {
    let (artifact, directory) = published(&mult_vae());
    let users = NonZeroU64::new(4000).unwrap();
    let path = directory.path().join("sample.parquet");
    let drawn = sample(&artifact, &config(1, None, CodeSource::Posterior), users, &path, &mut |_, _| ()).unwrap();
    // The 99.9th percentile of the distance of 4,000 draws from their distribution is 1.95 / √4000.
    assert!(drawn.length_distance < 0.031, "{}", drawn.length_distance);
    assert_eq!(drawn.sample.users, 4000);
    assert!(drawn.popularity_correlation.unwrap() > 0.7 && drawn.popular_overlap > 0.7, "{drawn:?}");
    let sampler = Sampler::new(&artifact, &config(1, None, CodeSource::Posterior)).unwrap();
    let fixed = Sampler::new(&artifact, &config(1, Some(ITEMS), CodeSource::Posterior)).unwrap();
    let ascend = |items: &[u32]| items.windows(2).all(|two| two[0] < two[1]);
    assert!(sampler.histories(0..500).unwrap().iter().all(|items| ascend(items) && !items.is_empty()));
    let all: Vec<u32> = (0..ITEMS as u32).collect();
    assert!(fixed.histories(0..20).unwrap().iter().all(|items| *items == all), "the whole catalogue");
}

/// The mean over codes of what the next item is with, by plain arithmetic on the scores.
fn mean_shares(model: &dyn Model, query: &Query, weight: fn(f64) -> f64) -> Vec<f64> {
    let mut scores = vec![0.0; ITEMS * query.users()];
    model.score_block(query, 0..ITEMS as u32, ColumnsMut::new(&mut scores, (ITEMS, query.users())));
    let mut shares = vec![0.0; ITEMS];
    for scores in scores.chunks(ITEMS) {
        let weights: Vec<f64> = scores.iter().map(|&score| weight(f64::from(score))).collect();
        let total = weights.iter().sum::<f64>() * query.users() as f64;
        shares.iter_mut().zip(weights).for_each(|(share, weight)| *share += weight / total);
    }
    shares
}

#[test]
fn items_have_the_probabilities_of_the_model() {
    let softmax: fn(f64) -> f64 = f64::exp;
    let rate: fn(f64) -> f64 = |score| score.exp().ln_1p();
    for (model, weight) in [(mult_vae(), softmax), (rec_vae(), softmax), (bernoulli(), rate)] {
        let (artifact, _directory) = published(&model);
        let model = artifact.model.as_ref();
        for codes in [CodeSource::Standard, CodeSource::Posterior] {
            // Codes from other random numbers, ten times as many as users.
            let query = match codes {
                CodeSource::Standard => {
                    let mut random = ChaCha8Rng::seed_from_u64(99);
                    let latent = model.user_space().unwrap().dim;
                    model.decode(DMatrix::from_fn(latent, 120_000, |_, _| StandardNormal.sample(&mut random))).unwrap()
                }
                CodeSource::Posterior => {
                    let all = histories();
                    let draws = Draws { seed: 42, count: 2_000, scale: 1.0 };
                    Query::joined(all.histories().map(|history| model.draw(history, &draws).unwrap()).collect())
                }
            };
            let expected = mean_shares(model, &query, weight);
            let users = 12_000;
            let sampler = Sampler::new(&artifact, &config(11, Some(1), codes)).unwrap();
            let mut counts = vec![0.0; ITEMS];
            sampler.histories(0..users).unwrap().iter().for_each(|items| counts[items[0] as usize] += 1.0);
            let chi_square: f64 = counts
                .iter()
                .zip(&expected)
                .map(|(count, share)| (count - share * users as f64).powi(2) / (share * users as f64))
                .sum();
            // The 99.9th percentile of χ² with 36 degrees of freedom is 68; a tenth more for the draws behind the expectation.
            assert!(chi_square < 75.0, "{}, {codes:?}: {chi_square}", model.config().name());
        }
    }
}

#[test]
fn what_cannot_be_drawn_from_is_refused_with_what_could_be() {
    let refused = |model: &ModelConfig, length: Option<usize>| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model");
        publish_model(&path, &*train(model, 1).model, &LogRules::default());
        let artifact = Artifact::open(&path).unwrap();
        Sampler::new(&artifact, &config(1, length, CodeSource::Posterior)).map(drop).unwrap_err()
    };
    let error = refused(&fixture::ease(), None);
    assert_eq!(
        error.to_string(),
        "model ease knows no distribution of users to draw from; variational models do: mult-vae, rec-vae"
    );
    let ModelConfig::RecVae(rec) = rec_vae() else { unreachable!("it is one") };
    let error = refused(&ModelConfig::RecVae(RecVaeConfig { loss: Loss::Squared, ..rec }), None);
    assert!(matches!(error, SampleError::NoProbabilities { model: "rec-vae", loss: Loss::Squared }), "{error}");
    let error = refused(&mult_vae(), Some(ITEMS + 1));
    assert_eq!(error.to_string(), "length is 38, the model has 37 items: give a number between 1 and 37");
}
