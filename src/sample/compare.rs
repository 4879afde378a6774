//! How far two sets of histories agree: pure functions of their counts.

use std::collections::BTreeSet;

use serde::Serialize;

use super::profile::{Profile, most_popular};
use crate::evaluation::gini;

/// What a set of histories looks like in a few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Histories that are not empty.
    pub users: u64,
    /// Items of all of them, repetitions counted.
    pub interactions: u64,
    /// Different items.
    pub items: u64,
    /// Mean length.
    pub mean_length: f64,
    /// The shortest length that at least half of the histories do not exceed.
    pub median_length: usize,
    /// [`gini`] of the numbers of histories with each item of the catalogue.
    pub gini: f64,
}

/// A sample beside the data. Correlations are Pearson's, and `None` where one side does not vary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The data.
    pub data: Summary,
    /// The sample.
    pub sample: Summary,
    /// Kolmogorov–Smirnov distance of the lengths, sup |F(n) − F′(n)|: 0 where they are distributed alike, 1 where they do
    /// not overlap.
    pub length_distance: f64,
    /// Correlation of the numbers of histories with each item of the catalogue.
    pub popularity_correlation: Option<f64>,
    /// How many items count as the most popular ones.
    pub popular_items: usize,
    /// Share of the most popular items of the data that are among as many most popular ones of the sample.
    pub popular_overlap: f64,
    /// Correlation of the numbers of histories with both items of a pair, over the pairs of the most popular items of the data.
    /// Popularity alone explains much of it.
    pub pair_correlation: Option<f64>,
    /// Correlation of the lifts of those pairs, n(a, b) · n / (n(a) · n(b)), over pairs of items that occur on both sides:
    /// who goes with whom beyond popularity.
    pub lift_correlation: Option<f64>,
}

impl Summary {
    fn of(profile: &Profile) -> Self {
        let users = profile.users();
        let interactions: u64 = profile.items().iter().sum();
        let mut below = 0;
        let median = profile.lengths().iter().find(|(_, users_of)| {
            below += **users_of;
            2 * below >= users
        });
        // No log has more users than a u32 can count, and a longer sample keeps its proportions.
        let scale = users.div_ceil(u64::from(u32::MAX)).max(1);
        let counts: Vec<u32> = profile.items().iter().map(|histories| (histories / scale) as u32).collect();
        Self {
            users,
            interactions,
            items: profile.items().iter().filter(|&&histories| histories > 0).count() as u64,
            mean_length: interactions as f64 / users.max(1) as f64,
            median_length: median.map_or(0, |(length, _)| *length),
            gini: gini(&counts),
        }
    }
}

impl Comparison {
    /// Compares a sample with the data that the model was trained on.
    ///
    /// # Panics
    /// When the two are over different catalogues.
    #[must_use]
    pub fn of(data: &Profile, sample: &Profile) -> Self {
        assert_eq!(data.items().len(), sample.items().len(), "one catalogue");
        let counts = |profile: &Profile| profile.items().iter().map(|&n| n as f64).collect::<Vec<_>>();
        let items: Vec<[f64; 2]> = counts(data).into_iter().zip(counts(sample)).map(|(a, b)| [a, b]).collect();
        let pairs = || data.pairs().zip(sample.pairs());
        let together: Vec<[f64; 2]> = pairs().map(|((_, a), (_, b))| [a as f64, b as f64]).collect();
        let lift = |of: &Profile, [a, b]: [u32; 2], both: u64| {
            let alone = [a, b].map(|item| of.items()[item as usize] as f64);
            (alone[0] * alone[1] > 0.0).then(|| both as f64 * of.users() as f64 / (alone[0] * alone[1]))
        };
        let lifts = pairs().filter_map(|((pair, a), (_, b))| Some([lift(data, pair, a)?, lift(sample, pair, b)?]));
        let popular = data.popular();
        let overlap =
            most_popular(sample.items(), popular.len()).into_iter().filter(|item| popular.contains(item)).count();
        Self {
            data: Summary::of(data),
            sample: Summary::of(sample),
            length_distance: length_distance(data, sample),
            popularity_correlation: correlation(&items),
            popular_items: popular.len(),
            popular_overlap: overlap as f64 / popular.len().max(1) as f64,
            pair_correlation: correlation(&together),
            lift_correlation: correlation(&lifts.collect::<Vec<_>>()),
        }
    }
}

