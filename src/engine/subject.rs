//! From ids on the outside to indices on the inside: whom a request is about.

use super::error::InternalError;
use super::request::{HistoryItem, MAX_HISTORY, check_length};
use super::{Engine, RequestError};
use crate::interactions::{Duplicates, History, IdMap};
use crate::types::{ItemIdx, UserIdx};

/// The history of a request's subject, with what became of its parts.
#[derive(Debug)]
pub(super) struct Subject {
    /// Stored and ad hoc items together; empty when nothing is known.
    pub history: History,
    /// Whether the `user_id` has a stored history; `None` when none was given.
    pub user_known: Option<bool>,
    /// Entries of the ad hoc history that are not in the catalogue.
    pub unknown_items: usize,
}

impl Engine {
    /// Finds the stored history of `user_id`, where given and known, and lays `history` over it.
    pub(super) fn subject(&self, user_id: Option<&str>, history: &[HistoryItem]) -> Result<Subject, RequestError> {
        let user_id = user_id.filter(|id| !id.is_empty() || self.users.index(id).is_some());
        if user_id.is_none() && history.is_empty() {
            return Err(RequestError::NoSubject);
        }
        let user = user_id.map(|id| self.users.index(id));
        let (mut pairs, unknown_items) = self.known_items("history", history)?;
        if let Some(Some(user)) = user {
            let stored = self.histories.history(UserIdx(user)).map_err(InternalError::from)?;
            let stored = stored.as_ref();
            pairs.extend(stored.items().iter().map(|&i| ItemIdx(i)).zip(stored.weights().iter().copied()));
        }
        let history = merge(pairs, self.info.manifest.rules.duplicates);
        Ok(Subject { history, user_known: user.map(|user| user.is_some()), unknown_items })
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
            if !(weight.is_finite() && *weight > 0.0) {
                return Err(RequestError::Weight { field: format!("{field}[{position}].weight"), weight: *weight });
            }
            known.extend(self.catalogue.ids().index(item_id).map(|item| (ItemIdx(item), *weight)));
        }
        let unknown = history.len() - known.len();
        Ok((known, unknown))
    }

    /// Merges the pairs of an ad hoc history by the rule of the log.
    pub(super) fn merged(&self, pairs: Vec<(ItemIdx, f32)>) -> History {
        merge(pairs, self.info.manifest.rules.duplicates)
    }
}

/// Sorts by item and merges repeated items. The weights must be finite and greater than 0.
///
/// Sums run over ascending weights in f64, so the order of the request does not matter, and stop
/// at the largest finite number.
///
/// A history in a request has no times: "last" is what stands last in it.
fn merge(mut pairs: Vec<(ItemIdx, f32)>, rule: Duplicates) -> History {
    match rule {
        Duplicates::Max | Duplicates::Sum => pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))),
        Duplicates::Last => pairs.sort_by_key(|pair| pair.0),
    }
    let merged = pairs.chunk_by(|a, b| a.0 == b.0).map(|same| {
        let weight = match rule {
            Duplicates::Max | Duplicates::Last => same[same.len() - 1].1,
            Duplicates::Sum => (same.iter().map(|pair| f64::from(pair.1)).sum::<f64>() as f32).min(f32::MAX),
        };
        (same[0].0, weight)
    });
    History::from_pairs(merged).unwrap_or_else(|error| unreachable!("weights were checked: {error}"))
}

/// The indices of `ids` that are known, ascending and each once, and how many entries are not known.
pub(super) fn known_ids(map: &IdMap, ids: &[String]) -> (Vec<u32>, usize) {
    let mut known: Vec<u32> = ids.iter().filter_map(|id| map.index(id)).collect();
    let unknown = ids.len() - known.len();
    known.sort_unstable();
    known.dedup();
    (known, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(known_ids(&map, &ids), (vec![0, 2], 1));
    }
}
