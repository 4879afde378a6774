//! Latents by the items that they stand for.

use std::fmt;

use serde::Serialize;

use crate::codes::{InvertedIndex, latents};
use crate::interactions::Catalogue;

/// Latents that people are shown.
pub const SHOWN: usize = 10;

/// Items named for each end of a latent.
const ITEMS: usize = 5;

/// A latent and its strongest items, by title where they have one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedLatent {
    /// Its place in the codes.
    pub latent: usize,
    /// Items with a value there.
    pub items: usize,
    /// Those that have most of it.
    pub strongest: Vec<String>,
    /// Those that have most of its opposite.
    pub opposite: Vec<String>,
}

/// All latents that an item uses, those that most items use first.
#[must_use]
pub fn named(index: &InvertedIndex, catalogue: &Catalogue) -> Vec<NamedLatent> {
    let name = |&(item, _): &(u32, f32)| match catalogue.title(item) {
        Some(title) => title.to_owned(),
        None => catalogue.ids().external(item).into_owned(),
    };
    let names = |items: &[(u32, f32)]| items.iter().map(name).collect();
    let found = latents(index, index.width(), ITEMS).into_iter().map(|latent| NamedLatent {
        latent: latent.place,
        items: latent.entities,
        strongest: names(&latent.strongest),
        opposite: names(&latent.opposite),
    });
    found.collect()
}

impl fmt::Display for NamedLatent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "latent       {} of {} items", self.latent, self.items)?;
        for (what, items) in [("most", &self.strongest), ("least", &self.opposite)] {
            if !items.is_empty() {
                write!(f, "; {what}: {}", items.join(", "))?;
            }
        }
        Ok(())
    }
}
