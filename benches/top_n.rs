//! Selection of the best items: alone, and after folding in and scoring.

mod synthetic {
    pub mod interactions;
    pub mod values;
}

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foldin::interactions::HistoryRef;
use foldin::models::{ModelConfig, Observer, Start, fit};
use foldin::ranking::{Candidates, TopN, rank};
use foldin::training::TrainingConfig;
use synthetic::interactions::interactions;
use synthetic::values::values;

const N: usize = 100;

fn selection(c: &mut Criterion) {
    let mut group = c.benchmark_group("top-100 selection");
    for items in [10_000, 100_000] {
        let scores = values(items);
        group.throughput(Throughput::Elements(items as u64));
        group.bench_function(BenchmarkId::from_parameter(items), |b| {
            b.iter_batched(
                || TopN::new(N),
                |mut top| {
                    top.offer_block(0, &scores);
                    top.into_sorted()
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// One thread, from history to list; users a second.
fn fold_in_and_rank(c: &mut Criterion) {
    let train = interactions(512, 10_000, 77);
    // One step is enough: the time depends on the shape of the weights, not on their values.
    let training = TrainingConfig { epochs: 1, batch_size: 512, ..TrainingConfig::default() };
    let config = ModelConfig::preset("mult-vae").expect("a preset of this crate");
    let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    let model = fit(&config, &training, &train, Start::Random, observer).expect("made-up data is trainable").model;
    let histories: Vec<HistoryRef<'_>> = train.histories().collect();
    let candidates: Vec<Candidates<'_>> =
        histories.iter().map(|history| Candidates { seen: history.items(), ..Candidates::default() }).collect();

    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
    let mut group = c.benchmark_group("Mult-VAE fold-in and top-100, 10,000 items, one thread");
    for batch in [1, 64] {
        let mut next = (0..histories.len() / batch).cycle();
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::new("batch", batch), |b| {
            pool.install(|| {
                b.iter(|| {
                    let users = next.next().map_or(0..batch, |i| i * batch..(i + 1) * batch);
                    rank(&*model, &model.encode(&histories[users.clone()]), &candidates[users], N)
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, selection, fold_in_and_rank);
criterion_main!(benches);
