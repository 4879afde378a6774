//! From a history to a list, in process, on one thread.

use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use foldin::interactions::{HistoryRef, Interactions};
use foldin::models::{Model, ModelConfig, MultVaeConfig, Observer, Start, fit};
use foldin::ranking::{Candidates, rank};
use foldin::training::{TrainingConfig, TrainingSummary};
use foldin::types::UserIdx;
use serde_json::{Value, json};

use crate::times;

const WARM_UP: usize = 5;

/// Times `users` users in batches of each of `sizes`; the seen items are left out of the lists.
pub fn measure(data: &Interactions, n: usize, sizes: &[usize], users: usize) -> anyhow::Result<Value> {
    let (model, _) = shaped_model(data)?;
    let histories: Vec<HistoryRef<'_>> = data.histories().collect();
    let candidates: Vec<Candidates<'_>> =
        histories.iter().map(|history| Candidates { seen: history.items(), ..Candidates::default() }).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut answer = json!({ "model": "mult-vae", "items": data.items(), "n": n, "threads": 1 });
    for &size in sizes {
        ensure!((1..=histories.len()).contains(&size), "--batch {size} is not within 1..={}", histories.len());
        let mut seconds = Vec::new();
        pool.install(|| {
            for round in 0..WARM_UP + (users / size).max(20) {
                let first = (round * size) % (histories.len() - size + 1);
                let batch = first..first + size;
                let start = Instant::now();
                let query = model.encode(&histories[batch.clone()]);
                black_box(rank(&*model, &query, &candidates[batch], n));
                seconds.push(start.elapsed());
            }
        });
        answer[format!("batch_{size}")] = times::in_micros(seconds.split_off(WARM_UP));
    }
    Ok(answer)
}

/// Mult-VAE 600-200-600 over the items of `data` after one step of training: the time of an answer
/// depends on the shape of the weights, not on their values.
pub fn shaped_model(data: &Interactions) -> anyhow::Result<(Box<dyn Model>, TrainingSummary)> {
    let few = data.select_users(&(0..data.users().min(100) as u32).map(UserIdx).collect::<Vec<_>>());
    let training = TrainingConfig { epochs: 1, ..TrainingConfig::default() };
    let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    let fitted = fit(&ModelConfig::MultVae(MultVaeConfig::default()), &training, &few, Start::Random, observer)?;
    Ok((fitted.model, fitted.summary))
}
