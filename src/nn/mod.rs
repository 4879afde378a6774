//! What are networks built from? Layers, losses, corruption, initialisation and the optimiser.
//!
//! Batches are matrices with one user a column. Whatever serving uses computes a user's output from
//! that user's column alone, in a fixed order, so that it has the same bits in any batch.

mod activation;
mod adam;
mod chain;
mod composite_prior;
mod dense;
mod gaussian;
mod init;
mod layer_norm;
mod objective;
mod penalty;
mod sparse_batch;
mod sparse_input;
mod stack;

pub use activation::Activation;
pub use adam::{Adam, AdamConfig, GradientRef, Optimiser, all_finite};
pub use chain::{Chain, ChainPass};
pub use composite_prior::{CompositePrior, Sample};
pub use dense::{Dense, tanh_backward};
pub use gaussian::{Gaussian, gaussian_backward, gaussian_draws, gaussian_sample, kl_divergence};
pub use init::xavier_normal;
pub use layer_norm::LayerNorm;
pub use objective::{Loss, Objective};
pub use penalty::{Penalty, Sparsity};
pub use sparse_batch::{Scaling, SparseBatch};
pub use sparse_input::{SparseGradient, SparseInput, gather_batch, scatter_batch};
pub use stack::{Activations, Stack, StackShape};

// What stands in the signatures above.
pub use crate::linalg::AdamStep;
