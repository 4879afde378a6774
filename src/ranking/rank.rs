//! Scoring by item blocks and selection, for one batch of users or for many.

use std::ops::Range;

use rayon::prelude::*;

use super::candidates::{Candidates, Removed};
use super::narrow::{NarrowTable, SPARE};
use super::top_n::{Scored, TopN};
use crate::interactions::HistoryRef;
use crate::linalg::ColumnsMut;
use crate::models::{Model, Query};
use crate::types::ItemIdx;

/// Items scored at a time: a block of scores for a whole batch stays in the cache until it is ranked.
const ITEM_BLOCK: usize = 512;

/// Items of the catalogue among which those near for any list of a batch are scored exactly before the next ones are.
const EXACT_RANGE: usize = 4096;

/// Users folded in together by [`rank_users`]: every item vector is read from memory once for all of them.
const USER_BATCH: usize = 256;

/// The list of one user.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Best first; ties by item index. At most `n`, fewer when the candidates run out.
    pub items: Vec<Scored>,
    /// What the filters took away.
    pub removed: Removed,
}

/// Asked between blocks of items whether the lists are still wanted.
pub type StillWanted<'a> = &'a (dyn Fn() -> bool + Sync);

/// What is to be listed for a user of a query.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The user's place in the query; no two lists have the same.
    pub user: usize,
    /// What may be listed.
    pub candidates: Candidates<'a>,
    /// How many items at most.
    pub n: usize,
    /// List no item with a lower score.
    pub min_score: Option<f32>,
    /// What is taken off the scores.
    pub minus: Option<Minus>,
}

/// Scores that count against an item: those of a history of dislikes beyond those of no history at all,
/// `strength × (score(disliked) − score(nothing))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minus {
    /// How much they count.
    pub strength: f32,
    /// Place of the history of dislikes in the query.
    pub disliked: usize,
    /// Place of the empty history.
    pub nothing: usize,
}

impl Minus {
    fn apply(&self, score: &mut f32, disliked: f32, nothing: f32) {
        *score -= self.strength * (disliked - nothing);
    }
}

