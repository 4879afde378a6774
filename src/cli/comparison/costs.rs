//! What does a model take to keep and to ask?

use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::evaluation::EvaluatedUser;
use crate::interactions::Interactions;
use crate::models::Model;
use crate::ranking::{Candidates, rank};

/// Items of a list that is timed.
pub const LISTED: usize = 100;

/// Users that are timed at most, and asked about before anything is timed.
const TIMED: usize = 200;
const WARM_UP: usize = 10;

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Costs {
    /// Bytes of what it stores, in memory as in its directory.
    pub bytes: u64,
    /// Milliseconds of an answer: one history folded in and its first hundred items found among all, on one thread;
    /// the median over up to 200 evaluated users, evenly spaced, one after the other.
    pub user_ms: f64,
}

impl Costs {
    /// Measures a model on the histories of evaluated users, on a thread of its own.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn of(model: &dyn Model, fold_in: &Interactions, users: &[EvaluatedUser]) -> Result<Self> {
        let tensors = model.tensors().iter().map(|tensor| size_of_val(tensor.data) as u64).sum::<u64>();
        let bytes = tensors + model.indices().iter().map(|indices| size_of_val(indices.data) as u64).sum::<u64>();
        // A server computes an answer on one of its threads; a pool of one keeps the model from spreading out.
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().context("cannot start a thread to time")?;
        let answer = |user: &EvaluatedUser| {
            let history = fold_in.history(user.row);
            let started = Instant::now();
            let query = model.encode(&[history]);
            let seen = Candidates { seen: history.items(), ..Candidates::default() };
            std::hint::black_box(rank(model, &query, &[seen], LISTED));
            1e3 * started.elapsed().as_secs_f64()
        };
        let sample = users.iter().step_by(users.len().div_ceil(TIMED).max(1));
        let mut times: Vec<f64> = alone.install(|| {
            sample.clone().take(WARM_UP).for_each(|user| _ = answer(user));
            sample.map(answer).collect()
        });
        times.sort_unstable_by(f64::total_cmp);
        Ok(Self { bytes, user_ms: times.get(times.len() / 2).copied().unwrap_or_default() })
    }
}
