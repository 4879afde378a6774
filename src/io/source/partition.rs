//! Hive partitions: directories called `column=value`, whose values are columns of every row below them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use chrono::NaiveDate;

use crate::io::error::LogError;

/// How a missing value is written.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition columns of one table: name and value, `None` for null.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::io) struct Partitions(BTreeMap<String, Option<String>>);

impl Partitions {
    /// The partitions that the directories of `table` name.
    ///
    /// # Errors
    /// [`LogError::Partition`] for one that cannot be read, or that is named twice with different values.
    pub fn of(table: &Path) -> Result<Self, LogError> {
        let mut partitions = BTreeMap::new();
        let directories = table.parent().into_iter().flat_map(Path::components);
        for directory in directories {
            let Component::Normal(name) = directory else { continue };
            let name = name.to_string_lossy();
            let Some((column, value)) = name.split_once('=').filter(|(column, _)| !column.is_empty()) else { continue };
            let refused = |reason: String| LogError::Partition {
                file: table.into(),
                directory: name.clone().into_owned(),
                reason,
            };
            let column = decoded(column).ok_or_else(|| refused("its name is not UTF-8 text".into()))?;
            let value = match value {
                NULL => None,
                value => Some(decoded(value).ok_or_else(|| refused("its value is not UTF-8 text".into()))?),
            };
            let shown = value.clone();
            if let Some(other) = partitions.insert(column, value).filter(|other| *other != shown) {
                let other = other.as_deref().unwrap_or("null").to_owned();
                return Err(refused(format!("a directory above it gives the same column the value `{other}`")));
            }
        }
        Ok(Self(partitions))
    }

    /// The value of a column: the outer `None` when it is no partition, the inner one when it is null.
    pub fn get(&self, column: &str) -> Option<Option<&str>> {
        self.0.get(column).map(Option::as_deref)
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The partition columns of all tables of a log, and which of them hold whole numbers throughout: ids in them are
/// integers only then, so that `10` beside `1a` is text as well.
#[derive(Debug, Default)]
pub(in crate::io) struct HiveColumns(BTreeMap<String, bool>);

impl HiveColumns {
    /// Looks at the partitions of all tables.
    ///
    /// # Errors
    /// As [`Partitions::of`].
    pub fn of(tables: &[PathBuf]) -> Result<Self, LogError> {
        let mut columns = BTreeMap::new();
        for table in tables {
            for (column, value) in Partitions::of(table)?.0 {
                let integers = columns.entry(column).or_insert(true);
                *integers &= value.is_none_or(|value| integer(&value).is_some());
            }
        }
        Ok(Self(columns))
    }

    /// True when every value of `column` is a whole number.
    pub fn are_integers(&self, column: &str) -> bool {
        self.0.get(column).copied().unwrap_or(false)
    }
}

/// A whole number in the one way of writing it.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// The day that a partition like `2026-01-31` or `20260131` stands for.
pub(in crate::io) fn day_of(text: &str) -> Option<NaiveDate> {
    let format = match text.len() {
        10 => "%Y-%m-%d",
        8 => "%Y%m%d",
        _ => return None,
    };
    NaiveDate::parse_from_str(text, format).ok()
}

/// Undoes percent-encoding; a `%` without two hexadecimal digits stands for itself. `None` when the outcome is not
/// UTF-8.
fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|digits| bytes[at] == b'%' && digits.is_ascii());
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        // `from_str_radix` takes a sign for a digit.
        match byte.filter(|_| bytes[at + 1] != b'+') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_null_is_told_apart() {
        let partitions =
            Partitions::of(Path::new("/logs/date=2026-01-31/city=S%C3%A3o%20Paulo/n%3D=100%/x=a=b/y=/part.parquet"));
        let partitions = partitions.unwrap();
        for (column, value) in [("date", "2026-01-31"), ("city", "São Paulo"), ("n=", "100%"), ("x", "a=b"), ("y", "")]
        {
            assert_eq!(partitions.get(column), Some(Some(value)), "{column}");
        }
        assert_eq!((partitions.get("part"), partitions.names().count()), (None, 5));
        let null = Partitions::of(Path::new("a=__HIVE_DEFAULT_PARTITION__/a=b.parquet")).unwrap();
        assert_eq!((null.get("a"), null.names().count()), (Some(None), 1));
    }

    #[test]
    fn directories_that_disagree_or_cannot_be_read_are_refused() {
        let refused = |path: &str| Partitions::of(Path::new(path)).unwrap_err().to_string();
        assert!(refused("a=1/a=2/x.parquet").contains("`1`"));
        assert!(refused("a=%FF/x.parquet").contains("not UTF-8"));
        assert!(Partitions::of(Path::new("a=1/a=1/x.parquet")).is_ok());
    }

    #[test]
    fn a_column_is_of_integers_when_all_its_values_are() {
        let columns =
            HiveColumns::of(&["a=1/b=1/x".into(), "a=-2/b=01/x".into(), "a=__HIVE_DEFAULT_PARTITION__/x".into()]);
        let columns = columns.unwrap();
        assert_eq!(["a", "b", "c"].map(|column| columns.are_integers(column)), [true, false, false]);
    }

    #[test]
    fn days_are_read_with_and_without_dashes() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 31);
        assert_eq!([day_of("2026-01-31"), day_of("20260131")], [day, day]);
        assert_eq!([day_of("2026-02-30"), day_of("2026-1-31"), day_of("")], [None; 3]);
    }
}
