//! How well does a model reconstruct a history, item by item?

use std::ops::Range;

use rayon::prelude::*;

use crate::interactions::{History, HistoryRef};
use crate::linalg::ColumnsMut;
use crate::models::{Model, Query};
use crate::ranking::{Candidates, StillWanted};
use crate::types::ItemIdx;

/// Parts of a history, each of which is left out in turn. A history of fewer items is left out item by item.
const PARTS: usize = 5;

/// Histories folded in together: what bounds the memory, beside the scores of a block of items for their parts.
const BATCH: usize = 32;

/// Items scored at a time.
const ITEM_BLOCK: usize = 512;

/// The places of the items of one history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reconstruction {
    /// One an item, in the order of the history: the share of the candidates that score higher, those with the same score
    /// (itself among them) counted half. Above 0, at most 1: near 0 the model expected the item, near 1 hardly any less;
    /// a model that knows nothing has a mean of ½.
    ///
    /// Candidates are the catalogue without what was folded in, which is the history without the part of the item: every
    /// fifth of its items, in their order.
    pub places: Vec<f64>,
}

impl Reconstruction {
    /// The statistic of the history, its mean place: the larger, the less it is what the model expects of anybody. `None`
    /// for an empty history, of which nothing can be said.
    #[must_use]
    pub fn statistic(&self) -> Option<f64> {
        (!self.places.is_empty()).then(|| self.places.iter().sum::<f64>() / self.places.len() as f64)
    }

    /// Positions in the history of the `n` items that the rest of it makes least likely, the least likely first; equals in
    /// the order of the history.
    #[must_use]
    pub fn least_likely(&self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by(|&a, &b| self.places[b].total_cmp(&self.places[a]));
        order.truncate(n);
        order
    }
}

