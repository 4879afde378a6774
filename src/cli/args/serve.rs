//! Flags of a server, and of those who talk to one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::EventFlags;
use super::train::above_environment;
use crate::cli::layers::{Layer, SettingsError};
use crate::serve::Scope;

/// Where and how a server listens, what it asks of its clients and what it grants them: the section `[serve]` of a
/// configuration file.
#[derive(Debug, Args)]
pub struct ServeFlags {
    /// Configuration file (TOML), of which the section [serve] counts here; environment FOLDIN_SERVE__KEY and flags
    /// override it
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Any configuration key of the server, for example --set serve.limits.connections=64; may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Configuration")]
    set: Vec<String>,
    /// Print the complete resolved section [serve] and stop
    #[arg(long, help_heading = "Configuration")]
    pub print_config: bool,

    /// Address to listen on; beyond loopback needs --tls-cert, --tls-key and --tokens [default: 127.0.0.1]
    #[arg(long, value_name = "IP", help_heading = "Network")]
    address: Option<String>,
    /// Port to listen on; 0 takes a free one [default: 50051]
    #[arg(long, value_name = "N", help_heading = "Network")]
    port: Option<String>,
    /// Where health and metrics are answered over HTTP: IP:PORT, or `off` [default: loopback, 1000 above the port]
    #[arg(long, value_name = "IP:PORT", help_heading = "Network")]
    ops_address: Option<String>,
    /// Answer gRPC reflection, for generic clients
    #[arg(long, help_heading = "Network")]
    reflection: bool,

    /// Certificate of the server and those between it and its authority, as PEM; read again when it changes
    #[arg(long, value_name = "FILE", help_heading = "Protection")]
    tls_cert: Option<String>,
    /// Private key of the certificate, as PEM
    #[arg(long, value_name = "FILE", help_heading = "Protection")]
    tls_key: Option<String>,
    /// Authorities of client certificates, as PEM; clients must present one (mutual TLS)
    #[arg(long, value_name = "FILE", help_heading = "Protection")]
    tls_client_ca: Option<String>,
    /// Access tokens (see `foldin token new`); read again when it changes
    #[arg(long, value_name = "FILE", help_heading = "Protection")]
    tokens: Option<String>,

    /// Live events.
    #[command(flatten)]
    events: EventFlags,

    /// Requests that may wait for a scoring thread [default: 256]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    queue: Option<String>,
    /// Largest message in either direction [default: 4194304]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    max_message_bytes: Option<String>,
    /// Open connections [default: 1024]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_connections: Option<String>,
    /// Open connections of one address [default: 256]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_connections_per_address: Option<String>,
    /// Requests in flight on one connection [default: 256]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_requests_per_connection: Option<String>,
    /// Requests a second that one connection may take back unsent [default: 200]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_resets_per_second: Option<String>,
    /// Calls that send a stream of requests [default: 32]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_request_streams: Option<String>,
    /// Headers of one request [default: 16384]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    max_header_bytes: Option<String>,
    /// Messages being received or waiting, over all connections [default: 67108864]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    max_received_bytes: Option<String>,
    /// Answers that clients have not taken, over all connections [default: 268435456]
    #[arg(long, value_name = "BYTES", help_heading = "Limits")]
    max_unsent_bytes: Option<String>,

    /// For the TLS handshake [default: 10]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    handshake_timeout: Option<String>,
    /// From the connection to its first request [default: 30]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    first_request_timeout: Option<String>,
    /// For a message to arrive in full [default: 10]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    message_timeout: Option<String>,
    /// That a client may leave an answer untaken [default: 30]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    stall_timeout: Option<String>,
    /// Without a request, until a connection is asked to end [default: 300]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    idle_timeout: Option<String>,
    /// Age at which a connection is asked to end [default: 3600]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    max_connection_age: Option<String>,
    /// Requests are still accepted for this long after SIGTERM, while health says no [default: 2]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    lame_duck: Option<String>,
    /// Requests in flight may take this long after that [default: 10]
    #[arg(long, value_name = "SECONDS", help_heading = "Times")]
    drain: Option<String>,
}

