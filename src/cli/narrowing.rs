//! What would a narrow item table change in the lists that people get?

use std::num::NonZeroUsize;

use anyhow::Result;
use rayon::prelude::*;

use crate::artifact::Artifact;
use crate::evaluation::{Found, TARGET_FRACTION, ndcg};
use crate::interactions::{FoldInTarget, History, Interactions, fold_in_target};
use crate::ranking::{Candidates, NarrowTable, Ranking, Wanted, Width, rank_narrow, rank_users};
use crate::registry::TableChoice;
use crate::types::{ItemIdx, UserIdx};

/// Length of the lists compared.
const LENGTH: NonZeroUsize = NonZeroUsize::new(100).unwrap();

/// Users folded in together.
const BATCH: usize = 64;

/// The seed by which a fifth of every history becomes what has to be found.
const SEED: u64 = 1;

/// Lists of users of a model, exact and by narrow tables.
pub struct Comparison<'a> {
    artifact: &'a Artifact,
    users: FoldInTarget,
    exact: Vec<Ranking>,
}

impl<'a> Comparison<'a> {
    /// Ranks exactly for up to `users` users with a history, spread over all of them: four fifths of each
    /// history are folded in, a fifth has to be found.
    ///
    /// # Errors
    /// The histories cannot be read.
    pub fn new(artifact: &'a Artifact, users: usize) -> Result<Self> {
        let histories = &artifact.histories;
        let step = histories.users().div_ceil(users.max(1)).max(1);
        let chosen = (0..histories.users() as u32).step_by(step).map(UserIdx);
        let chosen: Vec<History> = chosen.map(|user| histories.history(user)).collect::<Result<_, _>>()?;
        let log = Interactions::from_histories(histories.items(), chosen.iter().map(History::as_ref))?;
        let users = fold_in_target(&log, TARGET_FRACTION, SEED);
        let histories: Vec<_> = users.fold_in.histories().collect();
        let candidates: Vec<_> =
            histories.iter().map(|h| Candidates { seen: h.items(), ..Candidates::default() }).collect();
        let exact = rank_users(artifact.model.as_ref(), &histories, &candidates, LENGTH.get());
        Ok(Self { artifact, exact, users })
    }

    /// What a table of `width` costs; `None` for a model whose scores are no inner products.
    #[must_use]
    pub fn with(&self, width: Width) -> Option<TableChoice> {
        let model = self.artifact.model.as_ref();
        let parts = model.inner_products()?;
        let table = NarrowTable::new(width, parts.vectors, parts.bias);
        let histories: Vec<_> = self.users.fold_in.histories().collect();
        let narrow: Vec<Ranking> = histories
            .par_chunks(BATCH)
            .flat_map_iter(|histories| {
                let unseen = histories.iter().map(|h| Candidates { seen: h.items(), ..Candidates::default() });
                let lists: Vec<_> =
                    unseen.enumerate().map(|(user, unseen)| Wanted::best(user, unseen, LENGTH.get())).collect();
                rank_narrow(model, &table, &model.encode(histories), &lists, &|| true).unwrap_or_default()
            })
            .collect();
        let compared = self.exact.len();
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
            if count == 0 { 0.0 } else { sum / count as f64 }
        };
        let pairs = || self.exact.iter().zip(&narrow).map(|(exact, narrow)| (items(exact), items(narrow)));
        let overlap = mean(&mut pairs().map(|(exact, narrow)| overlap(&exact, &narrow)));
        let changes = pairs().zip(self.users.target.histories()).filter_map(|((exact, narrow), target)| {
            let quality = |list: &[ItemIdx]| Found::new(list, target.items()).map(|found| ndcg(&found, LENGTH));
            Some(quality(&narrow)? - quality(&exact)?)
        });
        let ndcg_at_100_change = mean(&mut { changes });
        Some(TableChoice { width: Some(width), overlap_at_100: overlap, ndcg_at_100_change, users: compared })
    }
}

fn items(ranking: &Ranking) -> Vec<ItemIdx> {
    ranking.items.iter().map(|scored| scored.item).collect()
}

/// Share of the first list that is in the second; 1 for an empty list.
fn overlap(exact: &[ItemIdx], narrow: &[ItemIdx]) -> f64 {
    let mut known = narrow.to_vec();
    known.sort_unstable();
    let common = exact.iter().filter(|item| known.binary_search(item).is_ok()).count();
    if exact.is_empty() { 1.0 } else { common as f64 / exact.len() as f64 }
}
