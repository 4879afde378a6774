//! A sparse coder: any vectors as sparse codes, learnt from the vectors alone.
//!
//! CompresSAE (Kasalický, Spišák, Vančura, Bohuněk, Alves, Kordík 2025, "The Future is Sparse: Embedding Compression for
//! Scalable Retrieval in Recommender Systems"). A vector x of unit length and d dimensions becomes a code of width w,
//!
//! z = top_k(E·x + b),
//!
//! the k values of the largest magnitude with their signs, and is decoded to x̂ = D·z; the columns of D have unit length.
//! The loss of a vector is 1 − cos(x, x̂), and an eighth of the same with 4·k values, which moves latents that are hardly
//! ever among the k. Gradients pass through the values that are kept.
//!
//! A code is scaled so that x̂ has unit length: for any vector q, cos(q, x̂) = (Dᵀq / ‖q‖)·z is an inner product with the
//! code, and [`InvertedIndex`](super::InvertedIndex) finds the largest without decoding anything.

use nalgebra::{DMatrix, DVectorView};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{LARGEST_WIDTH, SparseCodes, strongest};
use crate::linalg::{Columns, ColumnsMut, axpy, dots, dots_each, zeros};
use crate::nn::{Adam, AdamConfig, Dense, Optimiser, Scaling, SparseBatch, gather_batch, scatter_batch};
use crate::random::{Purpose, fill_normal, stream};

/// Parameters of a coder and of its training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoderConfig {
    /// Width w of the codes: the latents.
    pub width: usize,
    /// Values k of a code.
    pub kept: usize,
    /// Passes over the vectors.
    pub epochs: usize,
    /// Vectors a step.
    pub batch_size: usize,
    /// Step size of Adam at first; it falls in a straight line to a tenth.
    pub learning_rate: f32,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for CoderConfig {
    fn default() -> Self {
        Self { width: 2048, kept: 32, epochs: 100, batch_size: 512, learning_rate: 3e-3, seed: 1 }
    }
}

/// Why a coder cannot be trained, or vectors not be coded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CoderError {
    /// A parameter is outside its range.
    #[error("{parameter} is {value}, must be {range}")]
    Parameter {
        /// Its name.
        parameter: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        range: String,
    },
    /// A vector holds something that is not a number.
    #[error("vector {vector} holds {value} at position {position}: it cannot be coded")]
    NotFinite {
        /// Which vector.
        vector: usize,
        /// Where in it.
        position: usize,
        /// The value.
        value: f32,
    },
    /// Fewer than two vectors have a direction.
    #[error("only {directed} of {vectors} vectors have a length above 0: there is nothing to learn")]
    NothingToLearn {
        /// Vectors with a direction.
        directed: usize,
        /// All of them.
        vectors: usize,
    },
}

impl CoderConfig {
    /// Refuses parameters that cannot be meant.
    ///
    /// # Errors
    /// [`CoderError::Parameter`].
    pub fn check(&self) -> Result<(), CoderError> {
        let most = 1_000_000;
        for (parameter, value, most) in [
            ("width", self.width, LARGEST_WIDTH),
            ("kept", self.kept, self.width),
            ("epochs", self.epochs, most),
            ("batch_size", self.batch_size, most),
        ] {
            if !(1..=most).contains(&value) {
                let range = format!("a whole number from 1 to {most}");
                return Err(CoderError::Parameter { parameter, value: value.to_string(), range });
            }
        }
        let rate = self.learning_rate;
        if rate > 0.0 && rate <= 1.0 {
            return Ok(());
        }
        let range = "greater than 0 and at most 1".into();
        Err(CoderError::Parameter { parameter: "learning_rate", value: rate.to_string(), range })
    }