impl ServeFlags {
    /// The layers of configuration, weakest first: file, environment, flags.
    ///
    /// # Errors
    /// [`SettingsError`] for a file or a flag that cannot be read.
    pub fn layers(&self) -> Result<Vec<Layer>, SettingsError> {
        let mut set = Layer::default();
        for text in &self.set {
            set.set(text)?;
        }
        let mut flags = Layer::default();
        for (flag, key, value) in [
            ("--address", "address", &self.address),
            ("--port", "port", &self.port),
            ("--ops-address", "ops_address", &self.ops_address),
            ("--tls-cert", "tls_cert", &self.tls_cert),
            ("--tls-key", "tls_key", &self.tls_key),
            ("--tls-client-ca", "tls_client_ca", &self.tls_client_ca),
            ("--tokens", "tokens", &self.tokens),
            ("--events", "events", &self.events.events),
            ("--events-max-bytes", "events_max_bytes", &self.events.events_max_bytes),
            ("--events-per-user", "events_per_user", &self.events.events_per_user),
            ("--queue", "queue", &self.queue),
            ("--max-message-bytes", "max_message_bytes", &self.max_message_bytes),
            ("--max-connections", "limits.connections", &self.max_connections),
            ("--max-connections-per-address", "limits.connections_per_address", &self.max_connections_per_address),
            ("--max-requests-per-connection", "limits.requests_per_connection", &self.max_requests_per_connection),
            ("--max-resets-per-second", "limits.resets_per_second", &self.max_resets_per_second),
            ("--max-request-streams", "limits.request_streams", &self.max_request_streams),
            ("--max-header-bytes", "limits.header_bytes", &self.max_header_bytes),
            ("--max-received-bytes", "limits.received_bytes", &self.max_received_bytes),
            ("--max-unsent-bytes", "limits.unsent_bytes", &self.max_unsent_bytes),
            ("--handshake-timeout", "limits.handshake_seconds", &self.handshake_timeout),
            ("--first-request-timeout", "limits.first_request_seconds", &self.first_request_timeout),
            ("--message-timeout", "limits.message_seconds", &self.message_timeout),
            ("--stall-timeout", "limits.stall_seconds", &self.stall_timeout),
            ("--idle-timeout", "limits.idle_seconds", &self.idle_timeout),
            ("--max-connection-age", "limits.age_seconds", &self.max_connection_age),
            ("--lame-duck", "lame_duck_seconds", &self.lame_duck),
            ("--drain", "drain_seconds", &self.drain),
        ] {
            flags.flag(flag, &format!("serve.{key}"), value.as_ref());
        }
        flags.flag("--reflection", "serve.reflection", self.reflection.then_some(true));
        above_environment(self.config.as_deref(), [set, flags])
    }
}

/// Which server to talk to, and how.
#[derive(Debug, Args)]
pub struct ServerFlags {
    /// The server; https:// in front of it encrypts
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051", help_heading = "Server")]
    pub server: String,
    /// How to get in.
    #[command(flatten)]
    pub access: AccessFlags,
}

/// What a protected server asks of those who talk to it.
#[derive(Debug, Default, Args)]
pub struct AccessFlags {
    /// Encrypt, and trust the authorities in this PEM file alone
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub tls_ca: Option<PathBuf>,
    /// Own certificate, as PEM, for a server that asks for one
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Server")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Server")]
    pub tls_key: Option<PathBuf>,
    /// Name in the server's certificate, where it is not the host
    #[arg(long, value_name = "NAME", help_heading = "Server")]
    pub tls_name: Option<String>,
    /// File that holds the access token, and nothing else [default: the environment variable FOLDIN_TOKEN]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub token_file: Option<PathBuf>,
}

/// `foldin token`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin token new --name shop --scope read,events --append tokens.toml")]
pub struct Token {
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// The commands below `foldin token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make an access token: prints the secret, once, and what the server's token file should hold
    New(NewToken),
}

/// `foldin token new`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldin token new --name shop --scope read,events
  foldin token new --name deploy --scope admin --expires 2027-01-01 --append tokens.toml
  foldin token new --name partner --scope read --rate 50 --burst 200 --json

Scopes:
  read    ask for lists, vectors and what is served
  events  record events, see and forget what is known of a user
  admin   promote and roll back models")]
pub struct NewToken {
    /// What to call it in logs and messages
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What it allows: read, events, admin; several with commas
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', required = true)]
    pub scope: Vec<Scope>,
    /// Requests a second, a batch counting as its requests or events [default: unlimited]
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// Requests that may come at once [default: those of one second]
    #[arg(long, value_name = "N", requires = "rate")]
    pub burst: Option<u32>,
    /// Day, or moment (RFC 3339), from which it is refused [default: never]
    #[arg(long, value_name = "DATE")]
    pub expires: Option<String>,
    /// Add the entry to this token file, which is made if there is none
    #[arg(long, value_name = "FILE")]
    pub append: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
