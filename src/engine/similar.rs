//! Lists for items.

use fixedbitset::FixedBitSet;

use super::answer::{Listed, ShortList};
use super::detail::Shown;
use super::prepare::Filters;
use super::request::check_n;
use super::{Engine, RequestError};
use crate::models::Model;
use crate::ranking::{Candidates, Scored, TopN, rank};

/// Item vectors looked at together.
const BLOCK: usize = 1024;

/// How items were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Cosine of the angle between the item vectors.
    Cosine,
    /// Score given to the other item when this one is folded in as the only history; for models
    /// without item vectors.
    FoldIn,
}

/// The items most like another.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarItems {
    /// Most similar first; the item itself is not among them.
    pub items: Vec<Listed>,
    /// How they were compared.
    pub measure: Measure,
    /// Why there are fewer than `n` items, when there are.
    pub short: Option<ShortList>,
}

impl Engine {
    /// The `n` items most like the one named, of those that meet the condition `filter`, if there is one.
    ///
    /// # Errors
    /// [`RequestError`] for an unknown item, an `n` out of range, a condition that cannot be used, or a model that does
    /// not compare items.
    pub fn similar_items(&self, item_id: &str, n: usize, filter: Option<&str>) -> Result<SimilarItems, RequestError> {
        check_n(n)?;
        let item = self.item(item_id)?;
        if self.impersonal() {
            return Err(RequestError::NoSimilarity { model: self.name() });
        }
        let matching = filter.map(|text| self.matching(text, &mut Filters::default())).transpose()?;
        let (items, measure) = match self.nearest(item.0, n, matching.as_deref()) {
            Some(items) => (items, Measure::Cosine),
            None => {
                let candidates = Candidates { seen: &[item.0], matching: matching.as_deref(), ..Default::default() };
                let history = self.merged(&[(item, 1.0)]);
                let query = self.model.encode(&[history.as_ref()]);
                let items = rank(self.model.as_ref(), &query, &[candidates], n).remove(0).items;
                (items, Measure::FoldIn)
            }
        };
        let short = (items.len() < n).then(|| match &matching {
            Some(matching) if matching.is_clear() => ShortList::NothingMatches,
            _ if n >= self.catalogue.len() => ShortList::SmallCatalogue,
            _ => ShortList::Filtered,
        });
        let items = self.listed(items.into_iter().map(|scored| (scored, None)), &Shown::default());
        Ok(SimilarItems { items, measure, short })
    }

    /// The items with the largest cosine; `None` where the model has no item vectors.
    fn nearest(&self, item: u32, n: usize, matching: Option<&FixedBitSet>) -> Option<Vec<Scored>> {
        let query = self.model.embed_items(item..item + 1)?;
        let query = query.column(0) * *self.inverse_norms.get(item as usize)?;
        let candidates = Candidates { seen: &[item], matching, ..Default::default() };
        let mut best = TopN::new(n.min(self.catalogue.len()));
        let mut cosines = vec![0.0; BLOCK];
        for first in (0..self.catalogue.len()).step_by(BLOCK) {
            let end = self.catalogue.len().min(first + BLOCK);
            let vectors = self.model.embed_items(first as u32..end as u32)?;
            let cosines = &mut cosines[..end - first];
            for ((cosine, vector), scale) in
                cosines.iter_mut().zip(vectors.column_iter()).zip(&self.inverse_norms[first..end])
            {
                *cosine = vector.dot(&query) * scale;
            }
            candidates.mask(first as u32, cosines);
            best.offer_block(first as u32, cosines);
        }
        Some(best.into_sorted())
    }
}

/// 1 / length of every item vector, 0 for a zero vector; empty where the model has none.
pub(super) fn inverse_norms(model: &dyn Model) -> Vec<f32> {
    let mut inverse = Vec::new();
    for first in (0..model.items()).step_by(BLOCK) {
        let Some(vectors) = model.embed_items(first as u32..model.items().min(first + BLOCK) as u32) else {
            return Vec::new();
        };
        inverse
            .extend(vectors.column_iter().map(|vector| vector.norm()).map(|n| if n > 0.0 { n.recip() } else { 0.0 }));
    }
    inverse
}
