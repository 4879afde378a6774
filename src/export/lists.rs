//! Lists of recommended items, one a user.

use std::ops::Range;

use super::manifest::{id_type, selection};
use super::table::{Open, Progress, Table, Written, pipelined};
use super::{Content, ExportError, TableJob, Users};
use crate::artifact::Artifact;
use crate::interactions::{Catalogue, HistoryRef};
use crate::io::RecommendationWriter;
use crate::models::{Model, Popularity};
use crate::ranking::{Candidates, Scored, rank_users};
use crate::types::UserIdx;

/// Users read, ranked and written together, at most.
const MAX_CHUNK: usize = 4096;

/// Items listed at once: what bounds the memory whatever the length of the lists.
const LISTED_AT_ONCE: usize = 1 << 20;

/// The list of every user. Who has no history gets the most popular items, as from the engine.
pub struct Lists<'a> {
    model: &'a dyn Model,
    catalogue: &'a Catalogue,
    users: &'a Users<'a>,
    n: usize,
    include_seen: bool,
    /// The most popular items.
    popular: Vec<Scored>,
}

impl<'a> Lists<'a> {
    /// Lists of at most `n` items, without those of the history unless `include_seen`.
    #[must_use]
    pub fn new(artifact: &'a Artifact, users: &'a Users<'a>, n: usize, include_seen: bool) -> Self {
        let nobody = [HistoryRef::from_sorted(&[], &[])];
        let mut popular =
            rank_users(&Popularity::from_counts(&artifact.popularity), &nobody, &[Candidates::default()], n);
        Self {
            model: artifact.model.as_ref(),
            catalogue: &artifact.catalogue,
            users,
            n,
            include_seen,
            popular: popular.swap_remove(0).items,
        }
    }

    fn lists(&self, range: Range<usize>, lists: &mut Vec<Vec<Scored>>) -> Result<(), ExportError> {
        *lists = self.users.with_histories(range, |histories| {
            let candidates: Vec<Candidates<'_>> = histories
                .iter()
                .map(|history| Candidates {
                    seen: if self.include_seen { &[] } else { history.items() },
                    ..Candidates::default()
                })
                .collect();
            let rankings = rank_users(self.model, histories, &candidates, self.n).into_iter();
            let personal = rankings
                .zip(histories)
                .map(|(ranking, history)| if history.is_empty() { self.popular.clone() } else { ranking.items });
            personal.collect()
        })?;
        Ok(())
    }
}

impl Table for Lists<'_> {
    fn job(&self) -> TableJob {
        TableJob {
            table: "recommendations".into(),
            id_column: "user_id".into(),
            id_type: id_type(self.users.ids()).into(),
            entities: self.users.len(),
            selection: selection(self.users.rows()),
            content: Content::Recommendations { n: self.n, include_seen: self.include_seen },
        }
    }

    fn len(&self) -> usize {
        self.users.len()
    }

    fn write(
        &self,
        entities: Range<usize>,
        open: &Open<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<(u64, Vec<Written>), ExportError> {
        const EXTENSION: &str = "parquet";
        let file = open(EXTENSION)?;
        let path = file.target().to_owned();
        let mut writer = RecommendationWriter::create(file, &path, self.users.ids(), self.catalogue)?;
        let chunk = chunk(self.n.min(self.catalogue.len()));
        pipelined(
            entities,
            chunk,
            |range, lists| self.lists(range, lists),
            |range, lists: &Vec<Vec<Scored>>| {
                let users = range.len();
                for (&user, list) in self.users.rows()[range].iter().zip(lists) {
                    writer.append(UserIdx(user), list.iter().map(|scored| (scored.item, scored.score)))?;
                }
                progress(users);
                Ok(())
            },
        )?;
        let (file, rows) = writer.finish()?;
        Ok((rows, vec![(EXTENSION.into(), file)]))
    }
}

/// Users at once for lists of this length.
fn chunk(listed: usize) -> usize {
    (LISTED_AT_ONCE / listed.max(1)).clamp(1, MAX_CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_lists_make_smaller_chunks() {
        assert_eq!(chunk(10), MAX_CHUNK);
        for listed in [1_000, 20_000, LISTED_AT_ONCE] {
            assert!(chunk(listed) >= 1 && chunk(listed) * listed <= LISTED_AT_ONCE, "{listed}");
        }
        assert_eq!((chunk(0), chunk(usize::MAX)), (MAX_CHUNK, 1));
    }
}
