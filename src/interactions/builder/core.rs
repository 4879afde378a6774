//! The k-core: users and items with enough of each other.

use super::{Dropped, Rows, Time};

impl<T: Time> Rows<T> {
    /// Drops users and items below their minimum until both minimums hold (the k-core, which does not
    /// depend on the order of the drops); returns the rounds that dropped something. A user that is
    /// dropped keeps an empty row.
    pub(super) fn core(&mut self, items: usize, [min_user, min_item]: [usize; 2], dropped: &mut Dropped) -> usize {
        let mut counts = vec![0usize; items];
        self.items.iter().for_each(|&item| counts[item as usize] += 1);
        let mut rounds = 0;
        loop {
            let (mut end, mut lost) = (0, 0);
            for user in 0..self.offsets.len() - 1 {
                let range = self.offsets[user]..self.offsets[user + 1];
                self.offsets[user] = end;
                // Items that fell below the minimum in the round before have a count of 0.
                for at in range {
                    if counts[self.items[at] as usize] > 0 {
                        self.items[end] = self.items[at];
                        self.weights[end] = self.weights[at];
                        self.times[end] = self.times[at];
                        end += 1;
                    }
                }
                let start = self.offsets[user];
                if end - start < min_user {
                    self.items[start..end].iter().for_each(|&item| counts[item as usize] -= 1);
                    lost += end - start;
                    end = start;
                }
            }
            self.truncate(end);
            let mut fallen = 0;
            for count in counts.iter_mut().filter(|count| **count < min_item) {
                fallen += std::mem::take(count);
            }
            dropped.user_below_minimum += lost as u64;
            dropped.item_below_minimum += fallen as u64;
            rounds += usize::from(lost + fallen > 0);
            if fallen == 0 {
                return rounds;
            }
        }
    }

    /// Renumbers what is left; returns the old indices of users and items.
    pub(super) fn compact(&mut self, items: usize) -> (Vec<u32>, Vec<u32>) {
        let users: Vec<u32> = (0..self.offsets.len() as u32 - 1)
            .filter(|&user| self.offsets[user as usize] < self.offsets[user as usize + 1])
            .collect();
        // Every row that is left ends where the next one starts, so removing the starts of empty rows is enough.
        self.offsets.dedup();
        let mut numbers = vec![0u32; items];
        self.items.iter().for_each(|&item| numbers[item as usize] = 1);
        let kept: Vec<u32> = (0..items as u32).filter(|&item| numbers[item as usize] == 1).collect();
        kept.iter().zip(0u32..).for_each(|(&item, number)| numbers[item as usize] = number);
        self.items.iter_mut().for_each(|item| *item = numbers[*item as usize]);
        (users, kept)
    }
}
