//! Made-up weights and scores.

use foldin::random::{Purpose, stream};
use rand::Rng;

/// Values uniform in (−0.1, 0.1), about the size of trained weights.
pub fn values(count: usize) -> Vec<f32> {
    let mut random = stream(7, Purpose::Generate, [0, 1]);
    (0..count).map(|_| random.next_u32() as f32 / u32::MAX as f32 * 0.2 - 0.1).collect()
}
