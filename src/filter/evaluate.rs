//! A checked filter over whole columns: one pass over the values of every test, one bit an item.

use std::ops::Range;

use fixedbitset::FixedBitSet;

use super::token::Comparison;
use crate::interactions::{MetadataValues, TextColumn, TextsColumn, Timestamp, UNKNOWN_TIME};

/// Items in a block of a bitmap.
const BLOCK: usize = usize::BITS as usize;

/// A condition without negations: the tests know theirs.
#[derive(Debug)]
pub(super) enum Node<'a> {
    All(Vec<Node<'a>>),
    Any(Vec<Node<'a>>),
    Leaf(Leaf<'a>),
}

/// A test of one column; items of which nothing is known never meet it, but for [`Known`](Self::Known).
#[derive(Debug)]
pub(super) enum Leaf<'a> {
    /// Texts with one of these codes.
    Text {
        codes: &'a [u32],
        wanted: Codes,
    },
    Numbers {
        numbers: &'a [f64],
        wanted: Wanted<f64>,
    },
    Times {
        times: &'a [Timestamp],
        wanted: Wanted<Timestamp>,
    },
    /// Whether items with a no and items with a yes are wanted.
    Flag {
        yes: &'a FixedBitSet,
        known: &'a FixedBitSet,
        wanted: [bool; 2],
    },
    /// Lists that have this code, or that do not; `None` is a text that no list has.
    Has {
        column: &'a TextsColumn,
        code: Option<u32>,
        has: bool,
    },
    /// Whether anything is known.
    Known {
        values: &'a MetadataValues,
        known: bool,
    },
}

/// Codes of a dictionary; the code of the unknown is never among them.
#[derive(Debug)]
pub(super) enum Codes {
    Range(Range<u32>),
    Set(FixedBitSet),
}

/// Values that meet a test.
#[derive(Debug)]
pub(super) enum Wanted<T> {
    Compared(Comparison, T),
    /// Those in the list, ascending, or those that are not.
    Listed {
        sorted: Vec<T>,
        listed: bool,
    },
}

impl Codes {
    /// The codes of those of `texts` that the dictionary has.
    pub(super) fn set<'t>(column: &TextColumn, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut set = FixedBitSet::with_capacity(column.dictionary.len());
        texts.into_iter().filter_map(|text| column.dictionary.position(text)).for_each(|code| set.insert(code));
        Self::Set(set)
    }

    /// All other codes of the dictionary, if negated.
    pub(super) fn negated_if(self, negated: bool, column: &TextColumn) -> Self {
        if !negated {
            return self;
        }
        let mut set = match self {
            Self::Set(set) => set,
            Self::Range(range) => {
                let mut set = FixedBitSet::with_capacity(column.dictionary.len());
                set.insert_range(range.start as usize..range.end as usize);
                set
            }
        };
        set.toggle_range(..);
        Self::Set(set)
    }
}

impl<T: PartialOrd> Wanted<T> {
    /// One of `values`, or none of them. They must be comparable with each other.
    pub(super) fn one_of(mut values: Vec<T>, negated: bool) -> Self {
        values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        Self::Listed { sorted: values, listed: !negated }
    }
}

impl Node<'_> {
    /// `None` as soon as the bits are no longer wanted; asked before every pass over a column.
    pub(super) fn evaluate(&self, wanted: &dyn Fn() -> bool) -> Option<FixedBitSet> {
        let (parts, join): (_, fn(&mut FixedBitSet, &FixedBitSet)) = match self {
            Self::Leaf(leaf) => return wanted().then(|| leaf.evaluate()),
            Self::All(parts) => (parts, FixedBitSet::intersect_with),
            Self::Any(parts) => (parts, FixedBitSet::union_with),
        };
        let mut parts = parts.iter().map(|part| part.evaluate(wanted));
        let mut all = parts.next().unwrap_or_else(|| Some(FixedBitSet::new()))?;
        for part in parts {
            join(&mut all, &part?);
        }
        Some(all)
    }
}

impl Leaf<'_> {
    fn evaluate(&self) -> FixedBitSet {
        match self {
            Self::Text { codes, wanted: Codes::Range(range) } => {
                // One comparison instead of two: below the range it wraps around.
                let length = range.end - range.start;
                bits(codes, |&code| code.wrapping_sub(range.start) < length)
            }
            Self::Text { codes, wanted: Codes::Set(set) } => bits(codes, |&code| set.contains(code as usize)),
            Self::Numbers { numbers, wanted } => meeting(numbers, wanted, |number| !number.is_nan()),
            Self::Times { times, wanted } => meeting(times, wanted, |time| *time != UNKNOWN_TIME),
            Self::Flag { known, wanted: [true, true], .. } => (*known).clone(),
            Self::Flag { yes, wanted: [false, true], .. } => (*yes).clone(),
            Self::Flag { known, yes, wanted: [true, false] } => difference(known, yes),
            Self::Flag { known, wanted: [false, false], .. } => FixedBitSet::with_capacity(known.len()),
            Self::Has { column, code, has } => {
                let having = having(column, *code);
                if *has { having } else { difference(&column.known, &having) }
            }
            Self::Known { values, known } => {
                (0..values.len()).fold(FixedBitSet::with_capacity(values.len()), |mut bits, item| {
                    bits.set(item, values.is_known(item) == *known);
                    bits
                })
            }
        }
    }
}

fn difference(all: &FixedBitSet, without: &FixedBitSet) -> FixedBitSet {
    let mut rest = all.clone();
    rest.difference_with(without);
    rest
}

/// The lists that have a code.
fn having(column: &TextsColumn, code: Option<u32>) -> FixedBitSet {
    let mut items = FixedBitSet::with_capacity(column.ends.len());
    if let Some(code) = code {
        let mut start = 0;
        for (item, &end) in column.ends.iter().enumerate() {
            if column.codes[start..end].contains(&code) {
                items.insert(item);
            }
            start = end;
        }
    }
    items
}

/// The values that are known and wanted.
fn meeting<T: PartialOrd + Copy>(values: &[T], wanted: &Wanted<T>, known: impl Fn(&T) -> bool) -> FixedBitSet {
    match wanted {
        Wanted::Compared(comparison, value) => match comparison {
            Comparison::Equal => bits(values, |v| known(v) & (v == value)),
            Comparison::Unequal => bits(values, |v| known(v) & (v != value)),
            Comparison::Less => bits(values, |v| known(v) & (v < value)),
            Comparison::LessOrEqual => bits(values, |v| known(v) & (v <= value)),
            Comparison::Greater => bits(values, |v| known(v) & (v > value)),
            Comparison::GreaterOrEqual => bits(values, |v| known(v) & (v >= value)),
        },
        Wanted::Listed { sorted, listed } => bits(values, |v| {
            let place = sorted.partition_point(|candidate| candidate < v);
            known(v) & ((sorted.get(place) == Some(v)) == *listed)
        }),
    }
}

/// One bit a value.
fn bits<T>(values: &[T], test: impl Fn(&T) -> bool) -> FixedBitSet {
    let block =
        |values: &[T]| values.iter().enumerate().fold(0, |block, (at, value)| block | usize::from(test(value)) << at);
    FixedBitSet::with_capacity_and_blocks(values.len(), values.chunks(BLOCK).map(block))
}
