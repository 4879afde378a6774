//! How does training go on after it was stopped at any moment, to the same bytes?
//!
//! A checkpoint is one file ([`storage::write_sealed`](crate::storage::write_sealed)) with everything that the loop
//! has at hand after a step: weights, moments of the optimiser, the best weights so far, and the [`Progress`].
//! Random numbers need no place in it, because none is drawn in turn (see [`random`](crate::random)). It is
//! written from where the tensors are, without a second copy of them, and replaces the one before it in one step.

mod error;
mod facts;
mod file;
mod progress;

pub use error::CheckpointError;
pub use facts::{Facts, fingerprint};
pub(super) use file::Tensors;
pub use file::{CheckpointEvent, Checkpoints, FORMAT_VERSION};
pub use progress::{Position, Progress};
