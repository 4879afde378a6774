//! Rating biases: how far items and users lie from the mean, and nothing else.
//!
//! Koren 2010, "Factor in the Neighbors: Scalable and Accurate Collaborative Filtering", sec. 2.1: the rating of user u for
//! item i is expected to be
//!
//! ```text
//! r̂ = μ + bᵢ + bᵤ,   bᵤ = Σᵢ (r − μ − bᵢ) / (λᵤ + nᵤ),   bᵢ = Σᵤ (r − μ − bᵤ) / (λᵢ + nᵢ)
//! ```
//!
//! with the sums over the ratings of the user, of the item. The two are computed by turns until they agree; a user's bias
//! follows from the history alone, so any user is folded in. What a model of ratings has to beat, and what
//! [AutoRec](super::auto_rec) may start from.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::model::{Model, Query, QueryState, RestoreError, StoredTensors, Tensor};
use super::whole::{one_score_an_item, score_block_of_all};
use super::{FitError, ModelConfig};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::ColumnsMut;
use crate::types::{ItemIdx, UserIdx};

/// Parameters of the biases; λ are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BiasesConfig {
    /// λᵤ: ratings of a user that weigh as much as the mean.
    pub user_lambda: f32,
    /// λᵢ: ratings of an item that weigh as much as the mean.
    pub item_lambda: f32,
    /// Lowest rating there is.
    pub minimum: f32,
    /// Highest rating there is.
    pub maximum: f32,
}

impl Default for BiasesConfig {
    fn default() -> Self {
        Self { user_lambda: 10.0, item_lambda: 25.0, minimum: 1.0, maximum: 5.0 }
    }
}

impl BiasesConfig {
    /// A rating, or the nearest end of the scale.
    #[must_use]
    pub fn on_the_scale(&self, rating: f32) -> f32 {
        rating.clamp(self.minimum, self.maximum)
    }
}

/// μ + bᵢ of every item.
#[derive(Clone, Debug, PartialEq)]
pub struct Biases {
    config: BiasesConfig,
    items: Vec<f32>,
}

impl Biases {
    /// Computes the biases of all items.
    ///
    /// # Errors
    /// [`FitError::Scale`] when a rating is outside the declared scale.
    pub fn fit(config: &BiasesConfig, train: &Interactions) -> Result<Self, FitError> {
        /// Turns at most, and the change of a bias that ends them.
        const TURNS: (usize, f32) = (100, 1e-5);
        check_scale(train, config.minimum, config.maximum)?;
        let ratings = || train.histories().flat_map(|history| history.weights().iter().copied());
        let mean = ratings().map(f64::from).sum::<f64>() / train.len().max(1) as f64;
        let mut model = Self { config: config.clone(), items: vec![mean as f32; train.items()] };
        let counts = train.item_counts();
        for _ in 0..TURNS.0 {
            let mut sums = vec![0.0f64; train.items()];
            for user in 0..train.users() as u32 {
                let history = train.history(UserIdx(user));
                let offset = f64::from(model.offset(history));
                for (&item, &rating) in history.items().iter().zip(history.weights()) {
                    sums[item as usize] += f64::from(rating) - mean - offset;
                }
            }
            let mut change = 0.0f32;
            for ((item, sum), &count) in model.items.iter_mut().zip(sums).zip(&counts) {
                let bias = sum / (f64::from(config.item_lambda) + f64::from(count)).max(1.0);
                let before = std::mem::replace(item, (mean + bias) as f32);
                change = change.max((*item - before).abs());
            }
            if change < TURNS.1 {
                break;
            }
        }
        Ok(model)
    }

    /// Without any rating: every item at 0.
    #[must_use]
    pub fn zero(config: &BiasesConfig, items: usize) -> Self {
        Self { config: config.clone(), items: vec![0.0; items] }
    }

    /// Restores the model from a tensor of the given name, of shape `[items]`.
    ///
    /// # Errors
    /// [`RestoreError`] when the tensor is not usable.
    pub fn restore(
        config: &BiasesConfig,
        items: usize,
        tensors: &mut StoredTensors,
        name: &str,
    ) -> Result<Self, RestoreError> {
        Ok(Self { config: config.clone(), items: tensors.take(name, &[items])? })
    }

    /// μ + bᵢ of every item.
    #[must_use]
    pub fn of_items(&self) -> &[f32] {
        &self.items
    }

    /// bᵤ of the user of a history.
    #[must_use]
    pub fn offset(&self, history: HistoryRef<'_>) -> f32 {
        let beyond = |(rating, &item): (f32, &u32)| f64::from(rating) - f64::from(self.items[item as usize]);
        let sum: f64 = self.ratings_of(history).zip(history.items()).map(beyond).sum();
        (sum / (f64::from(self.config.user_lambda) + history.len() as f64).max(1.0)) as f32
    }

