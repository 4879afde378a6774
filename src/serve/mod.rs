//! How does a request arrive, and how does its answer leave? The gRPC server around an engine, and
//! a small client.
//!
//! A request passes the [`front`](self) (request id, deadline, log line), is converted, waits in a
//! bounded queue, is computed on a pool of threads of its own, and is converted back. No score is
//! ever computed on the threads that serve the network.

mod call;
mod client;
mod convert;
mod embedding;
mod error;
mod front;
mod lane;
mod model;
mod models;
mod options;
pub mod pb;
mod recommendation;
mod server;
mod status;
mod stream;
mod workers;

pub use client::{Client, ClientError};
pub use error::ServeError;
pub use models::{Models, Room};
pub use options::ServeOptions;
pub use server::{bind, run};
