//! How do bytes reach the disk whole, and how are they read back without trusting them?

#[cfg(target_endian = "big")]
compile_error!("Foldin's files are little-endian and are read and written without conversion");

mod atomic;
mod digest;
mod error;
mod part;
mod positional;
mod tensors;

pub use atomic::{AtomicDir, AtomicFile};
pub use digest::{FileDigest, digest_bytes, digest_file};
pub use error::StorageError;
pub use part::{PartFile, lock};
pub use tensors::{Element, TensorFile, TensorRef, Values, write_tensors};
