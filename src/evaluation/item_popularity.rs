//! How popular is each item in training, and which part of the catalogue is that?

use serde::Serialize;

use crate::interactions::Interactions;
use crate::types::ItemIdx;

/// Parts of a catalogue by popularity.
///
/// Going through the items by falling number of training users, an item belongs to the head while the
/// strictly more popular items hold less than a third of all training interactions, to the middle while
/// they hold less than two thirds, and to the tail after that. So equally popular items are in the same
/// part, and the parts hold about as many interactions each, of ever more items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PopularityBucket {
    /// The few most popular items.
    Head,
    /// Between head and tail.
    Mid,
    /// The many items with few users each.
    Tail,
}

impl PopularityBucket {
    /// All of them, the most popular first.
    pub const ALL: [Self; 3] = [Self::Head, Self::Mid, Self::Tail];

    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Mid => "mid",
            Self::Tail => "tail",
        }
    }
}

/// Extents of a [`PopularityBucket`] in one training log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BucketItems {
    /// Which one.
    pub bucket: PopularityBucket,
    /// How many items it has.
    pub items: usize,
    /// Training users of its least popular item; 0 when it has none.
    pub fewest_users: u32,
    /// Training users of its most popular item; 0 when it has none.
    pub most_users: u32,
}

/// Number of training users of every item, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemPopularity {
    /// Training users with a history, at least 1.
    users: f64,
    counts: Vec<u32>,
    buckets: Vec<PopularityBucket>,
}

impl ItemPopularity {
    /// Counts the items of a training log; users without a history do not count.
    #[must_use]
    pub fn of(train: &Interactions) -> Self {
        let users = train.histories().filter(|history| !history.is_empty()).count().max(1);
        let counts = train.item_counts();
        let mut order: Vec<u32> = (0..counts.len() as u32).collect();
        order.sort_unstable_by_key(|&item| std::cmp::Reverse(counts[item as usize]));
        let mut buckets = vec![PopularityBucket::Tail; counts.len()];
        let (mut more_popular, mut same) = (0u64, 0u64);
        for (place, &item) in order.iter().enumerate() {
            let count = counts[item as usize];
            if place > 0 && counts[order[place - 1] as usize] != count {
                (more_popular, same) = (more_popular + same, 0);
            }
            same += u64::from(count);
            buckets[item as usize] = match 3 * more_popular {
                share if share < train.len() as u64 => PopularityBucket::Head,
                share if share < 2 * train.len() as u64 => PopularityBucket::Mid,
                _ => PopularityBucket::Tail,
            };
        }
        Self { users: users as f64, counts, buckets }
    }

    /// Number of items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.counts.len()
    }

    /// Share of the training users who have the item.
    ///
    /// # Panics
    /// When the item is not in the catalogue.
    #[must_use]
    pub fn share(&self, item: ItemIdx) -> f64 {
        f64::from(self.counts[item.at()]) / self.users
    }

    /// −log₂ of the share of training users who have the item, in bits; an item of no user counts as
    /// one of a single user.
    ///
    /// # Panics
    /// When the item is not in the catalogue.
    #[must_use]
    pub fn surprise(&self, item: ItemIdx) -> f64 {
        (self.users / f64::from(self.counts[item.at()].max(1))).log2()
    }

    /// The part of the catalogue that an item belongs to.
    ///
    /// # Panics
    /// When the item is not in the catalogue.
    #[must_use]
    pub fn bucket(&self, item: ItemIdx) -> PopularityBucket {
        self.buckets[item.at()]
    }

    /// The extents of every part, the most popular first.
    #[must_use]
    pub fn buckets(&self) -> [BucketItems; 3] {
        PopularityBucket::ALL.map(|bucket| {
            let members = || self.counts.iter().zip(&self.buckets).filter(|(_, b)| **b == bucket).map(|(c, _)| *c);
            BucketItems {
                bucket,
                items: members().count(),
                fewest_users: members().min().unwrap_or(0),
                most_users: members().max().unwrap_or(0),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactions::HistoryRef;

    /// A log in which item i has `counts[i]` users, the same users first.
    fn log(counts: &[u32]) -> Interactions {
        let users = counts.iter().max().copied().unwrap_or(0);
        let rows: Vec<Vec<u32>> =
            (0..users).map(|u| (0..counts.len() as u32).filter(|&i| counts[i as usize] > u).collect()).collect();
        let ones = vec![1.0; counts.len()];
        let views = rows.iter().map(|row| HistoryRef::from_sorted(row, &ones[..row.len()]));
        Interactions::from_histories(counts.len(), views).unwrap()
    }

    fn of(counts: &[u32]) -> (Vec<PopularityBucket>, [BucketItems; 3]) {
        let popularity = ItemPopularity::of(&log(counts));
        ((0..counts.len() as u32).map(|item| popularity.bucket(ItemIdx(item))).collect(), popularity.buckets())
    }

    #[test]
    fn the_parts_hold_a_third_of_the_interactions_each() {
        use PopularityBucket::{Head, Mid, Tail};
        // 30 interactions. Before the items of 2 users: 12 of 30, mid; before those of 1 user: 22, tail.
        let (buckets, extents) = of(&[1, 2, 12, 2, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1]);
        assert_eq!(buckets, [Tail, Mid, Head, Mid, Tail, Mid, Mid, Mid, Tail, Tail, Tail, Tail, Tail, Tail]);
        assert_eq!(extents[0], BucketItems { bucket: Head, items: 1, fewest_users: 12, most_users: 12 });
        assert_eq!(extents[2], BucketItems { bucket: Tail, items: 8, fewest_users: 1, most_users: 1 });
    }

    #[test]
    fn equally_popular_items_stay_together_and_items_of_nobody_are_tail() {
        let (buckets, extents) = of(&[3, 3, 3, 0]);
        assert_eq!(buckets[..3], [PopularityBucket::Head; 3]);
        assert_eq!(buckets[3], PopularityBucket::Tail);
        assert_eq!(extents[1], BucketItems { bucket: PopularityBucket::Mid, items: 0, fewest_users: 0, most_users: 0 });
        assert_eq!(extents.map(|e| e.items).iter().sum::<usize>(), 4);
    }

    #[test]
    fn only_users_with_a_history_count() {
        let train = Interactions::from_csr((4, 2), vec![0, 2, 3, 3, 3], vec![0, 1, 0], vec![1.0; 3]).unwrap();
        let popularity = ItemPopularity::of(&train);
        assert_eq!((popularity.share(ItemIdx(0)), popularity.share(ItemIdx(1))), (1.0, 0.5));
        assert_eq!(popularity.surprise(ItemIdx(1)), 1.0);
    }
}
