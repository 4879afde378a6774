//! What is known of a connection, and when it has to go.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::serve::Limits;

/// One connection as its requests and its watchman see it.
#[derive(Debug)]
pub(in crate::serve) struct Connection {
    born: Instant,
    limits: Limits,
    /// Requests begun so far.
    begun: AtomicU64,
    /// Requests that are not answered in full yet.
    open: AtomicUsize,
    /// When a request last began or ended, in milliseconds since the connection was made.
    active: AtomicU64,
    /// Answers of which there is something left to send.
    unsent: AtomicUsize,
    /// When a piece of an answer last went out.
    sent: AtomicU64,
    /// Requests taken back too early in the current second, and when that began.
    resets: AtomicUsize,
    second: AtomicU64,
    flooded: Notify,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// Answer what is there and accept no more.
    Retire,
    /// Close it now, for a reason as the metrics name it.
    Close(&'static str),
}

impl Connection {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            born: Instant::now(),
            limits: limits.clone(),
            begun: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            active: AtomicU64::new(0),
            unsent: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            resets: AtomicUsize::new(0),
            second: AtomicU64::new(0),
            flooded: Notify::new(),
        }
    }

    /// A request has come.
    pub(in crate::serve) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        self.stamp(&self.active);
    }

    /// A request is over, however it ended.
    pub(in crate::serve) fn end(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.stamp(&self.active);
    }

    /// The client took a request back before it had sent all of it.
    pub(in crate::serve) fn reset(&self) {
        if self.resets.fetch_add(1, Ordering::Relaxed) == self.limits.resets_per_second {
            self.flooded.notify_one();
        }
    }

    /// There is an answer, or a piece of one, that the client has to take.
    pub(in crate::serve) fn sending(&self) {
        if self.unsent.fetch_add(1, Ordering::Relaxed) == 0 {
            self.stamp(&self.sent);
        }
    }

    /// The client took a piece.
    pub(in crate::serve) fn progress(&self) {
        self.stamp(&self.sent);
    }

    /// The client took all of it.
    pub(in crate::serve) fn taken(&self) {
        self.unsent.fetch_sub(1, Ordering::Relaxed);
    }

    /// Resolves when the client resets too many requests.
    pub(super) async fn flood(&self) {
        self.flooded.notified().await;
    }

    /// How often the watchman looks: a fraction of the shortest time that he has to notice.
    pub(super) fn round(&self) -> Duration {
        let limits = &self.limits;
        let times = [limits.first_request_seconds, limits.idle_seconds, limits.age_seconds, limits.stall_seconds];
        let shortest = times.into_iter().min().unwrap_or_default();
        (shortest / 4).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    /// No request is open.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
    }

    /// Judges the connection.
    pub(super) fn judge(&self, now: Instant) -> Verdict {
        let limits = &self.limits;
        let age = now.saturating_duration_since(self.born);
        let since = |stamp: &AtomicU64| age.saturating_sub(Duration::from_millis(stamp.load(Ordering::Relaxed)));
        if since(&self.second) >= Duration::from_secs(1) {
            self.second.store(age.as_millis() as u64, Ordering::Relaxed);
            self.resets.store(0, Ordering::Relaxed);
        }
        if self.begun.load(Ordering::Relaxed) == 0 && age >= limits.first_request_seconds {
            return Verdict::Close("silent");
        }
        if self.unsent.load(Ordering::Relaxed) > 0 && since(&self.sent) >= limits.stall_seconds {
            return Verdict::Close("stalled");
        }
        if age >= limits.age_seconds {
            return Verdict::Retire;
        }
        let idle = self.is_idle() && since(&self.active) >= limits.idle_seconds;
        if idle { Verdict::Retire } else { Verdict::Keep }
    }

    fn stamp(&self, moment: &AtomicU64) {
        moment.store(self.born.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(connection: &Connection, seconds: u64) -> Verdict {
        connection.judge(connection.born + Duration::from_secs(seconds))
    }

    #[test]
    fn a_silent_connection_is_closed() {
        let connection = Connection::new(&Limits::default());
        assert_eq!(after(&connection, 29), Verdict::Keep);
        assert!(matches!(after(&connection, 30), Verdict::Close(_)));
        connection.begin();
        assert_eq!(after(&connection, 30), Verdict::Keep);
    }

    #[test]
    fn an_idle_connection_is_retired_and_a_busy_one_is_not() {
        let connection = Connection::new(&Limits::default());
        connection.begin();
        assert_eq!(after(&connection, 301), Verdict::Keep, "the request is still open");
        connection.end();
        assert_eq!(after(&connection, 299), Verdict::Keep);
        assert_eq!(after(&connection, 301), Verdict::Retire);
    }

    #[test]
    fn an_old_connection_is_retired_however_busy() {
        let connection = Connection::new(&Limits::default());
        connection.begin();
        assert_eq!(after(&connection, 3600), Verdict::Retire);
    }

    #[test]
    fn a_client_that_takes_no_answers_is_cut_off() {
        let connection = Connection::new(&Limits::default());
        connection.begin();
        connection.sending();
        assert_eq!(after(&connection, 29), Verdict::Keep);
        assert!(matches!(after(&connection, 31), Verdict::Close(_)));
        connection.taken();
        assert_eq!(after(&connection, 31), Verdict::Keep);
    }

    #[tokio::test]
    async fn a_flood_of_resets_is_noticed_within_its_second() {
        let limits = Limits { resets_per_second: 10, ..Limits::default() };
        let connection = Connection::new(&limits);
        let flooded = async || tokio::time::timeout(Duration::from_millis(5), connection.flood()).await.is_ok();
        for second in 1..4 {
            (0..10).for_each(|_| connection.reset());
            assert!(!flooded().await);
            assert_eq!(after(&connection, second), Verdict::Keep);
        }
        (0..11).for_each(|_| connection.reset());
        assert!(flooded().await);
    }
}
