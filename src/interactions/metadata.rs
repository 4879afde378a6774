//! What is known of items beside their titles: typed columns, one value an item.

use fixedbitset::FixedBitSet;

use super::ids::TextIds;
use super::time::Timestamp;

/// The metadata columns of a catalogue. A value that is null is unknown: nothing else can be said of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    columns: Vec<MetadataColumn>,
    left_out: Vec<LeftOutColumn>,
}

/// A column and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataColumn {
    /// Its name; none twice.
    pub name: String,
    /// Its type, as the table calls it.
    pub data_type: String,
    /// One value an item.
    pub values: MetadataValues,
}

/// A column that is there, but whose values were not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the table calls it.
    pub data_type: String,
    /// Why.
    pub reason: String,
}

/// The values of a column, in the order of the items.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValues {
    /// Texts.
    Text(TextColumn),
    /// Numbers; NaN is unknown. Integers are exact.
    Number(Vec<f64>),
    /// Yes or no.
    Flag {
        /// The items with a yes.
        yes: FixedBitSet,
        /// The items with either.
        known: FixedBitSet,
    },
    /// Several texts an item.
    Texts(TextsColumn),
    /// Moments.
    Time {
        /// The moments; [`UNKNOWN_TIME`] is unknown.
        times: Vec<Timestamp>,
        /// True for days, which are their midnights.
        dates: bool,
    },
}

/// In a column of moments: nothing is known.
pub const UNKNOWN_TIME: Timestamp = Timestamp(i64::MIN);

/// In a column of texts: nothing is known.
pub const UNKNOWN_TEXT: u32 = u32::MAX;

/// One text an item, by its number in a dictionary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextColumn {
    /// The distinct texts, ascending by bytes.
    pub dictionary: TextIds,
    /// A place in the dictionary, or [`UNKNOWN_TEXT`].
    pub codes: Vec<u32>,
}

/// Any number of texts an item, by their numbers in a dictionary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextsColumn {
    /// The distinct texts, ascending by bytes.
    pub dictionary: TextIds,
    /// Item `i` has the codes `ends[i - 1]..ends[i]`.
    pub ends: Vec<usize>,
    /// Places in the dictionary.
    pub codes: Vec<u32>,
    /// The items that have a list, be it an empty one.
    pub known: FixedBitSet,
}

/// One value, as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue {
    /// A text; dates and times are written as ISO 8601.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    Texts(Vec<String>),
}

impl Metadata {
    /// Columns of equal length, and what was left out.
    #[must_use]
    pub fn new(columns: Vec<MetadataColumn>, left_out: Vec<LeftOutColumn>) -> Self {
        Self { columns, left_out }
    }

    /// The columns, in the order of the table.
    #[must_use]
    pub fn columns(&self) -> &[MetadataColumn] {
        &self.columns
    }

    /// The columns that were left out.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOutColumn] {
        &self.left_out
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&MetadataColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.values.bytes()).sum()
    }
}

impl TextsColumn {
    /// The codes of an item.
    #[must_use]
    pub fn of(&self, item: usize) -> &[u32] {
        let start = if item == 0 { 0 } else { self.ends[item - 1] };
        &self.codes[start..self.ends[item]]
    }
}

impl MetadataValues {
    /// What messages call the values, in the plural.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "texts",
            Self::Number(_) => "numbers",
            Self::Flag { .. } => "flags",
            Self::Texts(_) => "lists of texts",
            Self::Time { dates: true, .. } => "dates",
            Self::Time { dates: false, .. } => "times",
        }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(column) => column.codes.len(),
            Self::Number(values) => values.len(),
            Self::Flag { known, .. } => known.len(),
            Self::Texts(column) => column.ends.len(),
            Self::Time { times, .. } => times.len(),
        }
    }

    /// True when there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when something is known of an item.
    ///
    /// # Panics
    /// When there is no such item.
    #[must_use]
    pub fn is_known(&self, item: usize) -> bool {
        match self {
            Self::Text(column) => column.codes[item] != UNKNOWN_TEXT,
            Self::Number(values) => !values[item].is_nan(),
            Self::Flag { known, .. } => known.contains(item),
            Self::Texts(column) => column.known.contains(item),
            Self::Time { times, .. } => times[item] != UNKNOWN_TIME,
        }
    }

    /// The value of an item, where one is known.
    ///
    /// # Panics
    /// When there is no such item.
    #[must_use]
    pub fn get(&self, item: usize) -> Option<MetadataValue> {
        let text = |dictionary: &TextIds, code: u32| dictionary.get(code as usize).to_owned();
        self.is_known(item).then(|| match self {
            Self::Text(column) => MetadataValue::Text(text(&column.dictionary, column.codes[item])),
            Self::Number(values) => MetadataValue::Number(values[item]),
            Self::Flag { yes, .. } => MetadataValue::Flag(yes.contains(item)),
            Self::Texts(column) => {
                MetadataValue::Texts(column.of(item).iter().map(|&code| text(&column.dictionary, code)).collect())
            }
            Self::Time { times, dates } => MetadataValue::Text(time_text(times[item], *dates)),
        })
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(column) => column.dictionary.bytes() + size_of_val(column.codes.as_slice()),
            Self::Number(values) => size_of_val(values.as_slice()),
            Self::Flag { yes, known } => size_of_val(yes.as_slice()) + size_of_val(known.as_slice()),
            Self::Texts(TextsColumn { dictionary, ends, codes, known }) => {
                let lists = size_of_val(ends.as_slice()) + size_of_val(codes.as_slice());
                dictionary.bytes() + lists + size_of_val(known.as_slice())
            }
            Self::Time { times, .. } => size_of_val(times.as_slice()),
        }
    }
}

/// A moment, or a day without the midnight that stands for it.
#[must_use]
pub fn time_text(time: Timestamp, date: bool) -> String {
    let text = time.to_string();
    match text.split_once('T') {
        Some((day, "00:00:00Z")) if date => day.to_owned(),
        _ => text,
    }
}
