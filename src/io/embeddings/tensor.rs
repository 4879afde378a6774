//! The safetensors format: a JSON header, then the tensor's rows.

use std::collections::BTreeMap;
use std::io::{self, Write};

use safetensors::tensor::{Dtype, TensorInfo};
use serde::Serialize;

use super::header::{EmbeddingHeader, Precision};

/// The header as the format defines it. Not the library's own type, whose metadata comes in another order in
/// every process: the same export is to have the same bytes.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, TensorInfo>,
}

/// Writes what stands before the values.
pub(super) fn write_header(sink: &mut impl Write, header: &EmbeddingHeader<'_>) -> io::Result<()> {
    let bytes = header.rows * header.dim * header.precision.bytes();
    let dtype = match header.precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
    };
    let info = TensorInfo { dtype, shape: vec![header.rows, header.dim], data_offsets: (0, bytes) };
    let json = Header {
        metadata: header.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        tensors: BTreeMap::from([(header.values, info)]),
    };
    let mut text = serde_json::to_vec(&json)?;
    // The values begin at a multiple of their size.
    text.resize(text.len().next_multiple_of(8), b' ');
    sink.write_all(&(text.len() as u64).to_le_bytes())?;
    sink.write_all(&text)
}