    /// Bytes that training on `vectors` of `dimensions` takes beside them: encoder, decoder and bias with gradients and
    /// two moments each, the directions of the vectors, and the products of a batch.
    #[must_use]
    pub fn memory(&self, dimensions: usize, vectors: usize) -> u64 {
        let [width, dimensions, vectors, batch] =
            [self.width, dimensions, vectors, self.batch_size.min(vectors)].map(|value| value as u128);
        let values = 4 * (2 * dimensions + 1) * width + dimensions * vectors + batch * (width + 3 * dimensions);
        u64::try_from(4 * values).unwrap_or(u64::MAX)
    }
}

/// A trained coder.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseCoder {
    kept: usize,
    /// E and b: one column of d values a latent.
    pub encoder: Dense,
    /// D: `d × w`, columns of unit length.
    pub decoder: Vec<f32>,
}

/// The gradient of the tensors of a coder.
struct Gradient {
    encoder: Dense,
    decoder: Vec<f32>,
}

/// What the loss with more values counts, and how many times as many they are.
const AUXILIARY: (f32, usize) = (0.125, 4);

/// Vectors coded at a time.
const CHUNK: usize = 1024;

impl SparseCoder {
    /// A coder of random latents, each read as it is written: E = Dᵀ.
    fn new(config: &CoderConfig, dimensions: usize) -> Self {
        let mut decoder = zeros(dimensions * config.width);
        fill_normal(&mut decoder, 1.0, config.seed, Purpose::Init, 0);
        normalise(&mut decoder, dimensions);
        let encoder = Dense { weights: decoder.clone(), bias: vec![0.0; config.width] };
        Self { kept: config.kept, encoder, decoder }
    }

    /// Trains a coder on vectors, one a column; `progress` is called after every epoch with its number and mean loss.
    /// Vectors of no length are left out.
    ///
    /// # Errors
    /// [`CoderError`] for parameters out of range, numbers that are none, or nothing to learn.
    pub fn fit(
        vectors: Columns<'_>,
        config: &CoderConfig,
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Self, CoderError> {
        config.check()?;
        let (directions, dimensions) = (directions(vectors)?, vectors.rows());
        let directions = Columns::new(&directions, (dimensions, vectors.cols()));
        let directed: Vec<usize> =
            (0..vectors.cols()).filter(|&at| directions.col(at).iter().any(|v| *v != 0.0)).collect();
        if directed.len() < 2 {
            return Err(CoderError::NothingToLearn { directed: directed.len(), vectors: vectors.cols() });
        }
        let mut coder = Self::new(config, dimensions);
        let mut gradient = Gradient { encoder: coder.encoder.clone(), decoder: coder.decoder.clone() };
        let mut moments = coder.tensors_mut().map(|tensor| Adam::new(tensor.len()));
        let planned = (config.epochs * directed.len().div_ceil(config.batch_size)) as f32;
        let mut done = 0;
        for epoch in 1..=config.epochs {
            let mut order = directed.clone();
            order.shuffle(&mut stream(config.seed, Purpose::Shuffle, [epoch as u64, 0]));
            let mut loss = 0.0;
            for batch in order.chunks(config.batch_size) {
                let x = batch.iter().flat_map(|&at| directions.col(at).iter().copied());
                let x = DMatrix::from_iterator(dimensions, batch.len(), x);
                loss += coder.gradient((&x).into(), &mut gradient);
                let learning_rate = config.learning_rate * (1.0 - 0.9 * done as f32 / planned);
                done += 1;
                let adam = AdamConfig { optimiser: Optimiser::Adam, learning_rate, weight_decay: 0.0 };
                let gradients = [&gradient.encoder.weights, &gradient.encoder.bias, &gradient.decoder];
                for ((tensor, moments), gradient) in coder.tensors_mut().into_iter().zip(&mut moments).zip(gradients) {
                    moments.update(&adam.step(done), tensor, gradient);
                }
                normalise(&mut coder.decoder, dimensions);
            }
            progress(epoch, loss / directed.len() as f64);
        }
        Ok(coder)
    }

    /// A coder from its tensors, E and b of the encoder and D; `None` when their shapes are not those of
    /// `(dimensions, width)`, or `kept` is out of range.
    #[must_use]
    pub fn restore(
        (dimensions, width): (usize, usize),
        kept: usize,
        [weights, bias, decoder]: [Vec<f32>; 3],
    ) -> Option<Self> {
        let table = dimensions.checked_mul(width)?;
        let fits = (1..=LARGEST_WIDTH).contains(&width) && (1..=width).contains(&kept);
        let shapes = [weights.len(), bias.len(), decoder.len()] == [table, width, table];
        (fits && shapes).then_some(Self { kept, encoder: Dense { weights, bias }, decoder })
    }

    fn tensors_mut(&mut self) -> [&mut Vec<f32>; 3] {
        [&mut self.encoder.weights, &mut self.encoder.bias, &mut self.decoder]
    }

    /// Dimensions of the vectors.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.encoder.inputs()
    }

