//! The threads that compute, behind a bounded queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tonic::Status;

use super::call::Call;
use super::{ServeError, ServeOptions, status};

/// A fixed pool of threads and the number of requests that may occupy or await them.
pub(super) struct Workers {
    pool: rayon::ThreadPool,
    /// One permit a request being computed or waiting. It is kept until the request has had its turn,
    /// even when nobody waits for it any more: that bounds the memory held by requests that were read.
    places: Arc<Semaphore>,
    /// Those of the places that requests of streams may take: they wait for theirs, so there are always some at hand
    /// and would leave none to others.
    stream_places: Arc<Semaphore>,
    capacity: usize,
    pace: Arc<Pace>,
}

/// How long an ordinary request occupies a thread: a moving average over those computed lately, in nanoseconds.
#[derive(Default)]
pub(super) struct Pace(AtomicU64);

/// What one observation counts for, against all before.
const WEIGHT: u64 = 8;

/// A place in the queue, free again when dropped.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _of_stream: Option<OwnedSemaphorePermit>,
}

/// The computation was given up because nobody waits for its result.
pub(super) struct Over;

impl Workers {
    pub(super) fn start(options: &ServeOptions) -> Result<Self, ServeError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .thread_name(|n| format!("foldin-score-{n}"))
            // Without a handler a panic ends the process; with it only the requests computed together fail.
            .panic_handler(|_| {
                tracing::error!("a scoring thread panicked; the requests it was computing fail with INTERNAL")
            })
            .build()?;
        let capacity = options.threads + options.queue;
        let stream_places = Arc::new(Semaphore::new((capacity / 2).max(1)));
        let places = Arc::new(Semaphore::new(capacity));
        Ok(Self { pool, places, stream_places, capacity, pace: Arc::default() })
    }

    /// Computes on the pool; the calling task only waits.
    ///
    /// The work is skipped when the call is over before its turn comes, and may stop early by
    /// itself with [`Over`].
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: &Arc<Call>,
        work: impl FnOnce(&Call) -> Result<T, Over> + Send + 'static,
    ) -> Result<T, Status> {
        let place = self.place_of(call)?;
        let (sender, receiver) = oneshot::channel();
        let (computing, queued) = (Arc::clone(call), Instant::now());
        self.spawn(move || {
            let _place = place;
            let begun = Instant::now();
            let result = if computing.is_over() { Err(Over) } else { work(&computing) };
            computing.had_turn(queued, begun);
            // Nobody receives when the client has gone meanwhile.
            let _ = sender.send(result);
        });
        outcome(receiver.await)
    }

    /// The place that a call has taken beforehand, or else one now, to be kept until it has had its turn.
    pub(super) fn place_of(&self, call: &Call) -> Result<Place, Status> {
        let place = call.take_place().map_or_else(|| self.place(call.deadline), Ok)?;
        Ok(Place { _place: place, _of_stream: None })
    }

    /// Places taken, and places.
    pub(super) fn occupancy(&self) -> (usize, usize) {
        (self.capacity - self.places.available_permits(), self.capacity)
    }

    /// A place in the queue for a request whose answer is of use until `deadline`: none where all are taken, or where
    /// its turn would come too late. Who waits in vain takes the turn of somebody who would not.
    pub(super) fn place(&self, deadline: Option<Instant>) -> Result<OwnedSemaphorePermit, Status> {
        let wait = self.expected_wait();
        if deadline.is_some_and(|deadline| deadline.saturating_duration_since(Instant::now()) < wait) {
            return Err(status::too_busy(wait));
        }
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| status::queue_full(self.capacity))
    }

    /// Time until a request that comes now would be answered; none where nobody is before it.
    fn expected_wait(&self) -> Duration {
        let (taken, _) = self.occupancy();
        let before = if taken == 0 { 0 } else { taken + 1 };
        self.pace.get().saturating_mul(u32::try_from(before).unwrap_or(u32::MAX)) / self.threads() as u32
    }

    /// Where it is told how long requests take.
    pub(super) fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// A place for a request of a stream, which waits until there is one.
    pub(super) async fn stream_place(&self) -> Result<Place, Status> {
        // The semaphores are never closed.
        let closed = |_| status::crashed();
        let of_stream = Arc::clone(&self.stream_places).acquire_owned().await.map_err(closed)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(closed)?;
        Ok(Place { _place: place, _of_stream: Some(of_stream) })
    }

    /// Number of scoring threads.
    pub(super) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs on the pool, in the order of the calls.
    pub(super) fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.pool.spawn_fifo(work);
    }
}

impl Pace {
    /// So many requests were computed in that time.
    pub(super) fn took(&self, requests: usize, time: Duration) {
        let one = time.as_nanos() / requests.max(1) as u128;
        let one = u64::try_from(one).unwrap_or(u64::MAX);
        let before = self.0.load(Ordering::Relaxed);
        // Of two that are told at once, one may be lost: there will be others.
        let after = if before == 0 { one } else { before - before / WEIGHT + one / WEIGHT };
        self.0.store(after, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// What the network side makes of what the scoring side sent, or of its silence.
pub(super) fn outcome<T>(received: Result<Result<T, Over>, oneshot::error::RecvError>) -> Result<T, Status> {
    match received {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(Over)) => Err(status::expired()),
        Err(_) => Err(status::crashed()),
    }
}
