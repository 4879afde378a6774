//! Lists for items.

use super::answer::{Listed, ShortList};
use super::detail::Shown;
use super::prepare::Filters;
use super::request::check_n;
use super::{Engine, RequestError};
use crate::models::Model;
use crate::ranking::{Candidates, Scored, StillWanted, TopN, Wanted, rank_lists};

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
        let similar = self.similar_items_while(item_id, n, filter, &|| true)?;
        Ok(similar.unwrap_or_else(|| unreachable!("they are always wanted")))
    }

    /// [`similar_items`](Self::similar_items), given up with `None` as soon as they are no longer wanted.
    ///
    /// # Errors
    /// The same.
    pub fn similar_items_while(
        &self,
        item_id: &str,
        n: usize,
        filter: Option<&str>,
        wanted: StillWanted<'_>,
    ) -> Result<Option<SimilarItems>, RequestError> {
        check_n(n)?;
        let item = self.item(item_id)?;
        if self.impersonal() {
            return Err(RequestError::NoSimilarity { model: self.name() });
        }
        let matching = match filter {
            None => None,
            Some(text) => match self.matching(text, &mut Filters::default(), wanted)? {
                None => return Ok(None),
                found => found,
            },
        };
        let candidates = Candidates { seen: &[item.0], matching: matching.as_deref(), ..Default::default() };
        let (items, measure) = match self.info.item_space {
            Some(_) => (self.nearest(item.0, n, candidates, wanted), Measure::Cosine),
            None => {
                let history = self.merged(&[(item, 1.0)]);
                let query = self.model.encode(&[history.as_ref()]);
                let lists = rank_lists(self.model.as_ref(), &query, &[Wanted::best(0, candidates, n)], wanted);
                (lists.map(|mut lists| lists.remove(0).items), Measure::FoldIn)
            }
        };
        let Some(items) = items else { return Ok(None) };
        let short = (items.len() < n).then(|| match &matching {
            Some(matching) if matching.is_clear() => ShortList::NothingMatches,
            _ if n >= self.catalogue.len() => ShortList::SmallCatalogue,
            _ => ShortList::Filtered,
        });
        let items = self.listed(items.into_iter().map(|scored| (scored, None)), &Shown::default());
        Ok(Some(SimilarItems { items, measure, short }))
    }

    /// The candidates with the largest cosine, by a model with item vectors; `None` as soon as they are no longer wanted.
    fn nearest(&self, item: u32, n: usize, candidates: Candidates<'_>, wanted: StillWanted<'_>) -> Option<Vec<Scored>> {
        let query = self.model.embed_items(item..item + 1)?;
        let query = query.column(0) * *self.inverse_norms.get(item as usize)?;
        let mut best = TopN::new(n.min(self.catalogue.len()));
        if let Some(index) = &self.index {
            // The same cosines, of which only those are computed that are not 0.
            let mut cosines = vec![0.0; self.catalogue.len()];
            index.inner_products(query.as_slice(), &mut cosines);
            cosines.iter_mut().zip(&self.inverse_norms).for_each(|(cosine, scale)| *cosine *= scale);
            candidates.mask(0, &mut cosines);
            best.offer_block(0, &cosines);
            return wanted().then(|| best.into_sorted());
        }
        let mut cosines = vec![0.0; BLOCK];
        for first in (0..self.catalogue.len()).step_by(BLOCK) {
            if !wanted() {
                return None;
            }
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
