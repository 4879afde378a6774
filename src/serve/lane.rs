//! Requests for lists, computed together when several wait at once.
//!
//! Scoring one user reads the whole item table; scoring sixteen reads it once. So a scoring thread
//! takes every request that is waiting, up to a bound, and asks the engine for all of them. Nothing
//! waits to be joined: a lone request is computed at once. Because a user's scores have the same bits
//! in any batch, nobody can tell from an answer whom it was computed with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tonic::Status;

use super::call::Call;
use super::models::Served;
use super::pb;
use super::workers::{Over, Place, Workers, outcome};
use crate::engine::{RecommendRequest, Recommendation, RequestError};

/// Most requests computed together: a bound on how long one of them can hold up the others.
const TOGETHER: usize = 16;

/// Comparisons of two items that take longer than scoring a catalogue usually does.
const MANY_COMPARED: u64 = 100_000;

/// The requests that wait for a scoring thread.
#[derive(Default)]
pub(super) struct Lane {
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
}

/// What the engine says to one request.
pub(super) type Answer = Result<Recommendation, RequestError>;

struct Waiting {
    message: pb::RecommendRequest,
    /// Who answers.
    served: Arc<Served>,
    call: Arc<Call>,
    /// Kept until the request has had its turn; see [`Workers`].
    place: Place,
    sender: oneshot::Sender<Result<Answer, Over>>,
}

/// An answer to come.
pub(super) type Pending = oneshot::Receiver<Result<Answer, Over>>;

impl Lane {
    /// Computes an answer on the scoring threads, with whatever else is waiting then.
    pub(super) async fn recommend(
        &self,
        workers: &Workers,
        served: Arc<Served>,
        call: Arc<Call>,
        message: pb::RecommendRequest,
    ) -> Result<Answer, Status> {
        let place = workers.place()?;
        outcome(self.enqueue(workers, served, call, message, place).await)
    }

    /// Lets a request wait for its turn in a place that it has.
    pub(super) fn enqueue(
        &self,
        workers: &Workers,
        served: Arc<Served>,
        call: Arc<Call>,
        message: pb::RecommendRequest,
        place: Place,
    ) -> Pending {
        let (sender, receiver) = oneshot::channel();
        lock(&self.waiting).push_back(Waiting { message, served, call, place, sender });
        let (waiting, threads) = (Arc::clone(&self.waiting), workers.threads());
        // One turn a request: the first finds several, and as many later ones find nothing.
        workers.spawn(move || {
            let mut queue = lock(&waiting);
            // Some is left to the other threads, which have turns to come.
            let length = queue.len().div_ceil(threads).min(TOGETHER);
            let batch: Vec<Waiting> = queue.drain(..length).collect();
            drop(queue);
            answer(batch);
        });
        receiver
    }
}

/// A panic elsewhere leaves the queue as it was, so it stays usable.
fn lock(waiting: &Mutex<VecDeque<Waiting>>) -> MutexGuard<'_, VecDeque<Waiting>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers what somebody still waits for, together what the same version of a model answers.
fn answer(batch: Vec<Waiting>) {
    let (over, wanted): (Vec<_>, Vec<_>) = batch.into_iter().partition(|waiting| waiting.call.is_over());
    // Nobody receives when a client has gone meanwhile.
    for waiting in over {
        let _ = waiting.sender.send(Err(Over));
    }
    // What takes much longer than the others comes after them, and alone.
    let (heavy, mut light): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|waiting| is_heavy(&waiting.message));
    while let Some(first) = light.first() {
        let served = Arc::clone(&first.served);
        let (same, others) = light.into_iter().partition(|waiting| Arc::ptr_eq(&waiting.served, &served));
        light = others;
        together(&served, same);
    }
    for waiting in heavy {
        if waiting.call.is_over() {
            let _ = waiting.sender.send(Err(Over));
        } else {
            together(&Arc::clone(&waiting.served), vec![waiting]);
        }
    }
}

/// True for a request that folds in many histories instead of one, or compares many items with each other.
fn is_heavy(message: &pb::RecommendRequest) -> bool {
    let n = u64::from(message.n);
    let compared = message.diversity.as_ref().map_or(0, |diversity| n * diversity.candidates.map_or(4 * n, u64::from));
    message.exploration.is_some()
        || message.detail.as_ref().is_some_and(|detail| detail.contributions > 0)
        || compared > MANY_COMPARED
}

fn together(served: &Served, batch: Vec<Waiting>) {
    let (requests, rest): (Vec<RecommendRequest>, Vec<_>) =
        batch.into_iter().map(|w| (w.message.into(), (w.sender, w.place))).unzip();
    for ((sender, _place), answer) in rest.into_iter().zip(served.engine.recommend(&requests)) {
        let _ = sender.send(Ok(answer));
    }
}
