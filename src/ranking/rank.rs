//! Scoring by item blocks and selection, for one batch of users or for many.

use rayon::prelude::*;

use super::candidates::{Candidates, Removed};
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
            model.score_block(query, first as u32..(first + len) as u32, block.reborrow());
            for (user, (selection, candidates)) in selections.iter_mut().zip(candidates).enumerate() {
                if !short(candidates) {
                    candidates.mask(first as u32, block.col(user));
                    selection.offer_block(first as u32, block.col(user));
                }
            }
        }
    }
    let ranking = |(selection, candidates): (TopN, &Candidates<'_>)| Ranking {
        items: selection.into_sorted(),
        removed: candidates.removed(items),
    };
    Some(selections.into_iter().zip(candidates).map(ranking).collect())
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
