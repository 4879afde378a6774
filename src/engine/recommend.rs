//! Lists for users.

use rayon::prelude::*;

use super::request::{MAX_LISTED, RecommendRequest, check_length, check_n};
use super::subject::{Subject, known_ids};
use super::{Engine, RequestError};
use crate::interactions::HistoryRef;
use crate::models::Model;
use crate::ranking::{Candidates, NarrowTable, Ranking, Removed, Scored, Wanted, rank_narrow, rank_while};

/// Requests folded in and ranked together: enough to use every loaded item vector several times.
const BATCH: usize = 64;

/// Where a list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The history was folded into the model.
    Personal,
    /// The most popular items: nothing is known of the user, or the model itself is popularity.
    Popularity,
}

/// Why a list is not personal although the model could have made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// The `user_id` is not known and no history came with the request.
    UnknownUser,
    /// Nothing is stored for the `user_id`, and no history came with the request.
    NoStoredHistory,
    /// No item of the history is in the catalogue.
    NoKnownItems,
}

/// Why a list is shorter than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortList {
    /// No item of the allow-list is in the catalogue.
    NothingAllowed,
    /// The catalogue has fewer items than were asked for.
    SmallCatalogue,
    /// The filters left fewer items than were asked for.
    Filtered,
}

/// One item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its id in canonical form.
    pub item_id: String,
    /// Its title, where one is known.
    pub title: Option<String>,
    /// Its score; comparable only within the list.
    pub score: f32,
    /// Its place, from 1.
    pub rank: usize,
}

/// The answer to a [`RecommendRequest`].
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Best first.
    pub items: Vec<Listed>,
    /// Where the list comes from.
    pub tier: Tier,
    /// Why it is not personal; `None` when it is, or when the model never is.
    pub fallback: Option<Fallback>,
    /// Whether the `user_id` has a stored history; `None` when none was given.
    pub user_known: Option<bool>,
    /// Distinct items that were folded in, stored, live and ad hoc.
    pub history_items: usize,
    /// Live events that were folded in.
    pub live_events: usize,
    /// Entries of the ad hoc history that are not in the catalogue, and were ignored.
    pub unknown_history_items: usize,
    /// Entries of `exclude` that are not in the catalogue.
    pub unknown_excluded_items: usize,
    /// Entries of `allow` that are not in the catalogue.
    pub unknown_allowed_items: usize,
    /// How many items of the catalogue each filter took away.
    pub removed: Removed,
    /// Why there are fewer than `n` items, when there are.
    pub short: Option<ShortList>,
}

/// One answer a request, in their order.
pub type Answers = Vec<Result<Recommendation, RequestError>>;

/// A request in terms of indices.
struct Prepared {
    subject: Subject,
    tier: Tier,
    n: usize,
    include_seen: bool,
    excluded: (Vec<u32>, usize),
    allowed: Option<(Vec<u32>, usize)>,
}

impl Prepared {
    fn candidates(&self) -> Candidates<'_> {
        Candidates {
            seen: if self.include_seen { &[] } else { self.subject.history.as_ref().items() },
            excluded: &self.excluded.0,
            allowed: self.allowed.as_ref().map(|allowed| allowed.0.as_slice()),
        }
    }

    fn fallback(&self) -> Option<Fallback> {
        if !self.subject.history.as_ref().is_empty() {
            None
        } else if self.subject.unknown_items > 0 {
            Some(Fallback::NoKnownItems)
        } else if self.subject.user_known == Some(true) {
            Some(Fallback::NoStoredHistory)
        } else {
            Some(Fallback::UnknownUser)
        }
    }
}

impl Engine {
    /// Answers requests, each with its own filters, in their order. The answer to a request does
    /// not depend on the others.
    #[must_use]
    pub fn recommend(&self, requests: &[RecommendRequest]) -> Answers {
        self.recommend_while(requests, &|| true).unwrap_or_else(|| unreachable!("they are always wanted"))
    }

    /// [`recommend`](Self::recommend), given up with `None` as soon as the answers are no longer wanted.
    #[must_use]
    pub fn recommend_while(&self, requests: &[RecommendRequest], wanted: Wanted<'_>) -> Option<Answers> {
        if requests.len() <= BATCH {
            return self.recommend_batch(requests, wanted);
        }
        let batches: Option<Vec<Answers>> =
            requests.par_chunks(BATCH).map(|batch| self.recommend_batch(batch, wanted)).collect();
        Some(batches?.into_iter().flatten().collect())
    }

