//! The vectors of all stored users, folded in when they are first asked for.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use nalgebra::DMatrix;

use super::Engine;
use super::error::InternalError;
use crate::interactions::HistoryRef;

/// Users of a block.
const BLOCK: usize = 2_048;

/// Bytes that the vectors of one model may take; users beyond are folded in again by every request.
const MAX_BYTES: usize = 1 << 30;

/// Vectors of length 1 (or 0), in blocks of consecutive users. A block is computed by the first request that needs it
/// and kept: histories and weights never change, so it cannot go stale. A block takes 4 bytes a dimension and user: at
/// 200 dimensions, 800 MB for a million users.
pub(super) struct UserVectors {
    users: usize,
    blocks: Vec<OnceLock<Arc<DMatrix<f32>>>>,
}

impl UserVectors {
    pub fn new(users: usize) -> Self {
        Self { users, blocks: (0..users.div_ceil(BLOCK)).map(|_| OnceLock::new()).collect() }
    }

    /// Numbers of the blocks.
    pub fn blocks(&self) -> Range<usize> {
        0..self.blocks.len()
    }

    /// The users of a block.
    pub fn users(&self, block: usize) -> Range<u32> {
        (block * BLOCK) as u32..self.users.min((block + 1) * BLOCK) as u32
    }
}

impl Engine {
    /// Bytes that the vectors of all users take once somebody has asked for similar ones; 0 for a model without such
    /// vectors. They stay for as long as the model does.
    #[must_use]
    pub fn user_vectors_bytes(&self) -> u64 {
        let dim = self.info.user_space.as_ref().map_or(0, |space| space.dim);
        self.user_vectors.users.saturating_mul(dim).saturating_mul(size_of::<f32>()).min(MAX_BYTES) as u64
    }

    /// The vectors of the users of a block, one column each.
    pub(super) fn user_block(&self, block: usize) -> Result<Arc<DMatrix<f32>>, InternalError> {
        let kept = &self.user_vectors.blocks[block];
        if let Some(vectors) = kept.get() {
            return Ok(Arc::clone(vectors));
        }
        let users = self.user_vectors.users(block);
        let histories = self.histories.range(users.clone())?;
        let histories: Vec<HistoryRef<'_>> = histories.histories().collect();
        let mut vectors = self.model.embed_users(&histories).unwrap_or_else(|| DMatrix::zeros(0, users.len()));
        vectors.column_iter_mut().for_each(|mut vector| {
            // A vector of length 0 stays what it is.
            let _ = vector.try_normalize_mut(0.0);
        });
        let vectors = Arc::new(vectors);
        // Two requests may compute the same block at once; the result is the same, and nobody waits for the other: a
        // thread of the pool that waits may be asked to do the very work it waits for.
        if (block + 1) * BLOCK * vectors.nrows() * size_of::<f32>() <= MAX_BYTES {
            let _ = kept.set(Arc::clone(&vectors));
        }
        Ok(vectors)
    }
}
