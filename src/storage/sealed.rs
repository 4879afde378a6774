//! A file of arrays that ends with its own hash.
//!
//! It is a safetensors file like any other; its last array, `blake3`, holds the hash of every byte before it. One
//! file, so one rename replaces an older one on any file system, and nothing can be read of it that was not
//! written together.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use super::tensors::{header, write_values};
use super::{PartFile, StorageError, TensorFile, TensorRef, Values};

/// Name of the last array.
const SEAL: &str = "blake3";

/// Bytes of the hash.
const SEAL_BYTES: usize = blake3::OUT_LEN;

/// The header of a sealed file of these arrays.
fn sealed_header(path: &Path, tensors: &[TensorRef<'_>]) -> Result<Vec<u8>, StorageError> {
    let seal = TensorRef { name: SEAL, shape: vec![SEAL_BYTES], values: Values::U8(&[0; SEAL_BYTES]) };
    header(path, tensors.iter().chain([&seal]))
}

/// Writes arrays to a file that appears complete or not at all and replaces the one before it, straight from where
/// they are, and syncs it. Arrays of wider numbers must come first. Returns the size of the file.
///
/// # Errors
/// [`StorageError`] when the disk refuses, another process is writing the same file, or a shape does not fit its
/// values; the file is then as it was before.
pub fn write_sealed(target: &Path, tensors: &[TensorRef<'_>]) -> Result<u64, StorageError> {
    let header = sealed_header(target, tensors)?;
    let mut part = PartFile::create(target, true)?;
    let written = part.write_all(&header).and_then(|()| write_values(&mut part, tensors));
    written.map_err(StorageError::io("write", target))?;
    part.commit_sealed()
}

/// The size that [`write_sealed`] gives to a file of these arrays.
///
/// # Errors
/// [`StorageError`] when a shape does not fit its values.
pub fn sealed_bytes(target: &Path, tensors: &[TensorRef<'_>]) -> Result<u64, StorageError> {
    let values: usize = tensors.iter().map(|tensor| tensor.values.bytes().len()).sum();
    Ok((sealed_header(target, tensors)?.len() + values + SEAL_BYTES) as u64)
}

/// Opens a file that [`write_sealed`] wrote, after comparing all of it with its hash.
///
/// # Errors
/// [`StorageError::Damaged`] when a single byte of it is different, [`StorageError::Io`] when it cannot be read.
pub fn open_sealed(path: &Path) -> Result<TensorFile, StorageError> {
    let file = File::open(path).map_err(StorageError::io("open", path))?;
    let length = file.metadata().map_err(StorageError::io("read", path))?.len();
    let damaged = || StorageError::Damaged { path: path.to_owned() };
    let content = length.checked_sub(SEAL_BYTES as u64).ok_or_else(damaged)?;
    let mut file = BufReader::new(file);
    let (mut hasher, mut seal) = (blake3::Hasher::new(), [0; SEAL_BYTES]);
    hasher.update_reader((&mut file).take(content)).map_err(StorageError::io("read", path))?;
    file.read_exact(&mut seal).map_err(StorageError::io("read", path))?;
    if hasher.finalize() != blake3::Hash::from_bytes(seal) {
        return Err(damaged());
    }
    TensorFile::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_missing_or_added_byte_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state");
        let tensors = [
            TensorRef { name: "x", shape: vec![2, 2], values: Values::F32(&[1.0, 2.0, 3.0, 4.0]) },
            TensorRef { name: "text", shape: vec![3], values: Values::U8(b"abc") },
        ];
        std::fs::write(&path, "the one before").unwrap();
        let size = write_sealed(&path, &tensors).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((size, sealed_bytes(&path, &tensors).unwrap()), (bytes.len() as u64, size));
        let file = open_sealed(&path).unwrap();
        assert_eq!(file.read::<f32>("x").unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(file.read::<u8>("text").unwrap(), b"abc");
        safetensors::SafeTensors::deserialize(&bytes).unwrap().tensor("x").unwrap();

        let damaged = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            matches!(open_sealed(&path), Err(StorageError::Damaged { path: named }) if named == path)
        };
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(damaged(&flipped), "byte {at}");
            assert!(damaged(&bytes[..at]), "cut to {at} bytes");
        }
        assert!(damaged(&[&bytes[..], &[0]].concat()));
    }
}
