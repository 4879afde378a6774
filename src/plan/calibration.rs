//! How fast is this machine? Measured in a fraction of a second.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::Serialize;

use crate::linalg::{Columns, ColumnsMut, affine};

/// What a second is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Speeds {
    /// Floating point operations of a matrix product, a second.
    pub flops: f64,
    /// Bytes read and written by a copy of what no cache holds, a second.
    pub bytes: f64,
    /// Rows of a log read, a second; assumed.
    pub rows: f64,
    /// Bytes written and read again for their checksum, a second; assumed.
    pub disk: f64,
}

/// Rows a second that reading a log is taken to reach.
const ROWS: f64 = 4e6;

/// Bytes a second that publishing is taken to reach.
const DISK: f64 = 4e8;

/// Time that each of the two measurements may take, beside a first round.
const BUDGET: Duration = Duration::from_millis(120);

impl Speeds {
    /// Measures a product of a decoder's shape and a copy on the rayon pool it is called from; takes about a third of a
    /// second and 128 MB.
    #[must_use]
    pub fn measure() -> Self {
        Self { flops: flops(), bytes: bytes(), rows: ROWS, disk: DISK }
    }
}

fn flops() -> f64 {
    const SHAPE: [usize; 3] = [600, 2048, 128];
    let [inner, items, users] = SHAPE;
    let (table, state) = (vec![0.5f32; inner * items], vec![0.25f32; inner * users]);
    let mut logits = vec![0.0f32; items * users];
    let round = || {
        let out = ColumnsMut::new(&mut logits, (items, users));
        affine(out, Columns::new(&table, (inner, items)), Columns::new(&state, (inner, users)), &[]);
    };
    2.0 * SHAPE.map(|extent| extent as f64).iter().product::<f64>() / fastest(round)
}

fn bytes() -> f64 {
    const WORDS: usize = 16 << 20;
    const CHUNK: usize = 1 << 18;
    let (from, mut to) = (vec![1.0f32; WORDS], vec![0.0f32; WORDS]);
    let round = || {
        let chunks = to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK));
        chunks.for_each(|(to, from)| to.copy_from_slice(std::hint::black_box(from)));
    };
    2.0 * size_of_val(from.as_slice()) as f64 / fastest(round)
}

/// Seconds of the fastest of some rounds, the first of which only warms up.
fn fastest(mut round: impl FnMut()) -> f64 {
    round();
    let started = Instant::now();
    let mut best = f64::INFINITY;
    while best.is_infinite() || started.elapsed() < BUDGET {
        let round_started = Instant::now();
        round();
        best = best.min(round_started.elapsed().as_secs_f64());
    }
    best.max(1e-9)
}
