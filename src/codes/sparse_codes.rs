//! Vectors of which a few values are kept.

use std::ops::Range;

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::linalg::{Columns, zeros};

/// Vectors of one width, one an entity, with the same number of values each; everywhere else a vector is zero.
///
/// A value takes 3 bytes: its place, of 16 bits, and a whole number v of 8 bits with a sign, which stands for v times the scale
/// of its entity. So a value is off by no more than 1/254 of the largest one of its entity; as much again for more exact values
/// is better spent on more of them. The bytes of an entity are its places in ascending order, lower byte first, then the whole
/// numbers in the same order, then zeros up to a full word of 32 bits. A scale takes 4 bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseCodes {
    width: usize,
    kept: usize,
    words: Vec<u32>,
    scales: Vec<f32>,
}

/// The largest width: places have 16 bits.
pub const LARGEST_WIDTH: usize = 1 << 16;

/// The whole number that stands for the value of the largest magnitude.
const LARGEST: f32 = i8::MAX as f32;

/// Bytes of a place and of a whole number.
const PLACE: usize = size_of::<u16>();
const VALUE: usize = size_of::<i8>();

/// Words of a code of `kept` values; `None` where they cannot be counted.
fn words_each(kept: usize) -> Option<usize> {
    Some(kept.checked_mul(PLACE + VALUE)?.div_ceil(size_of::<u32>()))
}

/// Why words and scales are no codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodesError {
    /// There are not as many words for every scale as a code has values.
    #[error("{words} words of 32 bits and {scales} scales are no codes of {kept} values each")]
    Length {
        /// Words given.
        words: usize,
        /// Scales given.
        scales: usize,
        /// Values of a code.
        kept: usize,
    },
    /// A place is outside the width, or not above the one before.
    #[error("place {place} at position {position} is not above the one before it and below {width}")]
    Place {
        /// The place.
        place: u32,
        /// Where it stands.
        position: usize,
        /// The width of the codes.
        width: usize,
    },
}

impl SparseCodes {
    /// Codes from their parts: a scale and as many [words](Self::words) an entity as `kept` values take.
    ///
    /// # Errors
    /// [`CodesError`] when the lengths do not fit, or places do not ascend below `width`.
    pub fn new((width, kept): (usize, usize), words: Vec<u32>, scales: Vec<f32>) -> Result<Self, CodesError> {
        if words_each(kept).and_then(|each| scales.len().checked_mul(each)) != Some(words.len()) {
            return Err(CodesError::Length { words: words.len(), scales: scales.len(), kept });
        }
        let codes = Self { width, kept, words, scales };
        for entity in 0..codes.len() {
            let mut least = 0;
            for (at, (place, _)) in codes.integers(entity).enumerate() {
                if place < least || place as usize >= width {
                    return Err(CodesError::Place { place, position: entity * kept + at, width });
                }
                least = place + 1;
            }
        }
        Ok(codes)
    }

    /// The `kept` values of the largest magnitude of every column, by [`strongest`].
    ///
    /// # Panics
    /// When `kept` is 0 or more than the columns have, or these have more than [`LARGEST_WIDTH`] values.
    #[must_use]
    pub fn of(vectors: Columns<'_>, kept: usize) -> Self {
        let width = vectors.rows();
        assert!((1..=width).contains(&kept) && width <= LARGEST_WIDTH, "{kept} values of {width}");
        let each = (kept * (PLACE + VALUE)).div_ceil(size_of::<u32>());
        let (mut words, mut scales) = (vec![0u32; vectors.cols() * each], zeros(vectors.cols()));
        let codes = words.par_chunks_exact_mut(each).zip(&mut scales).enumerate();
        codes.for_each_init(Vec::new, |order, (entity, (words, scale))| {
            let vector = vectors.col(entity);
            let places = strongest(vector, kept, order);
            let largest = places.iter().map(|&place| vector[place as usize].abs()).fold(0.0, f32::max);
            *scale = largest / LARGEST;
            let (stored, values) = bytemuck::cast_slice_mut::<u32, u8>(words).split_at_mut(PLACE * kept);
            for ((stored, value), &place) in stored.chunks_exact_mut(PLACE).zip(values).zip(places) {
                stored.copy_from_slice(&(place as u16).to_le_bytes());
                let share = if largest > 0.0 { vector[place as usize] / largest } else { 0.0 };
                *value = (share * LARGEST).round() as i8 as u8;
            }
        });
        Self { width, kept, words, scales }
    }

