//! Numbers for texts in the order in which they are first seen.

use ahash::RandomState;
use arrow_array::StringViewArray;
use hashbrown::HashTable;
use rayon::prelude::*;

use super::interner::{MAX_IDS, UNKNOWN, ranks};
use crate::interactions::TextIds;

/// Bytes of a text that is looked up by value.
const SHORT: usize = 12;

/// Distinct texts, numbered from 0 and stored end to end.
///
/// Most ids are short. Those of up to 12 bytes stand in the hash table themselves, so that looking one up reads one
/// place in memory; longer ones take a second to be compared.
#[derive(Default)]
pub(super) struct Texts {
    short: HashTable<Short>,
    long: HashTable<Long>,
    hasher: RandomState,
    text: String,
    ends: Vec<usize>,
    /// The short text looked up last: logs that are sorted by user repeat it many times.
    last: Option<Short>,
}

/// A text as it is looked up.
#[derive(Clone, Copy)]
pub(super) enum TextKey<'a> {
    /// Up to 12 bytes, the last of which is not zero, filled up with zeros: so no two texts have the same.
    Short([u32; SHORT / 4]),
    /// All others.
    Long(&'a str),
}

#[derive(Clone, Copy)]
struct Short {
    key: [u32; SHORT / 4],
    number: u32,
}

#[derive(Clone, Copy)]
struct Long {
    /// Half of the hash, to tell most texts apart without reading them.
    hash: u32,
    number: u32,
}

impl<'a> From<&'a str> for TextKey<'a> {
    fn from(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        if bytes.len() > SHORT || bytes.last() == Some(&0) {
            return Self::Long(text);
        }
        let mut padded = [0; 16];
        padded[..bytes.len()].copy_from_slice(bytes);
        Self::Short(words(u128::from_le_bytes(padded)))
    }
}

impl<'a> TextKey<'a> {
    /// The text in a row of a column.
    pub fn of_row(column: &'a StringViewArray, row: usize) -> Self {
        // A view holds the length in its lower 32 bits and, of a short text, its bytes above, filled up with zeros.
        let view = column.views()[row];
        match view as u32 {
            0 => Self::Short([0; 3]),
            length @ 1..=12 if (view >> (8 * length + 24)) as u8 != 0 => Self::Short(words(view >> 32)),
            _ => Self::Long(column.value(row)),
        }
    }
}

/// The lower 96 bits.
fn words(bits: u128) -> [u32; 3] {
    [bits as u32, (bits >> 32) as u32, (bits >> 64) as u32]
}

fn hash_short(hasher: &RandomState, key: [u32; 3]) -> u64 {
    let [a, b, c] = key.map(u128::from);
    hasher.hash_one(a | b << 32 | c << 64)
}

fn get<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let start = if number == 0 { 0 } else { ends[number as usize - 1] };
    &text[start..ends[number as usize]]
}

impl Texts {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes in memory, nearly.
    pub fn bytes(&self) -> usize {
        self.text.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.short.capacity() * size_of::<Short>()
            + self.long.capacity() * size_of::<Long>()
    }

    /// The text of a number.
    pub fn get(&self, number: u32) -> &str {
        get(&self.text, &self.ends, number)
    }

    /// The number of a text, a new one at its first appearance; [`UNKNOWN`] when numbers have run out.
    pub fn intern(&mut self, key: TextKey<'_>) -> u32 {
        match (key, self.last) {
            (TextKey::Short(key), Some(last)) if last.key == key => last.number,
            _ => match self.find(key) {
                UNKNOWN => self.insert(key),
                number => {
                    if let TextKey::Short(key) = key {
                        self.last = Some(Short { key, number });
                    }
                    number
                }
            },
        }
    }

