//! Section `[serve]`: how a server behaves, and what that means for the library.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::exit::Configuration;
use crate::events::EventOptions;
use crate::serve::{Limits, ServeOptions, TlsFiles, seconds};

/// Ports from the server's own to that of health and metrics.
const OPS_DISTANCE: u16 = 1000;

/// Section `[serve]`. Durations are numbers of seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSettings {
    /// The IP address to listen on.
    pub address: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// Where health and metrics are answered: IP:PORT or `off`; by default on the loopback interface, 1000 ports above
    /// the server's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops_address: Option<String>,
    /// Answer gRPC reflection.
    pub reflection: bool,
    /// Certificate chain as PEM; goes with `tls_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// Private key as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Authorities of client certificates as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_ca: Option<PathBuf>,
    /// The file of access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<PathBuf>,
    /// The directory of the store of live events; made where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<PathBuf>,
    /// Bytes that the live events may take, at least 1 MiB.
    pub events_max_bytes: u64,
    /// Live events kept of one user, 1 to 10,000.
    pub events_per_user: u64,
    /// Requests that may wait for a scoring thread, 1 to 1,000,000.
    pub queue: usize,
    /// Largest message in either direction, 1 KiB to 1 GiB.
    pub max_message_bytes: usize,
    /// Time in which requests are still accepted after the signal to end, 0 to a day.
    #[serde(with = "seconds")]
    pub lame_duck_seconds: Duration,
    /// Time that requests in flight have after that, 0 to a day.
    #[serde(with = "seconds")]
    pub drain_seconds: Duration,
    /// What clients may take up.
    pub limits: Limits,
}

impl Default for ServeSettings {
    fn default() -> Self {
        let EventOptions { max_bytes, max_events_per_user, .. } = EventOptions::default();
        let ServeOptions { queue, max_message_bytes, lame_duck, drain, limits, .. } = ServeOptions::default();
        Self {
            address: Ipv4Addr::LOCALHOST.to_string(),
            port: 50051,
            ops_address: None,
            reflection: false,
            tls_cert: None,
            tls_key: None,
            tls_client_ca: None,
            tokens: None,
            events: None,
            events_max_bytes: max_bytes,
            events_per_user: max_events_per_user,
            queue,
            max_message_bytes,
            lame_duck_seconds: lame_duck,
            drain_seconds: drain,
            limits,
        }
    }
}

impl ServeSettings {
    /// True when nothing was said about a server.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// A value for everything that may be left out.
    pub(super) fn with_every_key(self) -> Self {
        let file = || Some(PathBuf::new());
        let ops_address = Some(String::new());
        Self {
            ops_address,
            tls_cert: file(),
            tls_key: file(),
            tls_client_ca: file(),
            tokens: file(),
            events: file(),
            ..self
        }
    }

    /// The section as it stands in a configuration file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let section = toml::Table::from_iter([("serve".into(), toml::Value::try_from(self).unwrap_or("".into()))]);
        toml::to_string(&section).unwrap_or_default()
    }

    /// Where live events are recorded, and within which bounds.
    #[must_use]
    pub fn event_store(&self) -> Option<(PathBuf, EventOptions)> {
        let options = EventOptions {
            max_bytes: self.events_max_bytes,
            max_events_per_user: self.events_per_user,
            ..EventOptions::default()
        };
        self.events.clone().map(|dir| (dir, options))
    }

    /// Where to listen, and how to behave there.
    ///
    /// # Errors
    /// An address that is none; half of what TLS needs.
    pub fn resolve(self, threads: usize) -> Result<(SocketAddr, ServeOptions)> {
        let address = &self.address;
        let ip: IpAddr = address.parse().map_err(|_| {
            Configuration(format!("serve.address {address} is not an IP address; use 127.0.0.1 or ::1, for example"))
        })?;
        let ops = match self.ops_address.as_deref() {
            Some("off") => None,
            Some(text) => Some(text.parse().map_err(|_| {
                Configuration(format!("serve.ops_address {text} is neither IP:PORT, such as 127.0.0.1:9464, nor `off`"))
            })?),
            None => Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), ops_port(self.port))),
        };
        let tls = match (self.tls_cert, self.tls_key, self.tls_client_ca) {
            (Some(cert), Some(key), client_ca) => Some(TlsFiles { cert, key, client_ca }),
            (None, None, None) => None,
            _ => bail!(Configuration(
                "TLS needs both --tls-cert and --tls-key; --tls-client-ca goes with them, not without them".into()
            )),
        };
        let options = ServeOptions {
            threads,
            queue: self.queue,
            max_message_bytes: self.max_message_bytes,
            reflection: self.reflection,
            lame_duck: self.lame_duck_seconds,
            drain: self.drain_seconds,
            tls,
            tokens: self.tokens,
            ops,
            limits: self.limits,
        };
        Ok((SocketAddr::new(ip, self.port), options))
    }
}

/// A free port for a free port; below the server's own where there is nothing above.
fn ops_port(port: u16) -> u16 {
    match port {
        0 => 0,
        port => port.checked_add(OPS_DISTANCE).unwrap_or(port - OPS_DISTANCE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_and_metrics_have_a_port_by_themselves() {
        let (_, options) = ServeSettings::default().resolve(1).unwrap();
        assert_eq!(options.ops, Some("127.0.0.1:51051".parse().unwrap()));
        assert_eq!((ops_port(0), ops_port(65_000), ops_port(80)), (0, 64_000, 1080));
        let with = |text: &str| ServeSettings { ops_address: Some(text.into()), ..ServeSettings::default() };
        assert_eq!(with("off").resolve(1).unwrap().1.ops, None);
        assert!(with("9464").resolve(1).unwrap_err().to_string().contains("9464"));
    }

    #[test]
    fn half_of_tls_is_refused() {
        let file = || Some(PathBuf::from("x.pem"));
        let settings = ServeSettings::default;
        assert!(ServeSettings { tls_cert: file(), ..settings() }.resolve(1).is_err());
        assert!(ServeSettings { tls_client_ca: file(), ..settings() }.resolve(1).is_err());
        assert!(ServeSettings { tls_cert: file(), tls_key: file(), ..settings() }.resolve(1).is_ok());
    }

    #[test]
    fn the_section_can_be_fed_back() {
        let settings =
            ServeSettings { port: 7, drain_seconds: Duration::from_millis(1500), ..ServeSettings::default() };
        let text = settings.to_toml();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["serve"].clone().try_into::<ServeSettings>().unwrap(), settings, "{text}");
    }
}
