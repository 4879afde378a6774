//! Why a server cannot run.

use std::io;
use std::net::SocketAddr;

use crate::registry::RegistryError;

/// A failure of the server as a whole; failures of single requests are gRPC statuses.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from other machines.
    #[error(
        "{address} can be reached from other machines, which is refused as long as the server has neither TLS nor access tokens; use 127.0.0.1 or [::1] (behind a proxy of your own, if need be)"
    )]
    NotLoopback {
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
    /// The listening socket is of no use.
    #[error("the listening socket is unusable: {0}")]
    Listener(io::Error),
    /// An option is outside its range.
    #[error("serve option {option} is {value}, must be {range}")]
    Option {
        /// Its name.
        option: &'static str,
        /// The value given.
        value: usize,
        /// What is allowed.
        range: &'static str,
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
    /// The threads that compute could not be started.
    #[error("cannot start the scoring threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// Reflection cannot be offered.
    #[error("cannot offer reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport gave up.
    #[error("the server stopped: {0}")]
    Transport(#[from] tonic::transport::Error),
}
