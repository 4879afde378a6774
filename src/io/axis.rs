//! From a column of external ids to numbers, for one axis of a log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray};

use super::error::TableError;
use super::ids::{IdColumn, IdKind};
use super::interner::{Interner, MAX_IDS, UNKNOWN};
use super::texts::TextKey;
use crate::interactions::{IdMap, TextIds};

/// Marks a dictionary entry that has not been looked up.
const UNMAPPED: u32 = MAX_IDS;

/// One axis of a log while it is read.
pub(super) struct Axis {
    ids: AxisIds,
    dictionary: Dictionary,
}

/// Where the numbers come from.
enum AxisIds {
    /// Ids are numbered as they appear; the first file decides on their type.
    Growing(Option<(Interner, PathBuf)>),
    /// Ids are given; others are unknown.
    Fixed(Interner),
}

/// The numbers of the values of the dictionary seen last. The reader hands out the same dictionary for many
/// batches (each time in an array of its own); holding on to it keeps its address from being used for another.
#[derive(Default)]
struct Dictionary {
    values: Option<ArrayRef>,
    numbers: Vec<u32>,
}

impl Axis {
    /// An axis that takes every id.
    pub fn growing() -> Self {
        Self { ids: AxisIds::Growing(None), dictionary: Dictionary::default() }
    }

    /// An axis that takes every id, the given ones first; `source` is where those come from.
    pub fn extending(ids: &IdMap, source: PathBuf) -> Self {
        Self { ids: AxisIds::Growing(Some((Interner::from(ids), source))), dictionary: Dictionary::default() }
    }

    /// An axis of given ids, numbered by their index.
    pub fn fixed(ids: &IdMap) -> Self {
        Self { ids: AxisIds::Fixed(Interner::from(ids)), dictionary: Dictionary::default() }
    }

    /// Prepares for ids of `kind` from `column` of `file`.
    ///
    /// # Errors
    /// [`TableError::IdType`] when they cannot be compared with those known so far.
    pub fn expect(&mut self, kind: IdKind, file: &Path, column: &str) -> Result<(), TableError> {
        // Integers of different widths are the same ids; what leaves has a type that holds all of them.
        if let (AxisIds::Growing(Some((Interner::Int(_, known), _))), IdKind::Int(found)) = (&mut self.ids, kind) {
            *known = known.common(found);
            return Ok(());
        }
        let (expected, other) = match &mut self.ids {
            AxisIds::Growing(Some((ids, first))) => (ids.kind(), first.clone()),
            AxisIds::Growing(empty) => {
                *empty = Some((Interner::new(kind), file.into()));
                return Ok(());
            }
            // Integers of any type can be looked up among integers of any type.
            AxisIds::Fixed(ids) if ids.kind().is_integer() && kind.is_integer() => return Ok(()),
            AxisIds::Fixed(ids) => (ids.kind(), PathBuf::from("the given vocabulary")),
        };
        if expected == kind {
            return Ok(());
        }
        let (found, expected) = (kind.name(), expected.name());
        Err(TableError::IdType { file: file.into(), column: column.into(), found, other, expected })
    }

