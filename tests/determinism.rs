//! The same seed, data and configuration give the same bytes: on any number of threads, again, and across an
//! interruption at any checkpoint. For every model there is, at the width of its preset.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use foldin::interactions::{History, Interactions};
use foldin::models::{
    BspmConfig, GfCfConfig, LowPassConfig, Model, ModelConfig, Observer, RecVaeConfig, Start, StoredTensors, fit,
    fit_with_checkpoints,
};
use foldin::storage::{TensorRef, Values, open_sealed, write_sealed, write_tensors};
use foldin::training::{CheckpointError, CheckpointEvent, Checkpoints, TrainingConfig};
use foldin::types::ItemIdx;
use tempfile::TempDir;

/// Enough that every kernel has several tasks: tiles of products and of the Cholesky, chunks of users, of items and
/// of parameters.
const ITEMS: usize = 610;
const USERS: usize = 330;

fn data() -> Interactions {
    let histories: Vec<History> = (0..USERS)
        .map(|user| {
            let rating = |k: usize| (1 + (user + k) % 5) as f32;
            let pairs = (0..3 + user % 40).map(|k| (ItemIdx(((user * 31 + 7 * k * k + k) % ITEMS) as u32), rating(k)));
            History::from_pairs(pairs).unwrap()
        })
        .collect();
    Interactions::from_histories(ITEMS, histories.iter().map(History::as_ref)).unwrap()
}

/// Three epochs of three steps, the last of each shorter.
fn training(shards: usize) -> TrainingConfig {
    TrainingConfig { epochs: 3, batch_size: 130, learning_rate: 5e-3, shards, ..TrainingConfig::default() }
}

fn presets() -> impl Iterator<Item = ModelConfig> {
    ModelConfig::PRESETS.iter().map(|name| match ModelConfig::preset(name).unwrap() {
        // The presets have more singular vectors than these data.
        ModelConfig::LowPass(config) => ModelConfig::LowPass(LowPassConfig { rank: 70, ..config }),
        ModelConfig::GfCf(config) => ModelConfig::GfCf(GfCfConfig { rank: 70, ..config }),
        ModelConfig::Bspm(config) => ModelConfig::Bspm(BspmConfig { rank: 70, ..config }),
        // So that three epochs train the encoder, the decoder, and the encoder with what it remembers.
        ModelConfig::RecVae(config) => ModelConfig::RecVae(RecVaeConfig { encoder_epochs: 1, ..config }),
        other => other,
    })
}

fn iterative() -> impl Iterator<Item = ModelConfig> {
    presets().filter(ModelConfig::is_iterative)
}

/// Trains on that many threads and returns the bytes of the file that stores the weights.
fn stored(threads: usize, train: impl FnOnce() -> Box<dyn Model> + Send) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let model = pool.install(train);
    let tensors = model.tensors();
    let indices = model.indices();
    let refs: Vec<TensorRef<'_>> = tensors
        .iter()
        .map(|tensor| TensorRef { name: tensor.name, shape: tensor.shape.clone(), values: Values::F32(tensor.data) })
        .chain(indices.iter().map(|indices| TensorRef {
            name: indices.name,
            shape: vec![indices.data.len()],
            values: Values::U32(indices.data),
        }))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    write_tensors(&directory.path().join("weights"), &refs).unwrap();
    fs::read(directory.path().join("weights")).unwrap()
}

/// Falls from epoch to epoch, as the weights grow: the best one is the first, and has to be kept.
fn smallness(model: &dyn Model) -> f64 {
    let tensors = model.tensors();
    let squares = tensors.iter().flat_map(|tensor| tensor.data).map(|value| f64::from(*value).powi(2));
    -squares.sum::<f64>()
}

fn uninterrupted(threads: usize, config: &ModelConfig, training: &TrainingConfig, validating: bool) -> Vec<u8> {
    stored(threads, || {
        let (mut validate, data) = (smallness, data());
        let validate = validating.then_some(&mut validate as &mut dyn FnMut(&dyn Model) -> f64);
        let observer = Observer { validate, epoch: &mut |_| {}, step: &mut |_, _| {} };
        fit(config, training, &data, Start::Random, observer).unwrap().model
    })
}

#[test]
fn stored_weights_do_not_depend_on_threads_or_on_the_run() {
    for config in presets() {
        for shards in [1, 3] {
            let one = uninterrupted(1, &config, &training(shards), false);
            for threads in [1, 2, 3] {
                let again = uninterrupted(threads, &config, &training(shards), false);
                assert!(again == one, "{}: {threads} threads, {shards} shards", config.name());
            }
        }
    }
}

/// Runs with a checkpoint every two steps and keeps a copy of each, as a killed run would have left it.
fn with_checkpoints(
    dir: &Path,
    (threads, resume, every): (usize, bool, usize),
    (config, training): (&ModelConfig, &TrainingConfig),
    (start, validating): (Start, bool),
) -> (Vec<u8>, Vec<PathBuf>) {
    let path = dir.join("model.checkpoint");
    let mut checkpoints = Checkpoints::open(&path, NonZeroUsize::new(every), resume).unwrap();
    let copies = Arc::new(Mutex::new(Vec::new()));
    let (from, to, list) = (path.clone(), dir.to_owned(), Arc::clone(&copies));
    checkpoints.on_event = Box::new(move |event| {
        if let CheckpointEvent::Written { position, .. } = event {
            let copy = to.join(format!("copy-{}", position.done));
            fs::copy(&from, &copy).unwrap();
            list.lock().unwrap().push(copy);
        }
    });
    let bytes = stored(threads, || {
        let (mut validate, data) = (smallness, data());
        let validate = validating.then_some(&mut validate as &mut dyn FnMut(&dyn Model) -> f64);
        let observer = Observer { validate, epoch: &mut |_| {}, step: &mut |_, _| {} };
        fit_with_checkpoints(config, training, &data, start, &mut checkpoints, observer).unwrap().model
    });
    let copies = copies.lock().unwrap().clone();
    (bytes, copies)
}

