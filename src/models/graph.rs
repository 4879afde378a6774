//! The normalised user–item graph and the filters that models build on it.
//!
//! R̃ = D_U^{-1/2} R D_I^{-1/2}, where R is users × items and D_U, D_I hold the sums of its rows and columns. A history r
//! is a signal on the items. Shen et al. 2021, "How Powerful is Graph Convolution for Recommendation?", filter it twice:
//!
//! - two hops, to the users who share items and back: r · R̃ᵀR̃;
//! - the ideal low-pass, onto the leading right singular vectors V of R̃ (eq. 11): r · D_I^{-1/2} V Vᵀ D_I^{1/2}.
//!
//! R̃ᵀR̃ has some hundred values for every one of R̃ and outgrows memory soon, so it is never formed: R̃ is stored, 8 bytes
//! an interaction, and a signal passes through it, exactly, at the cost of one pass over all interactions. As that is
//! the cost of any score, the [query](super::Query) of such a model holds the scores of all items.

use nalgebra::DMatrix;

use super::InputWeights;
use super::fit::FitError;
use super::model::{Indices, RestoreError, StoredTensors, Tensor};
use crate::interactions::{HistoryRef, Interactions};
use crate::linalg::{
    Columns, ColumnsMut, EigenError, GRAM_LANES, GramOperator, dots, gather, leading_eigenpairs, zeros,
};
use crate::nn::Dense;
use crate::random::{Purpose, fill_normal};
use crate::types::{ItemIdx, UserIdx};

/// Names the random start of the eigenvectors: they do not depend on it but for rounding, so no seed is asked for.
const START: u64 = 0;

/// R̃ᵀR̃, kept as R̃, and the degrees of the items.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) operator: GramOperator,
    /// The diagonal of D_I.
    degrees: Vec<f64>,
}

impl Graph {
    /// Normalises interactions; users without any are left out.
    pub(super) fn new(train: &Interactions, weights: InputWeights) -> Self {
        let is_known = |user: &UserIdx| !train.history(*user).is_empty();
        let known: Vec<UserIdx> = (0..train.users() as u32).map(UserIdx).filter(is_known).collect();
        let mut matrix = train.select_users(&known).into_csr();
        if weights == InputWeights::Binary {
            matrix.data_mut().fill(1.0);
        }
        let (mut users, mut items) = (vec![0.0f64; matrix.rows()], vec![0.0f64; matrix.cols()]);
        for (user, row) in matrix.outer_iterator().enumerate() {
            for (item, &weight) in row.iter() {
                users[user] += f64::from(weight);
                items[item] += f64::from(weight);
            }
        }
        for (user, mut row) in matrix.outer_iterator_mut().enumerate() {
            for (item, weight) in row.iter_mut() {
                *weight = (f64::from(*weight) / (users[user] * items[item]).sqrt()) as f32;
            }
        }
        Self { operator: GramOperator::new(matrix), degrees: items }
    }
}

/// Values of R̃ by item, the users that they belong to, and how many each item has.
const VALUES: &str = "graph.values";
const USERS: &str = "graph.users";
const COUNTS: &str = "graph.counts";

/// Items whose lanes are turned into columns together: few enough to stay in the nearest cache.
const ITEM_BLOCK: usize = 64;

/// R̃ as it is stored, item by item.
#[derive(Clone, Debug)]
pub(super) struct StoredGraph {
    operator: GramOperator,
    counts: Vec<u32>,
}

impl From<Graph> for StoredGraph {
    fn from(Graph { operator, .. }: Graph) -> Self {
        let rows = operator.by_column().outer_iterator();
        let counts = rows.map(|row| row.nnz() as u32).collect();
        Self { operator, counts }
    }
}

impl StoredGraph {
    /// Restores R̃ of `items` items.
    pub(super) fn restore(items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let (by_item, counts) = tensors.take_sparse([COUNTS, USERS, VALUES], (items, None))?;
        Ok(Self { operator: GramOperator::new(by_item.transpose_into().to_csr()), counts })
    }

