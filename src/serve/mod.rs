//! How does a request arrive, and how does its answer leave? The gRPC server around an engine, and
//! a small client.
//!
//! A connection passes its limits and, if the server wants it, TLS ([`net`](self)). A request passes the
//! [`front`](self) (request id, token, deadline, log line), takes a place in a bounded queue, is decoded and
//! converted, is computed on a pool of threads of its own, and is converted back. No score is ever computed on the
//! threads that serve the network.

mod access;
mod call;
mod client;
mod convert;
mod embedding;
mod error;
mod event;
mod front;
mod lane;
mod listen;
mod live;
mod model;
mod models;
mod net;
mod observe;
mod options;
pub mod pb;
mod recommendation;
mod reload;
mod server;
mod status;
mod stream;
mod upkeep;
mod workers;

pub use access::{NewToken, Scope, TokenError, UnknownScope};
pub use client::{Client, ClientError, ClientOptions};
pub use error::ServeError;
pub use listen::{Listener, bind};
pub use models::{Models, Room};
pub(crate) use options::seconds;
pub use options::{Limits, ServeOptions, TlsFiles};
pub use server::run;
pub(crate) use status::code_name;
