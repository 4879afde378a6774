//! Requests for lists, computed together when several wait at once.
//!
//! Scoring one user reads the whole item table; scoring sixteen reads it once. So a scoring thread
//! takes every request that is waiting, up to a bound, and asks the engine for all of them. Nothing
//! waits to be joined: a lone request is computed at once. Because a user's scores have the same bits
//! in any batch, nobody can tell from an answer whom it was computed with.
//!
//! A request that takes much longer than most does not hold fifteen others up: it has a turn of its own, after
//! those that wait already, and no more than one thread in two computes such requests at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;
use tonic::Status;

use super::call::Call;
use super::live::Live;
use super::models::Served;
use super::observe::Metrics;
use super::pb;
use super::workers::{Over, Place, Workers, outcome};
use crate::engine::{Recommendation, RequestError};
use crate::events::EventStore;

/// Most requests computed together: a bound on how long one of them can hold up the others.
const TOGETHER: usize = 16;

/// A request with more entries than this is computed by itself. Ordinary histories have tens of items.
const LONG: usize = 1000;

/// The same for comparisons of two items: these take longer than scoring a catalogue usually does.
const MANY_COMPARED: u64 = 100_000;

/// Turns of ordinary requests after which a long one has its turn, however many ordinary ones wait.
const PATIENCE: usize = 16;

/// The requests that wait for a scoring thread.
pub(super) struct Lane {
    waiting: Arc<Mutex<Waiting<Request>>>,
    metrics: Arc<Metrics>,
    /// What users did since.
    events: Option<Arc<EventStore>>,
}

/// What the engine says to one request.
pub(super) type Answer = Result<Recommendation, RequestError>;

struct Request {
    message: pb::RecommendRequest,
    /// Who answers.
    served: Arc<Served>,
    call: Arc<Call>,
    /// Kept until the request has had its turn; see [`Workers`].
    place: Place,
    queued: Instant,
    sender: oneshot::Sender<Result<Result<Answer, Status>, Over>>,
}

/// The two queues.
struct Waiting<T> {
    short: VecDeque<T>,
    long: VecDeque<T>,
    /// Turns of short requests since the last long one, while long ones wait.
    passed_over: usize,
    /// Long requests that are being computed.
    busy: usize,
}

/// An answer to come; inside, a status for a request whose live events cannot be read.
pub(super) type Pending = oneshot::Receiver<Result<Result<Answer, Status>, Over>>;

impl Lane {
    pub(super) fn new(metrics: Arc<Metrics>, events: Option<Arc<EventStore>>) -> Self {
        Self { waiting: Arc::new(Mutex::new(Waiting::new())), metrics, events }
    }

    /// Computes an answer on the scoring threads, with whatever else is waiting then.
    pub(super) async fn recommend(
        &self,
        workers: &Workers,
        served: Arc<Served>,
        call: Arc<Call>,
        message: pb::RecommendRequest,
    ) -> Result<Answer, Status> {
        let place = workers.place_of(&call)?;
        outcome(self.enqueue(workers, served, call, message, place).await)?
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
        let stored = message.user_id.as_deref().and_then(|user_id| served.engine.stored_items(user_id));
        let long = is_long(&message, stored.unwrap_or(0));
        let request = Request { message, served, call, place, queued: Instant::now(), sender };
        lock(&self.waiting).push(request, long);
        let (waiting, metrics) = (Arc::clone(&self.waiting), Arc::clone(&self.metrics));
        let (events, threads, pace) = (self.events.clone(), workers.threads(), workers.pace());
        // One turn a request: the first finds several, and as many later ones find nothing.
        workers.spawn(move || {
            let mut turn = Turn::take(&waiting, threads);
            if !turn.requests.is_empty() {
                metrics.together(turn.requests.len());
            }
            let begun = Instant::now();
            let computed = answer(events.as_deref(), std::mem::take(&mut turn.requests), begun);
            if computed > 0 && !turn.long {
                pace.took(computed, begun.elapsed());
            }
        });
        receiver
    }
}

impl<T> Waiting<T> {
    fn new() -> Self {
        Self { short: VecDeque::new(), long: VecDeque::new(), passed_over: 0, busy: 0 }
    }

