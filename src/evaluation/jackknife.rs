//! What do all lists show together, and how sure is that? Exposure by groups of users, and the jackknife over them.
//!
//! A value θ of all lists (coverage, Gini) is computed anew without each of G groups of users in turn. Its variance is
//! estimated as (G − 1) / G · Σ (θ₍g₎ − θ̄)² (Tukey 1958; with groups Shao & Tu 1995, "The Jackknife and Bootstrap", §5.1),
//! which in expectation is no less than the true one (Efron & Stein 1981, "The jackknife estimate of variance"): intervals
//! are rather too wide.
//!
//! The bootstrap that means have does not do here. A resample has about 1/e of the users not at all and others several
//! times instead, so no list of it is new: its coverage is never higher than that of the lists themselves, and its places
//! are spread less evenly. The measured value would lie at the edge of the interval, or outside.

use rayon::prelude::*;

use crate::types::ItemIdx;

/// Groups that the users are dealt to.
pub const GROUPS: usize = 32;

/// A value of all lists, and what it is without each group of users.
#[derive(Clone, Debug, PartialEq)]
pub struct Jackknife {
    /// Of all users.
    pub whole: f64,
    /// Without one group after the other.
    pub without: Vec<f64>,
}

/// For every group of users and every item, how many of the group's lists hold it: 128 bytes an item at most.
pub(super) struct Exposure {
    items: usize,
    groups: Vec<Vec<u32>>,
}

impl Exposure {
    /// Nothing listed yet, for `users` users at most.
    pub(super) fn new(items: usize, users: usize) -> Self {
        Self { items, groups: vec![vec![0; items]; users.min(GROUPS)] }
    }

    /// Adds the list of the user at a place, dealt to the groups in turn.
    ///
    /// # Panics
    /// When there are more users than there were to be.
    pub(super) fn add(&mut self, place: usize, list: &[ItemIdx]) {
        let groups = self.groups.len();
        list.iter().for_each(|item| self.groups[place % groups][item.at()] += 1);
    }

    /// What `measure` finds in the exposures of the lists of `users` users, the number that was added.
    pub(super) fn measure(&self, users: usize, measure: fn(&[u32]) -> f64) -> Jackknife {
        let mut all = vec![0; self.items];
        self.groups.iter().for_each(|group| all.iter_mut().zip(group).for_each(|(all, lists)| *all += lists));
        let without = |group: &Vec<u32>| {
            let others: Vec<u32> = all.iter().zip(group).map(|(all, lists)| all - lists).collect();
            measure(&others)
        };
        // Groups beyond the number of users are empty.
        let present = &self.groups[..self.groups.len().min(users)];
        Jackknife { whole: measure(&all), without: present.par_iter().map(without).collect() }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::evaluation::{Interval, Resampled, coverage, gini};
    use crate::random::{Purpose, stream};

    /// Exposures of lists of `length` items for `users` users, low items more often than high ones.
    fn lists(users: usize, items: usize, length: usize, seed: u64) -> Exposure {
        let mut random = stream(seed, Purpose::Bootstrap, [7, 7]);
        let mut exposure = Exposure::new(items, users);
        for user in 0..users {
            let mut list: Vec<ItemIdx> = Vec::new();
            while list.len() < length {
                let item = ItemIdx((items as f64 * random.random::<f64>().powi(4)) as u32);
                list.extend((!list.contains(&item)).then_some(item));
            }
            exposure.add(user, &list);
        }
        exposure
    }

    fn half_width(exposure: &Exposure, users: usize, measure: fn(&[u32]) -> f64) -> f64 {
        let Interval { low, high } = Resampled::Jackknife(exposure.measure(users, measure)).interval();
        (high - low) / 2.0
    }

    #[test]
    fn groups_are_left_out_in_turn() {
        let mut exposure = Exposure::new(4, 40);
        let list = |items: &[u32]| items.iter().copied().map(ItemIdx).collect::<Vec<_>>();
        exposure.add(0, &list(&[0, 1]));
        exposure.add(1, &list(&[1]));
        exposure.add(2, &list(&[1, 3]));
        // 0, 1 and 3; without the first user 1 and 3, without the second all of them, without the third 0 and 1.
        assert_eq!(exposure.measure(3, coverage), Jackknife { whole: 0.75, without: vec![0.5, 0.75, 0.5] });
        // The 35th user is in the group of the third.
        exposure.add(34, &list(&[2]));
        assert_eq!(exposure.measure(40, coverage).without[2], 0.5);
        assert_eq!(exposure.measure(40, coverage).without.len(), GROUPS);
    }

    #[test]
    fn intervals_are_as_wide_as_new_users_make_the_values_differ() {
        // What other users of the same kind find, 300 times, against the interval that one sample says.
        for measure in [coverage, gini] {
            let (samples, users) = (300, 200);
            let found: Vec<f64> =
                (0..samples).map(|seed| lists(users, 500, 5, seed).measure(users, measure).whole).collect();
            let mean = found.iter().sum::<f64>() / samples as f64;
            let variance = found.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (samples - 1) as f64;
            let half: f64 = (0..samples).map(|seed| half_width(&lists(users, 500, 5, seed), users, measure)).sum();
            let ratio = half / samples as f64 / (1.96 * variance.sqrt());
            assert!((0.95..1.6).contains(&ratio), "{ratio} times as wide");
        }
    }

    #[test]
    fn of_a_mean_it_is_the_standard_error() {
        // The share of the first item among all places of one item each: 8 of 32 users.
        let mut exposure = Exposure::new(2, 32);
        (0..32).for_each(|user| exposure.add(user, &[ItemIdx(u32::from(user % 4 > 0))]));
        let share = |exposure: &[u32]| f64::from(exposure[0]) / f64::from(exposure[0] + exposure[1]);
        let error = (0.25f64 * 0.75 / 31.0).sqrt();
        // Student's t of 31 degrees of freedom: 2.0395.
        assert!((half_width(&exposure, 32, share) / error - 2.0395).abs() < 1e-3);
    }
}
