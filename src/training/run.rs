//! The training loop.

use std::time::Instant;

use rand::seq::SliceRandom;

use super::network::{Gradient, Network, Shard};
use super::{EpochReport, TrainingConfig, TrainingSummary};
use crate::interactions::Interactions;
use crate::nn::AdamConfig;
use crate::random::{Purpose, stream};
use crate::types::UserIdx;

/// The loop's view of its surroundings; `W` are the network's weights.
pub struct Watch<'a, W> {
    /// Scores weights on held-out users, higher is better. `None`: the last epoch is kept.
    pub validate: Option<&'a mut dyn FnMut(&W) -> f64>,
    /// Called after every epoch.
    pub epoch: &'a mut dyn FnMut(&EpochReport),
    /// Called after every step with (steps done, steps planned).
    pub step: &'a mut dyn FnMut(usize, usize),
}

/// The loss or a weight is not finite any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// What became NaN or infinite.
    pub what: &'static str,
    /// Epoch, from 1.
    pub epoch: usize,
    /// Step within the run, from 1.
    pub step: usize,
}

/// Trains a network on the non-empty histories of `train` and returns its best weights: those of the
/// epoch with the highest validation, or of the last epoch where nothing validates.
///
/// The order of users in each epoch is a shuffle drawn from the seed and the epoch; batches and
/// shards are cut from it by size alone. Schedules run from `schedules_from` (0: the whole of them;
/// 1: they are over) to 1.
///
/// # Errors
/// [`Diverged`] as soon as a loss, or at the end of an epoch a weight, is not finite.
pub fn run<N: Network>(
    mut network: N,
    config: &TrainingConfig,
    train: &Interactions,
    schedules_from: f64,
    watch: Watch<'_, N::Weights>,
) -> Result<(N::Weights, TrainingSummary), Diverged> {
    let started = Instant::now();
    let Watch { mut validate, epoch: on_epoch, step: on_step } = watch;
    let users: Vec<u32> = (0..train.users() as u32).filter(|&u| !train.history(UserIdx(u)).is_empty()).collect();
    let planned = config.epochs * users.len().div_ceil(config.batch_size);
    let adam = AdamConfig { learning_rate: config.learning_rate, weight_decay: config.weight_decay };
    let (mut gradient, mut part) = (network.new_gradient(), (config.shards > 1).then(|| network.new_gradient()));
    let mut best: Option<(N::Weights, f64)> = None;
    let mut summary = TrainingSummary::default();
    let (mut done, mut stale) = (0, 0);

    for epoch in 1..=config.epochs {
        let epoch_started = Instant::now();
        let mut order = users.clone();
        order.shuffle(&mut stream(config.seed, Purpose::Shuffle, [epoch as u64, 0]));
        let mut loss = 0.0;
        for batch in order.chunks(config.batch_size) {
            let size = batch.len().div_ceil(config.shards).max(1);
            for (number, users) in batch.chunks(size).enumerate() {
                let shard = Shard {
                    histories: users.iter().map(|&user| train.history(UserIdx(user))).collect(),
                    users,
                    seed: config.seed,
                    epoch: epoch as u64,
                    progress: schedules_from + (1.0 - schedules_from) * (done as f64 / planned as f64),
                    batch_users: batch.len(),
                };
                loss += match (&mut part, number) {
                    (Some(part), 1..) => {
                        let loss = network.gradient(&shard, part);
                        gradient.add(part);
                        loss
                    }
                    _ => network.gradient(&shard, &mut gradient),
                };
            }
            done += 1;
            if !loss.is_finite() {
                return Err(Diverged { what: "the loss", epoch, step: done });
            }
            network.apply(&adam.step(done), &gradient);
            on_step(done, planned);
        }
        if let Some(what) = network.not_finite() {
            return Err(Diverged { what, epoch, step: done });
        }
        let train_seconds = epoch_started.elapsed().as_secs_f64();

        let due = epoch % config.validate_every == 0 || epoch == config.epochs;
        let validation = validate.as_mut().filter(|_| due).map(|validate| validate(network.weights()));
        let improved = validation.is_some_and(|value| best.as_ref().is_none_or(|(_, best)| value > *best));
        if let (Some(value), true) = (validation, improved) {
            // Dropped first: two copies of the weights at once would be the peak of the run.
            drop(best.take());
            best = Some((network.weights().clone(), value));
            (summary.best_epoch, summary.best_validation, stale) = (epoch, Some(value), 0);
        } else if validation.is_some() {
            stale += 1;
        }
        let report = EpochReport {
            epoch,
            epochs: config.epochs,
            loss: loss / users.len() as f64,
            validation,
            best: improved,
            users_per_second: users.len() as f64 / train_seconds,
            train_seconds,
            validation_seconds: epoch_started.elapsed().as_secs_f64() - train_seconds,
        };
        on_epoch(&report);
        summary.epochs.push(report);
        if stale >= config.patience {
            break;
        }
    }
    summary.seconds = started.elapsed().as_secs_f64();
    let weights = match best {
        Some((weights, _)) => weights,
        None => {
            summary.best_epoch = summary.epochs.len();
            network.weights().clone()
        }
    };
    Ok((weights, summary))
}
