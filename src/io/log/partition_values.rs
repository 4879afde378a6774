//! The values of hive partitions as columns, and columns that say otherwise.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Float64Array, Int64Array, TimestampMicrosecondArray};
use chrono::NaiveTime;

use super::chunks::Position;
use super::columns::{Column, TimeColumn};
use super::times::TimeType;
use crate::interactions::{TimeUnit, Timestamp};
use crate::io::error::LogError;
use crate::io::ids::{IdColumn, IdKind};
use crate::io::source::day_of;

/// The value of the partition, `None` for null.
fn value<K>(column: &Column<K>) -> Option<&str> {
    column.partition.as_ref().and_then(Option::as_deref)
}

/// The ids of a column that is a partition only.
pub(super) fn ids(column: &Column<IdKind>, entries: usize) -> IdColumn {
    let value = value(column);
    match column.kind {
        IdKind::Int(_) => {
            let number = value.and_then(|text| text.parse().ok());
            IdColumn::Int(Int64Array::from_iter(std::iter::repeat_n(number, entries)))
        }
        _ => IdColumn::Dictionary(std::iter::repeat_n(value, entries).collect::<DictionaryArray<Int32Type>>()),
    }
}

/// The weights of a column that is a partition only.
pub(super) fn weights<K>(column: &Column<K>, entries: usize) -> Float64Array {
    let number: Option<f64> = value(column).and_then(|text| text.parse().ok());
    Float64Array::from_iter(std::iter::repeat_n(number, entries))
}

/// The times of a column that is a partition only: whole numbers, or moments.
pub(super) fn times(column: &Column<TimeColumn>, entries: usize) -> ArrayRef {
    match column.kind.of {
        TimeType::Number => {
            let number = value(column).and_then(|text| text.parse().ok());
            Arc::new(Int64Array::from_iter(std::iter::repeat_n(number, entries)))
        }
        TimeType::Calendar => {
            let moment = span(column).map(|span| span.start);
            Arc::new(TimestampMicrosecondArray::from_iter(std::iter::repeat_n(moment, entries)))
        }
    }
}

/// The moments that a partition stands for, in microseconds: a whole day, or a single one. Numbers count in `unit`,
/// where one is stated.
pub(super) fn span_of(text: &str, unit: Option<TimeUnit>) -> Option<Range<i64>> {
    let moment = match (unit, text.parse::<i64>()) {
        (Some(unit), Ok(count)) => unit.timestamp(count)?,
        _ => match day_of(text) {
            Some(day) => {
                let start = day.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
                return Some(start..start.checked_add(Timestamp::DAY)?);
            }
            None => text.parse().ok()?,
        },
    };
    Some(moment.0..moment.0.checked_add(1)?)
}

/// The moments that the partition of a column stands for.
fn span(column: &Column<TimeColumn>) -> Option<Range<i64>> {
    let unit = (column.kind.of == TimeType::Number).then_some(column.kind.unit);
    value(column).and_then(|text| span_of(text, unit))
}

/// Checks that a stored column of ids agrees with the partition it is in.
pub(super) fn check_ids(
    file: &Path,
    column: &Column<IdKind>,
    ids: &IdColumn,
    position: &Position,
) -> Result<(), LogError> {
    let Some(unlike) = contradicted(column).and_then(|expected| ids.first_unlike(expected)) else { return Ok(()) };
    let found = ids.external(unlike).unwrap_or_else(|| "null".into());
    Err(contradiction(file, column, position.row(unlike), found))
}

/// Checks that a stored column of weights agrees with the partition it is in.
pub(super) fn check_weights<K>(
    file: &Path,
    column: &Column<K>,
    weights: &Float64Array,
    position: &Position,
) -> Result<(), LogError> {
    let Some(expected) = contradicted(column) else { return Ok(()) };
    let expected: Option<f64> = expected.and_then(|text| text.parse().ok());
    match weights.iter().position(|weight| weight != expected) {
        None => Ok(()),
        Some(unlike) => {
            let found = weights.is_valid(unlike).then(|| weights.value(unlike).to_string());
            Err(contradiction(file, column, position.row(unlike), found.unwrap_or_else(|| "null".into())))
        }
    }
}

/// Checks that a stored column of times agrees with the partition it is in: a date stands for all of its day.
pub(super) fn check_times(
    file: &Path,
    column: &Column<TimeColumn>,
    moments: &Int64Array,
    position: &Position,
) -> Result<(), LogError> {
    if contradicted(column).is_none() {
        return Ok(());
    }
    let expected = span(column);
    let agrees = |moment: Option<i64>| match (moment, &expected) {
        (Some(moment), Some(span)) => span.contains(&moment),
        (moment, None) => moment.is_none() && value(column).is_none(),
        (None, Some(_)) => false,
    };
    match moments.iter().position(|moment| !agrees(moment)) {
        None => Ok(()),
        Some(unlike) => {
            let found = moments.is_valid(unlike).then(|| Timestamp(moments.value(unlike)).to_string());
            Err(contradiction(file, column, position.row(unlike), found.unwrap_or_else(|| "null".into())))
        }
    }
}

/// The value to compare with, where a column is both stored and a partition.
fn contradicted<K>(column: &Column<K>) -> Option<Option<&str>> {
    column.partition.as_ref().filter(|_| column.stored.is_some()).map(Option::as_deref)
}

fn contradiction<K>(file: &Path, column: &Column<K>, row: u64, found: String) -> LogError {
    LogError::Contradiction {
        file: file.into(),
        column: column.name.clone(),
        row,
        found,
        partition: value(column).unwrap_or("null").to_owned(),
    }
}
