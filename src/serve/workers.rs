//! The threads that compute, behind a bounded queue.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use tonic::Status;

use super::call::Call;
use super::{ServeError, ServeOptions, status};

/// A fixed pool of threads and the number of requests that may occupy or await them.
pub(super) struct Workers {
    pool: rayon::ThreadPool,
    /// One permit a request being computed or waiting. It is kept until the request has had its turn,
    /// even when nobody waits for it any more: that bounds the memory held by requests.
    places: Arc<Semaphore>,
    capacity: usize,
}

/// The computation was given up because nobody waits for its result.
pub(super) struct Over;

impl Workers {
    pub(super) fn start(options: &ServeOptions) -> Result<Self, ServeError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .thread_name(|n| format!("foldin-score-{n}"))
            // Without a handler a panic ends the process; with it only its own request fails.
            .panic_handler(|_| tracing::error!("a scoring thread panicked; its request fails with INTERNAL"))
            .build()?;
        let capacity = options.threads + options.queue;
        Ok(Self { pool, places: Arc::new(Semaphore::new(capacity)), capacity })
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
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(status::queue_full(self.capacity));
        };
        let (sender, receiver) = oneshot::channel();
        let computing = Arc::clone(call);
        self.pool.spawn(move || {
            let _place = place;
            let result = if computing.is_over() { Err(Over) } else { work(&computing) };
            // Nobody receives when the client has gone meanwhile.
            let _ = sender.send(result);
        });
        match receiver.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(Over)) => Err(status::expired()),
            Err(_) => Err(status::crashed()),
        }
    }
}