    fn push(&mut self, request: T, long: bool) {
        let queue = if long { &mut self.long } else { &mut self.short };
        queue.push_back(request);
    }

    /// Whose turn it is, and whether that is a long request.
    fn next(&mut self, threads: usize) -> (Vec<T>, bool) {
        let waited = self.short.is_empty() || self.passed_over >= PATIENCE;
        if waited
            && (self.busy < threads.div_ceil(2) || self.short.is_empty())
            && let Some(request) = self.long.pop_front()
        {
            self.passed_over = 0;
            self.busy += 1;
            return (vec![request], true);
        }
        if !self.long.is_empty() {
            self.passed_over += 1;
        }
        // Some is left to the other threads, which have turns to come.
        let length = self.short.len().div_ceil(threads).min(TOGETHER);
        (self.short.drain(..length).collect(), false)
    }
}

/// Requests whose turn it is.
struct Turn<'a, T> {
    waiting: &'a Mutex<Waiting<T>>,
    requests: Vec<T>,
    long: bool,
}

impl<'a, T> Turn<'a, T> {
    fn take(waiting: &'a Mutex<Waiting<T>>, threads: usize) -> Self {
        let (requests, long) = lock(waiting).next(threads);
        Self { waiting, requests, long }
    }
}

impl<T> Drop for Turn<'_, T> {
    /// Also when the computation panicked.
    fn drop(&mut self) {
        if self.long {
            lock(self.waiting).busy -= 1;
        }
    }
}

/// Whether a request takes much longer than most; so many items are stored of its user.
fn is_long(message: &pb::RecommendRequest, stored: usize) -> bool {
    let pb::RecommendRequest { history, context, negatives, exploration, detail, .. } = message;
    let n = u64::from(message.n);
    let compared = message.diversity.as_ref().map_or(0, |diversity| n * diversity.candidates.map_or(4 * n, u64::from));
    let explained = detail.as_ref().is_some_and(|detail| detail.contributions > 0);
    stored + history.len() + context.len() + negatives.len() > LONG
        || exploration.is_some()
        || explained
        || compared > MANY_COMPARED
}

/// A panic elsewhere leaves the queues as they were, so they stay usable.
fn lock<T>(waiting: &Mutex<Waiting<T>>) -> MutexGuard<'_, Waiting<T>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers what somebody still waits for, together what the same version of a model answers; returns how many that were.
fn answer(events: Option<&EventStore>, batch: Vec<Request>, begun: Instant) -> usize {
    let (over, mut wanted): (Vec<_>, Vec<_>) = batch.into_iter().partition(|request| request.call.is_over());
    // Nobody receives when a client has gone meanwhile.
    for request in over {
        request.call.had_turn(request.queued, begun);
        let _ = request.sender.send(Err(Over));
    }
    let computed = wanted.len();
    while let Some(first) = wanted.first() {
        let served = Arc::clone(&first.served);
        let (same, others) = wanted.into_iter().partition(|request| Arc::ptr_eq(&request.served, &served));
        wanted = others;
        together(&served, &Live::new(events, &served.engine), same, begun);
    }
    computed
}

/// Answers requests to one version of a model.
fn together(served: &Served, live: &Live<'_>, batch: Vec<Request>, begun: Instant) {
    let (mut messages, mut rest) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
    for Request { message, call, place, queued, sender, .. } in batch {
        match live.request(message.into()) {
            Ok(message) => {
                messages.push(message);
                rest.push((call, queued, sender, place));
            }
            Err(status) => {
                call.had_turn(queued, begun);
                let _ = sender.send(Ok(Err(status)));
            }
        }
    }
    let calls: Vec<&Arc<Call>> = rest.iter().map(|(call, ..)| call).collect();
    // The computation goes on as long as anybody waits for a part of it.
    let answers = served.engine.recommend_while(&messages, &|| calls.iter().any(|call| !call.is_over()));
    drop(calls);
    let answers = answers.map_or_else(
        || rest.iter().map(|_| Err(Over)).collect(),
        |answers| answers.into_iter().map(|answer| Ok(Ok(answer))).collect::<Vec<_>>(),
    );
    for ((call, queued, sender, _place), answer) in rest.into_iter().zip(answers) {
        call.had_turn(queued, begun);
        let _ = sender.send(answer);
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