    /// Width of the codes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.encoder.outputs()
    }

    fn decoder(&self) -> Columns<'_> {
        Columns::new(&self.decoder, (self.dimensions(), self.width()))
    }

    /// The codes of vectors, one a column, scaled so that they decode to unit length; that of a vector of no length is
    /// zero. A vector's code has the same bits whatever it is coded with.
    ///
    /// # Errors
    /// [`CoderError::NotFinite`].
    pub fn encode(&self, vectors: Columns<'_>) -> Result<SparseCodes, CoderError> {
        let (directions, dimensions) = (directions(vectors)?, self.dimensions());
        let mut codes: Option<SparseCodes> = None;
        for chunk in directions.chunks(CHUNK * dimensions) {
            let chunk = Columns::new(chunk, (dimensions, chunk.len() / dimensions));
            let mut values = DMatrix::zeros(self.width(), chunk.cols());
            self.encoder.linear(chunk, (&mut values).into());
            let some = SparseCodes::of((&values).into(), self.kept);
            let decoded = self.decode(&some);
            let lengths = (0..chunk.cols()).map(|at| {
                let directed = chunk.col(at).iter().any(|value| *value != 0.0);
                let length = decoded.column(at).norm();
                if directed && length > 0.0 { length.recip() } else { 0.0 }
            });
            let some = some.scaled(&lengths.collect::<Vec<f32>>());
            match &mut codes {
                None => codes = Some(some),
                Some(codes) => codes.append(some),
            }
        }
        Ok(codes.unwrap_or_else(|| SparseCodes::of(Columns::new(&[], (self.width(), 0)), self.kept)))
    }

    /// What codes stand for: `dimensions × codes`.
    ///
    /// # Panics
    /// When they are not of this width.
    #[must_use]
    pub fn decode(&self, codes: &SparseCodes) -> DMatrix<f32> {
        assert_eq!(codes.width(), self.width(), "codes of this coder");
        let mut out = DMatrix::zeros(self.dimensions(), codes.len());
        let rows = batch((0..codes.len()).map(|entity| codes.code(entity).unzip()).collect());
        gather_batch(self.decoder(), &rows, (&mut out).into(), |_| {});
        out
    }

    /// Dᵀq for each vector q, one a column: a query for an index of codes, whose inner products are those of q with what
    /// the codes stand for. `width × vectors`.
    ///
    /// # Panics
    /// When the vectors have other dimensions.
    #[must_use]
    pub fn queries(&self, vectors: Columns<'_>) -> DMatrix<f32> {
        let mut out = DMatrix::zeros(self.width(), vectors.cols());
        dots((&mut out).into(), self.decoder(), vectors);
        out
    }

    /// Overwrites `gradient` with that of the mean loss over `x`, directions of unit length, and returns the summed loss.
    fn gradient(&self, x: Columns<'_>, gradient: &mut Gradient) -> f64 {
        let shape = (self.dimensions(), self.width());
        let mut values = DMatrix::zeros(shape.1, x.cols());
        self.encoder.logits(x, (&mut values).into());
        let Gradient { encoder, decoder } = gradient;
        for tensor in [&mut encoder.weights, &mut encoder.bias, &mut *decoder] {
            tensor.fill(0.0);
        }
        let (share, times) = AUXILIARY;
        let mut loss = 0.0;
        for (kept, share) in [(self.kept, 1.0), ((times * self.kept).min(shape.1), share)] {
            let choose = |order: &mut Vec<u32>, at| {
                let values = values.column(at);
                let places = strongest(values.as_slice(), kept, order).to_vec();
                let values: Vec<f32> = places.iter().map(|&place| values[place as usize]).collect();
                (places, values)
            };
            let codes = batch((0..x.cols()).into_par_iter().map_init(Vec::new, choose).collect());
            let mut decoded = DMatrix::zeros(shape.0, x.cols());
            gather_batch(self.decoder(), &codes, (&mut decoded).into(), |_| {});
            // What was decoded becomes the gradient of it.
            for (at, mut decoded) in decoded.column_iter_mut().enumerate() {
                let (x, length) = (DVectorView::from_slice(x.col(at), shape.0), decoded.norm());
                let inverse = if length > 0.0 { length.recip() } else { 0.0 };
                let cosine = inverse * decoded.dot(&x);
                loss += f64::from(share) * (1.0 - f64::from(cosine));
                decoded *= cosine * inverse;
                decoded -= x;
                decoded *= share * inverse / values.ncols() as f32;
            }
            scatter_batch(&codes, (&decoded).into(), ColumnsMut::new(decoder, shape), |_, _| {});
            let of_values = |at| {
                let (places, _) = codes.row(at);
                let columns: Vec<&[f32]> = places.iter().map(|&place| self.decoder().col(place as usize)).collect();
                let mut of_values = vec![0.0; places.len()];
                dots_each(&mut of_values, &columns, decoded.column(at).as_slice());
                (places.to_vec(), of_values)
            };
            let of_values = batch((0..x.cols()).into_par_iter().map(of_values).collect());
            for (&place, value) in
                (0..x.cols()).map(|at| of_values.row(at)).flat_map(|(places, values)| places.iter().zip(values))
            {
                encoder.bias[place as usize] += value;
            }
            scatter_batch(&of_values, x, ColumnsMut::new(&mut encoder.weights, shape), |_, _| {});
        }
        // A column of unit length only turns.
        let columns = decoder.par_chunks_exact_mut(shape.0).zip(self.decoder.par_chunks_exact(shape.0));
        columns.for_each(|(gradient, column)| {
            let mut along = [0.0];
            dots_each(&mut along, &[&*gradient], column);
            axpy(gradient, -along[0], column);
        });
        loss
    }
}

