//! Why a server cannot run.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::TokenError;

use crate::events::EventError;
use crate::registry::RegistryError;

/// A failure of the server as a whole; failures of single requests are gRPC statuses.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from other machines, and the server would not know who asks.
    #[error(
        "{address} can be reached from other machines, which needs TLS and access tokens: give --tls-cert, --tls-key and --tokens (`foldin token new` makes one), or use 127.0.0.1 or [::1]"
    )]
    Unprotected {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another server running? Port 0 chooses a free one")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// Health and metrics cannot be offered.
    #[error("cannot offer health and metrics on {address}: {source}; choose another --ops-address, or `off`")]
    OpsBind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A certificate, key or token file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error("cannot use {} for TLS: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The token file cannot be used.
    #[error("cannot use the token file {}: {error}", path.display())]
    Tokens {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: TokenError,
    },
    /// An option is outside its range.
    #[error("serve option {option} is {value}, must be {range}")]
    Option {
        /// Its name.
        option: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        range: String,
    },
    /// The default model is not among those served.
    #[error("the default model `{name}` is not among the models to serve; name it, or choose another default")]
    Default {
        /// Its name.
        name: String,
    },
    /// A promoted version cannot answer.
    #[error("model `{name}`, version {version}: {reason}")]
    Version {
        /// The model.
        name: String,
        /// The promoted version.
        version: String,
        /// Why it cannot answer.
        reason: String,
    },
    /// The registry cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The store of live events cannot be used.
    #[error(transparent)]
    Events(#[from] EventError),
    /// The threads that compute could not be started.
    #[error("cannot start the scoring threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// Reflection cannot be offered.
    #[error("cannot offer reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}
