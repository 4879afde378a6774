//! What the autoencoders share that end in a linear layer: a score is the inner product of a user's state with the column of
//! the item, plus the item's bias.

use std::ops::Range;

use nalgebra::DMatrix;

use super::ModelConfig;
use super::decoder::{item_vectors, score_block, score_items};
use super::model::{Draws, InnerProducts, Metric, Model, Query, QueryState, Space, Tensor};
use crate::interactions::HistoryRef;
use crate::linalg::ColumnsMut;
use crate::nn::{Gaussian, gaussian_draws};
use crate::random::{Purpose, stream};
use crate::training::Weights;
use crate::types::ItemIdx;

/// What an encoder makes of a batch of histories.
pub enum Code {
    /// A point each: dimensions × users.
    Points(DMatrix<f32>),
    /// A normal distribution each, μ above log σ²: 2·dimensions × users.
    Gaussians(DMatrix<f32>),
}

impl Code {
    /// The points, or the means: dimensions × users.
    #[must_use]
    pub fn centres(self) -> DMatrix<f32> {
        match self {
            Self::Points(points) => points,
            Self::Gaussians(parameters) => parameters.rows(0, parameters.nrows() / 2).into_owned(),
        }
    }
}

/// A network that ends in a linear layer; everything else about it as a [`Model`] follows.
pub trait LinearDecoder: Clone + Send + Sync {
    /// Which model this is.
    fn model(&self) -> ModelConfig;

    /// The layer that the code comes from, as the name of the space of users says it.
    fn layer(&self) -> &'static str;

    /// Dimensions of the code.
    fn dimensions(&self) -> usize;

    /// The code of each history: the embedding of a user.
    fn code(&self, histories: &[HistoryRef<'_>]) -> Code;

    /// What scores are computed from, one column a code; the codes themselves unless a network has layers between.
    fn state(&self, codes: DMatrix<f32>) -> DMatrix<f32> {
        codes
    }

    /// The last layer: one column and one bias an item.
    fn output(&self) -> InnerProducts<'_>;

    /// The tensors that are trained, in a fixed order.
    fn tensors(&self) -> Vec<Tensor<'_>>;

    /// What has to be stored beside them.
    fn fixed(&self) -> Vec<Tensor<'_>> {
        Vec::new()
    }

    /// The values of the trained tensors in the same order.
    fn values_mut(&mut self) -> Vec<&mut [f32]>;

    /// As [`Model::ratings`].
    fn ratings(&self, _history: HistoryRef<'_>, _items: &[ItemIdx]) -> Option<Vec<f32>> {
        None
    }
}

impl<D: LinearDecoder> Model for D {
    fn config(&self) -> ModelConfig {
        self.model()
    }

    fn items(&self) -> usize {
        self.output().vectors.cols()
    }

    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query {
        let state = self.state(self.code(histories).centres());
        Query::new(histories.len(), QueryState::Dense(state))
    }

    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>) {
        score_block(self.output(), query.dense(), items, out);
    }

    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]) {
        score_items(self.output(), query.dense(), user, items, out);
    }

    fn inner_products(&self) -> Option<InnerProducts<'_>> {
        Some(self.output())
    }

    fn user_space(&self) -> Option<Space> {
        let id = format!("{}/{}", self.model().name(), self.layer());
        Some(Space { id, dim: self.dimensions(), metric: Metric::Cosine })
    }

    fn item_space(&self) -> Option<Space> {
        let id = format!("{}/decoder", self.model().name());
        Some(Space { id, dim: self.output().vectors.rows(), metric: Metric::Cosine })
    }

    fn embed_users(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        Some(self.code(histories).centres())
    }

    fn embed_items(&self, items: Range<u32>) -> Option<DMatrix<f32>> {
        Some(item_vectors(self.output().vectors, items))
    }

    fn decode(&self, codes: DMatrix<f32>) -> Option<Query> {
        Some(Query::new(codes.ncols(), QueryState::Dense(self.state(codes))))
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        [LinearDecoder::tensors(self), self.fixed()].concat()
    }

    fn variances(&self, histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        match self.code(histories) {
            Code::Points(_) => None,
            Code::Gaussians(parameters) => {
                let latent = parameters.nrows() / 2;
                Some(parameters.rows(latent, latent).map(f32::exp))
            }
        }
    }

    fn draw(&self, history: HistoryRef<'_>, draws: &Draws) -> Option<Query> {
        match self.code(&[history]) {
            Code::Points(_) => None,
            Code::Gaussians(parameters) => {
                let gaussian = Gaussian { parameters: (&parameters).into() };
                let random = |draw| stream(draws.seed, Purpose::Explore, [draw, 0]);
                self.decode(gaussian_draws(gaussian, 0, draws.scale, draws.count, random))
            }
        }
    }

    fn ratings(&self, history: HistoryRef<'_>, items: &[ItemIdx]) -> Option<Vec<f32>> {
        LinearDecoder::ratings(self, history, items)
    }
}

impl<D: LinearDecoder> Weights for D {
    fn named(&self) -> Vec<(&'static str, &[f32])> {
        LinearDecoder::tensors(self).into_iter().map(|tensor| (tensor.name, tensor.data)).collect()
    }

    fn values_mut(&mut self) -> Vec<&mut [f32]> {
        LinearDecoder::values_mut(self)
    }
}