/// sup |F − F′| over all lengths; 1 where only one side has any histories, 0 where none has.
fn length_distance(a: &Profile, b: &Profile) -> f64 {
    let share = |counts: u64, of: &Profile| counts as f64 / of.users().max(1) as f64;
    let (mut below, mut most) = ([0, 0], 0.0f64);
    let lengths: BTreeSet<&usize> = a.lengths().keys().chain(b.lengths().keys()).collect();
    for length in lengths {
        for (below, of) in below.iter_mut().zip([a, b]) {
            *below += of.lengths().get(length).copied().unwrap_or(0);
        }
        most = most.max((share(below[0], a) - share(below[1], b)).abs());
    }
    most
}

/// Pearson's correlation of pairs of values; `None` where one of the two does not vary.
fn correlation(values: &[[f64; 2]]) -> Option<f64> {
    let n = values.len().max(1) as f64;
    let mean = [0, 1].map(|side| values.iter().map(|pair| pair[side]).sum::<f64>() / n);
    let (mut variances, mut covariance) = ([0.0; 2], 0.0);
    for pair in values {
        let [a, b] = [0, 1].map(|side| pair[side] - mean[side]);
        variances = [variances[0] + a * a, variances[1] + b * b];
        covariance += a * b;
    }
    let deviation = (variances[0] * variances[1]).sqrt();
    (deviation > 0.0).then(|| covariance / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items with popularity 5, 4, 3, 2, 1, 0.
    fn profile(histories: &[&[u32]]) -> Profile {
        let mut profile = Profile::new(&[5, 4, 3, 2, 1, 0]);
        histories.iter().for_each(|history| profile.add(history));
        profile
    }

    const DATA: [&[u32]; 5] = [&[0, 1, 2, 3, 4], &[0, 1, 2], &[0, 1, 3], &[0, 2], &[1]];

    #[test]
    fn what_is_compared_with_itself_agrees() {
        let data = profile(&DATA);
        let found = Comparison::of(&data, &data);
        let expected = Summary {
            users: 5,
            interactions: 14,
            items: 5,
            mean_length: 2.8,
            median_length: 3,
            // Exposures 0, 1, 2, 3, 4, 4: (−3·1 − 1·2 + 1·3 + 3·4 + 5·4 − 5·0) / (6 · 14).
            gini: 30.0 / 84.0,
        };
        assert_eq!((found.data, found.sample), (expected, expected));
        assert_eq!((found.length_distance, found.popular_overlap, found.popular_items), (0.0, 1.0, 5));
        for correlation in [found.popularity_correlation, found.pair_correlation, found.lift_correlation] {
            assert!((correlation.unwrap() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn differences_are_those_of_numpy_and_scipy() {
        let found = Comparison::of(&profile(&DATA), &profile(&[&[0, 1], &[0, 5], &[1, 2, 3], &[0, 1, 2, 4]]));
        // scipy.stats.ks_2samp of the lengths; numpy.corrcoef of counts, counts of pairs and lifts of pairs.
        const EXPECTED: [f64; 4] = [0.2, 0.913_500_278_391_139_7, 0.404_888_165_089_457_96, -0.450_394_602_681_105_4];
        assert!((found.length_distance - EXPECTED[0]).abs() < 1e-9, "{}", found.length_distance);
        let correlations = [found.popularity_correlation, found.pair_correlation, found.lift_correlation];
        for (found, expected) in correlations.into_iter().zip(&EXPECTED[1..]) {
            assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?} instead of {expected}");
        }
    }

    #[test]
    fn what_does_not_vary_has_no_correlation() {
        let found = Comparison::of(&profile(&DATA), &profile(&[]));
        assert_eq!((found.popularity_correlation, found.pair_correlation, found.lift_correlation), (None, None, None));
        assert_eq!((found.sample.users, found.sample.median_length, found.sample.mean_length), (0, 0, 0.0));
        assert_eq!(found.length_distance, 1.0);
    }
}
