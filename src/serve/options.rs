//! How a server behaves.

use std::time::Duration;

use super::ServeError;

/// Settings of a server; the defaults suit one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// Threads that compute answers.
    pub threads: usize,
    /// Requests that may wait for a thread; one more is refused with RESOURCE_EXHAUSTED. Those of streams take half of
    /// the places at most, and wait for them.
    pub queue: usize,
    /// Largest message in either direction, in bytes. Most gRPC clients refuse to receive more than
    /// 4 MiB unless told otherwise, so that is the default for what is sent to them as well.
    pub max_message_bytes: usize,
    /// Answer questions about the services themselves (gRPC server reflection, version 1).
    pub reflection: bool,
    /// How long requests in flight may take to finish once the server is told to stop.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            queue: 256,
            max_message_bytes: 4 << 20,
            reflection: false,
            drain: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    pub(super) fn check(&self) -> Result<(), ServeError> {
        let bad = |option, value, range| Err(ServeError::Option { option, value, range });
        if !(1..=1024).contains(&self.threads) {
            bad("threads", self.threads, "between 1 and 1024")
        } else if !(1..=1_000_000).contains(&self.queue) {
            bad("queue", self.queue, "between 1 and 1000000")
        } else if !(1024..=1 << 30).contains(&self.max_message_bytes) {
            bad("max_message_bytes", self.max_message_bytes, "between 1 KiB and 1 GiB")
        } else {
            Ok(())
        }
    }
}
