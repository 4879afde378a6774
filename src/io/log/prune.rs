//! What lies outside of the time window as a whole, and need not be read.

use std::path::Path;

use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::DataType;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::columns::{LogTable, Shape};
use super::partition_values::span_of;
use super::times::moments;
use crate::interactions::{LogRules, Timestamp, Weighting};
use crate::io::error::LogError;
use crate::io::source::Partitions;

/// True for a file whose partition lies outside of the window.
///
/// # Errors
/// As of [`Partitions::of`].
pub(super) fn is_outside(file: &Path, rules: &LogRules) -> Result<bool, LogError> {
    let weighting = Weighting::new(rules);
    if rules.columns.time.is_empty() || !weighting.has_window() {
        return Ok(false);
    }
    let partitions = Partitions::of(file)?;
    let span = partitions.get(&rules.columns.time).flatten().and_then(|text| span_of(text, rules.time_unit));
    Ok(span.is_some_and(|span| misses(&weighting, span.start, span.end - 1)))
}

/// The row groups of a table that may hold rows inside the window, and the number of rows in the others.
pub(super) fn groups_inside(table: &LogTable, rules: &LogRules) -> (Vec<usize>, u64) {
    let weighting = Weighting::new(rules);
    let groups = table.table.row_groups();
    let (mut inside, mut outside) = (Vec::with_capacity(groups.len()), 0);
    for (number, group) in groups.iter().enumerate() {
        match range(table, group).filter(|_| weighting.has_window()) {
            Some((first, last)) if misses(&weighting, first, last) => outside += group.num_rows().max(0) as u64,
            _ => inside.push(number),
        }
    }
    (inside, outside)
}

/// True when no moment from `first` to `last` lies in the window, which has no gaps.
fn misses(weighting: &Weighting, first: i64, last: i64) -> bool {
    let (first, last) = (Timestamp(first), Timestamp(last));
    let before = !weighting.is_since(last);
    let after = weighting.is_since(first) && !weighting.in_window(first);
    before || after
}

/// The first and last moment of a row group, as its statistics have them: only where every row has one, and every row
/// is one entry, so that rows that are not read can be counted.
fn range(table: &LogTable, group: &RowGroupMetaData) -> Option<(i64, i64)> {
    let column =
        table.time.as_ref().filter(|column| column.stored == Some(Shape::Value) && column.partition.is_none())?;
    if table.item.stored == Some(Shape::List) {
        return None;
    }
    let field = table.table.find(&column.name)?;
    let stored = group.columns().iter().find(|stored| stored.column_path().parts() == [column.name.as_str()])?;
    let statistics = stored.statistics().filter(|statistics| statistics.null_count_opt() == Some(0))?;
    let (first, last) = match statistics {
        Statistics::Int64(values) => (*values.min_opt()?, *values.max_opt()?),
        Statistics::Int32(values) => (i64::from(*values.min_opt()?), i64::from(*values.max_opt()?)),
        _ => return None,
    };
    let counts: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![first, last]));
    let in_type = match field.data_type() {
        // Numbers without sign are stored as those with one.
        of if of.is_unsigned_integer() => return None,
        DataType::Date32 => {
            let days = arrow_cast::cast(&counts, &DataType::Int32).ok()?;
            arrow_cast::cast(&days, &DataType::Date32).ok()?
        }
        of => arrow_cast::cast(&counts, of).ok()?,
    };
    let moments = moments(&in_type, column.kind.unit);
    (moments.null_count() == 0 && first <= last).then(|| (moments.value(0), moments.value(1)))
}
