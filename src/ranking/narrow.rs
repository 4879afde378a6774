//! Lists from narrow item tables: every item is scored roughly, the ones that come close exactly.
//!
//! For models whose score is the inner product of a user's state with an item's vector, plus a bias. The
//! table holds the vectors as eight-bit integers (a scale for each item) or half-precision floats. The exact
//! scores decide the order of what is listed, so a narrow table can only cost an item that its rough score puts
//! behind [`SPARE`] others.

use half::f16;
use serde::{Deserialize, Serialize};

use crate::linalg::{Columns, ColumnsMut, LARGEST_QUERY, NARROW_RUN, dots_f16, dots_i8};

/// Items that are scored exactly beyond the length of the list.
pub const SPARE: usize = 64;

/// The number that stands for zero in a query of eight-bit integers.
const ZERO: u8 = LARGEST_QUERY.div_ceil(2);

/// How the numbers of an item table are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// Eight-bit integers with a scale for each item.
    Int8,
    /// Half-precision floats.
    F16,
}

/// An item table in narrow numbers, with the biases.
#[derive(Clone, Debug)]
pub struct NarrowTable {
    values: Values,
    bias: Vec<f32>,
}

#[derive(Clone, Debug)]
enum Values {
    Int8 {
        /// items × `width`, each row filled up with zeros.
        rows: Vec<i8>,
        width: usize,
        /// What one unit of an item's numbers stands for.
        scales: Vec<f32>,
        /// [`ZERO`] times the sum of an item's numbers: what its inner product has too much.
        surplus: Vec<i32>,
    },
    F16(Vec<f16>),
}

/// The states of users, ready for a table.
pub(super) enum NarrowQueries<'a> {
    /// A row of the table's width and a scale for each.
    Int8 {
        values: Vec<u8>,
        scales: Vec<f32>,
    },
    F16(Vec<&'a [f32]>),
}

impl NarrowTable {
    /// Rounds item vectors (columns of `vectors`) to `width`; `bias` has one value an item, or none.
    ///
    /// # Panics
    /// When it has any other number of them.
    #[must_use]
    pub fn new(width: Width, vectors: Columns<'_>, bias: &[f32]) -> Self {
        let bias = if bias.is_empty() { vec![0.0; vectors.cols()] } else { bias.to_vec() };
        assert_eq!(vectors.cols(), bias.len(), "one bias an item");
        let values = match width {
            Width::F16 => Values::F16(vectors.data().iter().map(|&value| f16::from_f32(value)).collect()),
            Width::Int8 => int8(vectors),
        };
        Self { values, bias }
    }

    /// Number of items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.bias.len()
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Int8 { rows, .. } => rows.len() + 8 * self.items(),
            Values::F16(values) => 2 * values.len(),
        };
        values + 4 * self.items()
    }

    /// Rounds the states of users to what the table is multiplied with.
    pub(super) fn queries<'a>(&self, states: impl Iterator<Item = &'a [f32]>) -> NarrowQueries<'a> {
        match &self.values {
            Values::F16(_) => NarrowQueries::F16(states.collect()),
            Values::Int8 { width, .. } => {
                let (mut values, mut scales) = (Vec::new(), Vec::new());
                for state in states {
                    let largest = state.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
                    let scale = largest / f32::from(LARGEST_QUERY - ZERO);
                    let unit = if scale > 0.0 { scale.recip() } else { 0.0 };
                    let first = values.len();
                    values.extend(state.iter().map(|exact| (f32::from(ZERO) + (exact * unit).round()) as u8));
                    // Beyond the state the rows hold zeros, so what stands there does not matter.
                    values.resize(first + width, 0);
                    scales.push(scale);
                }
                NarrowQueries::Int8 { values, scales }
            }
        }
    }

    /// Rough scores of the items from `first` on (rows of `scores`) for every query (columns).
    ///
    /// # Panics
    /// When the items leave the table, or the queries are not as many or were made for another one.
    pub(super) fn score(
        &self,
        queries: &NarrowQueries<'_>,
        first: usize,
        products: &mut Vec<i32>,
        mut scores: ColumnsMut<'_>,
    ) {
        let items = first..first + scores.rows();
        let bias = &self.bias[items.clone()];
        match (&self.values, queries) {
            (Values::Int8 { rows, width, scales: units, surplus }, NarrowQueries::Int8 { values, scales }) => {
                products.resize(items.len() * scales.len(), 0);
                dots_i8(products, &rows[items.start * width..items.end * width], values, *width);
                for (query, (products, scale)) in products.chunks_exact(items.len()).zip(scales).enumerate() {
                    let parts = products.iter().zip(&surplus[items.clone()]).zip(&units[items.clone()]).zip(bias);
                    for (score, (((product, surplus), unit), bias)) in scores.col(query).iter_mut().zip(parts) {
                        *score = (product - surplus) as f32 * (unit * scale) + bias;
                    }
                }
            }
            (Values::F16(values), NarrowQueries::F16(states)) => {
                for (query, state) in states.iter().enumerate() {
                    let (width, scores) = (state.len(), scores.col(query));
                    dots_f16(scores, &values[items.start * width..items.end * width], state);
                    scores.iter_mut().zip(bias).for_each(|(score, bias)| *score += bias);
                }
            }
            _ => unreachable!("queries are scored by the table that made them"),
        }
    }
}

