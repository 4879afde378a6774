//! The inner loops of a training step at the shape of Mult-VAE (sparse input layer, decoder products, softmax with loss
//! and gradient, optimiser), of serving (inner products) and of a closed form (Gram matrix, inverse). Throughput in
//! GFLOP/s ("Gelem/s") or bytes moved.

mod synthetic {
    pub mod interactions;
    pub mod values;
}

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foldin::linalg::{
    AdamStep, Columns, ColumnsMut, adam, dots, gather, gram, invert_positive_definite, multiply, multiply_transposed,
    softmax_loss, zeros,
};
use foldin::nn::{SparseBatch, SparseGradient, SparseInput};
use foldin::types::UserIdx;
use rayon::prelude::*;
use synthetic::interactions::interactions;
use synthetic::values::values;

const ITEMS: usize = 10_000;
const HIDDEN: usize = 600;
const BATCH: usize = 500;

/// `hidden × batch`: the sum of the vectors of a user's items, never a dense input row.
fn sparse_input(c: &mut Criterion) {
    let data = interactions(BATCH, ITEMS, 77);
    let table = values(HIDDEN * ITEMS);
    let mut out = vec![0.0f32; HIDDEN * BATCH];
    let mut group = c.benchmark_group("sparse input layer");
    group.throughput(Throughput::Bytes((data.len() * HIDDEN * size_of::<f32>()) as u64));
    group.bench_function(BenchmarkId::new("forward", format!("{HIDDEN}x{ITEMS}, {BATCH} users")), |b| {
        b.iter(|| {
            out.par_chunks_mut(HIDDEN).enumerate().for_each(|(user, out)| {
                out.fill(0.0);
                let history = data.history(UserIdx(user as u32));
                gather(out, Columns::new(&table, (HIDDEN, ITEMS)), 0, history.items(), history.weights());
            });
        });
    });
    let mut batch = SparseBatch::new();
    data.histories().for_each(|history| batch.push(history.items(), history.weights().iter().copied()));
    let layer = SparseInput::new((ITEMS, HIDDEN), 1, 0);
    let (mut gradient, mut bias) = (SparseGradient::new(HIDDEN, ITEMS), vec![0.0; HIDDEN]);
    group.bench_function(BenchmarkId::new("backward", format!("{HIDDEN}x{ITEMS}, {BATCH} users")), |b| {
        b.iter(|| layer.backward(&batch, Columns::new(&out, (HIDDEN, BATCH)), &mut gradient, &mut bias));
    });
    group.finish();
}

/// Scores of users when serving: inner products in a fixed order, on one thread.
fn inner_products(c: &mut Criterion) {
    const USERS: usize = 16;
    let (table, states) = (values(HIDDEN * ITEMS), values(HIDDEN * USERS));
    let mut out = vec![0.0f32; ITEMS * USERS];
    let mut group = c.benchmark_group("inner products");
    group.throughput(Throughput::Elements((2 * ITEMS * HIDDEN * USERS) as u64));
    group.bench_function(format!("{HIDDEN}x{ITEMS}, {USERS} users"), |b| {
        b.iter(|| {
            dots(
                ColumnsMut::new(&mut out, (ITEMS, USERS)),
                Columns::new(&table, (HIDDEN, ITEMS)),
                Columns::new(&states, (HIDDEN, USERS)),
            );
        });
    });
    group.finish();
}

