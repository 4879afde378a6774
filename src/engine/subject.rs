//! From ids on the outside to indices on the inside: whom a request is about.

use super::error::InternalError;
use super::live::{LiveHistory, Weighed};
use super::request::{HistoryItem, MAX_HISTORY, check_id, check_length};
use super::{Engine, RequestError};
use crate::artifact::DetailedHistory;
use crate::interactions::{Duplicates, ExactSums, History, IdMap, Merging, Timestamp};
use crate::ranking::StillWanted;
use crate::types::{ItemIdx, UserIdx};

/// The history of a request's subject, with what became of its parts.
#[derive(Debug)]
pub(super) struct Subject {
    /// Stored, live and ad hoc items together; empty when nothing is known.
    pub history: History,
    /// Whether the `user_id` has a stored history; `None` when none was given.
    pub user_known: Option<bool>,
    /// Items of the stored history.
    pub stored_items: usize,
    /// Live events that count.
    pub live_events: usize,
    /// Entries of the ad hoc history that are not in the catalogue.
    pub unknown_items: usize,
}

/// When an entry of a history happened: what a request brings is later than all that was logged, in the order in which
/// it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Logged(Timestamp),
    Sent(usize),
}

/// One entry of a history to be merged.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    item: ItemIdx,
    when: When,
    weight: f32,
    /// Of what was merged before: the sum that the weight does not tell.
    sum: &'a [f64],
}

impl Engine {
    /// Finds the stored history of `user_id`, where given and known, merges `live` with it and lays `history` over both.
    pub(super) fn subject(
        &self,
        user_id: Option<&str>,
        history: &[HistoryItem],
        live: &LiveHistory,
    ) -> Result<Subject, RequestError> {
        let user_id = user_id.filter(|id| !id.is_empty() || self.users.index(id).is_some());
        if user_id.is_none() && history.is_empty() {
            return Err(RequestError::NoSubject);
        }
        self.subject_of(user_id, history, live)
    }

    /// The same for a subject that need not be named; one that is neither named nor sent has no history.
    pub(super) fn subject_of(
        &self,
        user_id: Option<&str>,
        history: &[HistoryItem],
        live: &LiveHistory,
    ) -> Result<Subject, RequestError> {
        let (sent, unknown_items) = self.known_items("history", history)?;
        let stored = match user_id.and_then(|id| self.users.index(id)).filter(|_| !live.forgotten) {
            None => None,
            // Times and sums are of use only where there is something to merge.
            Some(user) if live.events.is_empty() && sent.is_empty() => {
                let history = self.histories.history(UserIdx(user)).map_err(InternalError::from)?;
                Some(DetailedHistory { history, times: None, sums: ExactSums::default() })
            }
            Some(user) => Some(self.histories.detailed(UserIdx(user)).map_err(InternalError::from)?),
        };
        let live: Vec<Weighed> = self.weigh_live(&live.events).into_iter().flatten().collect();
        let mut entries = Vec::with_capacity(live.len() + sent.len());
        if let Some(DetailedHistory { history, times, sums }) = &stored {
            let history = history.as_ref();
            for (at, (&item, &weight)) in history.items().iter().zip(history.weights()).enumerate() {
                // Before anything live, where nobody knows when.
                let time = times.as_ref().map_or(Timestamp(i64::MIN), |times| times[at]);
                entries.push(Entry { item: ItemIdx(item), when: When::Logged(time), weight, sum: sums.of(at as u64) });
            }
        }
        let stored_items = entries.len();
        entries.extend(live.iter().map(|&Weighed { item, weight, time }| Entry {
            item,
            when: When::Logged(time),
            weight,
            sum: &[],
        }));
        entries.extend(as_sent(&sent));
        Ok(Subject {
            history: merge(entries, self.info.manifest.rules.duplicates),
            user_known: user_id.map(|_| stored.is_some()),
            stored_items,
            live_events: live.len(),
            unknown_items,
        })
    }

    /// Checks an ad hoc history and drops what is not in the catalogue; returns the number dropped.
    pub(super) fn known_items(
        &self,
        field: &str,
        history: &[HistoryItem],
    ) -> Result<(Vec<(ItemIdx, f32)>, usize), RequestError> {
        check_length(field, history.len(), MAX_HISTORY)?;
        let mut known = Vec::with_capacity(history.len());
        for (position, HistoryItem { item_id, weight }) in history.iter().enumerate() {
            let of_weight = || format!("{field}[{position}].weight");
            let weight = match *weight {
                None if self.info.manifest.model.expects_ratings() => {
                    return Err(RequestError::NoRating { field: of_weight(), model: self.name() });
                }
                weight => weight.unwrap_or(1.0),
            };
            if !(weight.is_finite() && weight > 0.0) {
                return Err(RequestError::Weight { field: of_weight(), weight });
            }
            check_id(item_id, || format!("{field}[{position}].item_id"))?;
            known.extend(self.catalogue.ids().index(item_id).map(|item| (ItemIdx(item), weight)));
        }
        let unknown = history.len() - known.len();
        Ok((known, unknown))
    }

