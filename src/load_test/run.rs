//! The open loop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tonic::Code;

use super::tally::{Answer, Outcome, Tally};
use super::{Arrivals, LoadTestError, MAX_SECONDS, Report, Subjects};
use crate::serve::{Client, ClientError, pb};

/// Most connections of one test.
pub const MAX_CONNECTIONS: usize = 1_024;

/// Most requests in flight at the same time.
pub const MAX_IN_FLIGHT: usize = 100_000;

/// How long answers are waited for after the last request, beyond its deadline.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long answers are waited for where requests have no deadline.
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// What is asked of a server.
#[derive(Clone, Debug)]
pub struct Load {
    /// Requests a second, on average.
    pub rate: f64,
    /// Time before anything is counted.
    pub warm_up: Duration,
    /// Time in which requests are counted.
    pub duration: Duration,
    /// Most requests in flight; further ones are not sent, and counted.
    pub in_flight: usize,
    /// After which a request is given up, from the moment it is sent.
    pub deadline: Option<Duration>,
    /// Items a list.
    pub n: u32,
    /// The model, by name; `None` for the server's default.
    pub model: Option<String>,
    /// Decides when requests arrive and for whom.
    pub seed: u64,
    /// Tells rates of one sweep apart.
    pub part: u64,
}

impl Load {
    /// The request with this number.
    #[must_use]
    pub fn request(&self, subjects: &Subjects, number: u64) -> pb::RecommendRequest {
        let subject = subjects.request(self.seed, self.part, number);
        pb::RecommendRequest { n: self.n, model: self.model.clone(), ..subject }
    }

    /// # Errors
    /// [`LoadTestError::Value`] for numbers outside their range.
    pub fn check(&self) -> Result<(), LoadTestError> {
        let bad = |what, value, range| Err(LoadTestError::Value { what, value, range });
        let (warm_up, duration) = (self.warm_up.as_secs_f64(), self.duration.as_secs_f64());
        if !(duration > 0.0 && duration <= MAX_SECONDS) {
            return bad("duration", duration, "more than 0 and at most 86,400 seconds");
        }
        if warm_up > MAX_SECONDS {
            return bad("warm-up", warm_up, "at most 86,400 seconds");
        }
        if !(1..=MAX_IN_FLIGHT).contains(&self.in_flight) {
            return bad("number of requests in flight", self.in_flight as f64, "between 1 and 100,000");
        }
        if self.deadline.is_some_and(|deadline| deadline.is_zero()) {
            return bad("deadline", 0.0, "more than 0");
        }
        Arrivals::new(self.rate, self.duration, self.seed, self.part).map(drop)
    }
}

/// Sends requests over all `clients` in turn for as long as `load` says, and waits for their answers.
///
/// The calling thread does nothing but send, and sleeps until each request is due: timers of the runtime are too
/// coarse, and would wait for a busy thread.
///
/// # Errors
/// [`LoadTestError`] for numbers outside their range, or no client.
pub fn run(runtime: &Runtime, clients: &[Client], subjects: &Subjects, load: &Load) -> Result<Report, LoadTestError> {
    load.check()?;
    if clients.is_empty() || clients.len() > MAX_CONNECTIONS {
        let value = clients.len() as f64;
        return Err(LoadTestError::Value { what: "number of connections", value, range: "between 1 and 1,024" });
    }
    let clients: Vec<Client> = match load.deadline {
        Some(deadline) => clients.iter().map(|client| client.clone().with_timeout(deadline)).collect(),
        None => clients.to_vec(),
    };
    let end = load.warm_up + load.duration;
    let tally = Arc::new(Mutex::new(Tally::new(load.rate, load.warm_up, end)));
    let places = Arc::new(Semaphore::new(load.in_flight));
    let start = Instant::now();
    for (number, due) in Arrivals::new(load.rate, end, load.seed, load.part)?.enumerate() {
        // Made while there is time.
        let request = load.request(subjects, number as u64);
        let early = due.saturating_sub(start.elapsed());
        if !early.is_zero() {
            std::thread::sleep(early);
        }
        lock(&tally).offered(due);
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            lock(&tally).not_sent(due);
            continue;
        };
        let (mut client, tally) = (clients[number % clients.len()].clone(), Arc::clone(&tally));
        runtime.spawn(async move {
            let sent = start.elapsed();
            let answer = client.recommend(request).await;
            let done = start.elapsed();
            lock(&tally).answered(Outcome { due, sent, done, answer: told(answer) });
            drop(place);
        });
    }
    let patience = load.deadline.map_or(LONG_PATIENCE, |deadline| deadline + PATIENCE);
    runtime.block_on(async {
        // Those still without an answer then are counted as such.
        let all = places.acquire_many(load.in_flight as u32);
        drop(tokio::time::timeout(patience, all).await);
    });
    let report = lock(&tally).report();
    Ok(report)
}

fn told(answer: Result<pb::RecommendResponse, ClientError>) -> Result<Answer, Code> {
    match answer {
        Ok(answer) => Ok(Answer { tier: answer.tier(), version: answer.model_version }),
        Err(ClientError::Call(status)) => Err(status.code()),
        Err(ClientError::Connect { .. }) => Err(Code::Unavailable),
    }
}

/// A panic elsewhere leaves the counts as they were.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
