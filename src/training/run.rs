//! The training loop.

use std::ops::ControlFlow;
use std::time::Instant;

use rand::seq::SliceRandom;

use super::checkpoint::{CheckpointError, CheckpointEvent, Checkpoints, Progress, Tensors};
use super::diverged::{behind_the_loss, weights_not_finite};
use super::network::{Gradient, Network, Shard, Weights};
use super::{Diverged, Divergence, EpochReport, TrainingConfig, TrainingSummary};
use crate::interactions::Interactions;
use crate::nn::{Adam, AdamConfig, all_finite};
use crate::random::{Purpose, stream};
use crate::types::UserIdx;

/// What is trained on, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The parameters of the loop.
    pub config: &'a TrainingConfig,
    /// The data; users without a history are left out.
    pub train: &'a Interactions,
    /// Where schedules begin: 0 for the whole of them, 1 when they are over.
    pub schedules_from: f64,
}

/// The loop's view of its surroundings; `W` are the network's weights.
pub struct Watch<'a, W> {
    /// Scores weights on held-out users, higher is better. `None`: the last epoch is kept.
    pub validate: Option<&'a mut dyn FnMut(&W) -> f64>,
    /// Called after every epoch; the run ends there when it says so.
    pub epoch: &'a mut dyn FnMut(&EpochReport) -> ControlFlow<()>,
    /// Called after every step with (steps done, steps planned).
    pub step: &'a mut dyn FnMut(usize, usize),
}

/// Why a run ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The numbers did.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// A checkpoint could not be continued or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Trains a network on the non-empty histories of the data and returns its best weights: those of the
/// epoch with the highest validation, or of the last epoch where nothing validates. Weights that come
/// with schedules under way are validated before the first epoch, and kept if no epoch is better. The run ends when
/// the epochs, the patience or the caller are at their end.
///
/// The order of users in each epoch is a shuffle drawn from the seed and the epoch; batches and
/// shards are cut from it by size alone. Schedules run from [`Plan::schedules_from`] to 1.
///
/// With `checkpoints`, the run goes on from the one that was found, and writes them as it goes; it reaches the
/// same weights as one that was never interrupted.
///
/// # Errors
/// [`Diverged`] as soon as a loss, or at the end of an epoch or at a checkpoint a weight or a moment, is not finite:
/// no checkpoint ever holds such a number. [`CheckpointError`] for a checkpoint of another run, or one that the disk
/// does not take.
pub fn run<N: Network>(
    network: N,
    plan: Plan<'_>,
    mut checkpoints: Option<&mut Checkpoints>,
    mut watch: Watch<'_, N::Weights>,
) -> Result<(N::Weights, TrainingSummary), TrainingError> {
    let mut run = Run::new(network, plan);
    if let Some(checkpoints) = &mut checkpoints {
        run.resume(checkpoints)?;
    }
    run.look_at_the_start(&mut watch);
    while run.progress.epoch <= plan.config.epochs {
        run.train_epoch(&mut checkpoints, &mut watch)?;
        let wanted = run.end_epoch(&mut watch);
        if wanted.is_break() || run.progress.stale >= plan.config.patience {
            break;
        }
    }
    Ok(run.finish())
}

/// How a tensor moves in an epoch.
#[derive(Clone, Copy)]
struct Moves {
    /// Steps that it has taken before.
    taken: usize,
    /// L2 penalty added to its gradient.
    weight_decay: f32,
}

/// A run under way.
struct Run<'a, N: Network> {
    plan: Plan<'a>,
    /// The users trained on.
    users: Vec<u32>,
    network: N,
    /// One a tensor of the weights.
    moments: Vec<Adam>,
    gradient: N::Gradient,
    /// A second buffer, where a batch has several shards.
    part: Option<N::Gradient>,
    best: Option<N::Weights>,
    progress: Progress,
    /// Since when this process is at work, and how long earlier ones were.
    started: Instant,
    before: f64,
}

impl<'a, N: Network> Run<'a, N> {
    fn new(network: N, plan: Plan<'a>) -> Self {
        let train = plan.train;
        Self {
            plan,
            users: (0..train.users() as u32).filter(|&u| !train.history(UserIdx(u)).is_empty()).collect(),
            moments: network.weights().named().iter().map(|(_, values)| Adam::new(values.len())).collect(),
            gradient: network.new_gradient(),
            part: (plan.config.shards > 1).then(|| network.new_gradient()),
            network,
            best: None,
            progress: Progress { epoch: 1, ..Progress::default() },
            started: Instant::now(),
            before: 0.0,
        }
    }

    /// Steps in an epoch.
    fn batches(&self) -> usize {
        self.users.len().div_ceil(self.plan.config.batch_size)
    }

