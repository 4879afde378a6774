//! Foldin: recommendations from collaborative autoencoders.
//!
//! # Layout
//! See ARCHITECTURE.md.

pub mod artifact;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod evaluation;
pub mod generate;
pub mod interactions;
pub mod io;
pub mod linalg;
pub mod models;
pub mod nn;
pub mod random;
pub mod ranking;
#[cfg(feature = "serve")]
pub mod serve;
pub mod storage;
pub mod training;
pub mod types;