/// A directory with one checkpoint in it.
fn left_behind(copy: &Path) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(copy, directory.path().join("model.checkpoint")).unwrap();
    directory
}

#[test]
fn a_run_that_goes_on_from_any_checkpoint_stores_the_same_weights() {
    for config in iterative() {
        for (shards, validating) in [(1, true), (3, false)] {
            let training = training(shards);
            let expected = uninterrupted(1, &config, &training, validating);
            let directory = tempfile::tempdir().unwrap();
            let run = (&config, &training);
            let (bytes, copies) = with_checkpoints(directory.path(), (2, false, 2), run, (Start::Random, validating));
            assert!(bytes == expected, "{}: checkpoints change nothing", config.name());
            assert_eq!(copies.len(), 4, "after steps 2, 4, 6 (the end of an epoch) and 8");
            for (number, copy) in copies.iter().enumerate() {
                let directory = left_behind(copy);
                let threads = 1 + number % 3;
                // Another interval is no other run.
                let (bytes, _) =
                    with_checkpoints(directory.path(), (threads, true, 5), run, (Start::Random, validating));
                assert!(bytes == expected, "{}: {shards} shards, from {}", config.name(), copy.display());
            }
        }
    }
}

/// The tensors of a model, changed a little.
fn weights_of(config: &ModelConfig, factor: f32) -> StoredTensors {
    let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    let training = TrainingConfig { epochs: 1, ..training(1) };
    let model = fit(config, &training, &data(), Start::Random, observer).unwrap().model;
    let mut stored = StoredTensors::default();
    for tensor in model.tensors() {
        let data = tensor.data.iter().map(|value| factor * value).collect();
        stored.insert(tensor.name.into(), tensor.shape, data);
    }
    stored
}

#[test]
fn a_run_from_given_weights_goes_on_as_such() {
    let config = ModelConfig::preset("mult-vae").unwrap();
    let training = training(1);
    let run = (&config, &training);
    let directory = tempfile::tempdir().unwrap();
    let start = |factor| Start::Weights(weights_of(&config, factor));
    let (expected, copies) = with_checkpoints(directory.path(), (2, false, 4), run, (start(1.0), true));
    let again = left_behind(&copies[1]);
    assert!(with_checkpoints(again.path(), (1, true, 4), run, (start(1.0), true)).0 == expected);

    // Not from other weights, nor from random ones.
    for (start, now) in [(start(0.9), "is weights "), (Start::Random, "is random")] {
        let other = left_behind(&copies[0]);
        let mut checkpoints = Checkpoints::open(&other.path().join("model.checkpoint"), None, true).unwrap();
        let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let error = fit_with_checkpoints(&config, &training, &data(), start, &mut checkpoints, observer);
        let error = error.err().unwrap().to_string();
        assert!(error.contains("start was weights ") && error.contains(now), "{error}");
    }
}

#[test]
fn a_checkpoint_of_another_version_or_processor_is_refused() {
    let config = ModelConfig::preset("mult-dae").unwrap();
    let training = training(1);
    let directory = tempfile::tempdir().unwrap();
    let (_, copies) = with_checkpoints(directory.path(), (2, false, 4), (&config, &training), (Start::Random, false));
    let record: Vec<u8> = open_sealed(&copies[0]).unwrap().read("record").unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    for fact in ["foldin", "processor"] {
        let now = record["facts"][fact].as_str().unwrap();
        let mut other = record.clone();
        other["facts"][fact] = "something else".into();
        let path = directory.path().join("other");
        // The facts are compared before anything else is looked for.
        write_record(&path, &other.to_string());
        let mut checkpoints = Checkpoints::open(&path, None, true).unwrap();
        let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let error = fit_with_checkpoints(&config, &training, &data(), Start::Random, &mut checkpoints, observer);
        let error = error.err().unwrap().to_string();
        assert!(error.contains(&format!(": {fact} was something else, is {now}; put")), "{error}");
    }
}

/// Writes a checkpoint without tensors.
fn write_record(path: &Path, record: &str) {
    let tensor = TensorRef { name: "record", shape: vec![record.len()], values: Values::U8(record.as_bytes()) };
    write_sealed(path, &[tensor]).unwrap();
}

#[test]
fn a_checkpoint_of_another_format_is_refused_with_both_versions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.checkpoint");
    let write = |record: &str| {
        write_record(&path, record);
        Checkpoints::open(&path, None, true).unwrap_err()
    };
    let error = write(r#"{"format_version": 7, "something": "new"}"#);
    assert!(matches!(error, CheckpointError::Format { found: 7, supported: 1, .. }), "{error}");
    for record in ["{}", "no JSON", r#"{"format_version": 1}"#] {
        let error = write(record);
        assert!(matches!(&error, CheckpointError::Content { path: named, .. } if *named == path), "{error}");
    }
    assert!(path.is_file(), "what cannot be used is not removed");
}