/// Places and values, vector by vector, as a batch.
fn batch(rows: Vec<(Vec<u32>, Vec<f32>)>) -> SparseBatch {
    let mut batch = SparseBatch::scaled(Scaling::AsIs);
    rows.into_iter().for_each(|(places, values)| batch.push(&places, values.iter().copied()));
    batch
}

/// Vectors divided by their lengths, one after the other; those of no length stay zero.
///
/// # Errors
/// [`CoderError::NotFinite`].
pub fn directions(vectors: Columns<'_>) -> Result<Vec<f32>, CoderError> {
    let dimensions = vectors.rows();
    if let Some(at) = vectors.data().iter().position(|value| !value.is_finite()) {
        let (vector, position) = (at / dimensions, at % dimensions);
        return Err(CoderError::NotFinite { vector, position, value: vectors.data()[at] });
    }
    let mut directions = vectors.data().to_vec();
    normalise(&mut directions, dimensions);
    Ok(directions)
}

/// Divides every column by its length, unless that is 0. Lengths of the largest and the smallest numbers are found too.
fn normalise(columns: &mut [f32], rows: usize) {
    columns.par_chunks_exact_mut(rows).for_each(|column| {
        let length = column.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            column.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
        }
    });
}

#[cfg(test)]
#[path = "coder_tests.rs"]
mod tests;
