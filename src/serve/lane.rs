//! Requests for lists, computed together when several wait at once.
//!
//! Scoring one user reads the whole item table; scoring sixteen reads it once. So a scoring thread
//! takes every request that is waiting, up to a bound, and asks the engine for all of them. Nothing
//! waits to be joined: a lone request is computed at once. Because a user's scores have the same bits
//! in any batch, nobody can tell from an answer whom it was computed with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tonic::Status;

use super::call::Call;
use super::live::Live;
use super::pb;
use super::workers::{Over, Workers, outcome};
use crate::engine::{Engine, Recommendation, RequestError};
use crate::events::EventStore;

/// Most requests computed together: a bound on how long one of them can hold up the others.
const TOGETHER: usize = 16;

/// The requests that wait for a scoring thread.
#[derive(Default)]
pub(super) struct Lane {
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
}

/// What the engine says to one request.
type Answer = Result<Recommendation, RequestError>;

struct Waiting {
    message: pb::RecommendRequest,
    call: Arc<Call>,
    /// Kept until the request has had its turn; see [`Workers`].
    place: OwnedSemaphorePermit,
    /// Inside, a status for a request whose live events cannot be read.
    sender: oneshot::Sender<Result<Result<Answer, Status>, Over>>,
}

impl Lane {
    /// Computes an answer on the scoring threads, with whatever else is waiting then.
    pub(super) async fn recommend(
        &self,
        workers: &Workers,
        (engine, events): (&Arc<Engine>, &Option<Arc<EventStore>>),
        call: Arc<Call>,
        message: pb::RecommendRequest,
    ) -> Result<Answer, Status> {
        let place = workers.place()?;
        let (sender, receiver) = oneshot::channel();
        lock(&self.waiting).push_back(Waiting { message, call, place, sender });
        let (waiting, engine, threads) = (Arc::clone(&self.waiting), Arc::clone(engine), workers.threads());
        let events = events.clone();
        // One turn a request: the first finds several, and as many later ones find nothing.
        workers.spawn(move || {
            let mut queue = lock(&waiting);
            // Some is left to the other threads, which have turns to come.
            let length = queue.len().div_ceil(threads).min(TOGETHER);
            let batch: Vec<Waiting> = queue.drain(..length).collect();
            drop(queue);
            answer(&engine, &Live::new(events.as_deref(), &engine), batch);
        });
        outcome(receiver.await)?
    }
}

/// A panic elsewhere leaves the queue as it was, so it stays usable.
fn lock(waiting: &Mutex<VecDeque<Waiting>>) -> MutexGuard<'_, VecDeque<Waiting>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers what somebody still waits for.
fn answer(engine: &Engine, live: &Live<'_>, batch: Vec<Waiting>) {
    let (mut requests, mut rest) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
    for Waiting { message, call, place, sender } in batch {
        // Nobody receives when a client has gone meanwhile.
        if call.is_over() {
            let _ = sender.send(Err(Over));
            continue;
        }
        match live.request(message.into()) {
            Ok(request) => {
                requests.push(request);
                rest.push((sender, place));
            }
            Err(status) => _ = sender.send(Ok(Err(status))),
        }
    }
    for ((sender, _place), answer) in rest.into_iter().zip(engine.recommend(&requests)) {
        let _ = sender.send(Ok(Ok(answer)));
    }
}