    /// Schedules that are under way mean weights that were trained before: they are the first candidate.
    fn look_at_the_start(&mut self, watch: &mut Watch<'_, N::Weights>) {
        let trained = self.plan.schedules_from > 0.0 && self.progress.done == 0;
        if let Some(validate) = watch.validate.as_mut().filter(|_| trained) {
            let value = validate(self.network.weights());
            // Nothing would ever be better than a value that does not compare.
            if value.is_finite() {
                self.keep();
                self.progress.summary.start_validation = Some(value);
                self.progress.summary.best_validation = Some(value);
            }
        }
    }

    /// Trains what is left of the epoch.
    fn train_epoch(
        &mut self,
        checkpoints: &mut Option<&mut Checkpoints>,
        watch: &mut Watch<'_, N::Weights>,
    ) -> Result<(), TrainingError> {
        let config = self.plan.config;
        let planned = config.epochs * self.batches();
        self.network.begin_epoch(self.progress.epoch as u64);
        let moves = self.moves();
        let mut order = self.users.clone();
        order.shuffle(&mut stream(config.seed, Purpose::Shuffle, [self.progress.epoch as u64, 0]));
        let (resumed, trained) = (Instant::now(), self.progress.train_seconds);
        for batch in order.chunks(config.batch_size).skip(self.progress.step) {
            self.add_up_gradient(batch, planned);
            self.progress.step += 1;
            self.progress.done += 1;
            if !self.progress.loss.is_finite() {
                let what = behind_the_loss(self.network.weights(), &self.gradient);
                return Err(self.diverged(what, checkpoints).into());
            }
            // The rate is that of the steps before this one, so that the first has the whole of it.
            let learning_rate = config.rate_at((self.progress.done - 1) as f64 / planned as f64);
            let tensors = self.network.weights_mut().values_mut().into_iter().zip(self.gradient.parts());
            for ((moments, moves), (values, gradient)) in self.moments.iter_mut().zip(&moves).zip(tensors) {
                if let Some(Moves { taken, weight_decay }) = *moves {
                    let adam = AdamConfig { optimiser: config.optimiser, learning_rate, weight_decay };
                    moments.apply(&adam.step(taken + self.progress.step), values, gradient);
                }
            }
            self.progress.train_seconds = trained + resumed.elapsed().as_secs_f64();
            (watch.step)(self.progress.done, planned);
            if checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.is_due(self.progress.done)) {
                self.save(checkpoints)?;
            }
        }
        self.check_finite(checkpoints)
    }

    /// How each tensor moves in this epoch; `None` for those that rest.
    fn moves(&self) -> Vec<Option<Moves>> {
        let (epoch, batches) = (self.progress.epoch as u64, self.batches());
        let of_tensor = |tensor| {
            let moves = |epoch| self.network.moves(tensor, epoch);
            moves(epoch).then(|| Moves {
                taken: batches * (1..epoch).filter(|&epoch| moves(epoch)).count(),
                weight_decay: if self.network.decays(tensor) { self.plan.config.weight_decay } else { 0.0 },
            })
        };
        (0..self.moments.len()).map(of_tensor).collect()
    }

    /// Refuses to go on with weights or moments that are not finite: with an infinite moment, a weight never moves
    /// again.
    fn check_finite(&self, checkpoints: &Option<&mut Checkpoints>) -> Result<(), TrainingError> {
        let weights = self.network.weights().named();
        let in_moments = || {
            let lost = |adam: &Adam| adam.moments().into_iter().any(|values| !all_finite(values));
            let mut all = weights.iter().zip(&self.moments);
            all.find(|(_, adam)| lost(adam)).map(|((name, _), _)| Divergence::Moments(name))
        };
        match weights_not_finite(self.network.weights()).or_else(in_moments) {
            Some(what) => Err(self.diverged(what, checkpoints).into()),
            None => Ok(()),
        }
    }

    /// The gradient of a batch, the sum over its shards in their order.
    fn add_up_gradient(&mut self, batch: &[u32], planned: usize) {
        let Plan { config, train, schedules_from } = self.plan;
        let size = batch.len().div_ceil(config.shards).max(1);
        for (number, users) in batch.chunks(size).enumerate() {
            let shard = Shard {
                histories: users.iter().map(|&user| train.history(UserIdx(user))).collect(),
                users,
                seed: config.seed,
                epoch: self.progress.epoch as u64,
                progress: schedules_from + (1.0 - schedules_from) * (self.progress.done as f64 / planned as f64),
                batch_users: batch.len(),
            };
            self.progress.loss += match (&mut self.part, number) {
                (Some(part), 1..) => {
                    let loss = self.network.gradient(&shard, part);
                    self.gradient.add(part);
                    loss
                }
                _ => self.network.gradient(&shard, &mut self.gradient),
            };
        }
    }

    /// Validates where that is due, keeps the weights if they are the best, and turns to the next epoch.
    fn end_epoch(&mut self, watch: &mut Watch<'_, N::Weights>) -> ControlFlow<()> {
        let config = self.plan.config;
        let Progress { epoch, loss, train_seconds, .. } = self.progress;
        let validating = Instant::now();
        let due = (epoch.is_multiple_of(config.validate_every) || epoch == config.epochs)
            && self.network.is_whole(epoch as u64);
        let validation = watch.validate.as_mut().filter(|_| due).map(|validate| validate(self.network.weights()));
        let best = self.progress.summary.best_validation;
        let improved = validation.is_some_and(|value| value.is_finite() && best.is_none_or(|best| value > best));
        if improved {
            self.keep();
            self.progress.stale = 0;
            self.progress.summary.best_epoch = epoch;
            self.progress.summary.best_validation = validation;
        } else if validation.is_some() {
            self.progress.stale += 1;
        }
        let users = self.users.len() as f64;
        let report = EpochReport {
            epoch,
            epochs: config.epochs,
            loss: loss / users,
            validation,
            best: improved,
            users_per_second: users / train_seconds,
            train_seconds,
            validation_seconds: validating.elapsed().as_secs_f64(),
        };
        let wanted = (watch.epoch)(&report);
        self.progress.summary.epochs.push(report);
        self.progress.epoch += 1;
        (self.progress.step, self.progress.loss, self.progress.train_seconds) = (0, 0.0, 0.0);
        wanted
    }

    /// Makes the current weights the best ones, in the memory of those before.
    fn keep(&mut self) {
        match &mut self.best {
            None => self.best = Some(self.network.weights().clone()),
            Some(best) => {
                let current = self.network.weights().named();
                best.values_mut().into_iter().zip(current).for_each(|(best, (_, now))| best.copy_from_slice(now));
            }
        }
    }

    fn diverged(&self, what: Divergence, checkpoints: &Option<&mut Checkpoints>) -> Diverged {
        let kept = checkpoints.as_ref().and_then(|kept| Some((kept.path().to_owned(), kept.position()?)));
        Diverged { what, at: self.progress.position(), kept }
    }

    /// Writes a checkpoint, unless something in it is not finite.
    fn save(&mut self, checkpoints: &mut Option<&mut Checkpoints>) -> Result<(), TrainingError> {
        self.check_finite(checkpoints)?;
        let weights = self.network.weights().named();
        let moments = |which: usize| -> Vec<(&'static str, &[f32])> {
            weights.iter().zip(&self.moments).map(|((name, _), adam)| (*name, adam.moments()[which])).collect()
        };
        let (first, second) = (moments(0), moments(1));
        let best = self.best.as_ref().map(|best| Tensors { kind: BEST, values: best.named() });
        let carried = self.network.carried();
        let tensors = [(WEIGHTS, weights), (FIRST, first), (SECOND, second), (CARRIED, carried)];
        let tensors = tensors.into_iter().map(|(kind, values)| Tensors { kind, values }).chain(best);
        let mut progress = self.progress.clone();
        progress.summary.seconds = self.before + self.started.elapsed().as_secs_f64();
        if let Some(checkpoints) = checkpoints {
            checkpoints.write(&progress, &tensors.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Goes on from the checkpoint that was found, if one was.
    fn resume(&mut self, checkpoints: &mut Checkpoints) -> Result<(), CheckpointError> {
        let Some(saved) = checkpoints.saved((self.plan.config.epochs, self.batches()))? else { return Ok(()) };
        let named =
            |tensors: Vec<(&'static str, &[f32])>| tensors.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let (names, carried) = (named(self.network.weights().named()), named(self.network.carried()));
        let read_each = |names: &[&'static str], kind, values: Vec<&mut [f32]>| {
            names.iter().zip(values).try_for_each(|(name, values)| saved.read(kind, name, values))
        };
        read_each(&carried, CARRIED, self.network.carried_mut())?;
        let read = |kind, values: Vec<&mut [f32]>| read_each(&names, kind, values);
        read(WEIGHTS, self.network.weights_mut().values_mut())?;
        let (first, second) = self.moments.iter_mut().map(|adam| adam.moments_mut().into()).unzip();
        read(FIRST, first)?;
        read(SECOND, second)?;
        if saved.progress.summary.best_validation.is_some() {
            let mut best = self.network.weights().clone();
            read(BEST, best.values_mut())?;
            self.best = Some(best);
        }
        self.progress = saved.progress;
        self.before = self.progress.summary.seconds;
        (checkpoints.on_event)(CheckpointEvent::Continued(self.progress.position()));
        Ok(())
    }

    fn finish(self) -> (N::Weights, TrainingSummary) {
        let mut summary = self.progress.summary;
        summary.seconds = self.before + self.started.elapsed().as_secs_f64();
        let weights = self.best.unwrap_or_else(|| {
            summary.best_epoch = summary.epochs.len();
            self.network.weights().clone()
        });
        (weights, summary)
    }
}

/// Kinds of tensors in a checkpoint.
const WEIGHTS: &str = "weights";
const FIRST: &str = "first-moment";
const SECOND: &str = "second-moment";
const BEST: &str = "best";
const CARRIED: &str = "carried";

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
