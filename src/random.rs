//! Random numbers that depend on *what* they are for, never on *when* or on which thread.
//!
//! A generator is named by the arguments of [`stream`]: the seed, a purpose, and two coordinates (epoch,
//! user, …). The same name gives the same numbers in any order of execution, which is what makes
//! training byte-identical for any number of threads (the approach of Salmon et al. 2011,
//! "Parallel random numbers: as easy as 1, 2, 3"; the cipher here is ChaCha8).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// What a random stream is used for; streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights of a parameter; coordinate: the parameter's number.
    Init = 1,
    /// Order of the training users; coordinate: epoch.
    Shuffle = 2,
    /// Input dropout; coordinates: epoch, user.
    Dropout = 3,
    /// The Gaussian sample of a variational code; coordinates: epoch, user.
    Reparameterise = 4,
    /// Choice of held-out users.
    HoldOutUsers = 5,
    /// Choice of a user's target interactions; coordinate: user.
    HoldOutItems = 6,
    /// Synthetic logs; coordinates chosen by the generator.
    Generate = 7,
    /// Resampling of evaluated users; coordinates: resample and 0, or 0 and 1 for the grouping of users.
    Bootstrap = 8,
    /// Draws from the uncertainty of a user's code; coordinates: draw and 0, or 0 and 1 for the choice of a draw.
    Explore = 9,
    /// Requests of a load test; coordinates: which part of it, number of the request.
    LoadTest = 10,
    /// Points of a search for parameters; coordinates: trial and attempt.
    Tune = 11,
    /// The start of an eigenvector iteration; coordinates: 0, run of numbers.
    Subspace = 12,
    /// Dropout of a code; coordinates: epoch, user.
    CodeDropout = 13,
    /// Maps; coordinates: 0 and 0 for the choice of points, otherwise number of a coordinate from 1 and run of points.
    Map = 14,
    /// Made-up users; coordinates: user and 0 for the code, user and 1 for the items.
    Sample = 15,
}

/// The generator named by `(seed, purpose, a, b)`.
///
/// Creating one costs no more than filling 32 bytes: ChaCha has no key schedule.
#[must_use]
pub fn stream(seed: u64, purpose: Purpose, [a, b]: [u64; 2]) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed, purpose as u64, a, b]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Fills `values` with draws from N(0, `deviation`²), in parallel: the coordinates of the streams are `a` and the number
/// of a run of values.
pub fn fill_normal(values: &mut [f32], deviation: f32, seed: u64, purpose: Purpose, a: u64) {
    /// Values drawn from one stream; fixed, so that parallel filling is reproducible.
    const RUN: usize = 1 << 16;
    values.par_chunks_mut(RUN).enumerate().for_each(|(run, values)| {
        let mut random = stream(seed, purpose, [a, run as u64]);
        for value in values {
            let normal: f32 = StandardNormal.sample(&mut random);
            *value = deviation * normal;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn a_stream_is_named_by_all_its_coordinates() {
        let first = |seed, purpose, at| stream(seed, purpose, at).next_u64();
        let reference = first(1, Purpose::Dropout, [2, 3]);
        assert_eq!(reference, first(1, Purpose::Dropout, [2, 3]));
        for other in
            [first(2, Purpose::Dropout, [2, 3]), first(1, Purpose::Shuffle, [2, 3]), first(1, Purpose::Dropout, [3, 2])]
        {
            assert_ne!(reference, other);
        }
    }
}
