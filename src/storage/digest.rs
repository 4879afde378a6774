//! Fingerprints of files.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StorageError;

/// Size and BLAKE3 hash of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3, 64 lower-case hexadecimal digits (what `b3sum` prints).
    pub blake3: String,
}

/// The digest of bytes in memory.
#[must_use]
pub fn digest_bytes(bytes: &[u8]) -> FileDigest {
    FileDigest { bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() }
}

/// The digest of a file, read as a stream.
///
/// # Errors
/// [`StorageError::Io`] when the file cannot be read.
pub fn digest_file(path: &Path) -> Result<FileDigest, StorageError> {
    let file = File::open(path).map_err(StorageError::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(StorageError::io("read", path))?;
    Ok(FileDigest { bytes: hasher.count(), blake3: hasher.finalize().to_hex().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_bytes_have_the_same_digest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(digest_file(&path).unwrap(), digest_bytes(&bytes));
        // The published test vector of the empty input.
        assert_eq!(digest_bytes(b"").blake3, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = digest_file(Path::new("/nowhere/at-all")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at-all"), "{error}");
    }
}
