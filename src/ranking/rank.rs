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

/// Asked between blocks of items whether the ranking is still wanted.
pub type Wanted<'a> = &'a (dyn Fn() -> bool + Sync);

/// Ranks the candidates of every user of `query`; `candidates[u]` belongs to user `u`.
///
/// Runs on the calling thread.
///
/// # Panics
/// When there is not one `candidates` entry a user.
#[must_use]
pub fn rank(model: &dyn Model, query: &Query, candidates: &[Candidates<'_>], n: usize) -> Vec<Ranking> {
    rank_while(model, query, candidates, n, &|| true).unwrap_or_else(|| unreachable!("it is always wanted"))
}

/// [`rank`], given up with `None` as soon as it is no longer wanted.
///
/// # Panics
/// When there is not one `candidates` entry a user.
#[must_use]
pub fn rank_while(
    model: &dyn Model,
    query: &Query,
    candidates: &[Candidates<'_>],
    n: usize,
    wanted: Wanted<'_>,
) -> Option<Vec<Ranking>> {
    let exact = |items, out: ColumnsMut<'_>| model.score_block(query, items, out);
    let selections = select(model, query, candidates, n, wanted, exact)?;
    Some(rankings(selections.into_iter().map(TopN::into_sorted), candidates, model.items()))
}

/// [`rank_while`] by way of a narrow table: of the [`SPARE`] + `n` items with the best rough scores, scored exactly, the
/// `n` best are listed; `lengths[u]` is the `n` of user `u`.
///
/// # Panics
/// When there is not one `candidates` entry and one length a user, or the table is not one of this model.
#[must_use]
pub fn rank_narrow(
    model: &dyn Model,
    table: &NarrowTable,
    query: &Query,
    candidates: &[Candidates<'_>],
    lengths: &[usize],
    wanted: Wanted<'_>,
) -> Option<Vec<Ranking>> {
    assert_eq!(table.items(), model.items(), "a table of this model");
    assert_eq!(query.users(), lengths.len(), "one length a user");
    let state = |user| query.state(user).unwrap_or_else(|| unreachable!("a model with a narrow table has states"));
    let queries: Vec<_> = (0..query.users()).map(|user| table.query(state(user))).collect();
    let mut products = Vec::new();
    let rough = |items: Range<u32>, mut out: ColumnsMut<'_>| {
        for (user, query) in queries.iter().enumerate() {
            table.score(query, items.start as usize, &mut products, out.col(user));
        }
    };
    let longest = lengths.iter().max().map_or(0, |n| n.saturating_add(SPARE));
    let selections = select(model, query, candidates, longest, wanted, rough)?;
    let exact = selections.into_iter().zip(lengths).enumerate().map(|(user, (selection, &n))| {
        // No more than this user's own length allows: the list must not depend on who else is in the batch.
        let near = selection.into_sorted().into_iter().take(n.saturating_add(SPARE));
        let mut items: Vec<ItemIdx> = near.map(|scored| scored.item).collect();
        // Ties are broken by the order of the offers.
        items.sort_unstable();
        let mut scores = vec![0.0; items.len()];
        model.score_items(query, user, &items, &mut scores);
        let mut best = TopN::new(n.min(model.items()));
        items.into_iter().zip(scores).for_each(|(item, score)| best.offer(Scored { item, score }));
        best.into_sorted()
    });
    Some(rankings(exact, candidates, model.items()))
}

fn rankings(lists: impl Iterator<Item = Vec<Scored>>, candidates: &[Candidates<'_>], items: usize) -> Vec<Ranking> {
    lists
        .zip(candidates)
        .map(|(list, candidates)| Ranking { items: list, removed: candidates.removed(items) })
        .collect()
}

/// The `n` best candidates of every user by the scores of `score_block`; those of a short allow-list by exact ones.
/// `None` as soon as they are no longer wanted.
fn select(
    model: &dyn Model,
    query: &Query,
    candidates: &[Candidates<'_>],
    n: usize,
    wanted: Wanted<'_>,
    mut score_block: impl FnMut(Range<u32>, ColumnsMut<'_>),
) -> Option<Vec<TopN>> {
    assert_eq!(query.users(), candidates.len(), "one candidate set a user");
    let items = model.items();
    let mut selections: Vec<TopN> = candidates.iter().map(|_| TopN::new(n.min(items))).collect();
    // A short allow-list is scored item by item; the whole catalogue would be scored for nothing.
    let short = |c: &Candidates<'_>| c.allowed.is_some_and(|allowed| allowed.len() < items / 8);
    for (user, (selection, candidates)) in selections.iter_mut().zip(candidates).enumerate() {
        if short(candidates) {
            let listed: Vec<ItemIdx> = candidates
                .allowed
                .unwrap_or_default()
                .iter()
                .filter(|&&i| candidates.admit(i))
                .map(|&i| ItemIdx(i))
                .collect();
            let mut scores = vec![0.0; listed.len()];
            model.score_items(query, user, &listed, &mut scores);
            listed.into_iter().zip(scores).for_each(|(item, score)| selection.offer(Scored { item, score }));
        }
    }
    if !candidates.iter().all(short) {
        let mut scores = vec![0.0; ITEM_BLOCK.min(items) * candidates.len()];
        for first in (0..items).step_by(ITEM_BLOCK) {
            if !wanted() {
                return None;
            }
            let len = ITEM_BLOCK.min(items - first);
            let mut block = ColumnsMut::new(&mut scores[..len * candidates.len()], (len, candidates.len()));
            score_block(first as u32..(first + len) as u32, block.reborrow());
            for (user, (selection, candidates)) in selections.iter_mut().zip(candidates).enumerate() {
                if !short(candidates) {
                    candidates.mask(first as u32, block.col(user));
                    selection.offer_block(first as u32, block.col(user));
                }
            }
        }
    }
    Some(selections)
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
            let wanted = || asked.fetch_add(1, Ordering::Relaxed) < last;
            rank_while(&model, &query, &[Candidates::default()], 5, &wanted)
        };
        assert_eq!(ranked(3), None);
        assert_eq!(asked.load(Ordering::Relaxed), 4, "nothing is computed after the first no");
        assert_eq!(ranked(10).unwrap(), rank(&model, &query, &[Candidates::default()], 5));
    }
}