    /// How far each rating of a history lies from what its biases say.
    #[must_use]
    pub fn residuals(&self, history: HistoryRef<'_>) -> Vec<f32> {
        let offset = self.offset(history);
        let ratings = self.ratings_of(history).zip(history.items());
        ratings.map(|(rating, &item)| rating - self.items[item as usize] - offset).collect()
    }

    /// The ratings of a history. One outside the scale, which training refuses, counts as its nearest end in a history that is
    /// folded in later.
    pub(super) fn ratings_of(&self, history: HistoryRef<'_>) -> impl Iterator<Item = f32> {
        history.weights().iter().map(|&rating| self.config.on_the_scale(rating))
    }
}

/// Refuses ratings outside of a scale, and such that are all the same.
///
/// # Errors
/// [`FitError::Scale`], [`FitError::ConstantRatings`].
pub(super) fn check_scale(train: &Interactions, minimum: f32, maximum: f32) -> Result<(), FitError> {
    let ratings = || train.histories().flat_map(|history| history.weights().iter().copied());
    let outside = || ratings().filter(|rating| !(minimum..=maximum).contains(rating));
    if let Some(first) = outside().next() {
        return Err(FitError::Scale { outside: outside().count(), ratings: train.len(), first, minimum, maximum });
    }
    match ratings().next() {
        Some(value) if ratings().all(|rating| rating == value) => Err(FitError::ConstantRatings { value }),
        _ => Ok(()),
    }
}

impl Model for Biases {
    fn config(&self) -> ModelConfig {
        ModelConfig::Biases(self.config.clone())
    }

    fn items(&self) -> usize {
        self.items.len()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        Query::new(histories.len(), QueryState::Nothing)
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        score_block_of_all(&self.items, query.users(), items, out);
    }

    fn score_items(&self, _: &Query, _: usize, items: &[ItemIdx], out: &mut [f32]) {
        one_score_an_item(&self.items, items, out);
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::vector("items", &self.items).by_item()]
    }

    fn ratings(&self, history: HistoryRef<'_>, items: &[ItemIdx]) -> Option<Vec<f32>> {
        let offset = self.offset(history);
        Some(items.iter().map(|item| self.config.on_the_scale(self.items[item.at()] + offset)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::gradient_check::fixture;

    fn config() -> BiasesConfig {
        BiasesConfig { user_lambda: 2.0, item_lambda: 3.0, minimum: 0.5, maximum: 3.0 }
    }

    #[test]
    fn biases_solve_their_equations() {
        let model = Biases::fit(&config(), &fixture()).unwrap();
        // Of the ten ratings of the fixture.
        let mean = 1.44f32;
        for (item, &found) in model.of_items().iter().enumerate() {
            let mut sum = 0.0;
            let mut count = 0.0;
            for history in fixture().histories() {
                for (&at, rating) in history.items().iter().zip(history.weights()) {
                    if at as usize == item {
                        sum += rating - mean - model.offset(history);
                        count += 1.0;
                    }
                }
            }
            assert!((found - mean - sum / (3.0 + count)).abs() < 1e-4, "item {item}: {found}");
        }
    }

    #[test]
    fn ratings_are_folded_in_and_stay_on_the_scale() {
        let (model, train) = (Biases::fit(&config(), &fixture()).unwrap(), fixture());
        let items = [ItemIdx(0), ItemIdx(1)];
        let [low, high] = [0.5, 3.0].map(|rating| {
            let history = crate::interactions::History::from_pairs([(ItemIdx(3), rating)]).unwrap();
            model.ratings(history.as_ref(), &items).unwrap()
        });
        assert!(low[0] < high[0] && low[1] < high[1]);
        let beyond = crate::interactions::History::from_pairs([(ItemIdx(3), 100.0)]).unwrap();
        assert_eq!(model.ratings(beyond.as_ref(), &items).unwrap(), high);
        let history = train.history(UserIdx(1));
        let within = model.ratings(history, &items).unwrap();
        assert!(within.iter().all(|rating| (0.5..=3.0).contains(rating)));
    }

    #[test]
    fn ratings_outside_the_scale_are_counted_and_refused() {
        let refused = Biases::fit(&BiasesConfig { maximum: 2.0, ..config() }, &fixture());
        assert!(matches!(refused, Err(FitError::Scale { outside: 2, ratings: 10, first, .. }) if first == 3.0));
    }

    #[test]
    fn ratings_that_are_all_the_same_are_refused_with_the_column_to_name() {
        let train = Interactions::from_csr((2, 7), vec![0, 2, 3], vec![0, 3, 1], vec![1.0; 3]).unwrap();
        let refused = Biases::fit(&config(), &train).unwrap_err().to_string();
        assert!(refused.contains("all ratings are 1") && refused.contains("--weight-column"), "{refused}");
    }
}
