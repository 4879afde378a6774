//! Lists for users.

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::answer::{Recommendation, ShortList, Tier};
use super::prepare::{Filters, Prepared};
use super::request::RecommendRequest;
use super::{Engine, RequestError};
use crate::interactions::{History, HistoryRef};
use crate::models::{Model, Query};
use crate::ranking::{
    Minus, NarrowTable, Ranking, Removed, Scored, StillWanted, Wanted, by_relevance, damped, diversified, rank,
    rank_lists, rank_narrow,
};

/// One answer a request, in their order.
pub type Answers = Vec<Result<Recommendation, RequestError>>;

/// Requests prepared together.
const BATCH: usize = 64;

/// Histories folded in and ranked together: enough to use every loaded item vector several times, few enough that
/// their scores of a block of items stay in the cache. A request that draws more often than that goes alone.
const TOGETHER: usize = 64;

/// An item of a finished list.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub scored: Scored,
    pub tier: Tier,
}

/// How the scores of a request are computed. Others that are computed with it never change which.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scoring {
    /// By the model, from its narrow table where it has one.
    Fast,
    /// By the model, with every score exact: the difference of rough scores, of dislikes and of nothing, is mostly
    /// rounding.
    Exact,
    /// By popularity.
    Popularity,
}

/// What became of one request: a list a draw, of which there is one unless the request explores.
struct Ranked {
    lists: Vec<Vec<Scored>>,
    removed: Removed,
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
    pub fn recommend_while(&self, requests: &[RecommendRequest], wanted: StillWanted<'_>) -> Option<Answers> {
        if requests.len() <= BATCH {
            return self.recommend_batch(requests, wanted);
        }
        let batches: Option<Vec<Answers>> =
            requests.par_chunks(BATCH).map(|batch| self.recommend_batch(batch, wanted)).collect();
        Some(batches?.into_iter().flatten().collect())
    }

    fn recommend_batch(&self, requests: &[RecommendRequest], wanted: StillWanted<'_>) -> Option<Answers> {
        let mut filters = Filters::default();
        let prepared = requests.iter().map(|request| self.prepare(request, &mut filters, wanted).transpose());
        let prepared: Vec<_> = prepared.collect::<Option<_>>()?;
        let mut ranked: Vec<Option<Ranked>> = requests.iter().map(|_| None).collect();
        for scoring in [Scoring::Fast, Scoring::Exact, Scoring::Popularity] {
            let (model, table): (&dyn Model, _) = match scoring {
                Scoring::Fast => (self.model.as_ref(), self.table.as_ref()),
                Scoring::Exact => (self.model.as_ref(), None),
                Scoring::Popularity => (&self.popularity, None),
            };
            let members = prepared.iter().enumerate().filter_map(|(at, p)| p.as_ref().ok().map(|p| (at, p)));
            let members: Vec<(usize, &Prepared)> = members.filter(|(_, p)| p.scoring() == scoring).collect();
            for group in groups(&members) {
                let requests: Vec<&Prepared> = group.iter().map(|(_, prepared)| *prepared).collect();
                for ((at, _), ranking) in group.iter().zip(rank_together(model, table, &requests, wanted)?) {
                    ranked[*at] = Some(ranking);
                }
            }
        }
        let answer = |(prepared, ranked): (Result<Prepared, RequestError>, Option<Ranked>)| {
            // Explanations fold in many histories.
            wanted().then(|| {
                let prepared = prepared?;
                self.answer(&prepared, ranked.unwrap_or_else(|| unreachable!("what is prepared is ranked")))
            })
        };
        prepared.into_iter().zip(ranked).map(answer).collect()
    }

