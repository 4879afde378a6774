//! Arrays on disk, in the safetensors format.
//!
//! The format is a JSON header followed by the raw values, so any safetensors library reads these
//! files. It lists the extents of an array with the slowest first; ours list the fastest first
//! (column-major). A `dim × items` table is therefore written as `[items, dim]`, which is how it
//! looks from NumPy, and turned round again on reading.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::StorageError;
use super::positional::PositionalFile;

/// Largest header accepted: far more than any model needs, little enough to allocate.
const MAX_HEADER: u64 = 16 << 20;

/// The values of one array.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Single-precision numbers.
    F32(&'a [f32]),
    /// Unsigned 32-bit integers.
    U32(&'a [u32]),
    /// Unsigned 64-bit integers.
    U64(&'a [u64]),
    /// Signed 64-bit integers.
    I64(&'a [i64]),
    /// Double-precision numbers.
    F64(&'a [f64]),
    /// Bytes.
    U8(&'a [u8]),
}

/// One named array to be written.
#[derive(Clone, Debug)]
pub struct TensorRef<'a> {
    /// Its name, unique in the file.
    pub name: &'a str,
    /// Extents; the first runs fastest in memory.
    pub shape: Vec<usize>,
    /// The values; as many as the product of the extents.
    pub values: Values<'a>,
}

/// A number type that arrays may hold.
pub trait Element: Pod {
    /// What the format calls it.
    #[doc(hidden)]
    const DTYPE: Dtype;
}

impl Element for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl Element for u32 {
    const DTYPE: Dtype = Dtype::U32;
}

impl Element for u64 {
    const DTYPE: Dtype = Dtype::U64;
}

impl Element for i64 {
    const DTYPE: Dtype = Dtype::I64;
}

impl Element for f64 {
    const DTYPE: Dtype = Dtype::F64;
}

impl Element for u8 {
    const DTYPE: Dtype = Dtype::U8;
}

impl Values<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::U32(_) => Dtype::U32,
            Self::U64(_) => Dtype::U64,
            Self::I64(_) => Dtype::I64,
            Self::F64(_) => Dtype::F64,
            Self::U8(_) => Dtype::U8,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::F32(values) => bytemuck::cast_slice(values),
            Self::U32(values) => bytemuck::cast_slice(values),
            Self::U64(values) => bytemuck::cast_slice(values),
            Self::I64(values) => bytemuck::cast_slice(values),
            Self::F64(values) => bytemuck::cast_slice(values),
            Self::U8(values) => values,
        }
    }
}

/// What a file of these arrays begins with: the length of the header, and the header.
pub(super) fn header<'a>(
    path: &Path,
    tensors: impl Iterator<Item = &'a TensorRef<'a>>,
) -> Result<Vec<u8>, StorageError> {
    let mut end = 0;
    let infos = tensors.map(|tensor| {
        let start = end;
        end += tensor.values.bytes().len();
        let shape = tensor.shape.iter().rev().copied().collect();
        (tensor.name.to_owned(), TensorInfo { dtype: tensor.values.dtype(), shape, data_offsets: (start, end) })
    });
    let metadata =
        Metadata::new(None, infos.collect()).map_err(|error| StorageError::tensors(path, error.to_string()))?;
    let mut header = serde_json::to_vec(&metadata).map_err(|error| StorageError::tensors(path, error.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes()[..], &header].concat())
}

