//! From a request to what has to be computed: indices instead of ids, bits instead of conditions.

use std::collections::HashMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rand::RngExt;

use super::answer::{Fallback, Tier};
use super::detail::Shown;
use super::request::{DEFAULT_DRAWS, DEFAULT_NEGATIVE_STRENGTH, Exploration, RecommendRequest};
use super::subject::{Subject, known_ids};
use super::{Engine, RequestError};
use crate::filter::Filter;
use crate::interactions::{History, HistoryRef};
use crate::models::{Draws, Query};
use crate::random::{Purpose, stream};
use crate::ranking::{Candidates, StillWanted};
use crate::types::ItemIdx;

/// A request in terms of indices.
pub(super) struct Prepared {
    pub subject: Subject,
    /// History and context together; `None` when there is no context.
    with_context: Option<History>,
    /// What counts against items, and how much, in a personal list.
    pub negatives: Option<(History, f32)>,
    pub tier: Tier,
    pub n: usize,
    /// How many of the best items the list is chosen from.
    pub pool: usize,
    pub min_score: Option<f32>,
    pub damping: f32,
    pub diversity: Option<f32>,
    /// Whether the list is one of several that could have been.
    pub explores: bool,
    /// What a personal list that explores is made from; others are certain.
    pub draws: Option<Drawn>,
    include_seen: bool,
    excluded: Vec<u32>,
    pub unknown_excluded: usize,
    allowed: Option<Vec<u32>>,
    pub unknown_allowed: usize,
    pub unknown_context: usize,
    matching: Option<Arc<FixedBitSet>>,
    pub shown: Shown,
    pub fill: bool,
}

/// A history folded in several times.
pub(super) struct Drawn {
    /// One user a draw.
    pub query: Query,
    /// The draw that answers.
    pub chosen: usize,
}

/// The bits of the filters of a batch, whose requests often have the same.
#[derive(Default)]
pub(super) struct Filters<'a>(HashMap<&'a str, Arc<FixedBitSet>>);

