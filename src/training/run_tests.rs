use std::num::NonZeroUsize;

use super::*;
use crate::nn::GradientRef;
use crate::training::Position;

/// What goes wrong in [`Toy`], and in which step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// A gradient, and with it the loss.
    Gradient,
    /// A gradient of which the loss knows nothing.
    SilentGradient,
    /// A gradient whose square is infinite.
    LargeGradient,
    /// The loss alone.
    Loss,
}

/// Two tensors that each step moves by a gradient of 1.
struct Toy {
    weights: ToyWeights,
    fault: (Fault, usize),
    steps: usize,
    /// True when odd epochs move the first tensor, and even ones the second.
    alternates: bool,
    /// Epochs begun, where it alternates.
    carried: Vec<f32>,
}

#[derive(Clone, PartialEq, Debug)]
struct ToyWeights([Vec<f32>; 2]);

struct ToyGradient([Vec<f32>; 2]);

impl Weights for ToyWeights {
    fn named(&self) -> Vec<(&'static str, &[f32])> {
        vec![("near.input", &self.0[0]), ("near.output", &self.0[1])]
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        self.0.iter_mut().map(Vec::as_mut_slice).collect()
    }
}

impl Gradient for ToyGradient {
    fn add(&mut self, _: &Self) {
        unreachable!("there is one shard");
    }

    fn parts(&self) -> Vec<GradientRef<'_>> {
        self.0.iter().map(|values| GradientRef::Dense(values)).collect()
    }
}

impl Network for Toy {
    type Weights = ToyWeights;
    type Gradient = ToyGradient;

    fn weights(&self) -> &ToyWeights {
        &self.weights
    }

    fn weights_mut(&mut self) -> &mut ToyWeights {
        &mut self.weights
    }

    fn new_gradient(&self) -> ToyGradient {
        ToyGradient([vec![0.0; 2], vec![0.0; 3]])
    }

    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut ToyGradient) -> f64 {
        self.steps += 1;
        gradient.0.iter_mut().flatten().for_each(|value| *value = 1.0);
        let now = self.fault.1 == self.steps;
        let value = &mut gradient.0[1][1];
        match self.fault.0 {
            Fault::Gradient if now => {
                *value = f32::NAN;
                f64::NAN
            }
            Fault::Loss if now => f64::INFINITY,
            fault => {
                match fault {
                    Fault::SilentGradient if now => *value = f32::INFINITY,
                    Fault::LargeGradient if now => *value = 1e30,
                    _ => {}
                }
                shard.users.len() as f64
            }
        }
    }

    fn begin_epoch(&mut self, epoch: u64) {
        self.carried.fill(epoch as f32);
    }

    fn moves(&self, tensor: usize, epoch: u64) -> bool {
        !self.alternates || (epoch % 2 == 1) == (tensor == 0)
    }

    fn carried(&self) -> Vec<(&'static str, &[f32])> {
        vec![("begun", &self.carried)]
    }

    fn carried_mut(&mut self) -> Vec<&mut [f32]> {
        vec![&mut self.carried]
    }
}

fn toy(fault: Fault, step: usize) -> Toy {
    Toy {
        weights: ToyWeights([vec![2.0; 2], vec![1.0; 3]]),
        fault: (fault, step),
        steps: 0,
        alternates: false,
        carried: vec![0.0],
    }
}

/// Three epochs of four steps.
fn train(toy: Toy, checkpoints: Option<&mut Checkpoints>) -> Result<(ToyWeights, TrainingSummary), TrainingError> {
    let data = Interactions::from_csr((8, 3), (0..=8).collect(), vec![1; 8], vec![1.0; 8]).unwrap();
    let config = TrainingConfig { epochs: 3, batch_size: 2, ..TrainingConfig::default() };
    let watch = Watch { validate: None, epoch: &mut |_| ControlFlow::Continue(()), step: &mut |_, _| {} };
    run(toy, Plan { config: &config, train: &data, schedules_from: 0.0 }, checkpoints, watch)
}

fn diverged(outcome: Result<(ToyWeights, TrainingSummary), TrainingError>) -> Diverged {
    match outcome.unwrap_err() {
        TrainingError::Diverged(diverged) => diverged,
        TrainingError::Checkpoint(error) => panic!("{error}"),
    }
}

#[test]
fn what_is_not_finite_stops_training_with_epoch_step_and_tensor() {
    let at = |epoch, done| Position { epoch, done };
    for (fault, what, position) in [
        (Fault::Gradient, Divergence::Gradient("near.output"), at(2, 6)),
        (Fault::Loss, Divergence::Loss("near.input"), at(2, 6)),
        // Found at the end of the epoch.
        (Fault::SilentGradient, Divergence::Weights("near.output"), at(2, 8)),
        (Fault::LargeGradient, Divergence::Moments("near.output"), at(2, 8)),
    ] {
        assert_eq!(diverged(train(toy(fault, 6), None)), Diverged { what, at: position, kept: None }, "{fault:?}");
    }
    assert!(train(toy(Fault::None, 0), None).is_ok());
}

