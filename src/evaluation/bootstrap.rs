//! How sure is a mean? Percentile intervals of the bootstrap over users, paired between models.
//!
//! What all lists show together is no such mean: see [`Jackknife`](super::Jackknife).

use rand::RngExt;
use rayon::prelude::*;

use super::resampled::Resampled;
use crate::random::{Purpose, stream};

/// Resamples of an interval.
pub const RESAMPLES: usize = 1000;

/// Groups that users are resampled in at most.
const MAX_GROUPS: usize = 10_000;

/// Resamples of the users of one evaluation: draws with replacement of as many users as there are
/// (Efron 1979), the same for every metric and model, so that differences between models are paired.
///
/// Up to 10,000 users each one is drawn by itself. More users are dealt at random to 10,000 groups, and
/// groups are drawn: sums over groups are as independent as the users are, so the spread of the means is
/// the same (its own sampling error is 0.7 %), and the cost no longer grows with users × resamples.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The group of every user; empty when each user is a group.
    groups: Vec<u32>,
    /// Users of each group.
    sizes: Vec<u32>,
    /// How often each group was drawn, resample by resample.
    draws: Vec<u16>,
}

impl Bootstrap {
    /// Draws `resamples` resamples of `users` users. Depends on the arguments alone.
    #[must_use]
    pub fn new(users: usize, resamples: usize, seed: u64) -> Self {
        Self::with_groups(users, MAX_GROUPS, resamples, seed)
    }

    fn with_groups(users: usize, most: usize, resamples: usize, seed: u64) -> Self {
        let count = users.min(most);
        let mut groups = Vec::new();
        let mut sizes = vec![1; count];
        if users > count {
            let mut random = stream(seed, Purpose::Bootstrap, [0, 1]);
            groups.extend((0..users).map(|_| random.random_range(0..count as u32)));
            sizes.fill(0);
            groups.iter().for_each(|&group| sizes[group as usize] += 1);
        }
        let mut draws = vec![0u16; count * resamples];
        draws.par_chunks_mut(count.max(1)).enumerate().for_each(|(resample, draws)| {
            let mut random = stream(seed, Purpose::Bootstrap, [resample as u64, 0]);
            (0..count).for_each(|_| draws[random.random_range(0..count as u32) as usize] += 1);
        });
        Self { groups, sizes, draws }
    }

    /// The mean of every resample; `values` holds one value a user, in the order of every other call.
    ///
    /// # Panics
    /// When there is not one value a user.
    #[must_use]
    pub fn means(&self, values: &[f64]) -> Resampled {
        let mut sums = vec![0.0; self.sizes.len()];
        if self.groups.is_empty() {
            sums.copy_from_slice(values);
        } else {
            assert_eq!(values.len(), self.groups.len(), "one value a user");
            self.groups.iter().zip(values).for_each(|(&group, value)| sums[group as usize] += value);
        }
        self.resampled(&sums, &self.sizes)
    }

    /// The mean over some of the users, of which every resample holds more or fewer: `values` has one value a member. 0 in
    /// a resample without any.
    ///
    /// # Panics
    /// When there is not one value a member, or a member is no user.
    #[must_use]
    pub fn means_of(&self, members: &[u32], values: &[f64]) -> Resampled {
        assert_eq!(values.len(), members.len(), "one value a member");
        let (mut sums, mut sizes) = (vec![0.0; self.sizes.len()], vec![0; self.sizes.len()]);
        for (&member, value) in members.iter().zip(values) {
            let group = if self.groups.is_empty() { member } else { self.groups[member as usize] } as usize;
            sums[group] += value;
            sizes[group] += 1;
        }
        self.resampled(&sums, &sizes)
    }

