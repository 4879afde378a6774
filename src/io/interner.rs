//! Numbers for ids in the order in which they are first seen, each id stored once.

use std::hash::Hash;

use ahash::RandomState;
use hashbrown::{HashMap, HashTable};
use uuid::Uuid;

use super::ids::IdKind;
use crate::interactions::{IdMap, IntIds, IntType};

/// Marks an id that has no number.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// Most ids that can be numbered; the numbers above are marks.
pub(super) const MAX_IDS: u32 = u32::MAX - 1;

/// Distinct ids of fixed size, numbered from 0.
#[derive(Default)]
pub(super) struct Values<T> {
    numbers: HashMap<T, u32, RandomState>,
    ids: Vec<T>,
    /// The number given out last: logs that are sorted by user repeat it many times.
    last: u32,
}

impl<T: Copy + Eq + Hash + Ord> Values<T> {
    /// The number of `id`, a new one at its first appearance; [`UNKNOWN`] when numbers have run out.
    pub fn intern(&mut self, id: T) -> u32 {
        if self.ids.get(self.last as usize) == Some(&id) {
            return self.last;
        }
        let next = self.ids.len() as u32;
        if next == MAX_IDS {
            return self.find(id);
        }
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.ids.push(id);
        }
        self.last = number;
        number
    }

    /// The number of `id` or [`UNKNOWN`].
    pub fn find(&self, id: T) -> u32 {
        self.numbers.get(&id).copied().unwrap_or(UNKNOWN)
    }

    fn into_sorted(self) -> (Vec<T>, Vec<u32>) {
        let order = sorted_by(self.ids.len(), |a, b| self.ids[a].cmp(&self.ids[b]));
        (order.iter().map(|&number| self.ids[number as usize]).collect(), ranks(&order))
    }
}

/// Distinct strings, numbered from 0, stored end to end: a table of numbers hashed by their text.
#[derive(Default)]
pub(super) struct Texts {
    numbers: HashTable<u32>,
    hasher: RandomState,
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn get<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
        let start = if number == 0 { 0 } else { ends[number as usize - 1] };
        &text[start..ends[number as usize]]
    }

    /// The number of `id`, a new one at its first appearance; [`UNKNOWN`] when numbers have run out.
    pub fn intern(&mut self, id: &str) -> u32 {
        let Self { numbers, hasher, text, ends } = self;
        let next = ends.len() as u32;
        if next == MAX_IDS {
            return self.find(id);
        }
        let number = *numbers
            .entry(
                hasher.hash_one(id),
                |&number| Self::get(text, ends, number) == id,
                |&number| hasher.hash_one(Self::get(text, ends, number)),
            )
            .or_insert(next)
            .get();
        if number == next {
            text.push_str(id);
            ends.push(text.len());
        }
        number
    }

    /// The number of `id` or [`UNKNOWN`].
    pub fn find(&self, id: &str) -> u32 {
        let hash = self.hasher.hash_one(id);
        let found = self.numbers.find(hash, |&number| Self::get(&self.text, &self.ends, number) == id);
        found.copied().unwrap_or(UNKNOWN)
    }
}

/// Distinct ids of one type.
pub(super) enum Interner {
    /// Values that fit 64 bits with sign, and the type that holds them all.
    Int(Values<i64>, IntType),
    /// Unsigned 64-bit integers.
    Uint(Values<u64>),
    /// UUIDs.
    Uuid(Values<Uuid>),
    /// Text.
    Text(Texts),
}

impl Interner {
    /// No ids yet, of `kind`.
    pub fn new(kind: IdKind) -> Self {
        match kind {
            IdKind::Int(int_type) => Self::Int(Values::default(), int_type),
            IdKind::Uint => Self::Uint(Values::default()),
            IdKind::Uuid => Self::Uuid(Values::default()),
            IdKind::Text => Self::Text(Texts::default()),
        }
    }

    /// The type of the ids.
    pub fn kind(&self) -> IdKind {
        match self {
            Self::Int(_, int_type) => IdKind::Int(*int_type),
            Self::Uint(_) => IdKind::Uint,
            Self::Uuid(_) => IdKind::Uuid,
            Self::Text(_) => IdKind::Text,
        }
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        match self {
            Self::Int(ids, _) => ids.ids.len(),
            Self::Uint(ids) => ids.ids.len(),
            Self::Uuid(ids) => ids.ids.len(),
            Self::Text(ids) => ids.ends.len(),
        }
    }

    /// The ids in sorted order, and for each number its position in it.
    pub fn into_sorted(self) -> (IdMap, Vec<u32>) {
        match self {
            Self::Int(ids, int_type) => {
                let (ids, ranks) = ids.into_sorted();
                (IdMap::Int(IntIds::new(ids, int_type)), ranks)
            }
            Self::Uuid(ids) => {
                let (ids, ranks) = ids.into_sorted();
                (IdMap::Uuid(ids), ranks)
            }
            Self::Uint(ids) => {
                let (ids, ranks) = ids.into_sorted();
                (IdMap::Uint(ids), ranks)
            }
            Self::Text(Texts { text, ends, .. }) => {
                let get = |number| Texts::get(&text, &ends, number);
                let order = sorted_by(ends.len(), |a, b| get(a as u32).cmp(get(b as u32)));
                (IdMap::Text(order.iter().map(|&number| get(number)).collect()), ranks(&order))
            }
        }
    }
}

impl From<&IdMap> for Interner {
    /// Every id keeps its index as its number.
    fn from(map: &IdMap) -> Self {
        match map {
            IdMap::Int(ids) => Self::Int(filled(ids, Values::intern), ids.int_type()),
            IdMap::Uint(ids) => Self::Uint(filled(ids, Values::intern)),
            IdMap::Uuid(ids) => Self::Uuid(filled(ids, Values::intern)),
            IdMap::Text(ids) => {
                let mut texts = Texts::default();
                (0..ids.len()).for_each(|index| _ = texts.intern(ids.get(index)));
                Self::Text(texts)
            }
        }
    }
}

fn filled<T: Copy>(ids: &[T], intern: impl Fn(&mut Values<T>, T) -> u32) -> Values<T> {
    let numbers = HashMap::with_capacity_and_hasher(ids.len(), RandomState::default());
    let mut values = Values { numbers, ids: Vec::with_capacity(ids.len()), last: 0 };
    ids.iter().for_each(|&id| _ = intern(&mut values, id));
    values
}

/// The numbers `0..len` in the order that `compare` gives them.
fn sorted_by(len: usize, compare: impl Fn(usize, usize) -> std::cmp::Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0..len as u32).collect();
    order.sort_unstable_by(|&a, &b| compare(a as usize, b as usize));
    order
}

/// The inverse of a permutation.
fn ranks(order: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    order.iter().zip(0u32..).for_each(|(&number, rank)| ranks[number as usize] = rank);
    ranks
}
