//! Files that are read again when they change: certificates and tokens.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::ServeError;

/// How often files are looked at. Their content is compared, not their time: a link that points elsewhere counts,
/// and so do two writes within one tick of a file system's clock.
const EVERY: Duration = Duration::from_secs(2);

/// Largest file read.
const MAX_BYTES: u64 = 8 << 20;

/// A value made from files, replaced while others use it.
#[derive(Debug)]
pub(super) struct Reloaded<T> {
    current: RwLock<Arc<T>>,
    paths: Vec<PathBuf>,
}

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// A file cannot be read, or `make` refuses what is in them.
    pub(super) fn open(
        paths: Vec<PathBuf>,
        make: impl FnOnce(&[Vec<u8>]) -> Result<T, ServeError>,
    ) -> Result<(Arc<Self>, Vec<Vec<u8>>), ServeError> {
        let content = read(&paths)?;
        let current = RwLock::new(Arc::new(make(&content)?));
        Ok((Arc::new(Self { current, paths }), content))
    }

    /// The value now.
    pub(super) fn get(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the value anew whenever the files change, for ever. Files that cannot be used are logged once and leave the
    /// value as it is; so does half of a change, such as a certificate without its new key.
    pub(super) async fn keep(
        self: Arc<Self>,
        what: &'static str,
        mut known: Vec<Vec<u8>>,
        make: impl Fn(&[Vec<u8>], &T) -> Result<T, ServeError>,
        failed: impl Fn(),
    ) {
        let mut complained = String::new();
        loop {
            tokio::time::sleep(EVERY).await;
            let paths = self.paths.clone();
            // Not on a thread that serves the network: a file system may take its time.
            let Ok(read) = tokio::task::spawn_blocking(move || read(&paths)).await else { continue };
            if read.as_ref().is_ok_and(|content| *content == known) {
                continue;
            }
            match read.and_then(|content| Ok((make(&content, &self.get())?, content))) {
                Ok((value, content)) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                    known = content;
                    complained.clear();
                    tracing::info!(what, "read again");
                }
                Err(error) => {
                    let error = error.to_string();
                    if error != complained {
                        tracing::error!(what, error, "cannot be used; what was read before stays in force");
                        failed();
                        complained = error;
                    }
                }
            }
        }
    }
}

fn read(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, ServeError> {
    let one = |path: &PathBuf| {
        let size = std::fs::metadata(path)?.len();
        if size > MAX_BYTES {
            return Err(io::Error::other(format!("{size} bytes are too many")));
        }
        std::fs::read(path)
    };
    let named = |path: &PathBuf| one(path).map_err(|source| ServeError::Read { path: path.clone(), source });
    paths.iter().map(named).collect()
}
