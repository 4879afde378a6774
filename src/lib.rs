//! Foldin: recommendations from collaborative autoencoders.
//!
//! # Layout
//! See ARCHITECTURE.md.

#[cfg(feature = "cli")]
pub mod cli;
pub mod evaluation;
pub mod interactions;
pub mod linalg;
pub mod models;
pub mod nn;
pub mod random;
pub mod ranking;
pub mod training;
pub mod types;