    /// The same directions, of unit length; a vector of zeros stays one.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        for entity in 0..self.len() {
            let square: f64 = self.integers(entity).map(|(_, value)| f64::from(value).powi(2)).sum();
            self.scales[entity] = if square > 0.0 { square.sqrt().recip() as f32 } else { 0.0 };
        }
        self
    }

    /// The same directions, each as many times as long as its factor says.
    ///
    /// # Panics
    /// When there is not one factor an entity.
    #[must_use]
    pub fn scaled(mut self, factors: &[f32]) -> Self {
        assert_eq!(self.scales.len(), factors.len(), "a factor an entity");
        self.scales.iter_mut().zip(factors).for_each(|(scale, factor)| *scale *= factor);
        self
    }

    /// Appends the vectors of other codes.
    ///
    /// # Panics
    /// When they are of another width or have another number of values.
    pub fn append(&mut self, other: Self) {
        assert_eq!((self.width, self.kept), (other.width, other.kept), "codes of one kind");
        self.words.extend(other.words);
        self.scales.extend(other.scales);
    }

    /// Width of the vectors.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Values of each.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Number of vectors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// True when there is no vector.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// Bytes of one vector.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.words_each() * size_of::<u32>() + size_of::<f32>()
    }

    fn words_each(&self) -> usize {
        (self.kept * (PLACE + VALUE)).div_ceil(size_of::<u32>())
    }

    /// The words of all entities, as many for each.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// The scale of every entity.
    #[must_use]
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Places and values of an entity.
    pub fn code(&self, entity: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let scale = self.scales[entity];
        self.integers(entity).map(move |(place, value)| (place, scale * f32::from(value)))
    }

    /// Places of an entity, and the whole numbers that stand for the values.
    pub(super) fn integers(&self, entity: usize) -> impl Iterator<Item = (u32, i8)> + '_ {
        let each = self.words_each();
        let bytes: &[u8] = bytemuck::cast_slice(&self.words[entity * each..][..each]);
        let (places, values) = bytes.split_at(PLACE * self.kept);
        let place = |bytes: &[u8]| u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        places.chunks_exact(PLACE).zip(values).map(move |(bytes, &value)| (place(bytes), value as i8))
    }

    /// The inner product of an entity's vector with a dense one: terms in the order of the places.
    #[must_use]
    pub fn dot(&self, entity: usize, vector: &[f32]) -> f32 {
        let terms = self.integers(entity).map(|(place, value)| f32::from(value) * vector[place as usize]);
        self.scales[entity] * terms.fold(0.0, |sum, term| sum + term)
    }

    /// Adds `factor` times an entity's vector to a dense one.
    pub fn add_to(&self, vector: &mut [f32], entity: usize, factor: f32) {
        self.code(entity).for_each(|(place, value)| vector[place as usize] += factor * value);
    }

    /// The vectors of a range of entities, written out: `width × entities.len()`.
    #[must_use]
    pub fn dense(&self, entities: Range<usize>) -> DMatrix<f32> {
        let mut out = DMatrix::zeros(self.width, entities.len());
        for (column, entity) in out.as_mut_slice().chunks_exact_mut(self.width).zip(entities) {
            self.add_to(column, entity, 1.0);
        }
        out
    }
}