impl Prepared {
    /// What is folded in.
    pub fn folded(&self) -> HistoryRef<'_> {
        self.with_context.as_ref().unwrap_or(&self.subject.history).as_ref()
    }

    pub fn candidates(&self) -> Candidates<'_> {
        Candidates { matching: self.matching.as_deref(), ..self.candidates_without_filter() }
    }

    /// What could be listed if it were not for the filter.
    pub fn candidates_without_filter(&self) -> Candidates<'_> {
        Candidates {
            seen: if self.include_seen { &[] } else { self.subject.history.as_ref().items() },
            excluded: &self.excluded,
            allowed: self.allowed.as_deref(),
            matching: None,
        }
    }

    pub fn filtered(&self) -> bool {
        self.matching.is_some()
    }

    pub fn nothing_allowed(&self) -> bool {
        self.allowed.as_ref().is_some_and(Vec::is_empty)
    }

    pub fn nothing_matches(&self) -> bool {
        self.matching.as_ref().is_some_and(|matching| matching.is_clear())
    }

    /// Why the list is not personal, for a model that could have made it so.
    pub fn fallback(&self) -> Option<Fallback> {
        if self.tier == Tier::Personal {
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
    /// `None` as soon as the answer is no longer wanted: a condition over a large catalogue, or a long list of ids, takes
    /// its time.
    pub(super) fn prepare<'a>(
        &self,
        request: &'a RecommendRequest,
        filters: &mut Filters<'a>,
        still: StillWanted<'_>,
    ) -> Result<Option<Prepared>, RequestError> {
        request.check()?;
        let subject = self.subject(request.user_id.as_deref(), &request.history, &request.live)?;
        let (context, unknown_context) = self.known_items("context", &request.context)?;
        let (negatives, unknown_negatives) = self.known_items("negatives", &request.negatives)?;
        let with_context = (!context.is_empty()).then(|| self.laid_over(subject.history.as_ref(), &context));
        let personal = !self.impersonal() && (with_context.is_some() || !subject.history.as_ref().is_empty());
        let matching = match &request.filter {
            None => None,
            Some(text) => match self.matching(text, filters, still)? {
                None => return Ok(None),
                found => found,
            },
        };
        let tier = match (personal, &matching) {
            (true, _) => Tier::Personal,
            (false, None) => Tier::Popularity,
            (false, Some(_)) => Tier::PopularityFiltered,
        };
        // Popular items that stand in for personal ones have scores of another kind.
        let own_scores = personal || self.impersonal();
        if request.diversity.is_some() && self.info.item_space.is_none() {
            return Err(self.unsupported("diversity", "has no item vectors to compare"));
        }
        let ids = self.catalogue.ids();
        let Some((mut excluded, unknown_excluded)) = known_ids(ids, &request.exclude, still) else { return Ok(None) };
        // Who dislikes an item does not want to see it.
        if !negatives.is_empty() {
            excluded.extend(negatives.iter().map(|(item, _)| item.0));
            excluded.sort_unstable();
            excluded.dedup();
        }
        let allowed = match &request.allow {
            None => None,
            Some(allow) => match known_ids(ids, allow, still) {
                None => return Ok(None),
                found => found,
            },
        };
        let strength = request.negative_strength.unwrap_or(DEFAULT_NEGATIVE_STRENGTH);
        let negatives = (personal && !negatives.is_empty()).then(|| (self.merged(&negatives), strength));
        let folded = with_context.as_ref().unwrap_or(&subject.history).as_ref();
        let draws = request.exploration.map(|exploration| self.draws(folded, exploration)).transpose()?;
        Ok(Some(Prepared {
            shown: self.shown(&request.detail)?,
            tier,
            n: request.n,
            pool: request.pool(),
            min_score: request.min_score.filter(|_| own_scores),
            damping: if own_scores { request.popularity_damping } else { 0.0 },
            diversity: request.diversity.map(|diversity| diversity.strength),
            explores: request.exploration.is_some(),
            draws: draws.filter(|_| tier == Tier::Personal),
            include_seen: request.include_seen,
            excluded,
            unknown_excluded,
            unknown_allowed: allowed.as_ref().map_or(0, |allowed| allowed.1),
            allowed: allowed.map(|allowed| allowed.0),
            unknown_context: unknown_context + unknown_negatives,
            matching,
            fill: request.fill,
            with_context,
            negatives,
            subject,
        }))
    }

    /// The union of a history with more items, merged by the rule of the log.
    fn laid_over(&self, history: HistoryRef<'_>, more: &[(ItemIdx, f32)]) -> History {
        let pairs = history.items().iter().map(|&item| ItemIdx(item)).zip(history.weights().iter().copied());
        self.merged(&pairs.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// One bit an item: whether it meets a condition. `None` as soon as that is no longer wanted.
    pub(super) fn matching<'a>(
        &self,
        text: &'a str,
        filters: &mut Filters<'a>,
        still: StillWanted<'_>,
    ) -> Result<Option<Arc<FixedBitSet>>, RequestError> {
        if let Some(known) = filters.0.get(text) {
            return Ok(Some(Arc::clone(known)));
        }
        let matching = Filter::compile(text, &self.metadata)?.matching_while(still).map(Arc::new);
        if let Some(matching) = &matching {
            filters.0.insert(text, Arc::clone(matching));
        }
        Ok(matching)
    }

    fn draws(&self, folded: HistoryRef<'_>, exploration: Exploration) -> Result<Drawn, RequestError> {
        let Exploration { seed, draws, scale } = exploration;
        let count = draws.unwrap_or(DEFAULT_DRAWS);
        let query = self.model.draw(folded, &Draws { seed, count, scale: scale.unwrap_or(1.0) });
        let query =
            query.ok_or_else(|| self.unsupported("exploration", "does not know how uncertain it is of a user"))?;
        Ok(Drawn { query, chosen: stream(seed, Purpose::Explore, [0, 1]).random_range(0..count) })
    }

    pub(super) fn unsupported(&self, field: &'static str, lack: &'static str) -> RequestError {
        RequestError::Unsupported { field, model: self.name(), lack }
    }
}
