//! One request on its way through the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tonic::codegen::http::HeaderMap;

use super::access::Token;

/// What is known of a request besides its message: shared by the network side and the thread that
/// computes the answer.
#[derive(Debug)]
pub(super) struct Call {
    /// Given by the client in `x-request-id`, else by the server.
    pub id: String,
    /// When the request arrived.
    pub arrived: Instant,
    /// When its answer stops being of use, by the client's `grpc-timeout`.
    pub deadline: Option<Instant>,
    /// Who asks, where the server wants to know.
    token: OnceLock<Arc<Token>>,
    /// A place in the queue, taken before the message was decoded.
    place: Mutex<Option<OwnedSemaphorePermit>>,
    /// What the request takes up until it is over.
    held: Mutex<Option<OwnedSemaphorePermit>>,
    /// How long the request waited for a thread, and how long that took to compute its answer.
    turn: OnceLock<(Duration, Duration)>,
    abandoned: AtomicBool,
}

impl Call {
    pub(super) fn new(id: String, headers: &HeaderMap) -> Self {
        let arrived = Instant::now();
        let deadline = timeout(headers).and_then(|timeout| arrived.checked_add(timeout));
        Self {
            id,
            arrived,
            deadline,
            token: OnceLock::new(),
            place: Mutex::default(),
            held: Mutex::default(),
            turn: OnceLock::new(),
            abandoned: AtomicBool::new(false),
        }
    }

    /// The call is made in the name of a token.
    pub(super) fn identify(&self, token: Arc<Token>) {
        // Once a call.
        let _ = self.token.set(token);
    }

    /// What the operator calls the token.
    pub(super) fn token_name(&self) -> Option<&str> {
        self.token.get().map(|token| token.name())
    }

    /// Counts `more` requests against the rate of the token, beyond the one that every call counts.
    pub(super) fn charge(&self, more: usize) {
        if let Some(token) = self.token.get() {
            token.charge(more);
        }
    }

    /// Keeps what the request takes up until the last of its traces is gone, or [`release`](Self::release).
    pub(super) fn hold(&self, held: OwnedSemaphorePermit) {
        *lock(&self.held) = Some(held);
    }

    /// The message has been dealt with.
    pub(super) fn release(&self) {
        lock(&self.held).take();
    }

    /// Keeps a place until the request has its turn.
    pub(super) fn keep_place(&self, place: OwnedSemaphorePermit) {
        *lock(&self.place) = Some(place);
    }

    /// The place, if one was taken beforehand.
    pub(super) fn take_place(&self) -> Option<OwnedSemaphorePermit> {
        lock(&self.place).take()
    }

    /// The request had its turn: it waited from `queued` to `begun` and was computed since.
    pub(super) fn had_turn(&self, queued: Instant, begun: Instant) {
        // A call that asks several times tells of the first.
        let _ = self.turn.set((begun.saturating_duration_since(queued), begun.elapsed()));
    }

    /// Time waited and time computed, once the request has had its turn.
    pub(super) fn turn(&self) -> Option<(Duration, Duration)> {
        self.turn.get().copied()
    }

    /// One of several computations that the request asks for, which may be abandoned alone.
    pub(super) fn part(&self) -> Self {
        Self {
            id: self.id.clone(),
            arrived: Instant::now(),
            deadline: self.deadline,
            token: OnceLock::new(),
            place: Mutex::default(),
            held: Mutex::default(),
            turn: OnceLock::new(),
            abandoned: AtomicBool::new(false),
        }
    }

    /// Nobody waits for the answer any more.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// True when computing the answer would be for nothing.
    pub(super) fn is_over(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || self.expired()
    }

    /// True when the deadline has passed.
    pub(super) fn expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// A permit is there or not; a panic elsewhere does not change that.
fn lock(permit: &Mutex<Option<OwnedSemaphorePermit>>) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
    permit.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The client's timeout: up to eight digits and a unit. What is malformed counts as absent, as it
/// does for the transport.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", value.parse().unwrap());
        timeout(&headers)
    }

    #[test]
    fn timeouts_in_every_unit() {
        assert_eq!(parsed("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parsed("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parsed("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(parsed("5m"), Some(Duration::from_millis(5)));
        assert_eq!(parsed("7u"), Some(Duration::from_micros(7)));
        assert_eq!(parsed("1n"), Some(Duration::from_nanos(1)));
        assert_eq!(timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn malformed_timeouts_count_as_absent() {
        for value in ["", "S", "5", "5x", "+5S", "-1S", "1.5S", "123456789S"] {
            assert_eq!(parsed(value), None, "{value:?}");
        }
    }
}
