//! The two halves of a closed-form fit: the Gram matrix of a log, and the inverse.

use std::time::Instant;

use foldin::interactions::Interactions;
use foldin::linalg::{gram, invert_positive_definite, zeros};
use serde_json::{Value, json};

use super::limits;

/// The Gram matrix of all items, and the inverse of the regularised matrix of the first `inverse` items.
pub fn measure(data: &Interactions, inverse: usize, threads: usize) -> anyhow::Result<Value> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let items = data.items();
    anyhow::ensure!(inverse <= items, "--inverse {inverse} is more than the {items} items");
    let data = data.clone().binarised();
    pool.install(|| {
        let before = limits::fma_gflops(threads);
        let mut matrix = zeros(items * items);
        let mut timed = |work: &mut dyn FnMut(&mut [f32])| {
            let start = Instant::now();
            work(&mut matrix);
            start.elapsed().as_secs_f64()
        };
        // The first call pays for the memory.
        timed(&mut |out| gram(out, data.csr()));
        let gram_seconds = timed(&mut |out| gram(out, data.csr()));
        // Memory of the kind that the model has.
        let mut part = zeros(inverse * inverse);
        for (to, from) in part.chunks_exact_mut(inverse.max(1)).zip(matrix.chunks_exact(items)) {
            to.copy_from_slice(&from[..inverse]);
        }
        drop(matrix);
        part.iter_mut().step_by(inverse + 1).for_each(|value| *value += 500.0);
        let start = Instant::now();
        if inverse > 0 {
            invert_positive_definite(&mut part, inverse)?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let peak = before.max(limits::fma_gflops(threads));
        Ok(json!({
            "items": items, "interactions": data.len(), "threads": threads, "gram_s": gram_seconds,
            "inverse": inverse, "inverse_s": seconds, "inverse_gflops": (inverse as f64).powi(3) / seconds / 1e9,
            "fma_gflops": peak,
        }))
    })
}