#[test]
fn what_is_not_finite_never_reaches_a_checkpoint_and_the_last_one_is_kept() {
    let expected = train(toy(Fault::None, 0), None).unwrap().0;
    for fault in [Fault::Gradient, Fault::Loss, Fault::SilentGradient, Fault::LargeGradient] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint");
        let mut checkpoints = Checkpoints::open(&path, NonZeroUsize::new(1), false).unwrap();
        let found = diverged(train(toy(fault, 6), Some(&mut checkpoints)));
        let last = Position { epoch: 2, done: 5 };
        assert_eq!((found.at.done, &found.kept), (6, &Some((path.clone(), last))), "{fault:?}");
        for part in ["epoch 2, step 6", "`near.", "step 5 (epoch 2) is kept in", path.to_str().unwrap()] {
            assert!(found.to_string().contains(part), "`{part}` is not in: {found}");
        }
        drop(checkpoints);
        // It is good: a run without the fault goes on from it to the same end.
        let mut checkpoints = Checkpoints::open(&path, None, true).unwrap();
        assert_eq!(train(toy(Fault::None, 0), Some(&mut checkpoints)).unwrap().0, expected, "{fault:?}");
    }
}

#[test]
fn tensors_that_rest_keep_their_values_and_count_their_own_steps() {
    // Along a constant gradient, a step of Adam is the learning rate, provided that the bias of the moments is taken out.
    let moved = |values: &[f32], from: f32, steps: usize| {
        values.iter().all(|value| (value - (from - 1e-3 * steps as f32)).abs() < 1e-6)
    };
    let alternating = || Toy { alternates: true, ..toy(Fault::None, 0) };
    let expected = train(alternating(), None).unwrap().0;
    assert!(moved(&expected.0[0], 2.0, 8) && moved(&expected.0[1], 1.0, 4), "{expected:?}");
    // The same where the run is stopped in the second epoch and goes on.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint");
    let mut checkpoints = Checkpoints::open(&path, NonZeroUsize::new(1), false).unwrap();
    let stopped = Toy { fault: (Fault::Gradient, 6), ..alternating() };
    assert_eq!(diverged(train(stopped, Some(&mut checkpoints))).at.done, 6);
    drop(checkpoints);
    let mut checkpoints = Checkpoints::open(&path, None, true).unwrap();
    assert_eq!(train(alternating(), Some(&mut checkpoints)).unwrap().0, expected);
}

#[test]
fn a_start_whose_value_is_no_number_is_no_rival() {
    let data = Interactions::from_csr((8, 3), (0..=8).collect(), vec![1; 8], vec![1.0; 8]).unwrap();
    let config = TrainingConfig { epochs: 3, batch_size: 2, ..TrainingConfig::default() };
    let plan = Plan { config: &config, train: &data, schedules_from: 1.0 };
    for start in [f64::NAN, f64::INFINITY] {
        let mut values = [start, 0.1, 0.3, 0.2].into_iter();
        let validate = &mut |_: &ToyWeights| values.next().unwrap();
        let watch = Watch { validate: Some(validate), epoch: &mut |_| ControlFlow::Continue(()), step: &mut |_, _| {} };
        let summary = run(toy(Fault::None, 0), plan, None, watch).unwrap().1;
        assert_eq!((summary.start_validation, summary.best_epoch, summary.best_validation), (None, 2, Some(0.3)));
    }
}

#[test]
fn a_run_that_is_stopped_keeps_the_best_weights_until_then() {
    let data = Interactions::from_csr((8, 3), (0..=8).collect(), vec![1; 8], vec![1.0; 8]).unwrap();
    let config = TrainingConfig { epochs: 5, batch_size: 2, ..TrainingConfig::default() };
    let run_until = |last: usize| {
        let mut values = [0.1, 0.3, 0.2, 0.5, 0.4].into_iter();
        let validate = &mut |_: &ToyWeights| values.next().unwrap();
        let epoch = &mut |report: &EpochReport| {
            if report.epoch == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let watch = Watch { validate: Some(validate), epoch, step: &mut |_, _| {} };
        let plan = Plan { config: &config, train: &data, schedules_from: 0.0 };
        let (weights, summary) = run(toy(Fault::None, 0), plan, None, watch).unwrap();
        (weights, summary.epochs.len(), summary.best_epoch)
    };
    let (stopped, early) = (run_until(3), run_until(2));
    assert_eq!((stopped.1, stopped.2, early.1, early.2), (3, 2, 2, 2));
    assert_eq!(stopped.0, early.0);
}
