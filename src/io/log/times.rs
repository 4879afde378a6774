//! The time column: moments in every unit that Parquet knows, dates, and whole numbers whose unit is stated.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::{DataType, TimeUnit as ArrowUnit};

use crate::interactions::{TimeUnit, Timestamp};

/// How a column says when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeType {
    /// Moments or dates, whose unit is part of the type.
    Calendar,
    /// Whole numbers.
    Number,
}

impl TimeType {
    /// How a column of a type says when, if it can.
    pub fn of(of: &DataType) -> Option<Self> {
        match of {
            DataType::Timestamp(..) | DataType::Date32 => Some(Self::Calendar),
            other => other.is_integer().then_some(Self::Number),
        }
    }

    /// What errors call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calendar => "timestamps",
            Self::Number => "whole numbers",
        }
    }
}

/// The moments in a column, in microseconds; null where there is none or none that a [`Timestamp`] can hold. Whole
/// numbers count in `unit`.
pub(super) fn moments(column: &ArrayRef, unit: TimeUnit) -> Int64Array {
    let micros = |unit: TimeUnit| move |count: i64| unit.timestamp(count).map(|moment| moment.0);
    match column.data_type() {
        DataType::Timestamp(ArrowUnit::Second, _) => {
            column.as_primitive::<TimestampSecondType>().unary_opt(micros(TimeUnit::Seconds))
        }
        DataType::Timestamp(ArrowUnit::Millisecond, _) => {
            column.as_primitive::<TimestampMillisecondType>().unary_opt(micros(TimeUnit::Milliseconds))
        }
        DataType::Timestamp(ArrowUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>()
        }
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => {
            column.as_primitive::<TimestampNanosecondType>().unary_opt(micros(TimeUnit::Nanoseconds))
        }
        DataType::Date32 => {
            column.as_primitive::<Date32Type>().unary_opt(|day| i64::from(day).checked_mul(Timestamp::DAY))
        }
        DataType::UInt64 => column
            .as_primitive::<UInt64Type>()
            .unary_opt(|count| i64::try_from(count).ok().and_then(|count| micros(unit)(count))),
        // Every other integer fits 64 bits with sign, and `TimeType::of` has let nothing else through.
        _ => match arrow_cast::cast(column, &DataType::Int64) {
            Ok(counts) => counts.as_primitive::<Int64Type>().unary_opt(micros(unit)),
            Err(_) => Int64Array::new_null(column.len()),
        },
    }
}

/// A value of a time column as it is stored, for errors.
pub(super) fn stored(column: &ArrayRef, at: usize) -> String {
    if column.is_null(at) {
        return "null".into();
    }
    let number = match column.data_type() {
        DataType::Date32 => arrow_cast::cast(column, &DataType::Int32),
        DataType::Timestamp(..) => arrow_cast::cast(column, &DataType::Int64),
        _ => Ok(ArrayRef::clone(column)),
    };
    let text = number.and_then(|number| arrow_cast::cast(&number, &DataType::Utf8));
    text.map_or_else(|error| error.to_string(), |text| text.as_string::<i32>().value(at).to_owned())
}
