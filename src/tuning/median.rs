//! When to give a trial up: the median rule.
//!
//! A trial is given up at an epoch when the best value that it has reached so far is below the median, over all trials
//! that ran to their end, of the mean of their values up to the same epoch (Golovin et al. 2017, "Google Vizier: A
//! Service for Black-Box Optimization", §3.2.2). It assumes no form of the curves, and as a mean lies below the best
//! value, it spares what merely begins slowly. At first mean and best are the same, so every trial is given some epochs
//! before it is judged.

/// The validations of a trial: epoch and value, higher is better, by rising epoch.
pub type Course = Vec<(usize, f64)>;

/// Trials that must have run to their end before another is given up.
const FEWEST: usize = 4;

/// The rule for one trial.
#[derive(Clone, Debug)]
pub struct MedianRule {
    /// The courses of the trials that ran to their end.
    finished: Vec<Course>,
    /// The epochs that every trial is given.
    given: usize,
}

impl MedianRule {
    /// The rule after these trials, for one that is `given` so many epochs in any case.
    #[must_use]
    pub fn new(finished: impl IntoIterator<Item = Course>, given: usize) -> Self {
        Self { finished: finished.into_iter().filter(|course| !course.is_empty()).collect(), given }
    }

    /// True when a trial with this course so far is to be given up.
    #[must_use]
    pub fn gives_up(&self, course: &[(usize, f64)]) -> bool {
        let Some(&(epoch, _)) = course.last() else { return false };
        if self.finished.len() < FEWEST || epoch <= self.given {
            return false;
        }
        let best = course.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
        let mean = |course: &Course| {
            let values: Vec<f64> = course.iter().take_while(|(at, _)| *at <= epoch).map(|(_, value)| *value).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let mut means: Vec<f64> = self.finished.iter().filter_map(mean).collect();
        means.sort_unstable_by(f64::total_cmp);
        median(&means).is_some_and(|median| best < median)
    }
}

/// The middle of sorted values, the mean of both where there are two.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four trials whose means up to epoch 2 are 0.15, 0.25, 0.35 and 0.45: the median is 0.3.
    fn rule() -> MedianRule {
        let course = |trial: usize| (1..=3).map(|epoch| (epoch, 0.1 * (trial + epoch - 1) as f64)).collect();
        MedianRule::new((1..=4).map(course), 0)
    }

    #[test]
    fn a_trial_below_the_median_of_the_means_is_given_up() {
        assert!(rule().gives_up(&[(1, 0.1), (2, 0.29)]));
        assert!(!rule().gives_up(&[(1, 0.1), (2, 0.31)]));
        // The best counts, not the last; at epoch 1 the median is 0.25.
        assert!(!rule().gives_up(&[(1, 0.5), (2, 0.1)]));
        assert!(rule().gives_up(&[(1, 0.2)]) && !rule().gives_up(&[(1, 0.3)]));
    }

    #[test]
    fn nothing_is_given_up_before_enough_is_known() {
        assert!(!rule().gives_up(&[]));
        let three = MedianRule::new(rule().finished.into_iter().skip(1), 0);
        assert!(!three.gives_up(&[(1, 0.0)]));
        let with_empty = MedianRule::new(three.finished.into_iter().chain([Vec::new()]), 0);
        assert!(!with_empty.gives_up(&[(1, 0.0)]), "closed forms have no course");
        let patient = MedianRule::new(rule().finished, 2);
        assert!(!patient.gives_up(&[(1, 0.0), (2, 0.0)]) && patient.gives_up(&[(1, 0.0), (2, 0.0), (3, 0.0)]));
    }

    #[test]
    fn trials_that_validated_later_are_compared_where_they_can_be() {
        let late = MedianRule::new((0..4).map(|_| vec![(5, 0.9)]), 0);
        assert!(!late.gives_up(&[(4, 0.1)]));
        assert!(late.gives_up(&[(4, 0.1), (5, 0.2)]));
    }
}
