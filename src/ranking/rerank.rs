//! A list in another order, or other items of it: less popular ones, more varied ones.

use super::top_n::Scored;
use crate::linalg::{Columns, ColumnsMut, dots};

/// The relevance of each candidate: its score, less `share` × the standard deviation of the scores × the standardised
/// logarithm of `users`, the number of users who have the item (plus one, so that none is infinitely rare).
///
/// With a share of 0, or where all are equally popular, it is the score.
///
/// # Panics
/// When there is not one number of users a candidate.
#[must_use]
pub fn damped(candidates: &[Scored], share: f32, users: &[f32]) -> Vec<f64> {
    assert_eq!(candidates.len(), users.len(), "one number of users a candidate");
    let scores: Vec<f64> = candidates.iter().map(|candidate| f64::from(candidate.score)).collect();
    let popularity: Vec<f64> = users.iter().map(|&users| f64::from(users).ln_1p()).collect();
    let ((_, spread), (usual, range)) = (moments(&scores), moments(&popularity));
    if share == 0.0 || range == 0.0 {
        return scores;
    }
    let factor = f64::from(share) * spread / range;
    scores.iter().zip(&popularity).map(|(score, popularity)| score - factor * (popularity - usual)).collect()
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Places by falling relevance; equals keep their order.
#[must_use]
pub fn by_relevance(relevance: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..relevance.len()).collect();
    order.sort_by(|&a, &b| relevance[b].total_cmp(&relevance[a]));
    order
}

/// The places of `n` candidates by maximal marginal relevance (Carbonell & Goldstein 1998), in the order in which they
/// are chosen: each time the one with the largest (1 − strength) × relevance − strength × the largest cosine with those
/// chosen before. Relevance is scaled to 0 to 1; the first choice is the most relevant; equals keep their order.
///
/// `vectors` holds one column a candidate, of length 1 or 0.
///
/// # Panics
/// When there is not one vector a candidate.
#[must_use]
pub fn diversified(relevance: &[f64], vectors: Columns<'_>, strength: f32, n: usize) -> Vec<usize> {
    let count = relevance.len();
    assert_eq!(vectors.cols(), count, "one vector a candidate");
    let order = by_relevance(relevance);
    let (Some(&best), Some(&worst)) = (order.first(), order.last()) else { return Vec::new() };
    let (least, span) = (relevance[worst], relevance[best] - relevance[worst]);
    let strength = f64::from(strength);
    let gain = |at: usize| (1.0 - strength) * if span > 0.0 { (relevance[at] - least) / span } else { 1.0 };

    let mut chosen = vec![best];
    let mut nearest = vec![f32::NEG_INFINITY; count];
    let mut cosines = vec![0.0; count];
    let mut open: Vec<usize> = order.into_iter().skip(1).collect();
    while chosen.len() < n && !open.is_empty() {
        let last = chosen[chosen.len() - 1];
        dots(ColumnsMut::new(&mut cosines, (count, 1)), vectors, vectors.range(last..last + 1));
        nearest.iter_mut().zip(&cosines).for_each(|(nearest, cosine)| *nearest = nearest.max(*cosine));
        let mut next = (0, f64::NEG_INFINITY);
        for (place, &at) in open.iter().enumerate() {
            let worth = gain(at) - strength * f64::from(nearest[at]);
            // Only a larger one takes over: the more relevant comes first.
            if worth > next.1 {
                next = (place, worth);
            }
        }
        chosen.push(open.remove(next.0));
    }
    chosen.truncate(n);
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::ItemIdx;

    fn scored(scores: &[f32]) -> Vec<Scored> {
        scores.iter().zip(0..).map(|(&score, item)| Scored { item: ItemIdx(item), score }).collect()
    }

    /// Vectors of length 1 in a plane, by their angles.
    fn plane(angles: &[f32]) -> Vec<f32> {
        angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect()
    }

    #[test]
    fn damping_takes_what_the_formula_says() {
        // Standard deviations 1 and ln 2, means 3 and ln 2.
        let candidates = scored(&[4.0, 2.0, 4.0, 2.0]);
        let relevance = damped(&candidates, 0.5, &[0.0, 3.0, 3.0, 0.0]);
        for (found, expected) in relevance.iter().zip([4.5, 1.5, 3.5, 2.5]) {
            assert!((found - expected).abs() < 1e-6, "{relevance:?}");
        }
        assert_eq!(by_relevance(&relevance), [0, 2, 3, 1]);
        assert_eq!(damped(&candidates, 0.0, &[0.0, 3.0, 3.0, 0.0]), [4.0, 2.0, 4.0, 2.0]);
        assert_eq!(damped(&candidates, 1.0, &[7.0; 4]), [4.0, 2.0, 4.0, 2.0], "all alike");
        assert!(damped(&[], 1.0, &[]).is_empty());
    }

    #[test]
    fn variety_prefers_the_less_alike() {
        let vectors = plane(&[0.0, 0.1, 1.5, 0.05]);
        let vectors = Columns::new(&vectors, (2, 4));
        let relevance = [1.0, 0.9, 0.5, 0.8];
        assert_eq!(diversified(&relevance, vectors, 0.0, 4), [0, 1, 3, 2]);
        assert_eq!(diversified(&relevance, vectors, 0.7, 2), [0, 2]);
        assert_eq!(diversified(&relevance, vectors, 1.0, 3), [0, 2, 1]);
        assert_eq!(diversified(&relevance, vectors, 1.0, 9).len(), 4, "there are no more");
        assert!(diversified(&[], Columns::new(&[], (2, 0)), 0.5, 3).is_empty());
    }

    proptest! {
        #[test]
        fn without_strength_it_is_the_plain_list(
            scores in prop::collection::vec(-4i8..4, 1..60), n in 1usize..70, share in 0f32..1.0,
        ) {
            let scores: Vec<f32> = scores.into_iter().map(|score| f32::from(score) / 3.0).collect();
            let vectors = plane(&(0..scores.len()).map(|at| (at * at) as f32).collect::<Vec<_>>());
            let users: Vec<f32> = (0..scores.len()).map(|at| (at * 7 % 5) as f32).collect();
            let relevance = damped(&scored(&scores), share, &users);
            let mut plain = by_relevance(&relevance);
            plain.truncate(n);
            prop_assert_eq!(diversified(&relevance, Columns::new(&vectors, (2, scores.len())), 0.0, n), plain);
        }

        #[test]
        fn every_choice_is_the_best_that_is_left(
            relevance in prop::collection::vec(0u8..20, 1..25), angles in prop::collection::vec(0f32..6.0, 25),
            strength in 0f32..1.0,
        ) {
            let relevance: Vec<f64> = relevance.into_iter().map(f64::from).collect();
            let count = relevance.len();
            let vectors = plane(&angles[..count]);
            let chosen = diversified(&relevance, Columns::new(&vectors, (2, count)), strength, count);
            let (low, high) = relevance.iter().fold((f64::MAX, f64::MIN), |(l, h), &r| (l.min(r), h.max(r)));
            let worth = |at: usize, before: &[usize]| {
                let scaled = if high > low { (relevance[at] - low) / (high - low) } else { 1.0 };
                let nearest = before.iter().map(|&b| f64::from((angles[at] - angles[b]).cos())).fold(f64::MIN, f64::max);
                (1.0 - f64::from(strength)) * scaled - f64::from(strength) * nearest
            };
            for place in 1..count {
                let best = chosen[place..].iter().map(|&at| worth(at, &chosen[..place])).fold(f64::MIN, f64::max);
                prop_assert!(worth(chosen[place], &chosen[..place]) > best - 1e-4);
            }
        }
    }
}