fn int8(vectors: Columns<'_>) -> Values {
    let (width, items) = (vectors.rows().next_multiple_of(NARROW_RUN), vectors.cols());
    let (mut rows, mut scales, mut surplus) = (vec![0i8; width * items], vec![0.0; items], vec![0; items]);
    for item in 0..items {
        let vector = vectors.col(item);
        let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        scales[item] = largest / f32::from(i8::MAX);
        let unit = if largest > 0.0 { f32::from(i8::MAX) / largest } else { 0.0 };
        let row = &mut rows[item * width..][..vector.len()];
        row.iter_mut().zip(vector).for_each(|(value, exact)| *value = (exact * unit).round() as i8);
        surplus[item] = i32::from(ZERO) * row.iter().map(|&value| i32::from(value)).sum::<i32>();
    }
    Values::Int8 { rows, width, scales, surplus }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn rough_scores_are_near_the_exact_ones() {
        let (dim, items) = (70, 300);
        let mut random = stream(3, Purpose::Init, [0, 0]);
        let mut draw = |len: usize| -> Vec<f32> { (0..len).map(|_| random.random_range(-1.0..1.0)).collect() };
        let (vectors, bias, state) = (draw(dim * items), draw(items), draw(dim));
        let vectors = Columns::new(&vectors, (dim, items));
        let exact: Vec<f32> = (0..items)
            .map(|item| vectors.col(item).iter().zip(&state).map(|(a, b)| a * b).sum::<f32>() + bias[item])
            .collect();
        for (width, tolerance) in [(Width::Int8, 0.15), (Width::F16, 0.01)] {
            let table = NarrowTable::new(width, vectors, &bias);
            let mut rough = vec![f32::NAN; items];
            // In two parts, the second of which does not begin with a whole run.
            let (first, second) = rough.split_at_mut(131);
            let queries = table.queries(iter::once(&state[..]));
            for (at, part) in [(0, first), (131, second)] {
                let shape = (part.len(), 1);
                table.score(&queries, at, &mut Vec::new(), ColumnsMut::new(part, shape));
            }
            for (item, (rough, exact)) in rough.iter().zip(&exact).enumerate() {
                assert!((rough - exact).abs() < tolerance, "{width:?}, item {item}: {rough} instead of {exact}");
            }
        }
    }

    #[test]
    fn nothing_is_nothing() {
        let table = NarrowTable::new(Width::Int8, Columns::new(&[0.0; 6], (2, 3)), &[1.0, 2.0, 3.0]);
        let mut scores = [f32::NAN; 3];
        let queries = table.queries(iter::once(&[0.0, 0.0][..]));
        table.score(&queries, 0, &mut Vec::new(), ColumnsMut::new(&mut scores, (3, 1)));
        assert_eq!(scores, [1.0, 2.0, 3.0]);
    }
}