/// The places of the `kept` values of the largest magnitude, ascending; of equals the first. `order` is room to sort in.
///
/// # Panics
/// When there are fewer values, or none is to be kept.
pub fn strongest<'o>(values: &[f32], kept: usize, order: &'o mut Vec<u32>) -> &'o [u32] {
    assert!((1..=values.len()).contains(&kept), "{kept} of {} values", values.len());
    order.clear();
    order.extend(0..values.len() as u32);
    if kept < values.len() {
        let magnitude = |place: u32| values[place as usize].abs();
        order.select_nth_unstable_by(kept - 1, |&a, &b| magnitude(b).total_cmp(&magnitude(a)).then(a.cmp(&b)));
        order.truncate(kept);
        order.sort_unstable();
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_magnitudes_are_kept_with_their_signs() {
        let vectors = [0.5, -3.0, 0.0, 1.5, -1.5, 1.0, 1.0, 1.0, -1.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0];
        let codes = SparseCodes::of(Columns::new(&vectors, (5, 3)), 2);
        assert_eq!((codes.len(), codes.width(), codes.kept(), codes.bytes()), (3, 5, 2, 12));
        let near = |entity: usize, expected: [(u32, f32); 2]| {
            for ((place, value), (at, wanted)) in codes.code(entity).zip(expected) {
                assert!(place == at && (value - wanted).abs() < 0.012, "{entity}: {place} {value}");
            }
        };
        near(0, [(1, -3.0), (3, 1.5)]);
        near(1, [(0, 1.0), (1, 1.0)]);
        near(2, [(0, 0.0), (1, 0.0)]);
        assert!((codes.dot(0, &[9.0, 1.0, 9.0, 10.0, 9.0]) - 12.0).abs() < 0.2);
        let unit = codes.normalised();
        assert!((unit.dense(0..1).norm() - 1.0).abs() < 1e-6);
        assert_eq!(unit.dense(2..3).norm(), 0.0);
        assert_eq!(SparseCodes::new((5, 2), unit.words().to_vec(), unit.scales().to_vec()), Ok(unit));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        // Two places in a word, two values and two zeros in the next.
        let words =
            |places: &[u32]| places.chunks(2).flat_map(|two| [two[0] | two[1] << 16, 0x0707]).collect::<Vec<_>>();
        let refused = |places: &[u32], scales: usize| SparseCodes::new((4, 2), words(places), vec![1.0; scales]);
        assert_eq!(refused(&[0, 1], 2), Err(CodesError::Length { words: 2, scales: 2, kept: 2 }));
        assert_eq!(refused(&[0, 1, 2, 3], 1), Err(CodesError::Length { words: 4, scales: 1, kept: 2 }));
        let vast = SparseCodes::new((4, usize::MAX), vec![0], vec![1.0]);
        assert_eq!(vast, Err(CodesError::Length { words: 1, scales: 1, kept: usize::MAX }));
        assert_eq!(refused(&[0, 4], 1), Err(CodesError::Place { place: 4, position: 1, width: 4 }));
        assert_eq!(refused(&[0, 1, 3, 3], 2), Err(CodesError::Place { place: 3, position: 3, width: 4 }));
        assert!(refused(&[2, 3, 0, 1], 2).is_ok(), "an entity begins anew");
    }

    proptest! {
        #[test]
        fn values_are_off_by_at_most_half_a_step(values in prop::collection::vec(-9.0f32..9.0, 1..30)) {
            let codes = SparseCodes::of(Columns::new(&values, (values.len(), 1)), values.len());
            let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            prop_assert_eq!(codes.words().len(), (3 * values.len()).div_ceil(4));
            for ((place, value), exact) in codes.code(0).zip(&values) {
                prop_assert!((value - exact).abs() <= 1.001 * largest / 254.0, "{value} instead of {exact} at {place}");
            }
        }

        #[test]
        fn selection_is_what_sorting_would_give(values in prop::collection::vec(-4i8..4, 1..40), part in 0.0..1.0f64) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let kept = 1 + (part * (values.len() - 1) as f64) as usize;
            let mut sorted: Vec<u32> = (0..values.len() as u32).collect();
            sorted.sort_by(|&a, &b| values[b as usize].abs().total_cmp(&values[a as usize].abs()));
            sorted.truncate(kept);
            sorted.sort();
            let mut order = Vec::new();
            prop_assert_eq!(strongest(&values, kept, &mut order), &sorted[..]);
        }
    }
}
