//! Everything that can be refused before a model is loaded: addresses, certificates, tokens, limits.

use std::io;
use std::net::SocketAddr;
use std::str;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ServerConfig;

use super::access::{TokenError, Tokens};
use super::net::server_config;
use super::observe::{Metrics, Ops};
use super::reload::Reloaded;
use super::{ServeError, ServeOptions};

/// A server that has its addresses and its secrets, and no model yet. Health is answered already (as not ready).
pub struct Listener {
    pub(super) tcp: TcpListener,
    pub(super) tls: Option<Arc<Reloaded<Arc<ServerConfig>>>>,
    pub(super) tokens: Option<Arc<Reloaded<Tokens>>>,
    pub(super) ops: Ops,
    pub(super) metrics: Arc<Metrics>,
    pub(super) options: ServeOptions,
    /// What keeps certificates and tokens up to date; ends when dropped.
    pub(super) _keepers: JoinSet<()>,
}

/// Listens on an address; port 0 chooses a free one.
///
/// # Errors
/// [`ServeError`] for options out of range, certificates or tokens that cannot be used, an address that other machines can
/// reach without both, or one that is in use.
pub async fn bind(address: SocketAddr, options: ServeOptions) -> Result<Listener, ServeError> {
    options.check()?;
    if !address.ip().is_loopback() && (options.tls.is_none() || options.tokens.is_none()) {
        return Err(ServeError::Unprotected { address });
    }
    let metrics = Arc::new(Metrics::new());
    let mut keepers = JoinSet::new();
    let tls = match options.tls.clone() {
        None => None,
        Some(files) => {
            let paths = [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()];
            let paths = paths.into_iter().flatten().cloned().collect();
            let (config, known) = Reloaded::open(paths, |content| server_config(&files, content))?;
            let failed = counting_failures(&metrics);
            let make = move |content: &[Vec<u8>], _: &Arc<ServerConfig>| server_config(&files, content);
            keepers.spawn(Arc::clone(&config).keep("certificates", known, make, failed));
            Some(config)
        }
    };
    let tokens = match options.tokens.clone() {
        None => None,
        Some(path) => {
            let read = move |content: &[Vec<u8>], before: Option<&Tokens>| {
                let named = |error| ServeError::Tokens { path: path.clone(), error };
                let text = content.first().map(Vec::as_slice).unwrap_or_default();
                let text = str::from_utf8(text).map_err(|error| {
                    let line = 1 + text[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
                    named(TokenError::Syntax { line, reason: "not UTF-8".into() })
                })?;
                Tokens::read(text, before).map_err(named)
            };
            let path = options.tokens.iter().cloned().collect();
            let (tokens, known) = Reloaded::open(path, |content| read(content, None))?;
            tracing::info!(tokens = tokens.get().len(), "access by token only");
            let failed = counting_failures(&metrics);
            let make = move |content: &[Vec<u8>], before: &Tokens| read(content, Some(before));
            keepers.spawn(Arc::clone(&tokens).keep("tokens", known, make, failed));
            Some(tokens)
        }
    };
    let tcp = TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })?;
    let ops = Ops::start(options.ops, Arc::clone(&metrics))?;
    if let Some(address) = ops.address().filter(|address| !address.ip().is_loopback()) {
        tracing::warn!(%address, "health and metrics can be read by whoever reaches this address");
    }
    Ok(Listener { tcp, tls, tokens, ops, metrics, options, _keepers: keepers })
}

fn counting_failures(metrics: &Arc<Metrics>) -> impl Fn() + Send + 'static + use<> {
    let metrics = Arc::clone(metrics);
    move || metrics.reload_failed()
}

impl Listener {
    /// The address listened on.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Where health and metrics are answered over HTTP, if they are.
    #[must_use]
    pub fn ops_addr(&self) -> Option<SocketAddr> {
        self.ops.address()
    }
}
