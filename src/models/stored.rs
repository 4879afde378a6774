//! From storage back to a model: tensors and whole numbers by name.

use std::collections::BTreeMap;

use sprs::CsMatI;

use super::BlendError;
use crate::training::fingerprint;

/// Tensors read back from storage, by name.
#[derive(Debug, Default)]
pub struct StoredTensors {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    indices: BTreeMap<String, Vec<u32>>,
}

/// Why stored tensors do not make the model that was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RestoreError {
    /// The model needs a tensor that is not there.
    #[error("tensor `{name}` is missing")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape than the configuration implies.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Shape implied by configuration and catalogue.
        expected: Vec<usize>,
        /// Shape stored.
        found: Vec<usize>,
    },
    /// A stored value is NaN or infinite.
    #[error("tensor `{name}` holds {value} at position {position}")]
    NotFinite {
        /// Its name.
        name: String,
        /// Position in memory order.
        position: usize,
        /// The value.
        value: f32,
    },
    /// The parts of a sparse matrix contradict each other.
    #[error("tensor `{name}` does not describe a sparse matrix: {reason}")]
    Sparse {
        /// The part that stands out.
        name: String,
        /// The contradiction.
        reason: String,
    },
    /// The parts do not make a blend.
    #[error(transparent)]
    Blend(#[from] BlendError),
    /// A tensor that the model does not know.
    #[error("tensor `{name}` does not belong to this model")]
    Unknown {
        /// Its name.
        name: String,
    },
}

impl RestoreError {
    /// The same of a part of a blend: tensors have the names that they are stored under.
    pub(super) fn in_part(mut self, part: &str) -> Self {
        match &mut self {
            Self::Missing { name }
            | Self::Shape { name, .. }
            | Self::NotFinite { name, .. }
            | Self::Sparse { name, .. }
            | Self::Unknown { name } => name.insert_str(0, part),
            Self::Blend(_) => {}
        }
        self
    }
}

/// A sparse matrix as it was stored, with the numbers of values of its rows.
type StoredRows = (CsMatI<f32, u32, usize>, Vec<u32>);

impl StoredTensors {
    /// Adds a tensor as it was stored.
    pub fn insert(&mut self, name: String, shape: Vec<usize>, data: Vec<f32>) {
        self.tensors.insert(name, (shape, data));
    }

    /// Adds whole numbers as they were stored.
    pub fn insert_indices(&mut self, name: String, data: Vec<u32>) {
        self.indices.insert(name, data);
    }

    /// Names, shapes and values in 16 hexadecimal digits: which weights these are.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let tensors = self.tensors.iter().flat_map(|(name, (shape, data))| {
            let (shape, data): (&[u8], &[u8]) = (bytemuck::cast_slice(shape), bytemuck::cast_slice(data));
            [name.as_bytes(), shape, data]
        });
        let indices = self.indices.iter().flat_map(|(name, data)| [name.as_bytes(), bytemuck::cast_slice(data)]);
        fingerprint(tensors.chain(indices))
    }

    /// Takes a tensor out, checking shape and finiteness.
    ///
    /// # Errors
    /// [`RestoreError`] when it is missing, misshapen or not finite.
    pub fn take(&mut self, name: &str, expected: &[usize]) -> Result<Vec<f32>, RestoreError> {
        let (found, data) = self.tensors.remove(name).ok_or_else(|| RestoreError::Missing { name: name.into() })?;
        if found != expected || data.len() != expected.iter().product::<usize>() {
            return Err(RestoreError::Shape { name: name.into(), expected: expected.to_vec(), found });
        }
        if let Some(position) = data.iter().position(|v| !v.is_finite()) {
            return Err(RestoreError::NotFinite { name: name.into(), position, value: data[position] });
        }
        Ok(data)
    }

    /// Takes a matrix out of which only the number of rows is known.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_columns(&mut self, name: &str, rows: usize) -> Result<Vec<f32>, RestoreError> {
        let columns = self.tensors.get(name).and_then(|(shape, _)| shape.get(1)).copied().unwrap_or(0);
        self.take(name, &[rows, columns])
    }

    /// Takes whole numbers out; what they mean is the model's to check.
    ///
    /// # Errors
    /// [`RestoreError::Missing`].
    pub fn take_indices(&mut self, name: &str) -> Result<Vec<u32>, RestoreError> {
        self.indices.remove(name).ok_or_else(|| RestoreError::Missing { name: name.into() })
    }

    /// Takes a sparse matrix of `rows` × `cols` out, with the numbers of values of its rows. It is stored as these `counts`,
    /// the `columns` of its values, ascending in a row, and the `values`. Where `cols` is `None` there are as many as
    /// are needed, and a value in each.
    ///
    /// # Errors
    /// [`RestoreError`] when a part is missing, misshapen or not finite, or contradicts another.
    pub(super) fn take_sparse(
        &mut self,
        [counts, columns, values]: [&str; 3],
        (rows, cols): (usize, Option<usize>),
    ) -> Result<StoredRows, RestoreError> {
        let bad = |name: &str, reason: String| RestoreError::Sparse { name: name.into(), reason };
        let (lengths, places) = (self.take_indices(counts)?, self.take_indices(columns)?);
        if lengths.len() != rows {
            return Err(RestoreError::Shape { name: counts.into(), expected: vec![rows], found: vec![lengths.len()] });
        }
        let (offsets, stored) = (offsets(&lengths), places.len());
        let (data, sum) = (self.take(values, &[stored])?, offsets[rows]);
        if sum != stored {
            return Err(bad(counts, format!("they add up to {sum}, there are {stored} values")));
        }
        let limit = cols.unwrap_or(stored);
        if let Some(at) = places.iter().position(|&place| place as usize >= limit) {
            return Err(bad(columns, format!("it holds {} at position {at}, must be below {limit}", places[at])));
        }
        let needed = || places.iter().max().map_or(0, |&last| last as usize + 1);
        let matrix = CsMatI::try_new((rows, cols.unwrap_or_else(needed)), offsets, places, data);
        Ok((matrix.map_err(|(_, _, _, error)| bad(columns, error.to_string()))?, lengths))
    }

    /// Takes out everything whose name begins with `part`, under the names without it.
    #[must_use]
    pub fn take_part(&mut self, part: &str) -> Self {
        fn split<T>(all: &mut BTreeMap<String, T>, part: &str) -> BTreeMap<String, T> {
            let (taken, left) = std::mem::take(all).into_iter().partition(|(name, _)| name.starts_with(part));
            *all = left;
            let taken: BTreeMap<String, T> = taken;
            taken.into_iter().map(|(name, value)| (name[part.len()..].to_owned(), value)).collect()
        }
        Self { tensors: split(&mut self.tensors, part), indices: split(&mut self.indices, part) }
    }

    /// Checks that everything was used.
    ///
    /// # Errors
    /// [`RestoreError::Unknown`] naming a tensor that was not.
    pub fn finish(self) -> Result<(), RestoreError> {
        match self.tensors.into_keys().chain(self.indices.into_keys()).next() {
            None => Ok(()),
            Some(name) => Err(RestoreError::Unknown { name }),
        }
    }
}

/// Where the rows of a sparse matrix begin, given how many values each has, and where the last one ends.
pub(super) fn offsets(counts: &[u32]) -> Vec<usize> {
    let mut offsets = vec![0];
    offsets.extend(counts.iter().scan(0usize, |end, &count| {
        *end += count as usize;
        Some(*end)
    }));
    offsets
}
