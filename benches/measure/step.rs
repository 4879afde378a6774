//! Training steps as `fit` runs them: batch, gradient and update, seen from its progress callback.

use std::time::Instant;

use anyhow::ensure;
use foldin::interactions::Interactions;
use foldin::models::{ModelConfig, MultVaeConfig, Observer, Start, fit};
use foldin::training::TrainingConfig;
use foldin::types::UserIdx;
use serde_json::{Value, json};

use super::limits;

/// Steps before the first one timed: they pay for memory that later ones reuse.
const WARM_UP: usize = 3;

/// Times `steps` steps of one epoch over just as many users as they need, and what the machine
/// could do at most.
pub fn measure(all: &Interactions, batch: usize, steps: usize, threads: usize) -> anyhow::Result<Value> {
    let users = batch * (steps + WARM_UP);
    ensure!(batch > 0 && steps > 0, "--batch and --steps must be at least 1");
    ensure!(users <= all.users(), "{users} users are needed, the data has {}: lower --steps or --batch", all.users());
    let train = all.select_users(&(0..users as u32).map(UserIdx).collect::<Vec<_>>());
    let model = MultVaeConfig::default();
    let config = ModelConfig::MultVae(model.clone());
    let training = TrainingConfig { epochs: 1, batch_size: batch, ..TrainingConfig::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let before = limits::fma_gflops(threads);
    let marks = pool.install(|| {
        let mut marks = Vec::with_capacity(steps + WARM_UP);
        let step = &mut |_, _| marks.push((Instant::now(), cpu_seconds()));
        fit(&config, &training, &train, Start::Random, Observer { validate: None, epoch: &mut |_| {}, step })?;
        anyhow::Ok(marks)
    })?;
    // The better of two looks at the machine, so that the limit is none that it does not reach.
    let fma = before.max(limits::fma_gflops(threads));
    let copy = limits::copy_gb_per_s(threads);
    let (flops, bytes) = work(&model, &train, batch);
    let (products, memory) = (flops / fma / 1e6, bytes / copy / 1e6);
    let timed = marks[WARM_UP - 1..].windows(2);
    let wall = sorted(timed.clone().map(|pair| (pair[1].0 - pair[0].0).as_secs_f64() * 1e3));
    let cpu = sorted(timed.filter_map(|pair| Some((pair[1].1? - pair[0].1?) * 1e3)));
    Ok(json!({
        "model": "mult-vae", "items": train.items(), "batch": batch, "threads": threads, "steps": wall.len(),
        "median_ms": median(&wall), "min_ms": wall.first(), "cpu_median_ms": median(&cpu),
        "limit_ms": products + memory, "limit_products_ms": products, "limit_memory_ms": memory,
        "fma_gflops": fma, "copy_gb_per_s": copy,
    }))
}

/// What a step cannot do without: floating point operations of its products, and bytes of softmax, optimiser,
/// gather and scatter.
fn work(model: &MultVaeConfig, train: &Interactions, batch: usize) -> (f64, f64) {
    let [items, hidden, latent, users] = [train.items(), model.hidden, model.latent, batch].map(|n| n as f64);
    // Three products a layer: forward, and the gradients of its input and of its weights.
    let weights = hidden * items + hidden * 2.0 * latent + latent * hidden;
    let flops = 3.0 * 2.0 * users * weights;
    // Adam reads value, two moments and gradient, and writes all but the last.
    let optimiser = 7.0 * (weights + hidden * items);
    // Each logit is read and its gradient written.
    let softmax = 2.0 * items * users;
    // A column of the table for each interaction that dropout leaves, there and back.
    let kept = train.len() as f64 / train.users() as f64 * users * (1.0 - f64::from(model.dropout));
    let word = size_of::<f32>() as f64;
    (flops, word * (optimiser + softmax + 2.0 * kept * hidden))
}

fn sorted(times: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut times: Vec<f64> = times.collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

/// `None` for no times at all.
fn median(sorted: &[f64]) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]))
}

/// Processor time of all threads so far, where the system tells (Linux).
fn cpu_seconds() -> Option<f64> {
    // Nanoseconds on a processor are the first number of each thread's schedstat.
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    threads
        .map(|thread| {
            let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        })
        .sum::<Option<f64>>()
        .map(|nanos| nanos / 1e9)
}
