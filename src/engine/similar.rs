//! Lists for items.

use super::request::{HistoryItem, RecommendRequest, check_n};
use super::{Engine, Listed, RequestError, ShortList};
use crate::models::Model;
use crate::ranking::TopN;

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
    /// The `n` items most like the one named.
    ///
    /// # Errors
    /// [`RequestError`] for an unknown item, an `n` out of range, or a model that does not
    /// compare items.
    pub fn similar_items(&self, item_id: &str, n: usize) -> Result<SimilarItems, RequestError> {
        check_n(n)?;
        let Some(item) = self.catalogue.ids().index(item_id) else {
            return Err(RequestError::UnknownItem { item_id: item_id.into() });
        };
        if self.impersonal() {
            return Err(RequestError::NoSimilarity { model: self.name() });
        }
        let short = |found: usize| (found < n).then_some(ShortList::SmallCatalogue);
        match self.nearest(item, n) {
            Some(items) => Ok(SimilarItems { short: short(items.len()), items, measure: Measure::Cosine }),
            None => {
                let history = vec![HistoryItem::new(item_id)];
                let request = RecommendRequest { history, n, ..Default::default() };
                let items = self.recommend(&[request]).remove(0)?.items;
                Ok(SimilarItems { short: short(items.len()), items, measure: Measure::FoldIn })
            }
        }
    }

    /// The items with the largest cosine; `None` where the model has no item vectors.
    fn nearest(&self, item: u32, n: usize) -> Option<Vec<Listed>> {
        let query = self.model.embed_items(item..item + 1)?;
        let query = query.column(0) * *self.inverse_norms.get(item as usize)?;
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
            if let Some(itself) = cosines.get_mut((item as usize).wrapping_sub(first)) {
                *itself = f32::NEG_INFINITY;
            }
            best.offer_block(first as u32, cosines);
        }
        Some(self.listed(&best.into_sorted()))
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
