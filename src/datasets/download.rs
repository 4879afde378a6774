//! A file over HTTP, resumed where it was cut off, and complete or not there at all.
//!
//! The bytes so far stand in `NAME.part`, and `NAME.json` beside it says of which version of which
//! address they are. A resumed request carries that version (`If-Range`), so that a file that changed
//! meanwhile starts over instead of being spliced; without a version, nothing is resumed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::{HeaderMap, StatusCode, header};
use ureq::{Agent, Body};

use super::error::DatasetError;
use crate::storage::StorageError;

/// Bytes read at a time.
const BUFFER: usize = 1 << 16;

/// Bytes after which an attempt counts as progress, and earlier failures are forgotten.
const PROGRESS: u64 = 1 << 20;

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How patient a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadOptions {
    /// How long to wait for a connection, for an answer, and for the next bytes.
    pub timeout: Duration,
    /// Attempts after the first one that may fail in a row.
    pub retries: u32,
    /// The pause before the first of them; it doubles each time.
    pub pause: Duration,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), retries: 4, pause: Duration::from_secs(1) }
    }
}

/// Why a file could not be downloaded. What has arrived is kept for the next attempt.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// Not an address to download from.
    #[error("`{url}` is not an address to download from: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server answers that there is no such file, or that it is not for everyone.
    #[error(
        "{url} answers {status}; check the address, give another one with --url, or convert a copy of your own with --from"
    )]
    Status {
        /// The address.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// The server sends something that is not trusted.
    #[error("{url}: {reason}; get the file by other means and convert it with --from")]
    Refused {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The file is much larger than it should be.
    #[error("{url} is larger than {limit} bytes, far more than was published, and is refused; check the address")]
    TooLarge {
        /// The address.
        url: String,
        /// The most that is accepted.
        limit: u64,
    },
    /// The connection failed or broke off.
    #[error("{url}: {reason}; check the network and run the same command again, it goes on where this one stopped")]
    Interrupted {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
}

impl DownloadError {
    fn interrupted(url: &str, reason: impl Into<String>) -> Self {
        Self::Interrupted { url: url.into(), reason: reason.into() }
    }

    fn refused(url: &str, reason: impl Into<String>) -> Self {
        Self::Refused { url: url.into(), reason: reason.into() }
    }
}

/// How a download goes.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// Bytes that are there, and that there will be where the server has said so.
    Arrived(u64, Option<u64>),
    /// It failed and is tried again after a pause.
    Again(&'a DownloadError, Duration),
}

/// The version of a file, as far as a server names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    url: String,
    /// A strong entity tag, or else the time of the last change.
    validator: Option<String>,
}

impl Version {
    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

/// Downloads `url` to `target`, of which at most `limit` bytes are accepted. A complete file from the same
/// address, left by a run that was killed after its download, is taken as it is.
///
/// # Errors
/// [`DownloadError`] when the file does not arrive; what did is kept beside `target`.
pub(super) fn download(
    url: &str,
    limit: u64,
    target: &Path,
    options: &DownloadOptions,
    report: &mut dyn FnMut(Step<'_>),
) -> Result<(), DatasetError> {
    check_address(url)?;
    let known = Version::read(&beside(target, ".json")).filter(|version| version.url == url);
    if target.is_file() {
        if known.is_some() {
            return Ok(());
        }
        fs::remove_file(target).map_err(io_error("remove", target))?;
    }
    let mut transfer = Transfer::open(url, limit, target, known, options)?;
    let (mut failures, mut pause) = (0, options.pause);
    loop {
        let before = transfer.length;
        let error = match transfer.attempt(report) {
            Ok(()) => return Ok(transfer.complete(target)?),
            Err(DatasetError::Download(error @ DownloadError::Interrupted { .. })) => error,
            Err(error) => return Err(error),
        };
        if transfer.length >= before.saturating_add(PROGRESS) {
            (failures, pause) = (0, options.pause);
        }
        if failures == options.retries {
            return Err(error.into());
        }
        failures += 1;
        report(Step::Again(&error, pause));
        std::thread::sleep(pause);
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// The file name beside `target` that ends in `suffix`.
fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn check_address(url: &str) -> Result<(), DownloadError> {
    let bad = |reason| DownloadError::Address { url: url.into(), reason };
    let uri: ureq::http::Uri = url.parse().map_err(|_| bad("it is malformed"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(bad("it starts with neither http:// nor https://"));
    }
    match uri.authority() {
        None => Err(bad("it names no host")),
        // It would end up in messages and in the record beside the data.
        Some(authority) if authority.as_str().contains('@') => Err(bad("it holds a password")),
        Some(_) => Ok(()),
    }
}

/// A file on its way.
struct Transfer {
    agent: Agent,
    url: String,
    limit: u64,
    path: PathBuf,
    version_path: PathBuf,
    version: Version,
    file: File,
    length: u64,
}

impl Transfer {
    fn open(
        url: &str,
        limit: u64,
        target: &Path,
        known: Option<Version>,
        options: &DownloadOptions,
    ) -> Result<Self, DatasetError> {
        let (path, version_path) = (beside(target, ".part"), beside(target, ".json"));
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = open.map_err(io_error("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(DatasetError::Busy { path }),
            // A file system without locks: two processes at once are then not told apart.
            Err(fs::TryLockError::Error(_)) => {}
        }
        let length = if known.is_some() { file.metadata().map_err(io_error("read", &path))?.len() } else { 0 };
        let version = known.unwrap_or_else(|| Version { url: url.into(), validator: None });
        Ok(Self { agent: agent(url, options), url: url.into(), limit, path, version_path, version, file, length })
    }

    /// One request; the file is complete after it succeeds.
    fn attempt(&mut self, report: &mut dyn FnMut(Step<'_>)) -> Result<(), DatasetError> {
        let mut request = self.agent.get(&self.url).header(header::ACCEPT_ENCODING, "identity");
        let resumed = self.version.validator.as_ref().filter(|_| self.length > 0);
        if let Some(validator) = resumed {
            request = request.header(header::RANGE, format!("bytes={}-", self.length));
            request = request.header(header::IF_RANGE, validator);
        }
        let response = request.call().map_err(|error| self.failed(&error))?;
        let total = match response.status() {
            StatusCode::OK => self.start(response.headers())?,
            StatusCode::PARTIAL_CONTENT if resumed.is_some() => Some(self.go_on(response.headers())?),
            StatusCode::RANGE_NOT_SATISFIABLE if resumed.is_some() => {
                if content_range(response.headers()).is_some_and(|range| range == (None, Some(self.length))) {
                    return Ok(());
                }
                self.forget()?;
                return Err(DownloadError::interrupted(&self.url, "the file has become shorter").into());
            }
            status if status.is_server_error() || matches!(status.as_u16(), 408 | 429) => {
                return Err(DownloadError::interrupted(&self.url, format!("the server answers {status}")).into());
            }
            status => return Err(DownloadError::Status { url: self.url.clone(), status }.into()),
        };
        self.receive(response.into_body(), total, report)
    }

    /// A complete answer: whatever was there before is of no use.
    fn start(&mut self, headers: &HeaderMap) -> Result<Option<u64>, DatasetError> {
        if header_text(headers, header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(DownloadError::refused(&self.url, "the server compresses what was asked for as it is").into());
        }
        let total = header_text(headers, header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let chunked = header_text(headers, header::TRANSFER_ENCODING).is_some();
        if total.is_none() && !chunked {
            // Whether it is complete could not be told.
            return Err(DownloadError::refused(&self.url, "the server does not say where the file ends").into());
        }
        self.check_total(total)?;
        self.forget()?;
        self.version.validator = validator(headers);
        let json = serde_json::to_vec(&self.version).unwrap_or_default();
        fs::write(&self.version_path, json).map_err(io_error("write", &self.version_path))?;
        Ok(total)
    }

    /// The rest of what is there already.
    fn go_on(&mut self, headers: &HeaderMap) -> Result<u64, DatasetError> {
        let range = content_range(headers);
        let same = validator(headers).is_none_or(|validator| Some(validator) == self.version.validator);
        match range {
            Some((Some(first), Some(total))) if first == self.length && total > first && same => {
                self.check_total(Some(total))?;
                Ok(total)
            }
            _ => {
                self.forget()?;
                let reason = "the server sends another part of the file than was asked for";
                Err(DownloadError::interrupted(&self.url, reason).into())
            }
        }
    }

    fn check_total(&self, total: Option<u64>) -> Result<(), DownloadError> {
        if total.is_some_and(|total| total > self.limit) {
            return Err(DownloadError::TooLarge { url: self.url.clone(), limit: self.limit });
        }
        Ok(())
    }

    /// Appends a body to the file.
    fn receive(
        &mut self,
        body: Body,
        total: Option<u64>,
        report: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), DatasetError> {
        self.file.seek(SeekFrom::Start(self.length)).map_err(io_error("write", &self.path))?;
        let (mut body, mut buffer) = (body.into_reader(), vec![0; BUFFER]);
        report(Step::Arrived(self.length, total));
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let (got, of) = (self.length, total.map_or_else(String::new, |total| format!(" of {total}")));
                    let reason = format!("the transfer broke off after {got}{of} bytes: {error}");
                    return Err(DownloadError::interrupted(&self.url, reason).into());
                }
            };
            if self.length + read as u64 > total.unwrap_or(self.limit).min(self.limit) {
                self.forget()?;
                return Err(DownloadError::TooLarge { url: self.url.clone(), limit: self.limit }.into());
            }
            self.file.write_all(&buffer[..read]).map_err(io_error("write", &self.path))?;
            self.length += read as u64;
            report(Step::Arrived(self.length, total));
        }
        match total {
            Some(total) if self.length < total => {
                let reason = format!("the transfer ended after {} of {total} bytes", self.length);
                Err(DownloadError::interrupted(&self.url, reason).into())
            }
            _ => Ok(()),
        }
    }

    /// Starts over.
    fn forget(&mut self) -> Result<(), StorageError> {
        self.version.validator = None;
        self.length = 0;
        self.file.set_len(0).map_err(io_error("write", &self.path))
    }

    /// Gives the file its name.
    fn complete(self, target: &Path) -> Result<(), StorageError> {
        self.file.sync_all().map_err(io_error("sync", &self.path))?;
        fs::rename(&self.path, target).map_err(io_error("create", target))
    }

    fn failed(&self, error: &ureq::Error) -> DownloadError {
        use ureq::Error;
        match error {
            Error::BadUri(_) | Error::Http(_) | Error::RedirectFailed | Error::TooManyRedirects => {
                DownloadError::refused(&self.url, format!("it leads nowhere: {error}"))
            }
            Error::RequireHttpsOnly(there) => {
                DownloadError::refused(&self.url, format!("it leads to {there}, which is not encrypted"))
            }
            Error::Timeout(_) => DownloadError::interrupted(&self.url, "no answer in time"),
            error => DownloadError::interrupted(&self.url, error.to_string()),
        }
    }
}

/// A client that follows redirects and the proxy of the environment.
fn agent(url: &str, options: &DownloadOptions) -> Agent {
    Agent::config_builder()
        // Something safe does not become unsafe on the way.
        .https_only(url.starts_with("https:"))
        .http_status_as_error(false)
        .timeout_resolve(Some(options.timeout))
        .timeout_connect(Some(options.timeout))
        .timeout_recv_response(Some(options.timeout))
        .timeout_per_read(Some(options.timeout))
        .user_agent(concat!("foldin/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageError + use<> {
    let path = path.to_owned();
    move |source| StorageError::Io { action, path, source }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// What a later request can name this version by. A weak entity tag does not promise equal bytes.
fn validator(headers: &HeaderMap) -> Option<String> {
    let strong = header_text(headers, header::ETAG).filter(|tag| tag.starts_with('"'));
    strong.or_else(|| header_text(headers, header::LAST_MODIFIED)).map(str::to_owned)
}

/// First byte and total length in `Content-Range: bytes 5-9/10`; `bytes */10` has no first byte.
fn content_range(headers: &HeaderMap) -> Option<(Option<u64>, Option<u64>)> {
    let text = header_text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    let first = range.split_once('-').and_then(|(first, _)| first.trim().parse().ok());
    Some((first, total.trim().parse().ok()))
}
