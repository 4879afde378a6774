//! The contract every model fulfils, and what a score is computed from.

use std::ops::Range;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

pub use super::stored::{RestoreError, StoredTensors};
use crate::codes::SparseCodes;
use crate::interactions::{History, HistoryRef};
use crate::linalg::{Columns, ColumnsMut};
use crate::types::ItemIdx;

/// How two vectors of a [`Space`] are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Cosine of the angle: vectors of different length are comparable.
    Cosine,
    /// Inner product.
    Dot,
}

/// A vector space that a model places users or items in.
///
/// Vectors are comparable only within one space: a user of Mult-VAE lives in the latent space,
/// its items in the decoder's hidden space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Stable name, for example `mult-vae/latent`.
    pub id: String,
    /// Number of dimensions.
    pub dim: usize,
    /// The comparison the space is meant for.
    pub metric: Metric,
}

/// The state a batch of users is scored from: the outcome of folding their histories in.
#[derive(Clone, Debug)]
pub struct Query {
    users: usize,
    state: QueryState,
}

/// What [`Query`] holds; which one is the model's choice.
#[derive(Clone, Debug)]
pub(super) enum QueryState {
    /// Scores do not depend on the user.
    Nothing,
    /// One dense column per user.
    Dense(DMatrix<f32>),
    /// The (input-scaled) histories themselves, for linear item-item models.
    Sparse(Vec<History>),
}

impl Query {
    pub(super) fn new(users: usize, state: QueryState) -> Self {
        Self { users, state }
    }

    /// Several batches of one model as one, in their order.
    ///
    /// # Panics
    /// When they come from models of different kinds.
    #[must_use]
    pub fn joined(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let users = parts.iter().map(Self::users).sum();
        let state = match parts.first().map(|part| &part.state) {
            None | Some(QueryState::Nothing) => QueryState::Nothing,
            Some(QueryState::Dense(first)) => {
                let values = parts.iter().flat_map(|part| part.dense().iter().copied());
                QueryState::Dense(DMatrix::from_iterator(first.nrows(), users, values))
            }
            Some(QueryState::Sparse(_)) => {
                QueryState::Sparse(parts.iter().flat_map(|part| part.sparse().iter().cloned()).collect())
            }
        };
        Self { users, state }
    }

    /// Number of users in the batch.
    #[must_use]
    pub fn users(&self) -> usize {
        self.users
    }

    /// The state of one user, for models whose scores are [inner products](Model::inner_products).
    ///
    /// # Panics
    /// When there is no such user.
    #[must_use]
    pub fn state(&self, user: usize) -> Option<&[f32]> {
        assert!(user < self.users, "user {user} of {}", self.users);
        match &self.state {
            QueryState::Dense(state) => Some(&state.as_slice()[user * state.nrows()..][..state.nrows()]),
            _ => None,
        }
    }

    pub(super) fn dense(&self) -> &DMatrix<f32> {
        match &self.state {
            QueryState::Dense(state) => state,
            _ => unreachable!("a query is scored by the model that encoded it"),
        }
    }

    pub(super) fn sparse(&self) -> &[History] {
        match &self.state {
            QueryState::Sparse(state) => state,
            _ => unreachable!("a query is scored by the model that encoded it"),
        }
    }
}

/// One named tensor of a model, column-major: `shape` is `[rows, cols]`, or `[n]` for a vector.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// The part of a blend that it belongs to, as `0.` for the first; empty elsewhere.
    pub part: String,
    /// Name within the model, for example `decoder.items`.
    pub name: &'static str,
    /// Extents; the first runs fastest in memory.
    pub shape: Vec<usize>,
    /// The values.
    pub data: &'a [f32],
    /// True when the last extent counts the items of the catalogue.
    pub by_item: bool,
}

impl<'a> Tensor<'a> {
    /// A matrix of `rows` values a column.
    #[must_use]
    pub fn matrix(name: &'static str, data: &'a [f32], rows: usize) -> Self {
        Self { part: String::new(), name, shape: vec![rows, data.len() / rows], data, by_item: false }
    }

    /// A vector.
    #[must_use]
    pub fn vector(name: &'static str, data: &'a [f32]) -> Self {
        Self { part: String::new(), name, shape: vec![data.len()], data, by_item: false }
    }

    /// The same tensor, with one column (of a vector: one value) an item.
    #[must_use]
    pub fn by_item(self) -> Self {
        Self { by_item: true, ..self }
    }

    /// The name that is unique among all tensors of a model, whatever it is made of.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}{}", self.part, self.name)
    }
}

/// Whole numbers that belong to a model beside its tensors: where the values of a sparse matrix stand.
#[derive(Clone, Debug)]
pub struct Indices<'a> {
    /// The part of a blend that they belong to, as for a [`Tensor`].
    pub part: String,
    /// Name within the model, for example `graph.users`.
    pub name: &'static str,
    /// The values.
    pub data: &'a [u32],
    /// True when there are as many of them for every item, in the order of the items.
    pub by_item: bool,
}