/// The halves of a closed-form fit: adding up the Gram matrix, and inverting it.
fn closed_form(c: &mut Criterion) {
    const FEW: usize = 1_000;
    let data = interactions(4 * BATCH, FEW, 77);
    let mut matrix = zeros(FEW * FEW);
    let mut group = c.benchmark_group("closed form");
    group.sample_size(20);
    group.bench_function(format!("Gram matrix, {FEW} items, {} users", data.users()), |b| {
        b.iter(|| gram(&mut matrix, data.csr()));
    });
    matrix.iter_mut().step_by(FEW + 1).for_each(|value| *value += 500.0);
    group.throughput(Throughput::Elements(FEW.pow(3) as u64));
    group.bench_function(format!("inverse, {FEW} items"), |b| {
        b.iter_batched_ref(
            || matrix.clone(),
            |matrix| invert_positive_definite(matrix, FEW).expect("λ makes it positive definite"),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// The three products of the output layer: logits, gradient of the hidden layer, gradient of the weights.
fn decoder(c: &mut Criterion) {
    let table = values(HIDDEN * ITEMS);
    let transposed = values(ITEMS * HIDDEN);
    let hidden = values(HIDDEN * BATCH);
    let logits = values(ITEMS * BATCH);
    let mut wide = vec![0.0f32; ITEMS * BATCH];
    let mut narrow = vec![0.0f32; HIDDEN * BATCH];
    let mut gradient = vec![0.0f32; HIDDEN * ITEMS];
    let mut group = c.benchmark_group("decoder");
    group.throughput(Throughput::Elements((2 * ITEMS * HIDDEN * BATCH) as u64));
    group.sample_size(20);
    group.bench_function("logits", |b| {
        b.iter(|| {
            multiply(
                ColumnsMut::new(&mut wide, (ITEMS, BATCH)),
                Columns::new(&transposed, (ITEMS, HIDDEN)),
                Columns::new(&hidden, (HIDDEN, BATCH)),
            );
        });
    });
    group.bench_function("gradient of hidden", |b| {
        b.iter(|| {
            multiply(
                ColumnsMut::new(&mut narrow, (HIDDEN, BATCH)),
                Columns::new(&table, (HIDDEN, ITEMS)),
                Columns::new(&logits, (ITEMS, BATCH)),
            );
        });
    });
    group.bench_function("gradient of weights", |b| {
        b.iter(|| {
            multiply_transposed(
                ColumnsMut::new(&mut gradient, (HIDDEN, ITEMS)),
                Columns::new(&hidden, (HIDDEN, BATCH)),
                Columns::new(&logits, (ITEMS, BATCH)),
            );
        });
    });
    group.finish();
}

/// Softmax, multinomial loss and gradient in one pass over the logits of a batch.
fn softmax(c: &mut Criterion) {
    let data = interactions(BATCH, ITEMS, 77);
    let logits = values(ITEMS * BATCH);
    let mut group = c.benchmark_group("softmax, loss and gradient");
    group.throughput(Throughput::Bytes((2 * ITEMS * BATCH * size_of::<f32>()) as u64));
    group.bench_function(format!("{ITEMS}x{BATCH}"), |b| {
        b.iter_batched_ref(
            || logits.clone(),
            |logits| {
                let loss: f64 = logits
                    .par_chunks_mut(ITEMS)
                    .enumerate()
                    .map(|(user, logits)| {
                        let history = data.history(UserIdx(user as u32));
                        softmax_loss(logits, history.items(), history.weights(), 1.0 / BATCH as f32)
                    })
                    .sum();
                black_box(loss)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// One Adam update of the output layer's weights: seven values moved a parameter.
fn optimiser(c: &mut Criterion) {
    let count = HIDDEN * ITEMS;
    let (mut value, gradient) = (values(count), values(count));
    let (mut first, mut second) = (vec![0.0f32; count], vec![0.0f32; count]);
    let step = AdamStep {
        rate: 1e-3,
        gradient_rate: 0.0,
        second_scale: 1.0,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
    };
    let mut group = c.benchmark_group("adam");
    group.throughput(Throughput::Bytes((7 * count * size_of::<f32>()) as u64));
    group.bench_function(format!("{count} parameters, one thread"), |b| {
        b.iter(|| adam(&step, &mut value, &mut first, &mut second, &gradient));
    });
    group.finish();
}

criterion_group!(benches, sparse_input, decoder, softmax, optimiser, inner_products, closed_form);
criterion_main!(benches);