    /// Merges the pairs of an ad hoc history by the rule of the log.
    pub(super) fn merged(&self, pairs: &[(ItemIdx, f32)]) -> History {
        merge(as_sent(pairs).collect(), self.info.manifest.rules.duplicates)
    }
}

/// A history in a request has no times: "last" is what stands last in it.
fn as_sent<'a>(pairs: &[(ItemIdx, f32)]) -> impl Iterator<Item = Entry<'a>> {
    let entry = |(at, &(item, weight)): (usize, &_)| Entry { item, when: When::Sent(at), weight, sum: &[] };
    pairs.iter().enumerate().map(entry)
}

/// Sorts by item and merges repeated items; the order of the entries does not matter. The weights must be finite and
/// greater than 0. Sums stop at the largest finite number.
fn merge(mut entries: Vec<Entry<'_>>, rule: Duplicates) -> History {
    entries.sort_by_key(|entry| entry.item);
    let mut merging = Merging::new(rule);
    let merged = entries.chunk_by(|a, b| a.item == b.item).map(|same| {
        merging.clear();
        same.iter().for_each(|entry| merging.add_merged(entry.when, entry.weight, entry.sum));
        (same[0].item, merging.weight().unwrap_or(f32::MAX))
    });
    History::from_pairs(merged).unwrap_or_else(|error| unreachable!("weights were checked: {error}"))
}

/// Ids looked up between two looks at whether anybody still waits.
const LOOKED_UP: usize = 4_096;

/// The indices of `ids` that are known, ascending and each once, and how many entries are not known. `None` as soon as
/// they are no longer wanted.
pub(super) fn known_ids(map: &IdMap, ids: &[String], still: StillWanted<'_>) -> Option<(Vec<u32>, usize)> {
    let mut known = Vec::with_capacity(ids.len());
    for ids in ids.chunks(LOOKED_UP) {
        if !still() {
            return None;
        }
        known.extend(ids.iter().filter_map(|id| map.index(id)));
    }
    let unknown = ids.len() - known.len();
    known.sort_unstable();
    known.dedup();
    Some((known, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(pairs: Vec<(ItemIdx, f32)>, rule: Duplicates) -> History {
        super::merge(as_sent(&pairs).collect(), rule)
    }

    #[test]
    fn repeated_items_follow_the_rule_of_the_log() {
        let pairs = || vec![(ItemIdx(5), 1.0), (ItemIdx(2), 0.5), (ItemIdx(5), 3.0), (ItemIdx(5), 2.0)];
        let max = merge(pairs(), Duplicates::Max);
        assert_eq!((max.as_ref().items(), max.as_ref().weights()), (&[2, 5][..], &[0.5, 3.0][..]));
        let last = merge(vec![(ItemIdx(1), 5.0), (ItemIdx(0), 1.0), (ItemIdx(1), 2.0)], Duplicates::Last);
        assert_eq!(last.as_ref().weights(), [1.0, 2.0]);
        let sum = merge(pairs(), Duplicates::Sum);
        assert_eq!((sum.as_ref().items(), sum.as_ref().weights()), (&[2, 5][..], &[0.5, 6.0][..]));
        let reversed = merge(pairs().into_iter().rev().collect(), Duplicates::Sum);
        assert_eq!(sum, reversed);
    }

    #[test]
    fn a_sum_stays_finite() {
        let sum = merge(vec![(ItemIdx(0), f32::MAX), (ItemIdx(0), f32::MAX)], Duplicates::Sum);
        assert_eq!(sum.as_ref().weights(), [f32::MAX]);
    }

    #[test]
    fn unknown_and_repeated_ids_are_counted_and_dropped() {
        let map = IdMap::Int(vec![10, 20, 30].into());
        let ids = ["30", "x", "10", "30"].map(String::from);
        assert_eq!(known_ids(&map, &ids, &|| true), Some((vec![0, 2], 1)));
        assert_eq!(known_ids(&map, &ids, &|| false), None);
    }
}
