//! Which few latents stand for a vector? Sparse codes: how they are chosen, stored and compared.

mod coder;
mod inverted_index;
mod latents;
mod sparse_codes;

pub use coder::{CoderConfig, CoderError, SparseCoder, directions};
pub use inverted_index::{Exactness, InvertedIndex};
pub use latents::{Latent, latents};
pub use sparse_codes::{CodesError, LARGEST_WIDTH, SparseCodes, strongest};
