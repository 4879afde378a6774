//! External ids ⟷ indices.

use std::borrow::Cow;

/// The ids of one axis (users or items), in sorted order: the position of an id is its index.
///
/// The type of the log is kept: integers stay integers, so that what leaves the system joins with
/// what came in. On the command line and on the wire an id is a string in canonical form (decimal
/// digits for integers).
#[derive(Clone, Debug, PartialEq)]
pub enum IdMap {
    /// Signed integer ids (any width up to 64 bits), ascending.
    Int(Vec<i64>),
    /// Unsigned 64-bit integer ids, ascending.
    Uint(Vec<u64>),
    /// Text ids, ascending by bytes.
    Text(TextIds),
}

/// Strings laid end to end, ascending by bytes: 8 bytes an id beside its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextIds {
    ends: Vec<usize>,
    text: String,
}

/// Ids that are not strictly ascending.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("ids must be unique and ascending, but {later:?} (position {position}) follows {earlier:?}")]
pub struct IdOrderError {
    /// Position of the offending id.
    pub position: usize,
    /// The id before it.
    pub earlier: String,
    /// The offending id.
    pub later: String,
}

impl TextIds {
    /// Appends an id; the caller keeps the order.
    fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The id at `index`.
    ///
    /// # Panics
    /// When `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }
}

impl<S: AsRef<str>> FromIterator<S> for TextIds {
    fn from_iter<T: IntoIterator<Item = S>>(ids: T) -> Self {
        let mut out = Self::default();
        for id in ids {
            out.push(id.as_ref());
        }
        out
    }
}

impl IdMap {
    /// Checks that ids read from elsewhere are strictly ascending, which lookups rely on.
    ///
    /// # Errors
    /// [`IdOrderError`] naming the first id out of order.
    pub fn checked(self) -> Result<Self, IdOrderError> {
        let ascending = |i: usize| match &self {
            Self::Int(ids) => ids[i - 1] < ids[i],
            Self::Uint(ids) => ids[i - 1] < ids[i],
            Self::Text(ids) => ids.get(i - 1) < ids.get(i),
        };
        match (1..self.len()).find(|&i| !ascending(i)) {
            None => Ok(self),
            Some(position) => Err(IdOrderError {
                position,
                earlier: self.external(position as u32 - 1).into_owned(),
                later: self.external(position as u32).into_owned(),
            }),
        }
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Int(ids) => ids.len(),
            Self::Uint(ids) => ids.len(),
            Self::Text(ids) => ids.len(),
        }
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The index of an id given in canonical form; `None` when it is not in the map.
    #[must_use]
    pub fn index(&self, id: &str) -> Option<u32> {
        let found = match self {
            Self::Int(ids) => {
                id.parse().ok().filter(|n: &i64| n.to_string() == id).and_then(|n| ids.binary_search(&n).ok())
            }
            Self::Uint(ids) => {
                id.parse().ok().filter(|n: &u64| n.to_string() == id).and_then(|n| ids.binary_search(&n).ok())
            }
            Self::Text(ids) => {
                let (mut low, mut high) = (0, ids.len());
                while low < high {
                    let middle = usize::midpoint(low, high);
                    if ids.get(middle) < id { low = middle + 1 } else { high = middle }
                }
                (low < ids.len() && ids.get(low) == id).then_some(low)
            }
        };
        found.map(|index| index as u32)
    }

    /// The id at an index, in canonical form.
    ///
    /// # Panics
    /// When `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn external(&self, index: u32) -> Cow<'_, str> {
        match self {
            Self::Int(ids) => ids[index as usize].to_string().into(),
            Self::Uint(ids) => ids[index as usize].to_string().into(),
            Self::Text(ids) => ids.get(index as usize).into(),
        }
    }

    /// The ids at `indices`, in that order, as a map of the same type.
    ///
    /// The indices must be ascending for the result to be searchable.
    #[must_use]
    pub fn select(&self, indices: &[u32]) -> Self {
        match self {
            Self::Int(ids) => Self::Int(indices.iter().map(|&i| ids[i as usize]).collect()),
            Self::Uint(ids) => Self::Uint(indices.iter().map(|&i| ids[i as usize]).collect()),
            Self::Text(ids) => Self::Text(indices.iter().map(|&i| ids.get(i as usize)).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_is_the_inverse_of_external() {
        for map in [
            IdMap::Int(vec![-5, 0, 7, i64::MAX]),
            IdMap::Uint(vec![0, 9, u64::MAX]),
            IdMap::Text(["", "a", "b c", "é", "日本"].into_iter().collect()),
        ] {
            for index in 0..map.len() as u32 {
                assert_eq!(map.index(&map.external(index)), Some(index));
            }
            assert_eq!(map.index("zz-absent"), None);
        }
    }

    #[test]
    fn only_the_canonical_form_names_an_integer() {
        let map = IdMap::Int(vec![7]);
        assert_eq!(map.index("7"), Some(0));
        assert_eq!((map.index("07"), map.index("+7"), map.index(" 7")), (None, None, None));
    }

    #[test]
    fn order_is_checked() {
        let error = IdMap::Text(["b", "a"].into_iter().collect()).checked().unwrap_err();
        assert_eq!((error.position, error.later.as_str()), (1, "a"));
        assert!(IdMap::Int(vec![1, 1]).checked().is_err());
    }
}