impl<'a> Indices<'a> {
    /// Whole numbers under a name.
    #[must_use]
    pub fn new(name: &'static str, data: &'a [u32]) -> Self {
        Self { part: String::new(), name, data, by_item: false }
    }

    /// The same, as many for every item.
    #[must_use]
    pub fn by_item(self) -> Self {
        Self { by_item: true, ..self }
    }

    /// The name that is unique among everything a model stores.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}{}", self.part, self.name)
    }
}

/// What the scores of a model are made of when each is the inner product of a [user's state](Query::state) with a vector
/// of the item, plus a bias of the item.
#[derive(Clone, Copy, Debug)]
pub struct InnerProducts<'a> {
    /// One column an item.
    pub vectors: Columns<'a>,
    /// One value an item, or none at all.
    pub bias: &'a [f32],
}

/// A trained recommender that folds any history in.
///
/// Every method is pure, and a user's result has identical bits whatever the batch it is computed
/// in. Methods use the rayon pool they are called from.
pub trait Model: Send + Sync {
    /// Which model this is, with the full configuration it was trained with.
    fn config(&self) -> super::ModelConfig;

    /// Number of items scored.
    fn items(&self) -> usize;

    /// Folds histories in: the only thing a model ever needs to know of a user.
    ///
    /// An empty history is valid; it yields the model's answer to "nothing known".
    fn encode(&self, histories: &[HistoryRef<'_>]) -> Query;

    /// Scores the items of `items` for every user of `query` into `out` (`items.len() × users`).
    ///
    /// # Panics
    /// When `out` has another shape or `items` leaves the catalogue.
    fn score_block(&self, query: &Query, items: Range<u32>, out: ColumnsMut<'_>);

    /// Scores chosen items for the user at position `user` of `query`; `out[i]` belongs to `items[i]`.
    /// The scores have the same bits as those of [`score_block`](Self::score_block).
    ///
    /// # Panics
    /// When lengths differ or an item leaves the catalogue.
    fn score_items(&self, query: &Query, user: usize, items: &[ItemIdx], out: &mut [f32]);

    /// The space of user embeddings; `None` where the model has none, as for all that do not say otherwise.
    fn user_space(&self) -> Option<Space> {
        None
    }

    /// The space of item embeddings; `None` as for users.
    fn item_space(&self) -> Option<Space> {
        None
    }

    /// Embeds histories in the user space: `dim × users`; `None` where there is no such space.
    fn embed_users(&self, _histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        None
    }

    /// The vectors of a range of items in the item space: `dim × items.len()`; `None` where there is no such space.
    fn embed_items(&self, _items: Range<u32>) -> Option<DMatrix<f32>> {
        None
    }

    /// The item vectors as sparse codes; `None` where they are dense, or there are none.
    fn item_codes(&self) -> Option<&SparseCodes> {
        None
    }

    /// What scores are computed from for codes in place of histories, one a column (`dim × users` of the user space): the
    /// decoder alone. `None` for models that have none.
    fn decode(&self, _codes: DMatrix<f32>) -> Option<Query> {
        None
    }

    /// What scores are made of, where they are inner products.
    fn inner_products(&self) -> Option<InnerProducts<'_>> {
        None
    }

    /// Everything that has to be stored to restore the model, in a fixed order.
    fn tensors(&self) -> Vec<Tensor<'_>>;

    /// The whole numbers that have to be stored beside the [tensors](Self::tensors), in a fixed order.
    fn indices(&self) -> Vec<Indices<'_>> {
        Vec::new()
    }

    /// What each item of `history`, in its order, adds to the score of `item`: for models whose scores are such sums, up
    /// to rounding. `None` for all others.
    fn terms(&self, _history: HistoryRef<'_>, _item: ItemIdx) -> Option<Vec<f32>> {
        None
    }

    /// How uncertain the model is of each coordinate of [`embed_users`](Self::embed_users), as a variance: `dim × users`.
    /// Where further items tell more of a user, longer histories have less of it on average. `None` for models that do not
    /// know.
    fn variances(&self, _histories: &[HistoryRef<'_>]) -> Option<DMatrix<f32>> {
        None
    }

    /// The ratings that the user of a history is expected to give to items, on the scale of the log: for models that are
    /// trained on ratings. `None` for all others, whose scores rank and are in no unit.
    fn ratings(&self, _history: HistoryRef<'_>, _items: &[ItemIdx]) -> Option<Vec<f32>> {
        None
    }

    /// Folds one history in several times, one user of the result a draw: for models that know how uncertain they are of
    /// a user. `None` for all others.
    fn draw(&self, _history: HistoryRef<'_>, _draws: &Draws) -> Option<Query> {
        None
    }
}

/// Draws from the uncertainty about a user; the same ones for the same seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draws {
    /// Which draws.
    pub seed: u64,
    /// How many.
    pub count: usize,
    /// Factor of the standard deviation: 0 draws the best guess every time.
    pub scale: f32,
}
