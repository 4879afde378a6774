//! What the machine can do at most: the yardstick for every other number of the same run.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use foldin::linalg::multiply_adds;
use serde_json::{Value, json};

/// Values per thread for the memory measurements: 256 MiB, far beyond any cache.
const WORDS: usize = 32 << 20;

/// f32 multiply-add rate, memory read rate and copy rate (read + written) with one thread and with `threads`.
pub fn measure(threads: usize) -> Value {
    let rates = |threads: usize| {
        json!({
            "threads": threads,
            "fma_gflops": fma_gflops(threads),
            "read_gb_per_s": read_gb_per_s(threads),
            "copy_gb_per_s": copy_gb_per_s(threads),
        })
    };
    json!({ "one_thread": rates(1), "all_threads": rates(threads) })
}

/// Floating point operations a second, in 10⁹: what a product can reach at most.
pub fn fma_gflops(threads: usize) -> f64 {
    best(threads, || multiply_adds) / 1e9
}

/// Bytes read from memory a second, in 10⁹.
pub fn read_gb_per_s(threads: usize) -> f64 {
    best(threads, reader) / 1e9
}

/// Bytes read and written a second in copying, in 10⁹.
pub fn copy_gb_per_s(threads: usize) -> f64 {
    best(threads, copier) / 1e9
}

/// Units of work a second, all threads together, in the best of five rounds.
///
/// `prepare` allocates a thread's data and returns its work, which answers the units it did.
fn best<W: FnMut() -> f64>(threads: usize, prepare: fn() -> W) -> f64 {
    const ROUNDS: usize = 5;
    let barrier = Barrier::new(threads);
    let work = || {
        let mut round = prepare();
        round();
        (0..ROUNDS)
            .map(|_| {
                barrier.wait();
                let start = Instant::now();
                let units = round();
                // Everyone has finished: the round took as long as its slowest thread.
                barrier.wait();
                units / start.elapsed().as_secs_f64()
            })
            .collect::<Vec<f64>>()
    };
    let rates: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join().expect("a measuring thread does not panic")).collect()
    });
    (0..ROUNDS).map(|round| rates.iter().map(|thread| thread[round]).sum()).fold(0.0, f64::max)
}

fn reader() -> impl FnMut() -> f64 {
    let data = vec![3u64; WORDS];
    move || {
        black_box(black_box(&data).iter().fold(0u64, |sum, value| sum.wrapping_add(*value)));
        size_of_val(data.as_slice()) as f64
    }
}

fn copier() -> impl FnMut() -> f64 {
    let (from, mut to) = (vec![3u64; WORDS], vec![0u64; WORDS]);
    move || {
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
        2.0 * size_of_val(from.as_slice()) as f64
    }
}