    fn answer(&self, prepared: &Prepared, ranked: Ranked) -> Result<Recommendation, RequestError> {
        let Ranked { lists, removed } = ranked;
        let reranked: Vec<Vec<Scored>> = lists.into_iter().map(|pool| self.reranked(prepared, pool)).collect();
        let fillers = match prepared.fill && reranked.iter().any(|list| list.len() < prepared.n) {
            true => self.fillers(prepared),
            false => Vec::new(),
        };
        let draws: Vec<Vec<Entry>> = reranked.into_iter().map(|list| filled(prepared, list, &fillers)).collect();
        let list = &draws[prepared.draws.as_ref().map_or(0, |drawn| drawn.chosen)];
        let mut items = self.listed(list.iter().map(|entry| (entry.scored, Some(entry.tier))), &prepared.shown);
        self.add_contributions(prepared, list, &mut items)?;
        if prepared.explores {
            for (item, entry) in items.iter_mut().zip(list) {
                let lists = |draw: &&Vec<Entry>| draw.iter().any(|other| other.scored.item == entry.scored.item);
                item.propensity = Some(draws.iter().filter(lists).count() as f64 / draws.len() as f64);
            }
        }
        let filled_items = list.iter().filter(|entry| entry.tier != prepared.tier).count();
        Ok(Recommendation {
            short: self.short(prepared, items.len(), removed),
            filled_items,
            items,
            tier: prepared.tier,
            fallback: if self.impersonal() { None } else { prepared.fallback() },
            user_known: prepared.subject.user_known,
            history_items: prepared.subject.history.as_ref().len(),
            live_events: prepared.subject.live_events,
            unknown_history_items: prepared.subject.unknown_items,
            unknown_excluded_items: prepared.unknown_excluded,
            unknown_allowed_items: prepared.unknown_allowed,
            unknown_context_items: prepared.unknown_context,
            removed,
        })
    }

    /// Why a list of so many items is short, if it is.
    fn short(&self, prepared: &Prepared, listed: usize, removed: Removed) -> Option<ShortList> {
        let catalogue = self.catalogue.len();
        let admitted = if prepared.fill {
            catalogue.saturating_sub(removed.total() - removed.not_matching)
        } else {
            catalogue - removed.total()
        };
        (listed < prepared.n).then(|| {
            if prepared.nothing_allowed() {
                ShortList::NothingAllowed
            } else if prepared.nothing_matches() && !prepared.fill {
                ShortList::NothingMatches
            } else if listed < admitted {
                ShortList::BelowMinScore
            } else if prepared.n > catalogue {
                ShortList::SmallCatalogue
            } else {
                ShortList::Filtered
            }
        })
    }

    /// The list from the best items by score: damped, varied, cut.
    fn reranked(&self, prepared: &Prepared, mut pool: Vec<Scored>) -> Vec<Scored> {
        if prepared.damping > 0.0 || prepared.diversity.is_some() {
            let users: Vec<f32> = pool.iter().map(|scored| self.popularity.users(scored.item)).collect();
            let relevance = damped(&pool, prepared.damping, &users);
            let order = match prepared.diversity {
                Some(strength) => {
                    let vectors = self.unit_vectors(&pool);
                    diversified(&relevance, (&vectors).into(), strength, prepared.n)
                }
                None => by_relevance(&relevance),
            };
            pool = order.into_iter().map(|at| pool[at]).collect();
        }
        pool.truncate(prepared.n);
        pool
    }

    /// The vectors of items, scaled to length 1: one column an item. No rows where the model has none.
    fn unit_vectors(&self, items: &[Scored]) -> DMatrix<f32> {
        let rows = self.info.item_space.as_ref().map_or(0, |space| space.dim);
        let mut vectors = DMatrix::zeros(rows, items.len());
        for (mut column, scored) in vectors.column_iter_mut().zip(items) {
            let item = scored.item.0;
            if let Some(vector) = self.model.embed_items(item..item + 1) {
                column.copy_from(&(vector.column(0) * self.inverse_norms[item as usize]));
            }
        }
        vectors
    }

    /// Popular items, best first, that can fill a list up: those that the filter admits before those that it does not.
    fn fillers(&self, prepared: &Prepared) -> Vec<Entry> {
        let within = prepared.candidates();
        let nothing = History::default();
        let query = |lists: usize| self.popularity.encode(&vec![nothing.as_ref(); lists]);
        if !prepared.filtered() {
            let lists = rank(&self.popularity, &query(1), &[within], prepared.n);
            return lists.into_iter().flat_map(|list| entries(list.items, Tier::Popularity)).collect();
        }
        let lists = rank(&self.popularity, &query(2), &[within, prepared.candidates_without_filter()], prepared.n);
        let tiers = [Tier::PopularityFiltered, Tier::Popularity];
        lists.into_iter().zip(tiers).flat_map(|(list, tier)| entries(list.items, tier)).collect()
    }
}

