//! The threads that compute, behind a bounded queue.

use std::sync::Arc;
use std::time::Instant;

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
}

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
        Ok(Self { pool, places: Arc::new(Semaphore::new(capacity)), stream_places, capacity })
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
        let place = call.take_place().map_or_else(|| self.place(), Ok)?;
        Ok(Place { _place: place, _of_stream: None })
    }

    /// Places taken, and places.
    pub(super) fn occupancy(&self) -> (usize, usize) {
        (self.capacity - self.places.available_permits(), self.capacity)
    }

    /// A place in the queue.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| status::queue_full(self.capacity))
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

/// What the network side makes of what the scoring side sent, or of its silence.
pub(super) fn outcome<T>(received: Result<Result<T, Over>, oneshot::error::RecvError>) -> Result<T, Status> {
    match received {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(Over)) => Err(status::expired()),
        Err(_) => Err(status::crashed()),
    }
}
