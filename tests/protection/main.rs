//! A server among strangers: the real binary on a free port, and clients that mean no good.
#![cfg(feature = "cli")]

mod access;
mod certificates;
mod endings;
#[path = "../fixture/mod.rs"]
mod fixture;
mod harness;
mod limits;
mod ops;
mod tls;
#[cfg(feature = "otel")]
mod traces;
