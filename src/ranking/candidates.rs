//! Which items may be listed for a user.

/// The candidate items of one user: the catalogue, or an allow-list, minus the seen and the excluded.
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
}

fn contains(sorted: &[u32], item: u32) -> bool {
    sorted.binary_search(&item).is_ok()
}

impl Candidates<'_> {
    /// Counts what the filters remove from a catalogue of `items`.
    #[must_use]
    pub fn removed(&self, items: usize) -> Removed {
        let listed = |item: u32| (item as usize) < items && self.allowed.is_none_or(|allowed| contains(allowed, item));
        Removed {
            not_allowed: self.allowed.map_or(0, |allowed| items - allowed.len()),
            seen: self.seen.iter().filter(|&&item| listed(item)).count(),
            excluded: self.excluded.iter().filter(|&&item| listed(item) && !contains(self.seen, item)).count(),
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
    }

    /// True when the item may be listed.
    #[must_use]
    pub fn admit(&self, item: u32) -> bool {
        self.allowed.is_none_or(|allowed| contains(allowed, item))
            && !contains(self.seen, item)
            && !contains(self.excluded, item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Candidates<'static> = Candidates { seen: &[1, 4], excluded: &[2, 4], allowed: Some(&[0, 1, 2, 4, 9]) };

    #[test]
    fn each_item_is_removed_once() {
        assert_eq!(ALL.removed(10), Removed { not_allowed: 5, seen: 2, excluded: 1 });
        assert_eq!(Candidates::default().removed(10), Removed::default());
    }

    #[test]
    fn mask_and_admit_agree_in_every_block() {
        for block in 1..=10u32 {
            for first in (0..10).step_by(block as usize) {
                let mut scores = vec![1.0; block.min(10 - first) as usize];
                ALL.mask(first, &mut scores);
                for (offset, score) in scores.iter().enumerate() {
                    assert_eq!(score.is_finite(), ALL.admit(first + offset as u32), "item {}", first + offset as u32);
                }
            }
        }
    }
}