    /// Writes the number of every id of `column` to `numbers`, [`UNKNOWN`] for those that have none: null, on
    /// a fixed axis an id that is not given, on a growing one an id after four billion others.
    pub fn number(&mut self, column: &IdColumn, numbers: &mut Vec<u32>) {
        numbers.clear();
        match column.array().logical_nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.number_complete(column, numbers),
            Some(nulls) => {
                // What is stored in the place of a null is not an id.
                numbers.resize(nulls.len(), UNKNOWN);
                let mut number = Vec::new();
                for (start, end) in nulls.valid_slices() {
                    number.clear();
                    self.number_complete(&column.slice(start, end - start), &mut number);
                    numbers[start..end].copy_from_slice(&number);
                }
            }
        }
    }

    /// Appends the numbers of ids of which none is null.
    fn number_complete(&mut self, column: &IdColumn, numbers: &mut Vec<u32>) {
        match &mut self.ids {
            AxisIds::Growing(None) => numbers.resize(numbers.len() + column.array().len(), UNKNOWN),
            AxisIds::Growing(Some((ids, _))) => match (ids, column) {
                (Interner::Int(ids, _), IdColumn::Int(column)) => {
                    ids.intern_all(column.values(), numbers);
                }
                (Interner::Uint(ids), IdColumn::Uint(column)) => {
                    ids.intern_all(column.values(), numbers);
                }
                (Interner::Uuid(ids), column @ IdColumn::Uuid(_)) => {
                    numbers.extend(column.uuids().map(|id| ids.intern(id)));
                }
                (Interner::Text(ids), IdColumn::Dictionary(column)) => {
                    self.dictionary.number(column, |id| ids.intern(id.into()), numbers);
                }
                (Interner::Text(ids), IdColumn::Views(column)) => {
                    numbers.extend((0..column.len()).map(|row| ids.intern(TextKey::of_row(column, row))));
                }
                // `expect` has refused every other combination.
                _ => unreachable!("ids of another type than expected"),
            },
            AxisIds::Fixed(ids) => match (&*ids, column) {
                (Interner::Int(ids, _), IdColumn::Int(column)) => {
                    numbers.extend(column.values().iter().map(|&id| ids.find(id)));
                }
                (Interner::Uint(ids), IdColumn::Uint(column)) => {
                    numbers.extend(column.values().iter().map(|&id| ids.find(id)));
                }
                (Interner::Uuid(ids), column @ IdColumn::Uuid(_)) => {
                    numbers.extend(column.uuids().map(|id| ids.find(id)));
                }
                (Interner::Int(ids, _), IdColumn::Uint(column)) => {
                    numbers
                        .extend(column.values().iter().map(|&id| i64::try_from(id).map_or(UNKNOWN, |id| ids.find(id))));
                }
                (Interner::Uint(ids), IdColumn::Int(column)) => {
                    numbers
                        .extend(column.values().iter().map(|&id| u64::try_from(id).map_or(UNKNOWN, |id| ids.find(id))));
                }
                (Interner::Text(ids), IdColumn::Dictionary(column)) => {
                    self.dictionary.number(column, |id| ids.find(id.into()), numbers);
                }
                (Interner::Text(ids), IdColumn::Views(column)) => {
                    numbers.extend((0..column.len()).map(|row| ids.find(TextKey::of_row(column, row))));
                }
                // `expect` has refused every other combination.
                _ => unreachable!("ids of another type than expected"),
            },
        }
    }

    /// Checks that numbers have not run out.
    ///
    /// # Errors
    /// [`TableError::TooManyIds`].
    pub fn check_capacity(&self, file: &Path, column: &str) -> Result<(), TableError> {
        match &self.ids {
            AxisIds::Growing(Some((ids, _))) if ids.len() >= MAX_IDS as usize => {
                Err(TableError::TooManyIds { file: file.into(), column: column.into() })
            }
            _ => Ok(()),
        }
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        match &self.ids {
            AxisIds::Growing(Some((ids, _))) | AxisIds::Fixed(ids) => ids.len(),
            AxisIds::Growing(None) => 0,
        }
    }

    /// The id of a number, in canonical form.
    pub fn external(&self, number: u32) -> String {
        match &self.ids {
            AxisIds::Growing(Some((ids, _))) | AxisIds::Fixed(ids) => ids.external(number),
            AxisIds::Growing(None) => String::new(),
        }
    }

    /// The ids seen, sorted, and the position in it of every number given out.
    pub fn into_sorted(self) -> (IdMap, Vec<u32>) {
        match self.ids {
            AxisIds::Growing(Some((ids, _))) | AxisIds::Fixed(ids) => ids.into_sorted(),
            AxisIds::Growing(None) => (IdMap::Text(TextIds::default()), Vec::new()),
        }
    }
}

impl Dictionary {
    fn number(
        &mut self,
        column: &DictionaryArray<Int32Type>,
        mut lookup: impl FnMut(&str) -> u32,
        numbers: &mut Vec<u32>,
    ) {
        let values = column.values();
        if !self.values.as_ref().is_some_and(|known| same_memory(known, values)) {
            self.values = Some(Arc::clone(values));
            self.numbers.clear();
            self.numbers.resize(values.len(), UNMAPPED);
        }
        let texts = values.as_string::<i32>();
        numbers.extend(column.keys().values().iter().map(|&key| {
            let number = &mut self.numbers[key as usize];
            // A dictionary may hold values that no row uses: they must not become users or items.
            if *number == UNMAPPED {
                *number = lookup(texts.value(key as usize));
            }
            *number
        }));
    }
}

/// True when two arrays of text are views of the same bytes.
fn same_memory(a: &ArrayRef, b: &ArrayRef) -> bool {
    let (a, b) = (a.as_string::<i32>(), b.as_string::<i32>());
    std::ptr::eq(a.value_offsets(), b.value_offsets()) && std::ptr::eq(a.value_data(), b.value_data())
}
