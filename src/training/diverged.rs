//! Training that left the finite numbers: where, and when.

use std::fmt;
use std::path::PathBuf;

use super::Position;
use super::network::{Gradient, Weights};
use crate::nn::all_finite;

/// Training that left the finite numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// What became NaN or infinite.
    pub what: Divergence,
    /// Epoch and step, both from 1.
    pub at: Position,
    /// The last checkpoint before it, where there is one.
    pub kept: Option<(PathBuf, Position)>,
}

/// What became NaN or infinite, by the name of the tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// Weights.
    Weights(&'static str),
    /// A gradient, of finite weights.
    Gradient(&'static str),
    /// A moment of the optimiser, of finite weights.
    Moments(&'static str),
    /// The loss, of finite weights and gradients; the tensor is the one with the largest weight.
    Loss(&'static str),
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(tensor) => write!(f, "`{tensor}` is not finite"),
            Self::Gradient(tensor) => write!(f, "the gradient of `{tensor}` is not finite"),
            Self::Moments(tensor) => write!(f, "the optimiser's moments of `{tensor}` are not finite"),
            Self::Loss(tensor) => write!(f, "the loss is not finite; the largest weight is in `{tensor}`"),
        }
    }
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, at: Position { epoch, done }, kept } = self;
        write!(f, "training diverged at epoch {epoch}, step {done}: {what}; lower training.learning_rate, ")?;
        write!(f, "or train on smaller weights (model.weights = \"binary\" takes them as 1)")?;
        match kept {
            None => Ok(()),
            Some((path, position)) => write!(
                f,
                "; the checkpoint of {position} is kept in {}: --resume repeats the steps from there, so remove it to \
                 train with other settings",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Diverged {}

/// The first tensor, from the input on, of which a value is not finite.
pub fn weights_not_finite(weights: &impl Weights) -> Option<Divergence> {
    weights.named().into_iter().find(|(_, values)| !all_finite(values)).map(|(name, _)| Divergence::Weights(name))
}

/// Where a loss that is not finite comes from. What is not finite spreads from the output towards the input in a
/// gradient, and the other way round in the activations.
pub fn behind_the_loss<W: Weights>(weights: &W, gradient: &impl Gradient) -> Divergence {
    let named = weights.named();
    let in_weights = weights_not_finite(weights);
    let in_gradient = || {
        let parts = named.iter().zip(gradient.parts());
        parts.rev().find(|(_, part)| !part.is_finite()).map(|((name, _), _)| Divergence::Gradient(name))
    };
    let largest = |values: &[f32]| values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    in_weights.or_else(in_gradient).unwrap_or_else(|| {
        let most = named.iter().max_by(|a, b| largest(a.1).total_cmp(&largest(b.1)));
        Divergence::Loss(most.map_or("", |(name, _)| name))
    })
}
