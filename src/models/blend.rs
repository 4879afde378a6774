//! Blend: a weighted mean of what trained models say, as a model of its own.
//!
//! Scores of different models have different units, so each part's are standardised user by user over the whole
//! catalogue: s ← Σₚ wₚ · (sₚ − mean(sₚ)) / deviation(sₚ). A weight is thus the part's share of the spread of a user's
//! scores, whoever the user is; a part that scores all items alike says nothing. To know mean and deviation every score
//! is needed, so the [query](super::Query) holds the blended scores of all items.

use std::ops::Range;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use super::fit::restore;
use super::model::{Indices, Model, Query, QueryState, RestoreError, Space, StoredTensors, Tensor};
use super::{ModelConfig, whole};
use crate::interactions::HistoryRef;
use crate::linalg::{ColumnsMut, zeros};
use crate::types::ItemIdx;

/// What a blend is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlendConfig {
    /// The parts, at least two.
    pub parts: Vec<BlendPart>,
}

/// A part of a blend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlendPart {
    /// Its share of the spread of the scores; those of all parts add up to 1.
    pub weight: f32,
    /// Which model it is.
    pub model: ModelConfig,
}

/// Why models cannot be blended.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BlendError {
    /// Nothing to blend with.
    #[error("a blend has at least two models, not {parts}")]
    TooFew {
        /// Models given.
        parts: usize,
    },
    /// Not one weight a model.
    #[error("{weights} weights for {parts} models: give one for each")]
    Weights {
        /// Weights given.
        weights: usize,
        /// Models given.
        parts: usize,
    },
    /// A weight that cannot be meant.
    #[error("weight {position} is {weight}: weights are finite, 0 or greater, and one at least is greater than 0")]
    Weight {
        /// Which one, from 1.
        position: usize,
        /// The weight.
        weight: f32,
    },
    /// Models of different catalogues.
    #[error("model {position} scores {found} items, the first one {expected}: models of one catalogue can be blended")]
    Items {
        /// Which model, from 1.
        position: usize,
        /// Its items.
        found: usize,
        /// Items of the first model.
        expected: usize,
    },
}

/// A blend of models over one catalogue.
pub struct Blend {
    parts: Vec<Box<dyn Model>>,
    /// One a part; they add up to 1.
    weights: Vec<f32>,
}

impl Blend {
    /// Blends models; the weights are scaled to add up to 1.
    ///
    /// # Errors
    /// [`BlendError`] for fewer than two models, other than one weight a model, weights that cannot be meant, or models of
    /// different catalogues.
    pub fn new(parts: Vec<Box<dyn Model>>, weights: &[f32]) -> Result<Self, BlendError> {
        if parts.len() < 2 {
            return Err(BlendError::TooFew { parts: parts.len() });
        }
        let expected = parts[0].items();
        if let Some(at) = parts.iter().position(|part| part.items() != expected) {
            return Err(BlendError::Items { position: at + 1, found: parts[at].items(), expected });
        }
        let weights = shares(weights, parts.len())?;
        Ok(Self { parts, weights })
    }

    /// Changes the weights.
    ///
    /// # Errors
    /// As of [`new`](Self::new); the weights stay as they are then.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), BlendError> {
        self.weights = shares(weights, self.parts.len())?;
        Ok(())
    }

    /// The share of each part.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Restores a blend from what [`Model::tensors`] and [`Model::indices`] list.
    ///
    /// # Errors
    /// [`RestoreError`] when something of a part is not usable, or the parts do not make a blend.
    pub fn restore(config: &BlendConfig, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let part = |(number, part): (usize, &BlendPart)| {
            let name = prefix(number);
            restore(&part.model, items, tensors.take_part(&name)).map_err(|error| error.in_part(&name))
        };
        let parts = config.parts.iter().enumerate().map(part).collect::<Result<_, _>>()?;
        let weights: Vec<f32> = config.parts.iter().map(|part| part.weight).collect();
        let blend = Self::new(parts, &weights)?;
        // As they were published, to the last bit: their sum was rounded.
        Ok(Self { weights, ..blend })
    }

    /// The parts with the prefix that the names of what they store begin with.
    fn named(&self) -> impl Iterator<Item = (String, &dyn Model)> {
        self.parts.iter().enumerate().map(|(number, part)| (prefix(number), part.as_ref()))
    }
}

