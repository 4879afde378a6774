//! What the training loop asks of a network.

use crate::interactions::HistoryRef;
use crate::nn::GradientRef;

/// A part of a batch, with everything its gradient may depend on.
#[derive(Clone, Debug)]
pub struct Shard<'a> {
    /// The training histories of the shard's users.
    pub histories: Vec<HistoryRef<'a>>,
    /// Their row numbers in the training matrix, which name their random streams.
    pub users: &'a [u32],
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Fraction of the planned steps already done, from 0 to 1: what schedules depend on.
    pub progress: f64,
    /// Users in the whole batch: the gradient is that of the mean over all of them.
    pub batch_users: usize,
}

impl Shard<'_> {
    /// The name of the random stream of the user at a position: (seed, epoch, row).
    #[must_use]
    pub fn stream_of(&self, position: usize) -> (u64, u64, u64) {
        (self.seed, self.epoch, u64::from(self.users[position]))
    }
}

/// The weights of a network: named tensors, always the same ones in the same order.
pub trait Weights: Clone {
    /// Every tensor with its name, from the input to the output.
    fn named(&self) -> Vec<(&'static str, &[f32])>;

    /// The values of the same tensors in the same order.
    fn values_mut(&mut self) -> Vec<&mut [f32]>;
}

/// A gradient that can be summed over shards.
pub trait Gradient {
    /// Adds another shard's gradient.
    fn add(&mut self, other: &Self);

    /// The gradient of every tensor of the weights, in their order.
    fn parts(&self) -> Vec<GradientRef<'_>>;
}

/// A network under training.
///
/// A step is `gradient` for every shard of the batch, the sum of the gradients in the order of the
/// shards, then one move of the optimiser: the shards of one step could be computed by different processes.
pub trait Network {
    /// What the optimiser moves, validation looks at, and is kept of the best epoch.
    type Weights: Weights;
    /// The gradient of all of them.
    type Gradient: Gradient;

    /// The current weights.
    fn weights(&self) -> &Self::Weights;

    /// The current weights, to be moved.
    fn weights_mut(&mut self) -> &mut Self::Weights;

    /// A gradient buffer.
    fn new_gradient(&self) -> Self::Gradient;

    /// Overwrites `gradient` with that of the mean loss over the batch, restricted to this shard, and
    /// returns the shard's summed loss.
    fn gradient(&mut self, shard: &Shard<'_>, gradient: &mut Self::Gradient) -> f64;

    /// Called before the first step of an epoch, and again when a run goes on within it: doing it twice changes nothing.
    fn begin_epoch(&mut self, _epoch: u64) {}

    /// True when the steps of an epoch move the tensor at a position of the weights: always, unless a network alternates
    /// between parts of itself. The optimiser counts the steps of each tensor; those that rest need no gradient.
    fn moves(&self, _tensor: usize, _epoch: u64) -> bool {
        true
    }

    /// True when the weight decay of the run applies to the tensor at a position of the weights.
    fn decays(&self, _tensor: usize) -> bool {
        true
    }

    /// False while an epoch trains parts that do not make a model yet: it is not validated then.
    fn is_whole(&self, _epoch: u64) -> bool {
        true
    }

    /// What goes from epoch to epoch beside the weights, by name: it belongs in a checkpoint, and is neither moved nor
    /// published. Nothing, unless a network says otherwise.
    fn carried(&self) -> Vec<(&'static str, &[f32])> {
        Vec::new()
    }

    /// The values of the same tensors in the same order.
    fn carried_mut(&mut self) -> Vec<&mut [f32]> {
        Vec::new()
    }
}
