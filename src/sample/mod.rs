//! Which histories would a model make up? Synthetic users drawn from what a variational autoencoder has learnt, for load
//! tests and demonstrations.
//!
//! # How a user comes about
//! Everything is drawn from [`random::stream`](crate::random::stream)s named by the seed and the number of the user, so users
//! can be drawn in any order and on any number of threads.
//!
//! 1. **A stored user** is drawn with equal chances and lends the length of the history, unless one length is asked for.
//! 2. **A code** z (`sampler`): from the posterior q(z | x) of that stored user's history, or from the standard normal
//!    distribution. All posteriors together are the aggregated posterior, which the prior of a VAE should be and seldom is
//!    (Tomczak & Welling 2018, "VAE with a VampPrior"); [`CodeSource`] says why it is the default.
//! 3. **Items** (`race`): without replacement, from the scores of the code by the model's likelihood.
//!
//! [`Profile`] counts what the data and a sample look like, and [`Comparison`] says how far they agree.
//!
//! # Not private
//! A sample is made from a model that was trained on people, and with [`CodeSource::Posterior`] from the codes of
//! people. Rare tastes may show through; nothing bounds how much of a history can be told from it.

mod compare;
mod error;
mod profile;
mod race;
mod run;
mod sampler;

pub use compare::{Comparison, Summary};
pub use error::SampleError;
pub use profile::{PAIR_ITEMS, Profile};
pub use race::Likelihood;
pub use run::sample;
pub use sampler::{CodeSource, SampleConfig, Sampler};