/// Weights as shares of their sum.
fn shares(weights: &[f32], parts: usize) -> Result<Vec<f32>, BlendError> {
    if weights.len() != parts {
        return Err(BlendError::Weights { weights: weights.len(), parts });
    }
    let sum: f32 = weights.iter().sum();
    let bad = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0));
    match bad.or((!(sum > 0.0 && sum.is_finite())).then_some(0)) {
        None => Ok(weights.iter().map(|weight| weight / sum).collect()),
        Some(at) => Err(BlendError::Weight { position: at + 1, weight: weights[at] }),
    }
}

fn prefix(part: usize) -> String {
    format!("{part}.")
}

/// Adds `weight` times the standard scores of `scores`, one column a user, to `sums`.
fn add_standardised(sums: &mut [f32], scores: &[f32], items: usize, weight: f32) {
    for (sums, scores) in sums.chunks_exact_mut(items).zip(scores.chunks_exact(items)) {
        let mean = scores.iter().map(|&score| f64::from(score)).sum::<f64>() / items as f64;
        let variance = scores.iter().map(|&score| (f64::from(score) - mean).powi(2)).sum::<f64>() / items as f64;
        if variance > 0.0 {
            let factor = f64::from(weight) / variance.sqrt();
            let standardised = scores.iter().map(|&score| (factor * (f64::from(score) - mean)) as f32);
            sums.iter_mut().zip(standardised).for_each(|(sum, score)| *sum += score);
        }
    }
}

impl Model for Blend {
    fn config(&self) -> ModelConfig {
        let parts = self.parts.iter().zip(&self.weights);
        let parts = parts.map(|(part, &weight)| BlendPart { weight, model: part.config() }).collect();
        ModelConfig::Blend(BlendConfig { parts })
    }

    fn items(&self) -> usize {
        self.parts[0].items()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        let shape = (self.items(), histories.len());
        let mut blended = DMatrix::zeros(shape.0, shape.1);
        let mut scores = zeros(shape.0 * shape.1);
        for (part, &weight) in self.parts.iter().zip(&self.weights).filter(|(_, weight)| **weight > 0.0) {
            let query = part.encode(histories);
            part.score_block(&query, 0..shape.0 as u32, ColumnsMut::new(&mut scores, shape));
            add_standardised(blended.as_mut_slice(), &scores, shape.0, weight);
        }
        Query::new(histories.len(), QueryState::Dense(blended))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        whole::score_block(query.dense(), items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        whole::score_items(query.dense(), user, items, out);
    }

    /// That of the first part that has one.
    fn user_space(&self) -> Option<Space> {
        self.parts.iter().find_map(|part| part.user_space())
    }

    /// That of the first part that has one.
    fn item_space(&self) -> Option<Space> {
        self.parts.iter().find_map(|part| part.item_space())
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        self.parts.iter().find_map(|part| part.embed_users(histories))
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        self.parts.iter().find_map(|part| part.embed_items(items.clone()))
    }

    /// Those of the vectors.
    fn variances(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        self.parts.iter().find(|part| part.user_space().is_some())?.variances(histories)
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        let mut all = Vec::new();
        for (prefix, part) in self.named() {
            let tensors = part.tensors().into_iter();
            all.extend(tensors.map(|tensor| Tensor { part: format!("{prefix}{}", tensor.part), ..tensor }));
        }
        all
    }

    fn indices(&self) -> Vec<Indices<'_>> {
        let mut all = Vec::new();
        for (prefix, part) in self.named() {
            let indices = part.indices().into_iter();
            all.extend(indices.map(|indices| Indices { part: format!("{prefix}{}", indices.part), ..indices }));
        }
        all
    }
}