    fn recommend_batch(&self, requests: &[RecommendRequest], wanted: Wanted<'_>) -> Option<Answers> {
        let prepared: Vec<_> = requests.iter().map(|request| self.prepare(request)).collect();
        let mut answers: Vec<Option<Ranking>> = requests.iter().map(|_| None).collect();
        let tiers = [
            (Tier::Personal, self.model.as_ref(), self.table.as_ref()),
            (Tier::Popularity, &self.popularity as &dyn Model, None),
        ];
        for (tier, model, table) in tiers {
            let (positions, members): (Vec<usize>, Vec<&Prepared>) = prepared
                .iter()
                .enumerate()
                .filter_map(|(position, p)| p.as_ref().ok().filter(|p| p.tier == tier).map(|p| (position, p)))
                .unzip();
            for (position, ranking) in positions.into_iter().zip(rank_together(model, table, &members, wanted)?) {
                answers[position] = Some(ranking);
            }
        }
        let answer = |(prepared, ranking): (Result<Prepared, RequestError>, _)| {
            prepared.map(|prepared| self.answer(prepared, ranking))
        };
        Some(prepared.into_iter().zip(answers).map(answer).collect())
    }

    fn prepare(&self, request: &RecommendRequest) -> Result<Prepared, RequestError> {
        check_n(request.n)?;
        check_length("exclude", request.exclude.len(), MAX_LISTED)?;
        check_length("allow", request.allow.as_ref().map_or(0, Vec::len), MAX_LISTED)?;
        let subject = self.subject(request.user_id.as_deref(), &request.history, &request.live)?;
        let personal = !self.impersonal() && !subject.history.as_ref().is_empty();
        let ids = self.catalogue.ids();
        Ok(Prepared {
            subject,
            tier: if personal { Tier::Personal } else { Tier::Popularity },
            n: request.n,
            include_seen: request.include_seen,
            excluded: known_ids(ids, &request.exclude),
            allowed: request.allow.as_ref().map(|allow| known_ids(ids, allow)),
        })
    }

    fn answer(&self, prepared: Prepared, ranking: Option<Ranking>) -> Recommendation {
        let Ranking { items, removed } =
            ranking.unwrap_or_else(|| unreachable!("a prepared request is ranked in its tier"));
        let short = (items.len() < prepared.n).then(|| match &prepared.allowed {
            Some((allowed, _)) if allowed.is_empty() => ShortList::NothingAllowed,
            _ if prepared.n > self.catalogue.len() => ShortList::SmallCatalogue,
            _ => ShortList::Filtered,
        });
        Recommendation {
            items: self.listed(&items),
            tier: prepared.tier,
            fallback: if self.impersonal() { None } else { prepared.fallback() },
            user_known: prepared.subject.user_known,
            history_items: prepared.subject.history.as_ref().len(),
            live_events: prepared.subject.live_events,
            unknown_history_items: prepared.subject.unknown_items,
            unknown_excluded_items: prepared.excluded.1,
            unknown_allowed_items: prepared.allowed.map_or(0, |allowed| allowed.1),
            removed,
            short,
        }
    }

    /// Ids, titles and ranks of a selection.
    pub(super) fn listed(&self, items: &[Scored]) -> Vec<Listed> {
        self.served.add(items.iter().map(|scored| scored.item));
        (1..)
            .zip(items)
            .map(|(rank, &Scored { item, score })| Listed {
                item_id: self.catalogue.ids().external(item.0).into_owned(),
                title: self.catalogue.title(item.0).map(str::to_owned),
                score,
                rank,
            })
            .collect()
    }
}

/// Folds in and ranks with one encoding; every list has its own length.
fn rank_together(
    model: &dyn Model,
    table: Option<&NarrowTable>,
    members: &[&Prepared],
    wanted: Wanted<'_>,
) -> Option<Vec<Ranking>> {
    let Some(n) = members.iter().map(|member| member.n).max() else { return Some(Vec::new()) };
    let histories: Vec<HistoryRef<'_>> = members.iter().map(|member| member.subject.history.as_ref()).collect();
    let candidates: Vec<_> = members.iter().map(|member| member.candidates()).collect();
    let query = model.encode(&histories);
    if let Some(table) = table {
        let lengths: Vec<usize> = members.iter().map(|member| member.n).collect();
        return rank_narrow(model, table, &query, &candidates, &lengths, wanted);
    }
    let mut rankings = rank_while(model, &query, &candidates, n, wanted)?;
    // The best n of a longer list are the list of n.
    for (ranking, member) in rankings.iter_mut().zip(members) {
        ranking.items.truncate(member.n);
    }
    Some(rankings)
}
