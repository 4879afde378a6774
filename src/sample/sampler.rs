//! Users made up one after the other.

use std::num::NonZeroUsize;
use std::ops::Range;

use nalgebra::DMatrix;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::Serialize;

use super::SampleError;
use super::race::Likelihood;
use crate::artifact::{Artifact, Histories};
use crate::interactions::{History, HistoryRef};
use crate::linalg::{ColumnsMut, zeros};
use crate::models::Model;
use crate::random::{Purpose, stream};
use crate::types::UserIdx;

/// Where the codes of made-up users come from.
///
/// The standard normal distribution is the prior of Mult-VAE and a part of RecVAE's. Both are held to it with a small weight
/// (β, γ), so the codes of real users lie elsewhere, and those drawn from it say little: on MovieLens-1M the popularity of
/// items is nearly flat. The rest of RecVAE's prior is one of each history: most of it is what an earlier encoder said of
/// that very history, for which the posterior stands; its wide part makes outliers cheap and describes nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeSource {
    /// What the encoder says of stored histories x: z ~ q(z | x), all together the aggregated posterior.
    #[default]
    Posterior,
    /// z ~ N(0, I), whoever is stored.
    Standard,
}

/// What to draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleConfig {
    /// Seed of everything random.
    pub seed: u64,
    /// Items of every history; `None`: as many as a stored one has.
    pub length: Option<NonZeroUsize>,
    /// Where codes come from.
    pub codes: CodeSource,
}

/// Draws histories from a model. The same user of the same seed has the same history, whatever is drawn beside.
pub struct Sampler<'a> {
    model: &'a dyn Model,
    histories: &'a Histories,
    likelihood: Likelihood,
    codes: CodeSource,
    seed: u64,
    length: Option<NonZeroUsize>,
    /// The stored users who have a history.
    stored: Vec<UserIdx>,
}

impl<'a> Sampler<'a> {
    /// Prepares to draw from a published model and the lengths of its stored histories.
    ///
    /// # Errors
    /// [`SampleError`] when the model is not variational or has no probabilities of items, no history is stored, or a length is
    /// larger than the catalogue.
    pub fn new(artifact: &'a Artifact, config: &SampleConfig) -> Result<Self, SampleError> {
        let (model, histories) = (artifact.model.as_ref(), &artifact.histories);
        let of = model.config();
        let name = of.name();
        let loss = of.likelihood().ok_or(SampleError::NotVariational { model: name })?;
        let likelihood = Likelihood::of(loss).ok_or(SampleError::NoProbabilities { model: name, loss })?;
        let (items, length) = (model.items(), config.length);
        if let Some(length) = length.map(NonZeroUsize::get).filter(|length| *length > items) {
            return Err(SampleError::Length { length, items });
        }
        let users = (0..histories.users() as u32).map(UserIdx);
        let stored: Vec<UserIdx> = users.filter(|user| histories.history_len(*user) > 0).collect();
        if stored.is_empty() {
            return Err(SampleError::NoHistories);
        }
        Ok(Self { model, histories, likelihood, codes: config.codes, seed: config.seed, length, stored })
    }

    /// The items of the users with these numbers, ascending for each: as many histories as numbers.
    ///
    /// # Errors
    /// [`SampleError::Artifact`] when a stored history cannot be read any more.
    pub fn histories(&self, users: Range<u64>) -> Result<Vec<Vec<u32>>, SampleError> {
        let lender = |user| {
            let mut random = stream(self.seed, Purpose::Sample, [user, 0]);
            (self.stored[random.random_range(0..self.stored.len())], random)
        };
        let (lenders, random): (Vec<UserIdx>, Vec<ChaCha8Rng>) = users.clone().map(lender).unzip();
        let codes = self.draw_codes(&lenders, random)?;
        let query = self.model.decode(codes).unwrap_or_else(|| unreachable!("a variational model has a decoder"));
        let shape = (self.model.items(), lenders.len());
        let mut scores = zeros(shape.0 * shape.1);
        self.model.score_block(&query, 0..shape.0 as u32, ColumnsMut::new(&mut scores, shape));
        let draw = |clocks: &mut Vec<(f64, u32)>, (at, (scores, lender)): (usize, (&[f32], &UserIdx))| {
            let length = self.length.map_or_else(|| self.histories.history_len(*lender), NonZeroUsize::get);
            let mut random = stream(self.seed, Purpose::Sample, [users.start + at as u64, 1]);
            self.likelihood.draw(scores, length, &mut random, clocks)
        };
        let columns = scores.par_chunks_exact(shape.0).zip(&lenders);
        Ok(columns.enumerate().map_init(Vec::new, draw).collect())
    }

    /// A code for each lender, z = μ + ε·σ: latent × users. `random` goes on to give ε.
    fn draw_codes(&self, lenders: &[UserIdx], random: Vec<ChaCha8Rng>) -> Result<DMatrix<f32>, SampleError> {
        let (mut codes, variances) = match self.codes {
            CodeSource::Standard => {
                let latent = self.model.user_space().map_or(0, |space| space.dim);
                (DMatrix::zeros(latent, lenders.len()), DMatrix::from_element(latent, lenders.len(), 1.0))
            }
            CodeSource::Posterior => {
                let read = lenders.iter().map(|lender| self.histories.history(*lender));
                let read = read.collect::<Result<Vec<History>, _>>()?;
                let histories: Vec<HistoryRef<'_>> = read.iter().map(History::as_ref).collect();
                let posteriors = self.model.embed_users(&histories).zip(self.model.variances(&histories));
                posteriors.unwrap_or_else(|| unreachable!("a variational model has a posterior"))
            }
        };
        let columns = codes.column_iter_mut().zip(variances.column_iter());
        for ((mut code, variances), mut random) in columns.zip(random) {
            for (z, variance) in code.iter_mut().zip(variances.iter()) {
                let noise: f32 = StandardNormal.sample(&mut random);
                *z += noise * variance.sqrt();
            }
        }
        Ok(codes)
    }
}
