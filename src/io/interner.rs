//! Numbers for ids in the order in which they are first seen, each id stored once.

use std::hash::Hash;

use ahash::RandomState;
use hashbrown::HashMap;
use rayon::prelude::*;
use uuid::Uuid;

use super::ids::IdKind;
use super::texts::Texts;
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
}

impl<T: Copy + Eq + Hash + Ord + Send> Values<T> {
    /// Appends the number of each of `ids` to `numbers`, as [`intern`](Self::intern) gives them out.
    pub fn intern_all(&mut self, ids: &[T], numbers: &mut Vec<u32>) {
        numbers.reserve(ids.len());
        let mut last: Option<(T, u32)> = None;
        for &id in ids {
            let number = match last {
                // Logs that are sorted by user repeat an id many times.
                Some((known, number)) if known == id => number,
                // Most ids have been seen: a lookup that cannot insert is the cheaper one, and the processor can
                // begin with the next before this one has its answer.
                _ => self.numbers.get(&id).copied().unwrap_or_else(|| self.intern(id)),
            };
            numbers.push(number);
            last = Some((id, number));
        }
    }

    /// The number of `id`, a new one at its first appearance; [`UNKNOWN`] when numbers have run out.
    pub fn intern(&mut self, id: T) -> u32 {
        let next = self.ids.len() as u32;
        if next == MAX_IDS {
            return self.find(id);
        }
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.ids.push(id);
        }
        number
    }

    /// The number of `id` or [`UNKNOWN`].
    pub fn find(&self, id: T) -> u32 {
        self.numbers.get(&id).copied().unwrap_or(UNKNOWN)
    }

    fn into_sorted(self) -> (Vec<T>, Vec<u32>) {
        let Self { numbers, ids, .. } = self;
        drop(numbers);
        let mut order: Vec<(T, u32)> = ids.into_iter().zip(0..).collect();
        order.par_sort_unstable();
        let numbers: Vec<u32> = order.iter().map(|(_, number)| *number).collect();
        (order.into_iter().map(|(id, _)| id).collect(), ranks(&numbers))
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
            Self::Text(ids) => ids.len(),
        }
    }

    /// The id of a number, in canonical form.
    pub fn external(&self, number: u32) -> String {
        let at = number as usize;
        match self {
            Self::Int(ids, _) => ids.ids[at].to_string(),
            Self::Uint(ids) => ids.ids[at].to_string(),
            Self::Uuid(ids) => ids.ids[at].to_string(),
            Self::Text(ids) => ids.get(number).to_owned(),
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
            Self::Text(ids) => {
                let (ids, ranks) = ids.into_sorted();
                (IdMap::Text(ids), ranks)
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
                (0..ids.len()).for_each(|index| _ = texts.intern(ids.get(index).into()));
                Self::Text(texts)
            }
        }
    }
}

fn filled<T: Copy>(ids: &[T], intern: impl Fn(&mut Values<T>, T) -> u32) -> Values<T> {
    let numbers = HashMap::with_capacity_and_hasher(ids.len(), RandomState::default());
    let mut values = Values { numbers, ids: Vec::with_capacity(ids.len()) };
    ids.iter().for_each(|&id| _ = intern(&mut values, id));
    values
}

/// The inverse of a permutation.
pub(super) fn ranks(order: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    order.iter().zip(0u32..).for_each(|(&number, rank)| ranks[number as usize] = rank);
    ranks
}