    /// Numbers a text that has no number.
    #[cold]
    fn insert(&mut self, key: TextKey<'_>) -> u32 {
        let Self { short, long, hasher, text, ends, .. } = self;
        let number = ends.len() as u32;
        if number == MAX_IDS {
            return UNKNOWN;
        }
        match key {
            TextKey::Short(key) => {
                short.insert_unique(hash_short(hasher, key), Short { key, number }, |entry| {
                    hash_short(hasher, entry.key)
                });
                let bytes: Vec<u8> = key.iter().flat_map(|word| word.to_le_bytes()).collect();
                let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                // Keys are made of valid text only.
                text.push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
            TextKey::Long(id) => {
                let hash = hasher.hash_one(id);
                let entry = Long { hash: (hash >> 32) as u32, number };
                long.insert_unique(hash, entry, |entry| hasher.hash_one(get(text, ends, entry.number)));
                text.push_str(id);
            }
        }
        ends.push(text.len());
        number
    }

    /// The number of a text or [`UNKNOWN`].
    pub fn find(&self, key: TextKey<'_>) -> u32 {
        match key {
            TextKey::Short(key) => {
                let found = self.short.find(hash_short(&self.hasher, key), |entry| entry.key == key);
                found.map_or(UNKNOWN, |entry| entry.number)
            }
            TextKey::Long(id) => {
                let hash = self.hasher.hash_one(id);
                let same = |entry: &Long| entry.hash == (hash >> 32) as u32 && self.get(entry.number) == id;
                self.long.find(hash, same).map_or(UNKNOWN, |entry| entry.number)
            }
        }
    }

    /// The texts in sorted order, and for each number its position in it.
    pub fn into_sorted(self) -> (TextIds, Vec<u32>) {
        let Self { text, ends, short, long, .. } = self;
        drop((short, long));
        let get = |number: u32| get(&text, &ends, number);
        let first = if ends.is_empty() { "" } else { get(0) };
        let common = |id: &str| first.bytes().zip(id.bytes()).take_while(|(a, b)| a == b).count();
        let shared = (0..ends.len() as u32).into_par_iter().map(|number| common(get(number))).min().unwrap_or(0);
        // Eight bytes decide most comparisons, when they are not those that all ids have in common.
        let start = |id: &str| {
            let mut bytes = [0; 8];
            let rest = &id.as_bytes()[shared..];
            let length = rest.len().min(8);
            bytes[..length].copy_from_slice(&rest[..length]);
            u64::from_be_bytes(bytes)
        };
        let mut order: Vec<(u64, u32)> =
            (0..ends.len() as u32).into_par_iter().map(|number| (start(get(number)), number)).collect();
        order.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| get(a.1).cmp(get(b.1))));
        let order: Vec<u32> = order.into_iter().map(|(_, number)| number).collect();
        (order.iter().map(|&number| get(number)).collect(), ranks(&order))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_has_one_number_however_it_is_stored(
            texts in prop::collection::vec("(\\PC{0,14}|[ab\0]{0,14}|prefix [ab\0]{0,7})", 0..60)
        ) {
            let column = StringViewArray::from_iter_values(&texts);
            let (mut of_rows, mut of_texts) = (Texts::default(), Texts::default());
            let numbers: Vec<u32> = (0..texts.len()).map(|row| of_rows.intern(TextKey::of_row(&column, row))).collect();
            for (row, text) in texts.iter().enumerate() {
                prop_assert_eq!(of_texts.intern(text.as_str().into()), numbers[row]);
                prop_assert_eq!(of_rows.find(text.as_str().into()), numbers[row]);
                prop_assert_eq!(of_rows.get(numbers[row]), text);
                let first = texts.iter().position(|other| other == text).unwrap();
                prop_assert_eq!(numbers[first], numbers[row]);
            }
            let (ids, ranks) = of_rows.into_sorted();
            let sorted: Vec<&String> = texts.iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!((0..ids.len()).map(|at| ids.get(at)).collect::<Vec<_>>(), sorted);
            for (row, text) in texts.iter().enumerate() {
                prop_assert_eq!(ids.get(ranks[numbers[row] as usize] as usize), text);
            }
        }
    }
}