/// Writes the values of arrays, one after the other.
pub(super) fn write_values(out: &mut impl Write, tensors: &[TensorRef<'_>]) -> io::Result<()> {
    tensors.iter().try_for_each(|tensor| out.write_all(tensor.values.bytes()))
}

/// Writes arrays to a new file, straight from where they are, and syncs it. 64-bit arrays must come
/// first, which keeps every array aligned.
///
/// # Errors
/// [`StorageError`] when the file exists, cannot be written, or a shape does not fit its values.
pub fn write_tensors(path: &Path, tensors: &[TensorRef<'_>]) -> Result<(), StorageError> {
    let header = header(path, tensors.iter())?;
    let file = File::create_new(path).map_err(StorageError::io("create", path))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let write = |out: &mut BufWriter<File>| {
        out.write_all(&header)?;
        write_values(out, tensors)?;
        out.flush()?;
        out.get_ref().sync_all()
    };
    write(&mut out).map_err(StorageError::io("write", path))
}

/// An open file of arrays; values are read on demand.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    file: PositionalFile,
    /// Where the values begin.
    data: u64,
    tensors: BTreeMap<String, TensorInfo>,
}

impl TensorFile {
    /// Opens a file and checks its header against its length. No size found in the file is trusted
    /// before that.
    ///
    /// # Errors
    /// [`StorageError`] when the file cannot be read or is not what it should be.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let bad = |reason: String| StorageError::tensors(path, reason);
        let mut file = File::open(path).map_err(StorageError::io("open", path))?;
        let length = file.metadata().map_err(StorageError::io("read", path))?.len();
        let mut prefix = [0; 8];
        file.read_exact(&mut prefix).map_err(StorageError::io("read", path))?;
        let header_length = u64::from_le_bytes(prefix);
        if header_length > MAX_HEADER.min(length - 8) {
            return Err(bad(format!("a header of {header_length} bytes in a file of {length}")));
        }
        let mut header = vec![0; header_length as usize];
        file.read_exact(&mut header).map_err(StorageError::io("read", path))?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| bad(error.to_string()))?;
        let data = 8 + header_length;
        let stored = length - data;
        if metadata.data_len() as u64 != stored {
            return Err(bad(format!("{stored} bytes of values, the header announces {}", metadata.data_len())));
        }
        let tensors = metadata.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        Ok(Self { path: path.to_owned(), file: PositionalFile::new(file), data, tensors })
    }

    /// The names of the arrays, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The extents of an array, the fastest first; `None` when there is no such array.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|info| info.shape.iter().rev().copied().collect())
    }

    /// True when there is such an array and its values are of this type.
    #[must_use]
    pub fn holds<T: Element>(&self, name: &str) -> bool {
        self.tensors.get(name).is_some_and(|info| info.dtype == T::DTYPE)
    }

    /// Fills `out` with consecutive values of an array, from position `start` on (in memory order).
    ///
    /// # Errors
    /// [`StorageError`] when there is no such array of this type, it is shorter than asked for, or
    /// the file cannot be read.
    pub fn read_into<T: Element>(&self, name: &str, start: u64, out: &mut [T]) -> Result<(), StorageError> {
        let bad = |reason: String| StorageError::tensors(&self.path, reason);
        let info = self.tensors.get(name).ok_or_else(|| bad(format!("there is no array `{name}`")))?;
        if info.dtype != T::DTYPE {
            return Err(bad(format!("array `{name}` holds {}, not {}", info.dtype, T::DTYPE)));
        }
        let (first, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
        let width = size_of::<T>() as u64;
        let stored = (end - first) / width;
        if start.checked_add(out.len() as u64).is_none_or(|last| last > stored) {
            let last = start.saturating_add(out.len() as u64);
            return Err(bad(format!("values {start}..{last} of array `{name}`, which has {stored}")));
        }
        self.file
            .read_exact_at(bytemuck::cast_slice_mut(out), self.data + first + start * width)
            .map_err(StorageError::io("read", &self.path))
    }

    /// All values of an array.
    ///
    /// # Errors
    /// As [`read_into`](Self::read_into).
    pub fn read<T: Element>(&self, name: &str) -> Result<Vec<T>, StorageError> {
        // The product fits: opening checked it against the length of the file.
        let mut values = vec![T::zeroed(); self.shape(name).unwrap_or_default().iter().product()];
        self.read_into(name, 0, &mut values)?;
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.safetensors");
        let tensors = [
            TensorRef { name: "offsets", shape: vec![2], values: Values::U64(&[7, u64::MAX]) },
            TensorRef { name: "table", shape: vec![2, 3], values: Values::F32(&[0.0, 1.0, 2.0, 3.0, 4.0, -0.0]) },
            TensorRef { name: "items", shape: vec![0], values: Values::U32(&[]) },
        ];
        write_tensors(&path, &tensors).unwrap();
        (dir, path)
    }

    #[test]
    fn what_is_written_is_read() {
        let (_dir, path) = written();
        let file = TensorFile::open(&path).unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["items", "offsets", "table"]);
        assert_eq!(file.shape("table"), Some(vec![2, 3]));
        assert_eq!(file.read::<u64>("offsets").unwrap(), [7, u64::MAX]);
        assert_eq!(file.read::<f32>("table").unwrap()[5].to_bits(), (-0.0f32).to_bits());
        assert!(file.read::<u32>("items").unwrap().is_empty());
        let mut middle = [0.0f32; 2];
        file.read_into("table", 3, &mut middle).unwrap();
        assert_eq!(middle, [3.0, 4.0]);
    }

    #[test]
    fn other_tools_see_the_table_item_by_item() {
        let (_dir, path) = written();
        let bytes = std::fs::read(&path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("table").unwrap().shape(), [3, 2]);
    }

    #[test]
    fn wrong_requests_are_refused() {
        let (_dir, path) = written();
        let file = TensorFile::open(&path).unwrap();
        assert!(file.read::<u32>("offsets").unwrap_err().to_string().contains("U64"));
        assert!(file.read::<f32>("absent").unwrap_err().to_string().contains("absent"));
        assert!(file.read_into("table", 5, &mut [0.0f32; 2]).is_err());
        assert!(file.read_into("table", u64::MAX, &mut [0.0f32; 2]).is_err());
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t");
        let tensor = TensorRef { name: "x", shape: vec![2, 2], values: Values::F32(&[1.0; 3]) };
        assert!(matches!(write_tensors(&path, &[tensor]), Err(StorageError::Tensors { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn truncated_files_and_absurd_headers_are_refused() {
        let (_dir, path) = written();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(TensorFile::open(&path).is_err(), "cut to {length} bytes");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        std::fs::write(&path, &longer).unwrap();
        assert!(TensorFile::open(&path).is_err());
        let mut absurd = bytes;
        absurd[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        std::fs::write(&path, &absurd).unwrap();
        assert!(matches!(TensorFile::open(&path), Err(StorageError::Tensors { .. })));
    }
}
