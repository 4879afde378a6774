//! Foldin: recommendations from collaborative autoencoders.
//!
//! # Layout
//! See ARCHITECTURE.md.

pub mod generate;
pub mod interactions;
pub mod io;
pub mod linalg;
pub mod models;
pub mod nn;
pub mod random;
pub mod ranking;
pub mod training;
pub mod types;