impl Prepared {
    fn scoring(&self) -> Scoring {
        match (self.tier, &self.negatives) {
            (Tier::Personal, None) => Scoring::Fast,
            (Tier::Personal, Some(_)) => Scoring::Exact,
            (Tier::Popularity | Tier::PopularityFiltered, _) => Scoring::Popularity,
        }
    }

    /// Histories that are folded in for the request.
    fn histories(&self) -> usize {
        self.draws.as_ref().map_or(1, |drawn| drawn.query.users()) + 2 * usize::from(self.negatives.is_some())
    }
}

fn entries(items: Vec<Scored>, tier: Tier) -> impl Iterator<Item = Entry> {
    items.into_iter().map(move |scored| Entry { scored, tier })
}

/// A list with what fills it up; nothing is listed twice.
fn filled(prepared: &Prepared, list: Vec<Scored>, fillers: &[Entry]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = entries(list, prepared.tier).collect();
    for filler in fillers {
        if entries.len() == prepared.n {
            break;
        }
        if entries.iter().all(|entry| entry.scored.item != filler.scored.item) {
            entries.push(*filler);
        }
    }
    entries
}

/// Consecutive requests that are computed together.
fn groups<'m, 'p>(members: &'m [(usize, &'p Prepared)]) -> Vec<&'m [(usize, &'p Prepared)]> {
    let (mut groups, mut start, mut histories) = (Vec::new(), 0, 0);
    for (at, (_, prepared)) in members.iter().enumerate() {
        if histories > 0 && histories + prepared.histories() > TOGETHER {
            groups.push(&members[start..at]);
            (start, histories) = (at, 0);
        }
        histories += prepared.histories();
    }
    groups.push(&members[start..]);
    groups.retain(|group| !group.is_empty());
    groups
}

/// Folds in and ranks with one pass over the items; every request has its own lists.
fn rank_together(
    model: &dyn Model,
    table: Option<&NarrowTable>,
    members: &[&Prepared],
    still: StillWanted<'_>,
) -> Option<Vec<Ranked>> {
    let nothing = History::default();
    let mut histories: Vec<HistoryRef<'_>> = Vec::new();
    let mut place_of = |history| {
        histories.push(history);
        histories.len() - 1
    };
    let places: Vec<(Option<usize>, Option<Minus>)> = members
        .iter()
        .map(|member| {
            let own = member.draws.is_none().then(|| place_of(member.folded()));
            let minus = member.negatives.as_ref().map(|(disliked, strength)| Minus {
                strength: *strength,
                disliked: place_of(disliked.as_ref()),
                nothing: place_of(nothing.as_ref()),
            });
            (own, minus)
        })
        .collect();
    // What was drawn is folded in already; it stands behind the others.
    let mut next = histories.len();
    let folded = (!histories.is_empty()).then(|| model.encode(&histories));
    let mut parts: Vec<Query> = folded.into_iter().collect();
    let lists: Vec<Vec<Wanted<'_>>> = members
        .iter()
        .zip(places)
        .map(|(member, (own, minus))| {
            let users: Vec<usize> = match (&member.draws, own) {
                (None, own) => own.into_iter().collect(),
                (Some(drawn), _) => {
                    let users = next..next + drawn.query.users();
                    parts.push(drawn.query.clone());
                    next = users.end;
                    users.collect()
                }
            };
            let (candidates, n, min_score) = (member.candidates(), member.pool, member.min_score);
            users.into_iter().map(|user| Wanted { user, candidates, n, min_score, minus }).collect()
        })
        .collect();
    let (query, wanted) = (Query::joined(parts), lists.concat());
    let rankings = match table {
        Some(table) => rank_narrow(model, table, &query, &wanted, still),
        None => rank_lists(model, &query, &wanted, still),
    };
    let mut rankings = rankings?.into_iter();
    let ranked = lists
        .iter()
        .map(|lists| {
            let rankings: Vec<Ranking> = rankings.by_ref().take(lists.len()).collect();
            let removed = rankings.first().map(|ranking| ranking.removed).unwrap_or_default();
            Ranked { lists: rankings.into_iter().map(|ranking| ranking.items).collect(), removed }
        })
        .collect();
    Some(ranked)
}
