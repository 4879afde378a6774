//! Which items may be listed for a user.

use fixedbitset::FixedBitSet;

use crate::types::ItemIdx;

/// The candidate items of one user: the catalogue, or an allow-list, minus the seen, the excluded and those that do not
/// match a condition.
///
/// All lists hold item indices in ascending order, each once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Candidates<'a> {
    /// Items of the user's history that must not be recommended again.
    pub seen: &'a [u32],
    /// Items the caller does not want.
    pub excluded: &'a [u32],
    /// When given, only these items may be listed.
    pub allowed: Option<&'a [u32]>,
    /// When given, only items whose bit is set may be listed: one bit an item of the catalogue.
    pub matching: Option<&'a FixedBitSet>,
}

/// How many items of the catalogue each filter removed; an item counts once, for the first filter
/// that removes it in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Outside the allow-list.
    pub not_allowed: usize,
    /// Already in the user's history.
    pub seen: usize,
    /// On the caller's exclusion list.
    pub excluded: usize,
    /// Not matching.
    pub not_matching: usize,
}

impl Removed {
    /// What all filters together removed.
    #[must_use]
    pub fn total(&self) -> usize {
        self.not_allowed + self.seen + self.excluded + self.not_matching
    }
}

/// The share of a catalogue from which on scoring all of it is cheaper than scoring items one by one.
const FEW: usize = 8;

/// Items in a block of a bitmap.
const BLOCK: usize = usize::BITS as usize;

fn contains(sorted: &[u32], item: u32) -> bool {
    sorted.binary_search(&item).is_ok()
}

impl Candidates<'_> {
    /// Counts what the filters remove from a catalogue of `items`.
    #[must_use]
    pub fn removed(&self, items: usize) -> Removed {
        let listed = |item: u32| (item as usize) < items && self.allowed.is_none_or(|allowed| contains(allowed, item));
        let seen = || self.seen.iter().copied().filter(|&item| listed(item));
        let excluded = || self.excluded.iter().copied().filter(|&item| listed(item) && !contains(self.seen, item));
        let not_matching = |matching: &FixedBitSet| match self.allowed {
            Some(allowed) => {
                let rest =
                    allowed.iter().filter(|item| !contains(self.seen, **item) && !contains(self.excluded, **item));
                rest.filter(|item| !matching.contains(**item as usize)).count()
            }
            // All that do not match, but for those that were removed before.
            None => {
                let before = seen().chain(excluded()).filter(|&item| !matching.contains(item as usize)).count();
                items - matching.count_ones(..) - before
            }
        };
        Removed {
            not_allowed: self.allowed.map_or(0, |allowed| items - allowed.len()),
            seen: seen().count(),
            excluded: excluded().count(),
            not_matching: self.matching.map_or(0, not_matching),
        }
    }

    /// The candidates, if a list of them is so short that scoring the whole catalogue of `items` would be a waste.
    #[must_use]
    pub fn few(&self, items: usize) -> Option<Vec<ItemIdx>> {
        let admitted = |item: &u32| self.admit(*item);
        match (self.allowed, self.matching) {
            (Some(allowed), _) if allowed.len() < items / FEW => {
                Some(allowed.iter().copied().filter(admitted).map(ItemIdx).collect())
            }
            (_, Some(matching)) if matching.count_ones(..) < items / FEW => {
                Some(matching.ones().map(|item| item as u32).filter(admitted).map(ItemIdx).collect())
            }
            _ => None,
        }
    }

    /// Writes −∞ over the scores of items that may not be listed; `scores[0]` belongs to item `first`.
    pub fn mask(&self, first: u32, scores: &mut [f32]) {
        let within = |sorted: &[u32]| {
            let start = sorted.partition_point(|&item| item < first);
            let end = sorted.partition_point(|&item| (item as usize) < first as usize + scores.len());
            start..end
        };
        let (seen, excluded) = (within(self.seen), within(self.excluded));
        if let Some(allowed) = self.allowed {
            let mut next = 0;
            for &item in &allowed[within(allowed)] {
                let at = (item - first) as usize;
                scores[next..at].fill(f32::NEG_INFINITY);
                next = at + 1;
            }
            scores[next..].fill(f32::NEG_INFINITY);
        }
        for &item in self.seen[seen].iter().chain(&self.excluded[excluded]) {
            scores[(item - first) as usize] = f32::NEG_INFINITY;
        }
        if let Some(matching) = self.matching {
            let blocks = matching.as_slice();
            for (item, score) in (first as usize..).zip(scores) {
                // A choice instead of a jump: which items match is anyone's guess.
                let matches = blocks[item / BLOCK] >> (item % BLOCK) & 1 == 1;
                *score = if matches { *score } else { f32::NEG_INFINITY };
            }
        }
    }

    /// True when the item may be listed.
    #[must_use]
    pub fn admit(&self, item: u32) -> bool {
        self.allowed.is_none_or(|allowed| contains(allowed, item))
            && !contains(self.seen, item)
            && !contains(self.excluded, item)
            && self.matching.is_none_or(|matching| matching.contains(item as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Candidates<'static> =
        Candidates { seen: &[1, 4], excluded: &[2, 4], allowed: Some(&[0, 1, 2, 4, 9]), matching: None };

    fn bits(items: usize, set: &[usize]) -> FixedBitSet {
        let mut bits = FixedBitSet::with_capacity(items);
        set.iter().for_each(|&item| bits.insert(item));
        bits
    }

    #[test]
    fn each_item_is_removed_once() {
        let removed = |not_allowed, seen, excluded, not_matching| Removed { not_allowed, seen, excluded, not_matching };
        assert_eq!(ALL.removed(10), removed(5, 2, 1, 0));
        assert_eq!(Candidates::default().removed(10), removed(0, 0, 0, 0));
        let matching = bits(10, &[1, 2, 3, 9]);
        assert_eq!(Candidates { matching: Some(&matching), ..ALL }.removed(10), removed(5, 2, 1, 1));
        let open = Candidates { matching: Some(&matching), allowed: None, ..ALL };
        assert_eq!(open.removed(10), removed(0, 2, 1, 5), "0, 5, 6, 7 and 8");
        assert_eq!(open.removed(10).total(), (0..10).filter(|&item| !open.admit(item)).count());
    }

    #[test]
    fn mask_and_admit_agree_in_every_block() {
        let matching = bits(10, &[0, 1, 3, 9]);
        for candidates in [ALL, Candidates { matching: Some(&matching), ..ALL }] {
            for block in 1..=10u32 {
                for first in (0..10).step_by(block as usize) {
                    let mut scores = vec![1.0; block.min(10 - first) as usize];
                    candidates.mask(first, &mut scores);
                    for (item, score) in (first..).zip(&scores) {
                        assert_eq!(score.is_finite(), candidates.admit(item), "item {item}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_short_list_of_candidates_is_written_out() {
        let matching = bits(100, &[1, 3, 50, 99]);
        let few =
            |candidates: Candidates<'_>| candidates.few(100).map(|items| items.iter().map(|i| i.0).collect::<Vec<_>>());
        assert_eq!(few(ALL), Some(vec![0, 9]));
        assert_eq!(few(Candidates { matching: Some(&matching), ..ALL }), Some(vec![]));
        assert_eq!(few(Candidates { matching: Some(&matching), allowed: None, ..ALL }), Some(vec![3, 50, 99]));
        assert_eq!(few(Candidates { allowed: None, ..ALL }), None);
    }
}
