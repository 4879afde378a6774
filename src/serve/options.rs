//! How a server behaves: all options, their defaults and their ranges.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ServeError;

/// Settings of a server; the defaults suit one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// Threads that compute answers.
    pub threads: usize,
    /// Requests that may wait for a thread; one more is refused with RESOURCE_EXHAUSTED. Those of streams take half of
    /// the places at most, and wait for them.
    pub queue: usize,
    /// Largest message in either direction, in bytes. Most gRPC clients refuse to receive more than
    /// 4 MiB unless told otherwise, so that is the default for what is sent to them as well.
    pub max_message_bytes: usize,
    /// Answer questions about the services themselves (gRPC server reflection, version 1).
    pub reflection: bool,
    /// How long requests are still accepted once the server is told to stop and reports NOT_SERVING: the time
    /// that a load balancer needs to notice.
    pub lame_duck: Duration,
    /// How long requests in flight may take to finish after that.
    pub drain: Duration,
    /// Encrypt connections.
    pub tls: Option<TlsFiles>,
    /// The file of access tokens; without it anybody who can connect may ask.
    pub tokens: Option<PathBuf>,
    /// Where health and metrics are offered over HTTP; `None`: nowhere.
    pub ops: Option<SocketAddr>,
    /// What clients may take up.
    pub limits: Limits,
}

/// The PEM files of a TLS server. They are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by those between it and its authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities of client certificates. When given, a client must present one (mutual TLS).
    pub client_ca: Option<PathBuf>,
}

/// What clients may take up, one by one and together. Durations are in seconds in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections, 1 to 65,536; one more is closed at once.
    pub connections: usize,
    /// Open connections of one address (IPv6: of one /64 network), 1 to 65,536.
    pub connections_per_address: usize,
    /// Requests in flight on one connection, 1 to 10,000.
    pub requests_per_connection: usize,
    /// Requests a second that one connection may begin and take back before they were sent in full, 1 to 100,000;
    /// beyond that the connection is closed.
    pub resets_per_second: usize,
    /// Headers of one request, in bytes, 1 KiB to 1 MiB.
    pub header_bytes: usize,
    /// Messages that are being received or waiting to be computed, over all connections, in bytes, at least one
    /// of the largest size.
    pub received_bytes: usize,
    /// Answers that their clients have not taken yet, over all connections, in bytes, at least one of the
    /// largest size.
    pub unsent_bytes: usize,
    /// Calls that send requests as a stream, over all connections, 1 to 10,000.
    pub request_streams: usize,
    /// Time for the TLS handshake, 1 ms to a day (as all durations).
    #[serde(with = "seconds")]
    pub handshake_seconds: Duration,
    /// Time from the connection to its first request.
    #[serde(with = "seconds")]
    pub first_request_seconds: Duration,
    /// Time without any request after which a connection is asked to end.
    #[serde(with = "seconds")]
    pub idle_seconds: Duration,
    /// Age at which a connection is asked to end, so that clients spread anew and revoked client certificates
    /// lose their hold.
    #[serde(with = "seconds")]
    pub age_seconds: Duration,
    /// Time for a message to arrive in full.
    #[serde(with = "seconds")]
    pub message_seconds: Duration,
    /// Time that a client may leave an answer untaken.
    #[serde(with = "seconds")]
    pub stall_seconds: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            queue: 256,
            max_message_bytes: 4 << 20,
            reflection: false,
            lame_duck: Duration::from_secs(2),
            drain: Duration::from_secs(10),
            tls: None,
            tokens: None,
            ops: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 256,
            requests_per_connection: 256,
            resets_per_second: 200,
            header_bytes: 16 << 10,
            received_bytes: 64 << 20,
            unsent_bytes: 256 << 20,
            request_streams: 32,
            handshake_seconds: Duration::from_secs(10),
            first_request_seconds: Duration::from_secs(30),
            idle_seconds: Duration::from_secs(300),
            age_seconds: Duration::from_secs(3600),
            message_seconds: Duration::from_secs(10),
            stall_seconds: Duration::from_secs(30),
        }
    }
}

/// The shortest and the longest of all times.
const TIMES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(86_400));

/// The most that a budget of bytes can be.
const MOST_BYTES: usize = u32::MAX as usize;

impl ServeOptions {
    pub(super) fn check(&self) -> Result<(), ServeError> {
        count("threads", self.threads, 1, 1024)?;
        count("queue", self.queue, 1, 1_000_000)?;
        count("max_message_bytes", self.max_message_bytes, 1 << 10, 1 << 30)?;
        for (option, value) in [("lame_duck", self.lame_duck), ("drain", self.drain)] {
            time(option, value, Duration::ZERO)?;
        }
        let limits = &self.limits;
        for (option, value, least, most) in [
            ("connections", limits.connections, 1, 1 << 16),
            ("connections_per_address", limits.connections_per_address, 1, 1 << 16),
            ("requests_per_connection", limits.requests_per_connection, 1, 10_000),
            ("resets_per_second", limits.resets_per_second, 1, 100_000),
            ("header_bytes", limits.header_bytes, 1 << 10, 1 << 20),
            ("received_bytes", limits.received_bytes, self.max_message_bytes, MOST_BYTES),
            ("unsent_bytes", limits.unsent_bytes, self.max_message_bytes, MOST_BYTES),
            ("request_streams", limits.request_streams, 1, 10_000),
        ] {
            count(option, value, least, most)?;
        }
        for (option, value) in [
            ("handshake_seconds", limits.handshake_seconds),
            ("first_request_seconds", limits.first_request_seconds),
            ("idle_seconds", limits.idle_seconds),
            ("age_seconds", limits.age_seconds),
            ("message_seconds", limits.message_seconds),
            ("stall_seconds", limits.stall_seconds),
        ] {
            time(option, value, TIMES.0)?;
        }
        Ok(())
    }
}

fn count(option: &'static str, value: usize, least: usize, most: usize) -> Result<(), ServeError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ServeError::Option { option, value: value.to_string(), range: format!("between {least} and {most}") })
}

fn time(option: &'static str, value: Duration, least: Duration) -> Result<(), ServeError> {
    if (least..=TIMES.1).contains(&value) {
        return Ok(());
    }
    let range = format!("between {} and {} seconds", least.as_secs_f64(), TIMES.1.as_secs());
    Err(ServeError::Option { option, value: format!("{} s", value.as_secs_f64()), range })
}

/// Durations as numbers of seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| de::Error::custom(format!("{seconds} is no time; give seconds, at least 0")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_ranges() {
        ServeOptions::default().check().unwrap();
    }

    #[test]
    fn budgets_hold_at_least_one_message() {
        let limits = Limits { received_bytes: 1 << 20, ..Limits::default() };
        let error = ServeOptions { limits, ..ServeOptions::default() }.check().unwrap_err().to_string();
        assert!(error.contains("received_bytes") && error.contains("4194304"), "{error}");
    }

    #[test]
    fn endless_times_are_refused() {
        let limits = Limits { idle_seconds: Duration::ZERO, ..Limits::default() };
        assert!(ServeOptions { limits, ..ServeOptions::default() }.check().is_err());
        let drain = Duration::from_secs(1 << 40);
        assert!(ServeOptions { drain, ..ServeOptions::default() }.check().is_err());
    }
}
