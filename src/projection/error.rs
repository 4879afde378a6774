//! Why there is no map.

use crate::linalg::EigenError;

/// Every failure of a projection.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ProjectionError {
    /// Too few vectors to make a picture.
    #[error("there are {points} points, {method} takes at least {least}")]
    TooFew {
        /// How many there are.
        points: usize,
        /// How many it takes.
        least: usize,
        /// What the method is called.
        method: &'static str,
    },
    /// So many vectors that every pair of them is not looked at in reasonable time.
    #[error("there are {points} points, and t-SNE looks at every pair of them: draw {most} at most, or use PCA")]
    TooMany {
        /// How many there are.
        points: usize,
        /// How many it may be.
        most: usize,
    },
    /// All vectors are the same.
    #[error("all {points} vectors are the same: there is nothing to tell them apart by")]
    Constant {
        /// How many there are.
        points: usize,
    },
    /// A value that is not finite.
    #[error("the vector of point {point} holds {value}")]
    NotFinite {
        /// Position of the vector.
        point: usize,
        /// The value.
        value: f32,
    },
    /// More neighbours are asked for than there are points, or fewer than one.
    #[error("perplexity {perplexity} is outside 1 to {most:.1}, a third of the other points ({points} in all)")]
    Perplexity {
        /// What was asked for.
        perplexity: f64,
        /// How much it may be.
        most: f64,
        /// How many points there are.
        points: usize,
    },
    /// The principal components could not be computed.
    #[error("the principal components cannot be computed: {0}")]
    Components(#[from] EigenError),
}
