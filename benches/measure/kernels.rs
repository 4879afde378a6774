//! The parts of a training step of Mult-VAE, each alone, beside what the machine can do at most.

use std::time::Instant;

use foldin::linalg::{Columns, ColumnsMut, affine, multiply, multiply_transposed, zeros};
use foldin::nn::{Adam, AdamConfig, Dense, Loss, Objective, Optimiser, SparseBatch, SparseGradient, SparseInput};
use foldin::types::UserIdx;
use serde_json::{Value, json};

use super::interactions::interactions;
use super::limits;
use super::values::values;

/// Width of the layers on both sides of the code, and of the code.
const HIDDEN: usize = 600;
const LATENT: usize = 200;
/// Interactions a user: what the input layer gathers, before dropout.
const LENGTH: usize = 77;

/// A part: its name, floating point operations, bytes read and written, and the work.
type Part<'a> = (&'static str, f64, f64, Box<dyn FnMut() + 'a>);

/// Times every part in each of `rounds`, so that all see the same minutes, with the limits of the machine.
pub fn measure(items: usize, batch: usize, rounds: usize, threads: usize) -> anyhow::Result<Value> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    Ok(pool.install(|| in_pool(items, batch, rounds, threads)))
}

/// Made-up values in memory of the kind that training uses for its tables.
fn table_of(count: usize) -> Vec<f32> {
    let mut table = zeros(count);
    table.copy_from_slice(&values(count));
    table
}

fn in_pool(items: usize, batch: usize, rounds: usize, threads: usize) -> Value {
    let data = interactions(batch, items, LENGTH);
    let mut histories = SparseBatch::new();
    for user in 0..batch {
        let history = data.history(UserIdx(user as u32));
        histories.push(history.items(), history.weights().iter().copied());
    }
    let (input, encoder) = (SparseInput::new((items, HIDDEN), 1, 0), Dense::new((HIDDEN, 2 * LATENT), 1, 2));
    let mut encoder_gradient = Dense::zeros((HIDDEN, 2 * LATENT));
    let (table, hidden, mut logits) = (table_of(HIDDEN * items), values(HIDDEN * batch), table_of(items * batch));
    let (code, bias) = (values(2 * LATENT * batch), values(items));
    let (mut wide, mut narrow) = (zeros(items * batch), vec![0.0; HIDDEN * batch]);
    let (mut h, mut small) = (vec![0.0; HIDDEN * batch], vec![0.0; 2 * LATENT * batch]);
    let mut gradient = zeros(HIDDEN * items);
    let mut sparse = SparseGradient::new(HIDDEN, items);
    let mut input_bias = vec![0.0; HIDDEN];
    let mut value = table_of(HIDDEN * items);
    let mut adam = Adam::new(HIDDEN * items);
    let step = AdamConfig { optimiser: Optimiser::Adam, learning_rate: 1e-3, weight_decay: 0.0 }.step(10);
    let dense_gradient = table_of(HIDDEN * items);
    let scores = table_of(items * batch);

    let (w, x) = (Columns::new(&table, (HIDDEN, items)), Columns::new(&hidden, (HIDDEN, batch)));
    let (delta, c) = (Columns::new(&scores, (items, batch)), Columns::new(&code, (2 * LATENT, batch)));
    let decoder = (2 * items * HIDDEN * batch) as f64;
    let inner = (2 * HIDDEN * 2 * LATENT * batch) as f64;
    let word = size_of::<f32>() as f64;
    let gathered = (data.len() * HIDDEN) as f64 * word;
    let mut parts: Vec<Part<'_>> = vec![
        ("decoder, logits", decoder, 0.0, Box::new(|| affine(ColumnsMut::new(&mut wide, (items, batch)), w, x, &bias))),
        (
            "decoder, gradient of its input",
            decoder,
            0.0,
            Box::new(|| multiply(ColumnsMut::new(&mut narrow, (HIDDEN, batch)), w, delta)),
        ),
        (
            "decoder, gradient of its weights",
            decoder,
            0.0,
            Box::new(|| multiply_transposed(ColumnsMut::new(&mut gradient, (HIDDEN, items)), x, delta)),
        ),
        (
            "inner layer, forward",
            inner,
            0.0,
            Box::new(|| encoder.linear(x, ColumnsMut::new(&mut small, (2 * LATENT, batch)))),
        ),
        (
            "inner layer, gradient of its weights",
            inner,
            0.0,
            Box::new(|| encoder.backward(x, c, &mut encoder_gradient)),
        ),
        (
            "softmax, loss and gradient",
            0.0,
            2.0 * word * (items * batch) as f64,
            Box::new(|| {
                let logits = ColumnsMut::new(&mut logits, (items, batch));
                Objective { loss: Loss::Multinomial, negative_weight: 1.0 }.loss(
                    logits,
                    |user| histories.row(user),
                    1.0 / batch as f32,
                );
            }),
        ),
        (
            "adam, one table",
            0.0,
            7.0 * word * (HIDDEN * items) as f64,
            Box::new(|| adam.update(&step, &mut value, &dense_gradient)),
        ),
        (
            "input, gather",
            0.0,
            gathered,
            Box::new(|| input.forward(&histories, ColumnsMut::new(&mut h, (HIDDEN, batch)))),
        ),
        ("input, scatter", 0.0, gathered, Box::new(|| input.backward(&histories, x, &mut sparse, &mut input_bias))),
    ];
    let mut times = vec![Vec::new(); parts.len()];
    let mut peak = Vec::new();
    for round in 0..=rounds {
        peak.push(limits::fma_gflops(threads));
        for ((.., work), times) in parts.iter_mut().zip(&mut times) {
            let start = Instant::now();
            work();
            // The first round pays for memory that later ones reuse.
            if round > 0 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let rows = parts.iter().zip(times).map(|((name, flops, bytes, _), mut times)| {
        times.sort_unstable_by(f64::total_cmp);
        let (median, least) = (times[times.len() / 2], times[0]);
        json!({
            "part": name, "median_ms": median * 1e3, "min_ms": least * 1e3,
            "gflops": flops / median / 1e9, "gb_per_s": bytes / median / 1e9,
            "best_gflops": flops / least / 1e9, "best_gb_per_s": bytes / least / 1e9,
        })
    });
    peak.sort_unstable_by(f64::total_cmp);
    json!({
        "items": items, "batch": batch, "threads": threads, "rounds": rounds,
        "fma_gflops": { "median": peak[peak.len() / 2], "best": peak[peak.len() - 1] },
        "copy_gb_per_s": limits::copy_gb_per_s(threads), "parts": rows.collect::<Vec<_>>(),
    })
}
