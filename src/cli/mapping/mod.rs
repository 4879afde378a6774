//! How does a map read? What its points are coloured and labelled by, and the picture of them.

mod colouring;
mod error;
mod key;
mod labels;
mod picture;
mod points;

pub use colouring::Colouring;
pub use error::MapError;
pub use key::paint;
pub use picture::{Dot, Picture};
pub use points::Points;

#[cfg(test)]
mod tests;
