//! Trials, one after the other or some at a time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::journal::{Ended, Journal, Trial};
use super::objective::Objective;
use super::place;
use crate::cli::console::note;
use crate::cli::settings::Settings;
use crate::plan::{Room, fits_beside};
use crate::tuning::{MedianRule, Observed, Point, Search};

/// A trial has one of so many parts of its epochs before it is judged.
const GIVEN: usize = 5;

/// When to stop, and how many at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Trials altogether.
    pub trials: usize,
    /// Seconds after which none begins.
    pub seconds: Option<f64>,
    /// Trials at the same time.
    pub jobs: usize,
    /// The memory that they may take together, where it counts.
    pub room: Option<Room>,
}

/// A search over configurations.
pub struct Tuning<'a> {
    /// What does not change from trial to trial.
    pub settings: &'a Settings,
    /// Where to look.
    pub search: Search,
    /// What is maximised.
    pub objective: Objective<'a>,
    /// When to stop.
    pub limits: Limits,
}

/// What trials at the same time share.
struct Shared {
    journal: Journal,
    running: Vec<Running>,
    next: u64,
    /// Nothing is left to try, or a trial could not be noted.
    over: bool,
    failure: Option<anyhow::Error>,
}

/// A trial under way.
struct Running {
    number: u64,
    point: Point,
    bytes: u64,
}

impl Tuning<'_> {
    /// Runs trials after those of the journal until the limits are reached, and returns them all.
    ///
    /// # Errors
    /// A trial that cannot be noted; threads that cannot be started.
    pub fn run(&self, journal: Journal) -> Result<Journal> {
        let next = journal.trials().iter().map(|trial| trial.number + 1).max().unwrap_or(0);
        let shared = Mutex::new(Shared { journal, running: Vec::new(), next, over: false, failure: None });
        let (freed, started) = (Condvar::new(), Instant::now());
        let jobs = self.limits.jobs.min(self.limits.trials);
        if jobs == 1 {
            self.work(&shared, &freed, started);
        } else {
            // A pool for each, so that none waits for the work of another.
            let threads = (rayon::current_num_threads() / jobs).max(1);
            let pool = || rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pools = (0..jobs).map(|_| pool()).collect::<Result<Vec<_>, _>>().context("cannot start threads")?;
            thread::scope(|scope| {
                for pool in &pools {
                    scope.spawn(|| pool.install(|| self.work(&shared, &freed, started)));
                }
            });
        }
        let Shared { journal, failure, .. } = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(journal), Err)
    }

    /// Tries out one point after the other.
    fn work(&self, shared: &Mutex<Shared>, freed: &Condvar, started: Instant) {
        while let Some((number, settings, rule)) = self.begin(shared, freed, started) {
            let outcome = self.objective.try_out(&settings, &rule, self.limits.room);
            let mut state = lock(shared);
            let at = state.running.iter().position(|trial| trial.number == number);
            let Some(Running { point, .. }) = at.map(|at| state.running.remove(at)) else { return };
            let (value, course, ended, seconds) = (outcome.value, outcome.course, outcome.ended, outcome.seconds);
            let trial = Trial { number, point, value, course, ended, seconds };
            self.tell(&trial, state.journal.best());
            if let Err(error) = state.journal.add(trial) {
                state.over = true;
                state.failure = Some(error.into());
            }
            freed.notify_all();
        }
    }

    /// Chooses the next point and waits until its model fits beside those under way; `None` at the end.
    fn begin(&self, shared: &Mutex<Shared>, freed: &Condvar, started: Instant) -> Option<(u64, Settings, MedianRule)> {
        let mut state = lock(shared);
        loop {
            let begun = state.journal.trials().len() + state.running.len();
            let late = self.limits.seconds.is_some_and(|seconds| started.elapsed().as_secs_f64() >= seconds);
            if state.over || late || begun >= self.limits.trials {
                return None;
            }
            let Some((point, settings)) = self.choose(&mut state) else {
                state.over = true;
                return None;
            };
            let bytes = self.objective.bytes(&settings).unwrap_or(0);
            if self.fits(&state, bytes) {
                let number = state.next;
                state.next += 1;
                state.running.push(Running { number, point, bytes });
                let rule = self.rule(&state.journal, &settings);
                return Some((number, settings, rule));
            }
            state = freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn choose(&self, state: &mut Shared) -> Option<(Point, Settings)> {
        let ended = state.journal.trials().iter().map(|trial| (&trial.point, trial.value));
        let running = state.running.iter().map(|trial| (&trial.point, None));
        let observed: Vec<Observed> =
            ended.chain(running).map(|(point, value)| Observed { point: point.clone(), value }).collect();
        let Some(point) = self.search.next(state.next, &observed) else {
            note("every point of the ranges has been tried");
            return None;
        };
        match place(self.settings, &self.search.ranges, &point) {
            Ok(settings) => Some((point, settings)),
            Err(error) => {
                state.failure = Some(error.into());
                None
            }
        }
    }

    /// True when a model of so many bytes fits beside those that are being trained; alone, it says itself when it
    /// does not.
    fn fits(&self, state: &Shared, bytes: u64) -> bool {
        let taken = state.running.iter().map(|trial| trial.bytes).fold(bytes, u64::saturating_add);
        state.running.is_empty() || fits_beside(taken, self.limits.room)
    }

    /// The rule by the trials that ran to their end; without early stopping, by none.
    fn rule(&self, journal: &Journal, settings: &Settings) -> MedianRule {
        let counts = |trial: &&Trial| self.settings.tune.early_stopping && trial.ended == Ended::Finished;
        let finished = journal.trials().iter().filter(counts).map(|trial| trial.course.clone());
        MedianRule::new(finished, settings.training.epochs.div_ceil(GIVEN))
    }

    fn tell(&self, trial: &Trial, best: Option<&Trial>) {
        let values = self.search.ranges.iter().zip(&trial.point).map(|(range, value)| format!("{}={value}", range.key));
        let values = values.collect::<Vec<_>>().join(" ");
        let validated = self.objective.validated;
        let outcome = match (&trial.ended, trial.value) {
            (Ended::Failed(reason), _) => format!("failed: {reason}"),
            (Ended::GivenUp, _) => format!("given up after epoch {}", trial.course.last().map_or(0, |last| last.0)),
            (Ended::Finished, value) => format!("{validated} {:.4}", validated.shown(value.unwrap_or(f64::NAN))),
        };
        let best = best.and_then(|best| best.value).map(|best| validated.shown(best));
        let best = best.map_or_else(String::new, |best| format!(", best before {best:.4}"));
        let (number, of) = (trial.number + 1, self.limits.trials);
        note(format_args!("trial {number} of {of}, {values}: {outcome} ({:.1} s{best})", trial.seconds));
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
