//! How do vectors become a picture? Vectors of any dimension to places in the plane, by the directions of largest
//! variance or by who is near to whom.
//!
//! Nothing here knows of models or pictures. All methods look at differences of vectors alone: for a space that compares
//! by the cosine, bring them to unit length first ([`normalise`]).

mod affinities;
mod cloud;
mod error;
mod pca;
mod t_sne;

pub use cloud::{draw, normalise};
pub use error::ProjectionError;
pub use pca::{Pca, pca};
pub use t_sne::{MOST_POINTS, TSneConfig, most_perplexity, t_sne};

#[cfg(test)]
mod tests;