/// Ranks the candidates of every user of `query`; `candidates[u]` belongs to user `u`.
///
/// Runs on the calling thread.
///
/// # Panics
/// When there is not one `candidates` entry a user.
#[must_use]
pub fn rank(model: &dyn Model, query: &Query, candidates: &[Candidates<'_>], n: usize) -> Vec<Ranking> {
    assert_eq!(query.users(), candidates.len(), "one candidate set a user");
    let lists: Vec<_> = candidates.iter().enumerate().map(|(user, of)| Wanted::best(user, *of, n)).collect();
    rank_lists(model, query, &lists, &|| true).unwrap_or_else(|| unreachable!("they are always wanted"))
}

/// Makes lists of different kinds for users of one query, which may have other users that no list is made for. A list
/// is the same whatever others are made with it. Given up with `None` as soon as they are no longer wanted.
///
/// Runs on the calling thread.
///
/// # Panics
/// When a place leaves the query.
#[must_use]
pub fn rank_lists(
    model: &dyn Model,
    query: &Query,
    lists: &[Wanted<'_>],
    still: StillWanted<'_>,
) -> Option<Vec<Ranking>> {
    let exact = |items, out: ColumnsMut<'_>| model.score_block(query, items, out);
    let selections = select(model, query, lists, still, exact)?;
    Some(rankings(selections.into_iter().map(TopN::into_sorted), lists, model.items()))
}

/// [`rank_lists`] by way of a narrow table: of the [`SPARE`] + `n` items with the best rough scores, scored exactly,
/// the `n` best are listed.
///
/// # Panics
/// When a place leaves the query, the table is not one of this model, or something is to be taken off the scores: rough
/// differences of rough scores would be no guide.
#[must_use]
pub fn rank_narrow(
    model: &dyn Model,
    table: &NarrowTable,
    query: &Query,
    lists: &[Wanted<'_>],
    still: StillWanted<'_>,
) -> Option<Vec<Ranking>> {
    assert_eq!(table.items(), model.items(), "a table of this model");
    assert!(lists.iter().all(|list| list.minus.is_none()), "nothing is taken off the scores");
    let state = |user| query.state(user).unwrap_or_else(|| unreachable!("a model with a narrow table has states"));
    let queries = table.queries((0..query.users()).map(state));
    let mut products = Vec::new();
    let rough = |items: Range<u32>, scores: ColumnsMut<'_>| {
        table.score(&queries, items.start as usize, &mut products, scores);
    };
    // What is too low is left to the exact scores.
    let near = lists.iter().map(|list| Wanted::best(list.user, list.candidates, list.n.saturating_add(SPARE)));
    let near: Vec<_> = near.collect();
    let near = select(model, query, &near, still, rough)?.into_iter().map(|selection| {
        let mut items: Vec<ItemIdx> = selection.into_sorted().into_iter().map(|scored| scored.item).collect();
        // Ties are broken by the order of the offers.
        items.sort_unstable();
        items
    });
    let best = exact(model, query, lists, &near.collect::<Vec<_>>());
    Some(rankings(best.into_iter().map(TopN::into_sorted), lists, model.items()))
}

/// The best of some items (in ascending order) for every list by their exact scores.
///
/// The lists take turns by ranges of the catalogue: what is near for several of them is fetched from memory once.
fn exact(model: &dyn Model, query: &Query, lists: &[Wanted<'_>], items: &[Vec<ItemIdx>]) -> Vec<TopN> {
    let mut selections: Vec<_> = lists.iter().map(|list| TopN::new(list.n.min(model.items()))).collect();
    let mut left: Vec<&[ItemIdx]> = items.iter().map(Vec::as_slice).collect();
    for end in (0..model.items()).step_by(EXACT_RANGE).map(|start| start + EXACT_RANGE) {
        for ((list, selection), left) in lists.iter().zip(&mut selections).zip(&mut left) {
            let (now, later) = left.split_at(left.partition_point(|item| item.at() < end));
            list.offer(model, query, now, selection);
            *left = later;
        }
    }
    selections
}

fn rankings(items: impl Iterator<Item = Vec<Scored>>, lists: &[Wanted<'_>], catalogue: usize) -> Vec<Ranking> {
    items.zip(lists).map(|(items, list)| Ranking { items, removed: list.candidates.removed(catalogue) }).collect()
}

/// The best candidates for every list by the scores of `score_block`; a few candidates by exact ones. `None` as
/// soon as they are no longer wanted.
fn select(
    model: &dyn Model,
    query: &Query,
    lists: &[Wanted<'_>],
    still: StillWanted<'_>,
    mut score_block: impl FnMut(Range<u32>, ColumnsMut<'_>),
) -> Option<Vec<TopN>> {
    let (items, users) = (model.items(), query.users());
    let mut selections: Vec<TopN> = lists.iter().map(|list| TopN::new(list.n.min(items))).collect();
    // A few candidates are scored item by item; the whole catalogue would be scored for nothing.
    let few: Vec<Option<Vec<ItemIdx>>> = lists.iter().map(|list| list.candidates.few(items)).collect();
    for ((list, selection), few) in lists.iter().zip(&mut selections).zip(&few) {
        if let Some(few) = few {
            list.offer(model, query, few, selection);
        }
    }
    if few.iter().any(Option::is_none) {
        let mut scores = vec![0.0; ITEM_BLOCK.min(items) * users];
        for first in (0..items).step_by(ITEM_BLOCK) {
            if !still() {
                return None;
            }
            let len = ITEM_BLOCK.min(items - first);
            let mut block = ColumnsMut::new(&mut scores[..len * users], (len, users));
            score_block(first as u32..(first + len) as u32, block.reborrow());
            for ((list, selection), _) in lists.iter().zip(&mut selections).zip(&few).filter(|(_, few)| few.is_none()) {
                list.adjust(&mut block);
                list.candidates.mask(first as u32, block.col(list.user));
                selection.offer_block(first as u32, block.col(list.user));
            }
        }
    }
    Some(selections)
}

impl<'a> Wanted<'a> {
    /// The `n` candidates with the best scores.
    #[must_use]
    pub fn best(user: usize, candidates: Candidates<'a>, n: usize) -> Self {
        Self { user, candidates, n, min_score: None, minus: None }
    }

    /// Offers chosen items with their final scores.
    fn offer(&self, model: &dyn Model, query: &Query, items: &[ItemIdx], selection: &mut TopN) {
        if !items.is_empty() {
            let scores = self.scores(model, query, items);
            items.iter().zip(scores).for_each(|(&item, score)| selection.offer(Scored { item, score }));
        }
    }

    /// The final scores of chosen items, those too low at −∞.
    fn scores(&self, model: &dyn Model, query: &Query, items: &[ItemIdx]) -> Vec<f32> {
        let of = |user: usize| {
            let mut scores = vec![0.0; items.len()];
            model.score_items(query, user, items, &mut scores);
            scores
        };
        let mut scores = of(self.user);
        if let Some(minus) = &self.minus {
            let others = of(minus.disliked).into_iter().zip(of(minus.nothing));
            scores
                .iter_mut()
                .zip(others)
                .for_each(|(score, (disliked, nothing))| minus.apply(score, disliked, nothing));
        }
        self.drop_low(&mut scores);
        scores
    }

    /// The same for a block of scores of all users of the query.
    fn adjust(&self, block: &mut ColumnsMut<'_>) {
        if let Some(minus) = &self.minus {
            let rows = block.rows();
            let data = block.data();
            for row in 0..rows {
                let [disliked, nothing] = [minus.disliked, minus.nothing].map(|user| data[user * rows + row]);
                minus.apply(&mut data[self.user * rows + row], disliked, nothing);
            }
        }
        self.drop_low(block.col(self.user));
    }

    fn drop_low(&self, scores: &mut [f32]) {
        if let Some(least) = self.min_score {
            scores.iter_mut().filter(|score| **score < least).for_each(|score| *score = f32::NEG_INFINITY);
        }
    }
}

/// Folds in and ranks any number of users in parallel, in batches; the order is kept.
///
/// # Panics
/// When there is not one `candidates` entry a history.
#[must_use]
pub fn rank_users(
    model: &dyn Model,
    histories: &[HistoryRef<'_>],
    candidates: &[Candidates<'_>],
    n: usize,
) -> Vec<Ranking> {
    assert_eq!(histories.len(), candidates.len(), "one candidate set a user");
    histories
        .par_chunks(USER_BATCH)
        .zip(candidates.par_chunks(USER_BATCH))
        .flat_map_iter(|(histories, candidates)| rank(model, &model.encode(histories), candidates, n))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::interactions::History;
    use crate::models::Popularity;

    #[test]
    fn a_ranking_that_is_not_wanted_any_more_stops_between_blocks() {
        let model = Popularity::from_counts(&vec![1; 10 * ITEM_BLOCK]);
        let history = History::from_pairs([(ItemIdx(0), 1.0)]).unwrap();
        let query = model.encode(&[history.as_ref()]);
        let asked = AtomicUsize::new(0);
        let ranked = |last: usize| {
            asked.store(0, Ordering::Relaxed);
            let still = || asked.fetch_add(1, Ordering::Relaxed) < last;
            rank_lists(&model, &query, &[Wanted::best(0, Candidates::default(), 5)], &still)
        };
        assert_eq!(ranked(3), None);
        assert_eq!(asked.load(Ordering::Relaxed), 4, "nothing is computed after the first no");
        assert_eq!(ranked(10).unwrap(), rank(&model, &query, &[Candidates::default()], 5));
    }
}