    /// What [`restore`](Self::restore) reads.
    pub(super) fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![Tensor::vector(VALUES, self.operator.by_column().data())]
    }

    /// What [`restore`](Self::restore) reads beside the tensors.
    pub(super) fn indices(&self) -> Vec<Indices<'_>> {
        vec![Indices::new(USERS, self.operator.by_column().indices()), Indices::new(COUNTS, &self.counts)]
    }

    /// R̃ᵀR̃.
    pub(super) fn operator(&self) -> &GramOperator {
        &self.operator
    }

    /// What each item of a history adds to the signal at `item` after two hops.
    pub(super) fn terms(&self, weights: InputWeights, history: HistoryRef<'_>, item: ItemIdx) -> Vec<f32> {
        // R̃ᵀR̃ is symmetric: the item's own signal reaches every item of the history as theirs reach it.
        let items = self.operator.columns();
        let mut hopped = vec![0.0; items];
        let signal: (&[u32], &[f32]) = (&[item.0], &[1.0]);
        self.operator.apply_sparse(&[signal], ColumnsMut::new(&mut hopped, (1, items)));
        weights.of(history).zip(history.items()).map(|(weight, &from)| weight * hopped[from as usize]).collect()
    }

    /// The filtered signals of histories, items × users. A tile of users at a time, one lane each, `filter` is given the
    /// signals after two hops, which it replaces by the scores, and after the low-pass, both lanes × items.
    pub(super) fn scores(
        &self,
        basis: &Basis,
        (weights, histories): (InputWeights, &[HistoryRef<'_>]),
        filter: impl Fn(&mut Vec<f32>, &[f32]),
    ) -> DMatrix<f32> {
        let items = self.operator.columns();
        let mut scores = DMatrix::zeros(items, histories.len());
        for (tile, histories) in histories.chunks(GRAM_LANES).enumerate() {
            let lanes = histories.len();
            let inputs: Vec<Vec<f32>> = histories.iter().map(|&history| weights.of(history).collect()).collect();
            let signals: Vec<(&[u32], &[f32])> =
                histories.iter().zip(&inputs).map(|(history, input)| (history.items(), input.as_slice())).collect();
            let (mut hopped, mut low) = (zeros(lanes * items), zeros(lanes * items));
            self.operator.apply_sparse(&signals, ColumnsMut::new(&mut hopped, (lanes, items)));
            let projected = basis.project(weights, histories);
            dots(ColumnsMut::new(&mut low, (lanes, items)), (&projected).into(), basis.table());
            filter(&mut hopped, &low);
            let columns = &mut scores.as_mut_slice()[tile * GRAM_LANES * items..][..lanes * items];
            for (block, values) in hopped.chunks(lanes * ITEM_BLOCK).enumerate() {
                for (lane, column) in columns.chunks_exact_mut(items).enumerate() {
                    let column = &mut column[block * ITEM_BLOCK..];
                    column.iter_mut().zip(values.chunks_exact(lanes)).for_each(|(score, item)| *score = item[lane]);
                }
            }
        }
        scores
    }
}

/// The ideal low-pass. With yᵢ = √dᵢ · vᵢ for the row vᵢ of V and the degree dᵢ of item i, a history r is projected on
/// z = Σᵢ rᵢ / dᵢ · yᵢ, and item j scores z · yⱼ.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    /// y: rank × items, without a bias.
    pub(super) output: Dense,
    /// 1 / dᵢ, 0 where nobody has the item.
    inverse_degrees: Vec<f32>,
}

const TABLE: &str = "spectrum.items";
const INVERSE_DEGREES: &str = "spectrum.inverse_degrees";

