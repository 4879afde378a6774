//! How do vectors leave? One row an entity, its id and its vector, in the formats other tools read, streamed.

mod arrow_file;
mod header;
mod numpy;
mod parquet_file;
mod tensor;
mod writer;

pub use header::{EmbeddingFormat, EmbeddingHeader, Precision};
pub use writer::EmbeddingWriter;

#[cfg(test)]
mod tests;
