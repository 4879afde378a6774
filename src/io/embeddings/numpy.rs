//! NumPy's `.npy`: a header, then the rows as they are in memory (C order).

use std::io::{self, Write};

use npyz::{DType, TypeStr, WriteOptions, WriterBuilder};

use super::header::{EmbeddingHeader, Precision};

/// Writes what stands before the values.
pub(super) fn write_header(sink: &mut impl Write, header: &EmbeddingHeader<'_>) -> io::Result<()> {
    let name = match header.precision {
        Precision::F32 => "<f4",
        Precision::F16 => "<f2",
    };
    let element: TypeStr = name.parse().map_err(io::Error::other)?;
    let shape = [header.rows as u64, header.dim as u64];
    let options = WriteOptions::new_header_only().dtype(DType::Plain(element)).shape(&shape).writer(sink);
    options.write_header_only().map(drop)
}