impl Basis {
    /// The `rank` leading singular vectors of a graph.
    ///
    /// # Errors
    /// [`FitError::Rank`] when R̃ has fewer.
    pub(super) fn fit(graph: &Graph, rank: usize) -> Result<Self, FitError> {
        let (operator, items) = (&graph.operator, graph.degrees.len());
        let most = items.min(operator.by_column().cols());
        if rank > most {
            return Err(FitError::Rank { asked: rank, rank: most });
        }
        let block = block_of(rank).min(items);
        let mut start = zeros(block * items);
        fill_normal(&mut start, 1.0, START, Purpose::Subspace, 0);
        let apply = |signals: Columns<'_>, out: ColumnsMut<'_>| operator.apply(signals, out);
        let found = leading_eigenpairs(apply, start, (block, items), rank).map_err(|error| match error {
            EigenError::Rank { asked, rank } => FitError::Rank { asked, rank },
            EigenError::NotFinite => FitError::Spectrum(error),
        })?;
        let mut weights = found.vectors;
        for (column, degree) in weights.chunks_exact_mut(rank).zip(&graph.degrees) {
            let root = degree.sqrt() as f32;
            column.iter_mut().for_each(|value| *value *= root);
        }
        let inverse = |&degree: &f64| if degree > 0.0 { degree.recip() as f32 } else { 0.0 };
        let inverse_degrees = graph.degrees.iter().map(inverse).collect();
        Ok(Self { output: Dense { weights, bias: vec![0.0; items] }, inverse_degrees })
    }

    /// Restores the low-pass of `items` items.
    pub(super) fn restore(rank: usize, items: usize, tensors: &mut StoredTensors) -> Result<Self, RestoreError> {
        let weights = tensors.take(TABLE, &[rank, items])?;
        let inverse_degrees = tensors.take(INVERSE_DEGREES, &[items])?;
        Ok(Self { output: Dense { weights, bias: vec![0.0; items] }, inverse_degrees })
    }

    /// What [`restore`](Self::restore) reads.
    pub(super) fn tensors(&self) -> Vec<Tensor<'_>> {
        vec![
            Tensor::matrix(TABLE, &self.output.weights, self.output.inputs()).by_item(),
            Tensor::vector(INVERSE_DEGREES, &self.inverse_degrees).by_item(),
        ]
    }

    /// y, one column an item.
    pub(super) fn table(&self) -> Columns<'_> {
        self.output.columns()
    }

    /// z of each history: rank × users.
    pub(super) fn project(&self, weights: InputWeights, histories: &[HistoryRef<'_>]) -> DMatrix<f32> {
        let mut projected = DMatrix::zeros(self.output.inputs(), histories.len());
        let mut columns = ColumnsMut::from(&mut projected);
        for (user, &history) in histories.iter().enumerate() {
            let input: Vec<f32> = self.inputs(weights, history).collect();
            gather(columns.col(user), self.table(), 0, history.items(), &input);
        }
        projected
    }

    /// What each item of a history adds to the score of `item`.
    pub(super) fn terms(&self, weights: InputWeights, history: HistoryRef<'_>, item: usize) -> Vec<f32> {
        let vector = self.table().range(item..item + 1);
        let term = |(&from, input): (&u32, f32)| {
            let mut product = [0.0];
            let other = self.table().range(from as usize..from as usize + 1);
            dots(ColumnsMut::new(&mut product, (1, 1)), other, vector);
            input * product[0]
        };
        history.items().iter().zip(self.inputs(weights, history)).map(term).collect()
    }

    /// rᵢ / dᵢ for the items of a history.
    fn inputs<'a>(&'a self, weights: InputWeights, history: HistoryRef<'a>) -> impl Iterator<Item = f32> {
        let scaled = |(weight, &item): (f32, &u32)| weight * self.inverse_degrees[item as usize];
        weights.of(history).zip(history.items()).map(scaled)
    }
}

/// Vectors that are iterated for `rank` wanted ones: an eighth more, and at least eight.
#[must_use]
pub fn block_of(rank: usize) -> usize {
    rank + (rank / 8).max(8)
}
