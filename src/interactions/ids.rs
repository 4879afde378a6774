//! External ids ⟷ indices.

use std::borrow::Cow;
use std::ops::Deref;

use uuid::Uuid;

/// The ids of one axis (users or items), in sorted order: the position of an id is its index.
///
/// The type of the log is kept: integers stay integers, so that what leaves the system joins with
/// what came in. On the command line and on the wire an id is a string in canonical form (decimal
/// digits for integers).
#[derive(Clone, Debug, PartialEq)]
pub enum IdMap {
    /// Integer ids that fit 64 bits with sign, ascending.
    Int(IntIds),
    /// Unsigned 64-bit integer ids, ascending.
    Uint(Vec<u64>),
    /// UUIDs, ascending by bytes.
    Uuid(Vec<Uuid>),
    /// Text ids, ascending by bytes.
    Text(TextIds),
}

/// The integer type that ids had in the log: what leaves the system has it again, since some tools
/// refuse to join columns of different widths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntType {
    /// 8 bits with sign.
    I8,
    /// 16 bits with sign.
    I16,
    /// 32 bits with sign.
    I32,
    /// 64 bits with sign.
    #[default]
    I64,
    /// 8 bits without sign.
    U8,
    /// 16 bits without sign.
    U16,
    /// 32 bits without sign.
    U32,
}

/// Integer ids with their type; reads as a slice of the values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntIds {
    values: Vec<i64>,
    int_type: IntType,
}

impl IntIds {
    /// Ids of a type; the caller keeps the order.
    ///
    /// # Panics
    /// When a value does not fit the type.
    #[must_use]
    pub fn new(values: Vec<i64>, int_type: IntType) -> Self {
        let range = int_type.range();
        assert!(values.iter().all(|id| range.contains(id)), "ids outside {int_type:?}");
        Self { values, int_type }
    }

    /// The type that the ids had.
    #[must_use]
    pub fn int_type(&self) -> IntType {
        self.int_type
    }
}

impl IntType {
    /// The smallest type that holds the values of both.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        let holds = |range: std::ops::RangeInclusive<i64>| {
            [self, other].iter().all(|t| range.contains(t.range().start()) && range.contains(t.range().end()))
        };
        [Self::I8, Self::U8, Self::I16, Self::U16, Self::I32, Self::U32]
            .into_iter()
            .find(|candidate| holds(candidate.range()))
            .unwrap_or(Self::I64)
    }

    /// The values of the type.
    #[must_use]
    pub fn range(self) -> std::ops::RangeInclusive<i64> {
        match self {
            Self::I8 => i8::MIN.into()..=i8::MAX.into(),
            Self::I16 => i16::MIN.into()..=i16::MAX.into(),
            Self::I32 => i32::MIN.into()..=i32::MAX.into(),
            Self::I64 => i64::MIN..=i64::MAX,
            Self::U8 => 0..=u8::MAX.into(),
            Self::U16 => 0..=u16::MAX.into(),
            Self::U32 => 0..=u32::MAX.into(),
        }
    }
}

impl From<Vec<i64>> for IntIds {
    /// Ids of 64 bits.
    fn from(values: Vec<i64>) -> Self {
        Self { values, int_type: IntType::I64 }
    }
}

impl FromIterator<i64> for IntIds {
    /// Ids of 64 bits.
    fn from_iter<T: IntoIterator<Item = i64>>(ids: T) -> Self {
        Vec::from_iter(ids).into()
    }
}

impl Deref for IntIds {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        &self.values
    }
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

    /// How many ids come before `id`: its index, if it is among them.
    #[must_use]
    pub fn lower_bound(&self, id: &str) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle) < id { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The index of an id.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<usize> {
        let place = self.lower_bound(id);
        (place < self.len() && self.get(place) == id).then_some(place)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>()
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
            Self::Uuid(ids) => ids[i - 1] < ids[i],
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
            Self::Uuid(ids) => ids.len(),
            Self::Text(ids) => ids.len(),
        }
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What messages call the type of the ids. Ids of the same name can be compared: integers of any
    /// width are the same ids.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Int(_) | Self::Uint(_) => "integer",
            Self::Uuid(_) => "UUID",
            Self::Text(_) => "text",
        }
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
            // As it prints, hyphenated and lower case: one id has one name.
            Self::Uuid(ids) => Uuid::try_parse(id)
                .ok()
                .filter(|uuid| *uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == *id)
                .and_then(|uuid| ids.binary_search(&uuid).ok()),
            Self::Text(ids) => ids.position(id),
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
            Self::Uuid(ids) => ids[index as usize].as_hyphenated().to_string().into(),
            Self::Text(ids) => ids.get(index as usize).into(),
        }
    }

    /// The ids at `indices`, in that order, as a map of the same type.
    ///
    /// The indices must be ascending for the result to be searchable.
    #[must_use]
    pub fn select(&self, indices: &[u32]) -> Self {
        match self {
            Self::Int(ids) => {
                Self::Int(IntIds { values: indices.iter().map(|&i| ids[i as usize]).collect(), int_type: ids.int_type })
            }
            Self::Uint(ids) => Self::Uint(indices.iter().map(|&i| ids[i as usize]).collect()),
            Self::Uuid(ids) => Self::Uuid(indices.iter().map(|&i| ids[i as usize]).collect()),
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
            IdMap::Int(vec![-5, 0, 7, i64::MAX].into()),
            IdMap::Uint(vec![0, 9, u64::MAX]),
            IdMap::Uuid(vec![Uuid::nil(), Uuid::from_u128(7), Uuid::max()]),
            IdMap::Text(["", "a", "b c", "é", "日本"].into_iter().collect()),
        ] {
            for index in 0..map.len() as u32 {
                assert_eq!(map.index(&map.external(index)), Some(index));
            }
            assert_eq!(map.index("zz-absent"), None);
        }
    }

    #[test]
    fn only_the_canonical_form_names_an_id() {
        let map = IdMap::Int(vec![7].into());
        assert_eq!(map.index("7"), Some(0));
        assert_eq!((map.index("07"), map.index("+7"), map.index(" 7")), (None, None, None));
        let uuid = Uuid::from_u128(0x0A0B_0C0D_0000_4000_8000_0000_0000_00EF);
        let map = IdMap::Uuid(vec![uuid]);
        assert_eq!(map.index("0a0b0c0d-0000-4000-8000-0000000000ef"), Some(0));
        assert_eq!(
            (map.index("0A0B0C0D-0000-4000-8000-0000000000EF"), map.index(&uuid.as_simple().to_string())),
            (None, None)
        );
    }

    #[test]
    fn types_widen_as_little_as_needed() {
        use IntType::{I8, I16, I32, I64, U8, U32};
        assert_eq!(I32.common(I32), I32);
        assert_eq!((I8.common(U8), U8.common(I8)), (I16, I16));
        assert_eq!((U8.common(U32), I8.common(U32), I64.common(U8)), (U32, I64, I64));
    }

    #[test]
    fn order_is_checked() {
        let error = IdMap::Text(["b", "a"].into_iter().collect()).checked().unwrap_err();
        assert_eq!((error.position, error.later.as_str()), (1, "a"));
        assert!(IdMap::Int(vec![1, 1].into()).checked().is_err());
    }
}