/// The weights of `parts` parts for which `measure` finds the most, and what it finds: a pattern search on the simplex
/// (Hooke & Jeeves 1961).
///
/// From equal weights, a fifth of all weight is moved from one part to another wherever that gains the most, until it
/// gains nothing; then a tenth, a twentieth, a fortieth. The same measurements give the same weights.
///
/// # Errors
/// The first that `measure` gives.
pub fn search_weights<E>(
    parts: usize,
    mut measure: impl FnMut(&[f32]) -> Result<f64, E>,
) -> Result<(Vec<f32>, f64), E> {
    /// What is the smallest step of weight, as a share of all: weights are counted in it.
    const UNITS: usize = 40;
    let weights_of = |units: &[usize]| -> Vec<f32> { units.iter().map(|&n| n as f32 / UNITS as f32).collect() };
    let mut units: Vec<usize> = (0..parts).map(|part| UNITS * (part + 1) / parts - UNITS * part / parts).collect();
    let mut best = measure(&weights_of(&units))?;
    for step in [UNITS / 5, UNITS / 10, UNITS / 20, UNITS / 40] {
        loop {
            let moves = (0..parts).flat_map(|from| (0..parts).map(move |to| (from, to)));
            let mut gain = None;
            for (from, to) in moves.filter(|&(from, to)| from != to) {
                if units[from] >= step {
                    let mut moved = units.clone();
                    moved[from] -= step;
                    moved[to] += step;
                    let found = measure(&weights_of(&moved))?;
                    if found > best {
                        (best, gain) = (found, Some(moved));
                    }
                }
            }
            match gain {
                Some(moved) => units = moved,
                None => break,
            }
        }
    }
    Ok((weights_of(&units), best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Popularity;

    fn popularity(counts: &[u32]) -> Box<dyn Model> {
        Box::new(Popularity::from_counts(counts))
    }

    fn scores(blend: &Blend) -> Vec<f32> {
        let empty = crate::interactions::History::default();
        let mut out = vec![f32::NAN; blend.items()];
        let shape = (blend.items(), 1);
        blend.score_block(&blend.encode(&[empty.as_ref()]), 0..shape.0 as u32, ColumnsMut::new(&mut out, shape));
        out
    }

    #[test]
    fn units_of_the_parts_do_not_matter_and_weights_are_shares() {
        // Deviations 1 and 1000.
        let blend = |weights: [f32; 2]| {
            Blend::new(vec![popularity(&[1, 3, 1, 3]), popularity(&[3000, 1000, 1000, 3000])], &weights).unwrap()
        };
        assert_eq!(blend([3.0, 1.0]).weights(), [0.75, 0.25]);
        assert_eq!(scores(&blend([3.0, 1.0])), [-0.5, 0.5, -1.0, 1.0]);
        let mut second = blend([1.0, 1.0]);
        second.set_weights(&[0.0, 2.0]).unwrap();
        assert_eq!(scores(&second), [1.0, -1.0, -1.0, 1.0]);
        // A part that does not tell items apart says nothing.
        let flat = Blend::new(vec![popularity(&[5; 3]), popularity(&[0, 0, 0])], &[1.0, 1.0]).unwrap();
        assert_eq!(scores(&flat), [0.0; 3]);
    }

    #[test]
    fn what_cannot_be_blended_is_refused_with_the_value_and_the_rule() {
        let refused = |counts: &[&[u32]], weights: &[f32]| {
            let parts = counts.iter().map(|counts| popularity(counts)).collect();
            Blend::new(parts, weights).err().unwrap().to_string()
        };
        let two: [&[u32]; 2] = [&[1, 2], &[2, 1]];
        let rule = "weights are finite, 0 or greater, and one at least is greater than 0";
        assert_eq!(refused(&two[..1], &[1.0]), "a blend has at least two models, not 1");
        assert_eq!(refused(&two, &[1.0]), "1 weights for 2 models: give one for each");
        assert_eq!(refused(&two, &[0.5, -0.5]), format!("weight 2 is -0.5: {rule}"));
        assert_eq!(refused(&two, &[f32::NAN, 1.0]), format!("weight 1 is NaN: {rule}"));
        assert_eq!(refused(&two, &[0.0, 0.0]), format!("weight 1 is 0: {rule}"));
        assert!(refused(&[&[1, 2], &[1, 2, 3]], &[1.0, 1.0]).starts_with("model 2 scores 3 items, the first one 2"));
    }

    #[test]
    fn the_search_finds_the_best_weights_to_a_fortieth() {
        let target = [0.1, 0.65, 0.25];
        let mut asked = 0;
        let (weights, best) = search_weights(3, |weights| -> Result<f64, ()> {
            asked += 1;
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            Ok(-weights.iter().zip(target).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>())
        })
        .unwrap();
        assert!(weights.iter().zip(target).all(|(a, b)| (a - b).abs() < 1e-6), "{weights:?}");
        assert!(best > -1e-9 && asked < 100, "{best} after {asked}");
        // One part alone may be best.
        let second = |weights: &[f32]| Ok::<_, ()>(f64::from(weights[1]));
        assert_eq!(search_weights(2, second).unwrap().0, [0.0, 1.0]);
        assert_eq!(search_weights(2, |_| Err::<f64, _>("no")), Err("no"));
    }
}
