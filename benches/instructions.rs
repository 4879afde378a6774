//! One run of one hot kernel, for a tool that counts instructions.
//!
//! `valgrind --tool=callgrind --toggle-collect='*counted_region*' instructions KERNEL` counts the kernel alone, without
//! the making of its operands. Without a name the program lists the kernels. One thread; the same work every time.

mod synthetic {
    pub mod interactions;
    pub mod values;
}

use std::hint::black_box;

use foldin::interactions::Interactions;
use foldin::linalg::{
    AdamStep, Columns, ColumnsMut, adam, affine, dots, gather, multiply, multiply_transposed, softmax_loss,
};
use foldin::nn::{SparseBatch, SparseGradient, SparseInput};
use foldin::ranking::{Candidates, TopN};
use foldin::types::UserIdx;
use synthetic::interactions::interactions;
use synthetic::values::values;

const ITEMS: usize = 4_000;
const HIDDEN: usize = 600;
const USERS: usize = 50;
const N: usize = 100;

/// Kernels by name.
const KERNELS: [(&str, fn()); 9] = [
    ("gather", gather_columns),
    ("scatter", scatter),
    ("softmax_loss", softmax),
    ("adam", optimiser),
    // Scores of a batch when serving: inner products in a fixed order.
    ("dots", || product(dots, (ITEMS, USERS), (HIDDEN, ITEMS), (HIDDEN, USERS))),
    ("top_n", selection),
    // The gradient of the hidden layer: items as inner dimension.
    ("multiply", || product(multiply, (HIDDEN, USERS), (HIDDEN, ITEMS), (ITEMS, USERS))),
    // The gradient of the item vectors: users as inner dimension.
    ("multiply_transposed", || product(multiply_transposed, (HIDDEN, ITEMS), (HIDDEN, USERS), (ITEMS, USERS))),
    // The logits of a training batch.
    ("affine", || product(|out, a, b| affine(out, a, b, &[]), (ITEMS, USERS), (HIDDEN, ITEMS), (HIDDEN, USERS))),
];

/// What is counted: a function of its own, so that it can be found by name.
#[inline(never)]
fn counted_region(work: &mut dyn FnMut()) {
    work();
}

fn histories() -> Interactions {
    interactions(USERS, ITEMS, 77)
}

/// The sparse input layer forward: the sum of the vectors of each user's items.
fn gather_columns() {
    let (data, table, mut out) = (histories(), values(HIDDEN * ITEMS), vec![0.0f32; HIDDEN * USERS]);
    counted_region(&mut || {
        for (history, out) in data.histories().zip(out.chunks_exact_mut(HIDDEN)) {
            gather(out, Columns::new(&table, (HIDDEN, ITEMS)), 0, history.items(), history.weights());
        }
    });
    black_box(out);
}

/// The sparse input layer backward: the gradient of each touched item.
fn scatter() {
    let data = histories();
    let mut batch = SparseBatch::new();
    data.histories().for_each(|history| batch.push(history.items(), history.weights().iter().copied()));
    let layer = SparseInput::new((ITEMS, HIDDEN), 1, 0);
    let (delta, mut bias) = (values(HIDDEN * USERS), vec![0.0; HIDDEN]);
    let mut gradient = SparseGradient::new(HIDDEN, ITEMS);
    counted_region(&mut || layer.backward(&batch, Columns::new(&delta, (HIDDEN, USERS)), &mut gradient, &mut bias));
    black_box(bias);
}

fn softmax() {
    let (data, mut logits) = (histories(), values(ITEMS * USERS));
    let mut loss = 0.0;
    counted_region(&mut || {
        for (history, logits) in data.histories().zip(logits.chunks_exact_mut(ITEMS)) {
            loss += softmax_loss(logits, history.items(), history.weights(), 1.0 / USERS as f32);
        }
    });
    black_box(loss);
}

fn optimiser() {
    let count = HIDDEN * 1_000;
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
    counted_region(&mut || adam(&step, &mut value, &mut first, &mut second, &gradient));
    black_box(value);
}

/// A product of made-up factors, by the shapes of the result and of the factors.
fn product(
    multiply: fn(ColumnsMut<'_>, Columns<'_>, Columns<'_>),
    shape: (usize, usize),
    left: (usize, usize),
    right: (usize, usize),
) {
    let (a, b, mut out) = (values(left.0 * left.1), values(right.0 * right.1), vec![0.0f32; shape.0 * shape.1]);
    counted_region(&mut || multiply(ColumnsMut::new(&mut out, shape), Columns::new(&a, left), Columns::new(&b, right)));
    black_box(out);
}

/// The best items of each user without those seen.
fn selection() {
    let (data, mut scores) = (histories(), values(ITEMS * USERS));
    counted_region(&mut || {
        for (user, scores) in scores.chunks_exact_mut(ITEMS).enumerate() {
            let seen = data.history(UserIdx(user as u32)).items();
            Candidates { seen, ..Candidates::default() }.mask(0, scores);
            let mut top = TopN::new(N);
            top.offer_block(0, scores);
            black_box(top.into_sorted());
        }
    });
}

fn main() {
    // `cargo bench` adds flags of its own.
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    match named.map(|name| (KERNELS.iter().find(|(kernel, _)| *kernel == name), name)) {
        // The calling thread is the pool: no other thread adds its waiting to the count.
        Some((Some((_, kernel)), _)) => {
            match rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build() {
                Ok(_pool) => kernel(),
                Err(error) => panic!("no pool of one thread: {error}"),
            }
        }
        Some((None, name)) => panic!("no kernel is called {name}"),
        None => KERNELS.iter().for_each(|(kernel, _)| println!("{kernel}")),
    }
}