/// Reconstructs any number of histories in parallel; the order is kept, and the bits of each are the same in any batch.
#[must_use]
pub fn reconstruct(model: &dyn Model, histories: &[HistoryRef<'_>]) -> Vec<Reconstruction> {
    reconstruct_while(model, histories, &|| true).unwrap_or_else(|| unreachable!("they are always wanted"))
}

/// [`reconstruct`], given up with `None` as soon as they are no longer wanted.
#[must_use]
pub fn reconstruct_while(
    model: &dyn Model,
    histories: &[HistoryRef<'_>],
    still: StillWanted<'_>,
) -> Option<Vec<Reconstruction>> {
    let batches = histories.par_chunks(BATCH).map(|batch| reconstruct_batch(model, batch, still));
    Some(batches.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}

fn reconstruct_batch(
    model: &dyn Model,
    histories: &[HistoryRef<'_>],
    still: StillWanted<'_>,
) -> Option<Vec<Reconstruction>> {
    let parts = histories
        .iter()
        .enumerate()
        .flat_map(|(at, &history)| (0..history.len().min(PARTS)).map(move |part| LeftOut::new(at, history, part)));
    let mut parts: Vec<LeftOut> = parts.collect();
    if !still() {
        return None;
    }
    let query = model.encode(&parts.iter().map(|part| part.shown.as_ref()).collect::<Vec<_>>());
    parts.iter_mut().enumerate().for_each(|(user, part)| part.look_up(model, &query, user));
    let items = model.items();
    let mut scores = vec![0.0; ITEM_BLOCK.min(items) * parts.len()];
    let scored = if parts.is_empty() { 0 } else { items };
    for first in (0..scored).step_by(ITEM_BLOCK) {
        if !still() {
            return None;
        }
        let block: Range<u32> = first as u32..(first + ITEM_BLOCK).min(items) as u32;
        let mut block_scores = ColumnsMut::new(&mut scores[..block.len() * parts.len()], (block.len(), parts.len()));
        model.score_block(&query, block, block_scores.reborrow());
        for (user, part) in parts.iter_mut().enumerate() {
            part.count(first as u32, block_scores.col(user));
        }
    }
    let mut out: Vec<Reconstruction> =
        histories.iter().map(|history| Reconstruction { places: vec![0.0; history.len()] }).collect();
    for part in parts {
        let places = out[part.history].places.iter_mut().skip(part.part).step_by(PARTS);
        places.zip(part.places(items)).for_each(|(place, found)| *place = found);
    }
    Some(out)
}

/// A history without one of its parts, and how the scores of the catalogue compare with those of that part.
struct LeftOut {
    /// Which history of the batch.
    history: usize,
    /// Which part of it.
    part: usize,
    shown: History,
    hidden: Vec<ItemIdx>,
    /// Scores of the hidden items, in their order.
    scores: Vec<f32>,
    /// The same ascending, each once.
    levels: Vec<f32>,
    /// How many candidates score above exactly so many of the levels: one entry more than there are levels.
    above: Vec<usize>,
    /// How many candidates score as each level.
    equal: Vec<usize>,
}

impl LeftOut {
    fn new(history: usize, whole: HistoryRef<'_>, part: usize) -> Self {
        let pairs = whole.items().iter().zip(whole.weights()).map(|(&item, &weight)| (ItemIdx(item), weight));
        let (hidden, shown): (Vec<_>, Vec<_>) = pairs.enumerate().partition(|(at, _)| at % PARTS == part);
        let shown = History::from_pairs(shown.into_iter().map(|(_, pair)| pair))
            .unwrap_or_else(|error| unreachable!("a history has usable weights: {error}"));
        let hidden = hidden.into_iter().map(|(_, (item, _))| item).collect();
        Self { history, part, shown, hidden, scores: vec![], levels: vec![], above: vec![], equal: vec![] }
    }

    /// Scores the hidden items, for user `user` of a query.
    fn look_up(&mut self, model: &dyn Model, query: &Query, user: usize) {
        self.scores = vec![0.0; self.hidden.len()];
        model.score_items(query, user, &self.hidden, &mut self.scores);
        self.levels.clone_from(&self.scores);
        self.levels.sort_by(f32::total_cmp);
        self.levels.dedup();
        self.above = vec![0; self.levels.len() + 1];
        self.equal = vec![0; self.levels.len()];
    }

    /// Counts a block of scores, `scores[0]` being that of item `first`; those of what was folded in are overwritten.
    fn count(&mut self, first: u32, scores: &mut [f32]) {
        Candidates { seen: self.shown.as_ref().items(), ..Candidates::default() }.mask(first, scores);
        for &score in &*scores {
            let passed = self.levels.partition_point(|&level| level < score);
            self.above[passed] += 1;
            if self.levels.get(passed) == Some(&score) {
                self.equal[passed] += 1;
            }
        }
    }

    /// The places of the hidden items in a catalogue of `items`, when all of it was counted.
    fn places(&self, items: usize) -> impl Iterator<Item = f64> + '_ {
        let candidates = (items - self.shown.as_ref().len()) as f64;
        self.scores.iter().map(move |&score| {
            let level = self.levels.partition_point(|&level| level < score);
            let higher: usize = self.above[level + 1..].iter().sum();
            (higher as f64 + self.equal[level] as f64 / 2.0) / candidates
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::models::Popularity;

    fn history(items: impl IntoIterator<Item = u32>) -> History {
        History::from_pairs(items.into_iter().map(|item| (ItemIdx(item), 1.0))).unwrap()
    }

    #[test]
    fn places_are_shares_of_the_candidates() {
        // By popularity the list is 4, 2, then 0 and 3 alike, then 1.
        let model = Popularity::from_counts(&[5, 1, 7, 5, 9]);
        let places = |items: &[u32]| reconstruct(&model, &[history(items.iter().copied()).as_ref()]).remove(0).places;
        assert_eq!(places(&[4]), [0.5 / 5.0]);
        assert_eq!(places(&[0]), [(2.0 + 1.0) / 5.0]);
        // Each of two items is looked up without the other: item 4 is folded in when item 1 is left out.
        assert_eq!(places(&[1, 4]), [(3.0 + 0.5) / 4.0, 0.5 / 4.0]);
    }

    #[test]
    fn an_empty_history_has_no_statistic() {
        let model = Popularity::from_counts(&[3, 2, 1]);
        let (nobody, somebody) = (History::default(), history([2]));
        let found = reconstruct(&model, &[nobody.as_ref(), somebody.as_ref(), nobody.as_ref()]);
        assert_eq!(found.iter().map(Reconstruction::statistic).collect::<Vec<_>>(), [None, Some(2.5 / 3.0), None]);
        assert!(found[0].least_likely(3).is_empty());
        assert!(reconstruct(&model, &[]).is_empty());
        assert_eq!(reconstruct_while(&model, &[somebody.as_ref()], &|| false), None);
    }

    #[test]
    fn the_least_likely_come_first_and_equals_in_order() {
        let found = Reconstruction { places: vec![0.2, 0.9, 0.4, 0.9] };
        assert_eq!(found.least_likely(3), [1, 3, 2]);
        assert_eq!(found.least_likely(9), [1, 3, 2, 0]);
    }

    proptest! {
        #[test]
        fn places_are_those_of_the_definition(
            counts in prop::collection::vec(0u32..6, 600..1300),
            items in prop::collection::btree_set(0u32..600, 1..40),
        ) {
            let model = Popularity::from_counts(&counts);
            let history = history(items);
            let found = reconstruct(&model, &[history.as_ref()]).remove(0);
            let items = history.as_ref().items();
            for (at, place) in found.places.iter().enumerate() {
                let folded_in = |item: u32| items.iter().position(|&i| i == item).is_some_and(|i| i % PARTS != at % PARTS);
                let candidates: Vec<u32> = (0..counts.len() as u32).filter(|&item| !folded_in(item)).collect();
                let own = counts[items[at] as usize];
                let worth = |&item: &u32| match counts[item as usize].cmp(&own) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
                let expected = candidates.iter().map(worth).sum::<f64>() / candidates.len() as f64;
                prop_assert_eq!(*place, expected);
            }
        }
    }
}
