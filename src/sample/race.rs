//! Items of a history, from the scores of a code.
//!
//! Every item has a clock that rings after a time Eᵢ / λᵢ with Eᵢ ~ Exp(1), and a history of n items is the first n that ring:
//!
//! | likelihood | rate λᵢ | so that |
//! |---|---|---|
//! | multinomial | exp(sᵢ) | each item rings next with its share of the softmax of those that have not rung yet: draws without replacement |
//! | Bernoulli | log(1 + exp(sᵢ)) | an item rings before time 1 with probability 1 − exp(−λᵢ) = σ(sᵢ), independently of all others |
//!
//! In logarithms the race of the multinomial is the Gumbel-top-k trick (Kool, van Hoof, Welling 2019, "Stochastic beams and where to
//! find them"), since −log E is Gumbel distributed; the one of the Bernoulli likelihood gives its own histories at their own
//! lengths, and goes on or stops earlier for others.

use rand::Rng;
use rand_distr::{Distribution, Exp1};

use crate::nn::Loss;

/// What the scores of a code say of a history, where that is which items are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likelihood {
    /// Items compete for a history's interactions: softmax(s).
    Multinomial,
    /// Every item is in a history or not, with probability σ(s).
    Bernoulli,
}

impl Likelihood {
    /// The likelihood that a loss is of; `None` for losses of values.
    #[must_use]
    pub fn of(loss: Loss) -> Option<Self> {
        match loss {
            Loss::Multinomial => Some(Self::Multinomial),
            Loss::Bernoulli => Some(Self::Bernoulli),
            Loss::Squared | Loss::ObservedSquared => None,
        }
    }

    /// log λ of an item with this score.
    fn log_rate(self, score: f32) -> f64 {
        let score = f64::from(score);
        match self {
            Self::Multinomial => score,
            // log(1 + eˢ) = eˢ to the last bit there, and 0 further down.
            Self::Bernoulli if score < -40.0 => score,
            Self::Bernoulli => (score.max(0.0) + (-score.abs()).exp().ln_1p()).ln(),
        }
    }

    /// Draws `length` different items, ascending, by the scores of all. `clocks` is room that is used again.
    ///
    /// # Panics
    /// When `length` is 0 or larger than the number of scores.
    #[must_use]
    pub fn draw(self, scores: &[f32], length: usize, random: &mut impl Rng, clocks: &mut Vec<(f64, u32)>) -> Vec<u32> {
        assert!((1..=scores.len()).contains(&length), "{length} of {} items", scores.len());
        clocks.clear();
        clocks.extend(scores.iter().zip(0..).map(|(&score, item)| {
            let exponential: f64 = Exp1.sample(random);
            (exponential.ln() - self.log_rate(score), item)
        }));
        clocks.select_nth_unstable_by(length - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut first: Vec<u32> = clocks[..length].iter().map(|clock| clock.1).collect();
        first.sort_unstable();
        first
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::{Purpose, stream};

    const SCORES: [f32; 5] = [0.4, -1.3, 1.6, 0.1, -0.6];
    const DRAWS: u64 = 40_000;

    fn drawn(likelihood: Likelihood, length: usize) -> BTreeMap<Vec<u32>, u32> {
        let (mut sets, mut clocks) = (BTreeMap::new(), Vec::new());
        for user in 0..DRAWS {
            let mut random = stream(3, Purpose::Sample, [user, 1]);
            *sets.entry(likelihood.draw(&SCORES, length, &mut random, &mut clocks)).or_default() += 1;
        }
        sets
    }

    /// The χ² statistic of counts against probabilities.
    fn chi_square(found: &BTreeMap<Vec<u32>, u32>, expected: &[(Vec<u32>, f64)]) -> f64 {
        assert!((expected.iter().map(|of| of.1).sum::<f64>() - 1.0).abs() < 1e-9);
        let term = |(set, probability): &(Vec<u32>, f64)| {
            let expected = probability * DRAWS as f64;
            (f64::from(found.get(set).copied().unwrap_or(0)) - expected).powi(2) / expected
        };
        expected.iter().map(term).sum()
    }

    /// Every pair {i, j} with the probability that the one is drawn by these weights and then the other.
    fn pairs(weights: [f64; 5]) -> Vec<(Vec<u32>, f64)> {
        let total: f64 = weights.iter().sum();
        let in_order = |i: usize, j: usize| weights[i] / total * weights[j] / (total - weights[i]);
        let pairs = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j)));
        pairs.map(|(i, j)| (vec![i as u32, j as u32], in_order(i, j) + in_order(j, i))).collect()
    }

    #[test]
    fn sets_have_the_probabilities_of_draws_without_replacement() {
        let softmax = SCORES.map(|score| f64::from(score).exp());
        let rates = SCORES.map(|score| f64::from(score).exp().ln_1p());
        for (likelihood, weights) in [(Likelihood::Multinomial, softmax), (Likelihood::Bernoulli, rates)] {
            let singles: Vec<_> =
                (0..5u32).map(|i| (vec![i], weights[i as usize] / weights.iter().sum::<f64>())).collect();
            // The 99.9th percentiles of χ² with 4 and 9 degrees of freedom.
            let single = chi_square(&drawn(likelihood, 1), &singles);
            assert!(single < 18.5, "{likelihood:?}: {single}");
            let pair = chi_square(&drawn(likelihood, 2), &pairs(weights));
            assert!(pair < 27.9, "{likelihood:?}: {pair}");
        }
    }

    #[test]
    fn a_bernoulli_clock_rings_within_its_time_as_often_as_the_item_is_there() {
        let mut clocks = Vec::new();
        let mut counts = [0; 5];
        for user in 0..DRAWS {
            let mut random = stream(4, Purpose::Sample, [user, 1]);
            let _ = Likelihood::Bernoulli.draw(&SCORES, 5, &mut random, &mut clocks);
            clocks.iter().filter(|(time, _)| *time <= 0.0).for_each(|(_, item)| counts[*item as usize] += 1);
        }
        for (count, score) in counts.into_iter().zip(SCORES) {
            let sigmoid = 1.0 / (1.0 + f64::from(-score).exp());
            let deviation =
                (f64::from(count) / DRAWS as f64 - sigmoid) / (sigmoid * (1.0 - sigmoid) / DRAWS as f64).sqrt();
            assert!(deviation.abs() < 4.0, "σ({score}): {deviation} standard errors off");
        }
    }

    #[test]
    fn far_scores_are_drawn_last_and_all_items_can_be_drawn() {
        let scores = [-3e38, 3e38, -90.0, 0.0, -800.0];
        let mut random = stream(5, Purpose::Sample, [0, 1]);
        for likelihood in [Likelihood::Multinomial, Likelihood::Bernoulli] {
            let mut draw = |length| likelihood.draw(&scores, length, &mut random, &mut Vec::new());
            assert_eq!((draw(1), draw(2)), (vec![1], vec![1, 3]), "{likelihood:?}");
            assert_eq!((draw(4), draw(5)), (vec![1, 2, 3, 4], vec![0, 1, 2, 3, 4]), "{likelihood:?}");
        }
    }
}
