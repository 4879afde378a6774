//! What points are coloured by: a column of the items, for items as it stands, for users by their histories.

use std::collections::BTreeMap;

use super::MapError;
use crate::interactions::{
    HistoryRef, Metadata, MetadataValues, TextIds, Timestamp, UNKNOWN_TEXT, UNKNOWN_TIME, nearest_name, time_text,
};
use crate::io::MapColours;

/// One value a point (or, before points are chosen, an item).
#[derive(Clone, Debug, PartialEq)]
pub struct Colouring {
    /// The column.
    pub column: String,
    /// The values.
    pub values: Values,
}

/// Values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Categories: their names, and a place among them for everyone of whom it is known.
    Categories {
        /// Ascending.
        names: Vec<String>,
        /// Places in `names`.
        codes: Vec<Option<u32>>,
    },
    /// Something that can be larger and smaller.
    Numbers {
        /// The numbers; moments are microseconds since 1970.
        numbers: Vec<Option<f64>>,
        /// For moments: true where they are days.
        dates: Option<bool>,
    },
}

impl Colouring {
    /// The values of all items in a column of the metadata; of texts, what stands before `separator`, and of lists the first
    /// text.
    ///
    /// # Errors
    /// [`MapError`] when there is no such column, or it does not hold what can be divided.
    pub fn of_column(metadata: &Metadata, column: &str, separator: Option<&str>) -> Result<Self, MapError> {
        let found = metadata.column(column).ok_or_else(|| missing(metadata, column))?;
        let first = |text: &str| match separator.and_then(|separator| text.split_once(separator)) {
            Some((first, _)) => first.trim().to_owned(),
            None => text.to_owned(),
        };
        let values = match &found.values {
            MetadataValues::Text(texts) => {
                let codes = texts.codes.iter().map(|&code| (code != UNKNOWN_TEXT).then_some(code));
                categories(&texts.dictionary, codes, first)
            }
            MetadataValues::Texts(texts) => {
                let codes = (0..texts.ends.len()).map(|item| texts.of(item).first().copied());
                categories(&texts.dictionary, codes, first)
            }
            other if separator.is_some() => {
                return Err(MapError::NotText { column: column.into(), kind: other.kind() });
            }
            MetadataValues::Flag { yes, known } => Values::Categories {
                names: ["no", "yes"].map(String::from).into(),
                codes: (0..known.len()).map(|item| known.contains(item).then_some(yes.contains(item).into())).collect(),
            },
            MetadataValues::Number(numbers) => Values::Numbers {
                // A scale has no place for what is infinite.
                numbers: numbers.iter().map(|&number| number.is_finite().then_some(number)).collect(),
                dates: None,
            },
            MetadataValues::Time { times, dates } => Values::Numbers {
                numbers: times.iter().map(|time| (*time != UNKNOWN_TIME).then_some(time.0 as f64)).collect(),
                dates: Some(*dates),
            },
        };
        Ok(Self { column: column.into(), values })
    }

    /// The values of some items.
    pub fn of_items(&self, rows: &[u32]) -> Self {
        let values = match &self.values {
            Values::Categories { names, codes } => Values::Categories {
                names: names.clone(),
                codes: rows.iter().map(|&row| codes[row as usize]).collect(),
            },
            Values::Numbers { numbers, dates } => {
                Values::Numbers { numbers: rows.iter().map(|&row| numbers[row as usize]).collect(), dates: *dates }
            }
        };
        Self { column: self.column.clone(), values }
    }

    /// What the items of histories say of their users: the most frequent category (of equally frequent ones the first), or
    /// the mean number.
    pub fn of_histories(&self, histories: &[HistoryRef<'_>]) -> Self {
        let items = |history: &HistoryRef<'_>| history.items().iter().map(|&item| item as usize).collect::<Vec<_>>();
        let values = match &self.values {
            Values::Categories { names, codes } => {
                let most = |history: &HistoryRef<'_>| {
                    let mut counts = BTreeMap::new();
                    for code in items(history).into_iter().filter_map(|item| codes[item]) {
                        *counts.entry(code).or_insert(0u32) += 1;
                    }
                    counts
                        .into_iter()
                        .max_by_key(|&(code, count)| (count, std::cmp::Reverse(code)))
                        .map(|(code, _)| code)
                };
                Values::Categories { names: names.clone(), codes: histories.iter().map(most).collect() }
            }
            Values::Numbers { numbers, dates } => {
                let mean = |history: &HistoryRef<'_>| {
                    let known: Vec<f64> = items(history).into_iter().filter_map(|item| numbers[item]).collect();
                    (!known.is_empty()).then(|| known.iter().map(|number| number / known.len() as f64).sum())
                };
                Values::Numbers { numbers: histories.iter().map(mean).collect(), dates: *dates }
            }
        };
        Self { column: self.column.clone(), values }
    }

    /// The values as a column of a table.
    pub fn table(&self) -> MapColours<'_> {
        match &self.values {
            Values::Categories { names, codes } => {
                MapColours::Texts(codes.iter().map(|code| code.map(|code| names[code as usize].as_str())).collect())
            }
            Values::Numbers { numbers, dates: None } => MapColours::Numbers(numbers.clone()),
            Values::Numbers { numbers, .. } => {
                MapColours::Times(numbers.iter().map(|time| time.map(|time| Timestamp(time as i64))).collect())
            }
        }
    }
}

/// Categories out of texts, of each of which only a part may count.
fn categories(dictionary: &TextIds, codes: impl Iterator<Item = Option<u32>>, part: impl Fn(&str) -> String) -> Values {
    let parts: Vec<String> = (0..dictionary.len()).map(|code| part(dictionary.get(code))).collect();
    let mut names = parts.clone();
    names.sort_unstable();
    names.dedup();
    let place = |part: &String| names.partition_point(|name| name < part) as u32;
    let places: Vec<u32> = parts.iter().map(place).collect();
    let codes = codes.map(|code| code.map(|code| places[code as usize])).collect();
    Values::Categories { names, codes }
}

/// Why a column is not there.
fn missing(metadata: &Metadata, column: &str) -> MapError {
    if let Some(left_out) = metadata.left_out().iter().find(|left_out| left_out.name == column) {
        return MapError::LeftOut { column: column.into(), reason: left_out.reason.clone() };
    }
    let names = || metadata.columns().iter().map(|column| column.name.as_str());
    if names().next().is_none() {
        return MapError::NoColumns { column: column.into() };
    }
    let available = names().map(|name| format!("`{name}`")).collect();
    MapError::UnknownColumn { column: column.into(), available, nearest: nearest_name(column, names()) }
}

/// A number of a column as people read it.
pub fn number_text(number: f64, dates: Option<bool>) -> String {
    match dates {
        Some(dates) => time_text(Timestamp(number as i64), dates),
        None if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        None if number.abs() >= 1e15 || number.abs() < 1e-3 => format!("{number:.2e}"),
        None if number.abs() >= 100.0 => format!("{number:.0}"),
        None => format!("{number:.2}"),
    }
}
