//! What a network is held to: losses of scores against a history, by name.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::linalg::{ColumnsMut, softmax_loss};

/// A loss of the scores s of all items against the weights x of a history; w is the [weight](Objective::negative_weight) of
/// items that are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// The multinomial likelihood, −Σᵢ xᵢ log softmaxᵢ(s): items compete for the interactions of a user (Liang et al. 2018,
    /// eq. 2).
    #[default]
    Multinomial,
    /// Binary cross-entropy, −Σ xᵢ log σ(sᵢ) over the history − w · Σ log(1 − σ(sᵢ)) over all other items (eq. 4 there, the
    /// logistic likelihood; w = 1).
    Bernoulli,
    /// Squared error, ½ Σ (xᵢ − sᵢ)² over the history + ½ w · Σ sᵢ² over all other items (eq. 3 there, the Gaussian
    /// likelihood, with the confidences of Hu, Koren, Volinsky 2008).
    Squared,
    /// Squared error of what was observed, ½ Σ (xᵢ − sᵢ)² over the history: for ratings, where no interaction means nothing
    /// (Sedhain et al. 2015, eq. 1).
    ObservedSquared,
}

impl Loss {
    /// Its name in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Multinomial => "multinomial",
            Self::Bernoulli => "bernoulli",
            Self::Squared => "squared",
            Self::ObservedSquared => "observed-squared",
        }
    }
}

/// A loss and what goes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Which loss.
    pub loss: Loss,
    /// w, the weight of an item that is not in the history beside one that is, where the loss has any.
    pub negative_weight: f32,
}

impl Objective {
    /// Sum over the batch of the loss, and in place of the scores their gradient times `scale`.
    ///
    /// `scores`: items × users; `targets` yields items and weights of the user at a position. Losses are summed in f64 in
    /// the order of the users.
    ///
    /// # Panics
    /// When a target names an item outside the scores.
    pub fn loss<'a>(
        self,
        mut scores: ColumnsMut<'_>,
        targets: impl Fn(usize) -> (&'a [u32], &'a [f32]) + Sync,
        scale: f32,
    ) -> f64 {
        let items = scores.rows();
        let negative = self.negative_weight;
        let user = |(user, scores): (usize, &mut [f32])| {
            let (items, weights) = targets(user);
            let history = (items, weights);
            match self.loss {
                Loss::Multinomial => softmax_loss(scores, items, weights, scale),
                Loss::Bernoulli => pointwise(scores, history, scale, negative_term(negative), positive_term),
                Loss::Squared => pointwise(scores, history, scale, half_square(negative), half_distance),
                Loss::ObservedSquared => pointwise(scores, history, scale, |_| (0.0, 0.0), half_distance),
            }
        };
        let losses: Vec<f64> = scores.data().par_chunks_mut(items).enumerate().map(user).collect();
        losses.into_iter().sum()
    }
}

/// A loss that is a sum over items: `of_other(s)` for those that are not in the history, `of_observed(x, s)` for those
/// that are; each is a value and its derivative by s.
fn pointwise(
    scores: &mut [f32],
    (items, weights): (&[u32], &[f32]),
    scale: f32,
    of_other: impl Fn(f32) -> (f32, f32),
    of_observed: impl Fn(f32, f32) -> (f32, f32),
) -> f64 {
    // Observed ones first, so that their scores are still there.
    let observed: Vec<(f32, f32)> =
        items.iter().zip(weights).map(|(&item, &x)| of_observed(x, scores[item as usize])).collect();
    let mut loss: f64 = observed.iter().map(|(value, _)| f64::from(*value)).sum();
    let mut next = items.iter().zip(&observed).peekable();
    for (item, score) in scores.iter_mut().enumerate() {
        let derivative = match next.next_if(|(observed, _)| **observed as usize == item) {
            Some((_, (_, derivative))) => *derivative,
            None => {
                let (value, derivative) = of_other(*score);
                loss += f64::from(value);
                derivative
            }
        };
        *score = scale * derivative;
    }
    assert!(next.peek().is_none(), "an item is outside the scores, or they do not ascend");
    loss
}

/// log(1 + eˢ) and its derivative σ(s).
fn softplus(s: f32) -> (f32, f32) {
    let small = (-s.abs()).exp();
    let sigmoid = if s < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) };
    (s.max(0.0) + small.ln_1p(), sigmoid)
}

/// −w · log(1 − σ(s)).
fn negative_term(weight: f32) -> impl Fn(f32) -> (f32, f32) {
    move |s| {
        let (value, derivative) = softplus(s);
        (weight * value, weight * derivative)
    }
}

/// −x · log σ(s).
fn positive_term(x: f32, s: f32) -> (f32, f32) {
    let (value, derivative) = softplus(-s);
    (x * value, -x * derivative)
}

/// ½ w · s².
fn half_square(weight: f32) -> impl Fn(f32) -> (f32, f32) {
    move |s| (0.5 * weight * s * s, weight * s)
}

/// ½ (x − s)².
fn half_distance(x: f32, s: f32) -> (f32, f32) {
    (0.5 * (x - s) * (x - s), s - x)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSSES: [Loss; 4] = [Loss::Multinomial, Loss::Bernoulli, Loss::Squared, Loss::ObservedSquared];
    /// Two users, five items.
    const SCORES: [f32; 10] = [0.4, -1.3, 2.0, 0.1, -0.6, 1.5, 0.2, -2.5, 0.9, 0.3];

    fn targets(user: usize) -> (&'static [u32], &'static [f32]) {
        [(&[1, 4][..], &[1.0, 2.5][..]), (&[0, 2, 3], &[0.5, 1.0, 1.0])][user]
    }

    fn loss(loss: Loss, scores: &mut [f32], scale: f32) -> f64 {
        Objective { loss, negative_weight: 0.3 }.loss(ColumnsMut::new(scores, (5, 2)), targets, scale)
    }

    #[test]
    fn values_are_those_of_pytorch() {
        // -(x * log_softmax(s)).sum(); binary_cross_entropy_with_logits(s, (x > 0), weight=x or .3, reduction='sum');
        // .5 * (c * (x - s)**2).sum() with c = 1 where x > 0, .3 elsewhere; the same with c = 0 elsewhere.
        let expected = [17.633_8, 8.786_5, 14.725, 14.08];
        for (name, expected) in LOSSES.into_iter().zip(expected) {
            let found = loss(name, &mut SCORES.clone(), 1.0);
            assert!((found - expected).abs() < 1e-4, "{name:?}: {found}, expected {expected}");
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for name in LOSSES {
            let mut gradient = SCORES;
            loss(name, &mut gradient, 0.25);
            for (at, found) in gradient.iter().enumerate() {
                let moved = |by: f32| {
                    let mut scores = SCORES;
                    scores[at] += by;
                    0.25 * loss(name, &mut scores, 1.0)
                };
                let numeric = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((numeric - f64::from(*found)).abs() < 1e-3, "{name:?}, {at}: {found}, numerically {numeric}");
            }
        }
    }

    #[test]
    fn far_scores_have_finite_losses() {
        let mut scores = [200.0, -200.0, 90.0, -90.0, 0.0, 150.0, -150.0, 0.0, 30.0, -30.0];
        assert!(loss(Loss::Bernoulli, &mut scores, 1.0).is_finite());
        assert!(scores.iter().all(|gradient| gradient.is_finite()));
    }
}
