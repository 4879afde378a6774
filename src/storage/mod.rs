//! How do bytes reach the disk whole, and how are they read back without trusting them?

#[cfg(target_endian = "big")]
compile_error!("Foldin's files are little-endian and are read and written without conversion");

mod atomic;
mod digest;
mod error;
mod lock;
mod parents;
mod part;
mod positional;
mod removal;
mod sealed;
mod tensors;

pub use atomic::{AtomicDir, AtomicFile};
pub use digest::{FileDigest, digest_bytes, digest_file};
pub use error::StorageError;
pub use lock::{PathLock, lock};
pub use part::PartFile;
pub use removal::{remove_dir, remove_leftovers};
pub use sealed::{open_sealed, sealed_bytes, write_sealed};
pub use tensors::{Element, TensorFile, TensorRef, Values, write_tensors};
