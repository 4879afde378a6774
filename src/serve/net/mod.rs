//! How do bytes come and go? Connections, their limits and their encryption; messages in and out.

mod accept;
mod connection;
mod received;
mod seats;
mod sent;
mod tls;

pub(in crate::serve) use accept::{Acceptor, Phase};
pub(in crate::serve) use connection::Connection;
pub(in crate::serve) use received::{Budgets, Received};
pub(in crate::serve) use sent::{Sent, Unsent};
pub(in crate::serve) use tls::server_config;
