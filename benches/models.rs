//! Training: one Mult-VAE step and one EASE fit.

mod synthetic {
    pub mod interactions;
}

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use foldin::interactions::Interactions;
use foldin::models::{Fitted, ModelConfig, Observer, Start, fit};
use foldin::training::TrainingConfig;
use synthetic::interactions::interactions;

fn trained(preset: &str, training: &TrainingConfig, train: &Interactions) -> Fitted {
    let config = ModelConfig::preset(preset).expect("a preset of this crate");
    let observer = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
    fit(&config, training, train, Start::Random, observer).expect("made-up data is trainable")
}

/// Epochs of one step (batch = all users), so an iteration is one step plus the initial weights.
fn mult_vae_step(c: &mut Criterion) {
    const USERS: usize = 500;
    let train = interactions(USERS, 10_000, 77);
    let mut group = c.benchmark_group("Mult-VAE, 10,000 items, batch 500");
    group.sample_size(10);
    for steps in [1, 5] {
        // The difference of the two is four steps without the set-up.
        let training = TrainingConfig { epochs: steps, batch_size: USERS, ..TrainingConfig::default() };
        group.throughput(Throughput::Elements((steps * USERS) as u64));
        group.bench_function(format!("set-up and {steps} steps"), |b| {
            b.iter(|| trained("mult-vae", &training, &train));
        });
    }
    group.finish();
}

fn ease_fit(c: &mut Criterion) {
    let mut group = c.benchmark_group("EASE fit");
    group.sample_size(10);
    for items in [1_000, 3_000] {
        let train = interactions(4_000, items, 77);
        // A Cholesky inverse is n³ multiply-adds.
        group.throughput(Throughput::Elements(2 * (items as u64).pow(3)));
        group.bench_function(format!("{items} items"), |b| {
            b.iter(|| trained("ease", &TrainingConfig::default(), &train));
        });
    }
    group.finish();
}

criterion_group!(benches, mult_vae_step, ease_fit);
criterion_main!(benches);
