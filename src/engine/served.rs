//! Which items have been listed since the model was loaded.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::types::ItemIdx;

/// A set of items that only grows, filled by any number of threads.
pub(super) struct ServedItems {
    bits: Vec<AtomicU64>,
    count: AtomicUsize,
}

impl ServedItems {
    pub(super) fn of(items: usize) -> Self {
        Self { bits: (0..items.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(), count: AtomicUsize::new(0) }
    }

    pub(super) fn add(&self, items: impl Iterator<Item = ItemIdx>) {
        for item in items {
            let (word, bit) = (&self.bits[item.0 as usize / 64], 1 << (item.0 % 64));
            // Nearly always it is there already, and a look does not take the word away from other threads.
            if word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts anew, from nothing; for when nobody else adds to it.
    pub(super) fn clear(&self) {
        self.bits.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.count.store(0, Ordering::Relaxed);
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_counts_once_whoever_lists_it() {
        let served = ServedItems::of(130);
        std::thread::scope(|scope| {
            for offset in 0..4 {
                let served = &served;
                scope.spawn(move || served.add((0..1000).map(|i| ItemIdx((i * 7 + offset) % 129))));
            }
        });
        assert_eq!(served.len(), 129);
        served.add([ItemIdx(129), ItemIdx(129)].into_iter());
        assert_eq!(served.len(), 130);
        served.clear();
        assert_eq!(served.len(), 0);
        served.add([ItemIdx(129)].into_iter());
        assert_eq!(served.len(), 1);
    }
}