    /// The quotient of two sums over groups in every resample.
    fn resampled(&self, sums: &[f64], sizes: &[u32]) -> Resampled {
        let mean = |draws: &[u16]| {
            let (mut sum, mut users) = (0.0, 0u64);
            for ((&times, value), &size) in draws.iter().zip(sums).zip(sizes) {
                sum += f64::from(times) * value;
                users += u64::from(times) * u64::from(size);
            }
            sum / users.max(1) as f64
        };
        Resampled::Bootstrap(self.draws.par_chunks(sums.len().max(1)).map(mean).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Interval;

    /// `users` values of which `ones` are 1, the rest 0.
    fn coins(users: usize, ones: usize) -> Vec<f64> {
        (0..users).map(|u| f64::from(u8::from(u * ones % users < ones))).collect()
    }

    fn width(interval: Interval) -> f64 {
        interval.high - interval.low
    }

    #[test]
    fn an_interval_is_as_wide_as_the_normal_approximation() {
        let values = coins(400, 100);
        assert_eq!(values.iter().sum::<f64>(), 100.0);
        let interval = Bootstrap::new(400, 4000, 7).means(&values).interval();
        // 1.96 standard errors of a share of a quarter to either side.
        let expected = 2.0 * 1.96 * (0.25 * 0.75 / 400f64).sqrt();
        assert!((width(interval) / expected - 1.0).abs() < 0.1, "{interval:?}, expected a width of {expected}");
        assert!(interval.contains(0.25) && !interval.contains(0.0));
    }

    #[test]
    fn groups_of_users_spread_as_single_users_do() {
        let values: Vec<f64> =
            (0..20_000).map(|u: u32| f64::from(u.wrapping_mul(2_654_435_761) >> 16) / 65_536.0).collect();
        let single = Bootstrap::with_groups(20_000, 20_000, 2000, 3).means(&values).interval();
        let grouped = Bootstrap::with_groups(20_000, 1000, 2000, 3).means(&values).interval();
        assert!((width(grouped) / width(single) - 1.0).abs() < 0.15, "{grouped:?} {single:?}");
        assert!((grouped.low - single.low).abs() < width(single) / 5.0);
    }

    #[test]
    fn differences_are_paired() {
        // A model that is better by .01 for every user: its mean varies, the difference does not.
        let (base, better) = (coins(500, 200), coins(500, 200).iter().map(|v| v + 0.01).collect::<Vec<_>>());
        let bootstrap = Bootstrap::new(500, 200, 1);
        let (base, better) = (bootstrap.means(&base), bootstrap.means(&better));
        assert!(width(better.interval()) > 0.05);
        let difference = better.minus(&base).interval();
        assert!((difference.low - 0.01).abs() < 1e-12 && (difference.high - 0.01).abs() < 1e-12);
        assert!(base.minus(&base).interval().contains(0.0));
    }

    #[test]
    fn a_mean_over_some_users_is_as_sure_as_their_number_allows() {
        // A quarter of 1600 users, of which a quarter is 1: as unsure as 400 users are by themselves.
        let members: Vec<u32> = (0..1600).filter(|user| user % 4 == 1).collect();
        let values = coins(400, 100);
        let expected = 2.0 * 1.96 * (0.25 * 0.75 / 400f64).sqrt();
        for most in [1600, 500] {
            let bootstrap = Bootstrap::with_groups(1600, most, 4000, 7);
            let interval = bootstrap.means_of(&members, &values).interval();
            assert!((width(interval) / expected - 1.0).abs() < 0.12, "{interval:?}, expected a width of {expected}");
            assert!(interval.contains(0.25) && !interval.contains(0.0));
            // Of all users it is the mean.
            let (all, values) = ((0..1600).collect::<Vec<u32>>(), coins(1600, 300));
            assert_eq!(bootstrap.means_of(&all, &values), bootstrap.means(&values));
        }
        assert_eq!(Bootstrap::new(3, 20, 1).means_of(&[], &[]).interval(), Interval { low: 0.0, high: 0.0 });
    }

    #[test]
    fn a_bound_is_a_multiple_and_an_offset() {
        let bootstrap = Bootstrap::new(50, 100, 2);
        let means = bootstrap.means(&coins(50, 20));
        let twice = bootstrap.means(&coins(50, 20).iter().map(|v| 2.0 * v + 0.5).collect::<Vec<_>>());
        let zero = twice.minus(&means.scaled(2.0, 0.5)).interval();
        assert!(zero.low.abs() < 1e-12 && zero.high.abs() < 1e-12, "{zero:?}");
    }

    #[test]
    fn the_number_of_threads_changes_nothing_and_the_seed_does() {
        let values = coins(30_000, 11_111);
        let run = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bootstrap::new(values.len(), 50, seed).means(&values))
        };
        assert_eq!(run(1, 5), run(3, 5));
        assert_ne!(run(1, 5), run(1, 6));
    }

    #[test]
    fn a_single_user_has_a_point() {
        assert_eq!(Bootstrap::new(1, 20, 1).means(&[0.3]).interval(), Interval { low: 0.3, high: 0.3 });
    }
}
