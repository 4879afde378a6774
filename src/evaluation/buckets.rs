//! Users by the length of the history that was folded in, and targets by the popularity of their items.

use serde::Serialize;

use super::evaluate::EvaluatedUser;
use super::item_popularity::BucketItems;
use super::mean::mean;
use super::metric::Metric;

/// Buckets of history length at most.
const HISTORY_BUCKETS: usize = 4;

/// Users whose history has a length from `from` to `to`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryBucket {
    /// Shortest history, in interactions.
    pub from: u32,
    /// Longest history.
    pub to: u32,
    /// Evaluated users among them.
    pub users: usize,
    /// Their means, of the metrics that have a value for a user.
    #[serde(rename = "metrics", serialize_with = "super::evaluate::as_map")]
    pub means: Vec<(Metric, f64)>,
}

/// How well the targets in one part of the catalogue were found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetBucket {
    /// The part of the catalogue.
    #[serde(flatten)]
    pub items: BucketItems,
    /// Targets in it.
    pub targets: u64,
    /// Users with at least one of those.
    pub users: usize,
    /// Accuracy as if those targets were all that the user went on to, mean over those users; the lists are
    /// the same. Zero where there is no such user.
    #[serde(rename = "metrics", serialize_with = "super::evaluate::as_map")]
    pub means: Vec<(Metric, f64)>,
    /// Those users, by their places among the evaluated ones.
    #[serde(skip)]
    pub members: Vec<u32>,
    /// Their values, for every metric of `means`.
    #[serde(skip)]
    pub values: Vec<Vec<f64>>,
}

/// Means by history length, of users in order.
pub(super) fn by_history_length(users: &[EvaluatedUser], values: &[(Metric, Vec<f64>)]) -> Vec<HistoryBucket> {
    let lengths: Vec<u32> = users.iter().map(|user| user.history_length).collect();
    let bucket = |(from, to): (u32, u32)| {
        let members: Vec<usize> = (0..users.len()).filter(|&u| (from..=to).contains(&lengths[u])).collect();
        let means = values.iter().map(|(metric, values)| (*metric, mean(members.iter().map(|&u| values[u])))).collect();
        HistoryBucket { from, to, users: members.len(), means }
    };
    history_bounds(&lengths).into_iter().map(bucket).collect()
}

/// Cuts users into up to four buckets by history length, each with as nearly a quarter of the users as
/// lengths allow: users of equal length are never separated. Returns the bounds (shortest, longest), in
/// ascending order; they cover every length that occurs.
#[must_use]
pub fn history_bounds(lengths: &[u32]) -> Vec<(u32, u32)> {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    let mut bounds = Vec::new();
    let mut start = 0;
    for bucket in 1..=HISTORY_BUCKETS {
        let end = sorted.len() * bucket / HISTORY_BUCKETS;
        if end > start {
            // The length at the cut goes whole to this bucket.
            let to = sorted[end - 1];
            bounds.push((sorted[start], to));
            start = sorted.partition_point(|&length| length <= to);
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_cut_into_quarters() {
        assert_eq!(history_bounds(&[8, 1, 7, 2, 6, 3, 5, 4]), [(1, 2), (3, 4), (5, 6), (7, 8)]);
    }

    #[test]
    fn users_of_equal_length_stay_together() {
        assert_eq!(history_bounds(&[5; 9]), [(5, 5)]);
        assert_eq!(history_bounds(&[1, 1, 1, 1, 1, 2, 9, 30]), [(1, 1), (2, 2), (9, 30)]);
        assert_eq!(history_bounds(&[3]), [(3, 3)]);
        assert_eq!(history_bounds(&[]), []);
    }

    #[test]
    fn every_length_is_in_one_bucket() {
        let lengths: Vec<u32> = (0..97).map(|u| u * u % 41).collect();
        let bounds = history_bounds(&lengths);
        for length in lengths {
            assert_eq!(bounds.iter().filter(|(from, to)| (*from..=*to).contains(&length)).count(), 1, "{length}");
        }
    }
}
