//! The server as its clients see it: a real server on a free port, a real client, small models.
#![cfg(feature = "serve")]

mod anomalies;
mod answers;
mod bad_input;
mod embeddings;
#[path = "../fixture/mod.rs"]
mod fixture;
mod harness;
mod lifecycle;
mod load;
mod stream;
mod versions;
mod wishes;
