//! What are networks built from? Layers, losses, corruption, initialisation and the optimiser.
//!
//! Batches are matrices with one user a column. Whatever serving uses computes a user's output from
//! that user's column alone, in a fixed order, so that it has the same bits in any batch.

mod activation;
mod adam;
mod composite_prior;
mod dense;
mod gaussian;
mod init;
mod layer_norm;
mod multinomial;
mod sparse_batch;
mod sparse_input;
mod stack;

pub use activation::Activation;
pub use adam::{Adam, AdamConfig, GradientRef, Optimiser, all_finite};
pub use composite_prior::{CompositePrior, Sample};
pub use dense::{Dense, tanh_backward};
pub use gaussian::{Gaussian, gaussian_backward, gaussian_draws, gaussian_sample, kl_divergence};
pub use init::xavier_normal;
pub use layer_norm::LayerNorm;
pub use multinomial::multinomial_loss;
pub use sparse_batch::SparseBatch;
pub use sparse_input::{SparseGradient, SparseInput, gather_batch, scatter_batch};
pub use stack::{Activations, Stack, StackShape};

// What stands in the signatures above.
pub use crate::linalg::AdamStep;
