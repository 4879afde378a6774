//! The weight column: any numeric type, every value checked.

use std::path::Path;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Float64Array};
use arrow_schema::{DataType, Field};

use super::error::{LogError, TableError};
use super::table::Batch;

/// How a user names another weight column.
pub(super) const WEIGHT_REMEDY: &str = "name another with --weight-column, or leave it out so that every row weighs 1";

/// Checks that the column holds numbers.
pub(super) fn check_weight_type(file: &Path, field: &Field) -> Result<(), TableError> {
    if field.data_type().is_numeric() {
        return Ok(());
    }
    Err(TableError::ColumnType {
        file: file.into(),
        column: field.name().clone(),
        found: field.data_type().to_string(),
        accepted: "integers, floating-point numbers and decimals",
        remedy: WEIGHT_REMEDY,
    })
}

/// Reads the weights of a batch into `weights`.
///
/// A weight has to be finite and greater than 0: there is no such thing as an interaction of weight 0.
/// A zero is let through only where `min_weight` is above it, as the minimum then drops the row; null, NaN,
/// infinite and negative values are errors always, since no rule explains them.
pub(super) fn read_weights(
    file: &Path,
    column: &str,
    batch: &Batch,
    min_weight: f32,
    weights: &mut Vec<f32>,
) -> Result<(), LogError> {
    let values = to_f64(file, batch.column(column)?)?;
    weights.clear();
    for position in 0..values.len() {
        let value = values.is_valid(position).then(|| values.value(position));
        match value.map(|value| value as f32) {
            Some(weight) if weight.is_finite() && (weight > 0.0 || (weight == 0.0 && weight < min_weight)) => {
                weights.push(weight);
            }
            weight => {
                return Err(LogError::Weight {
                    file: file.into(),
                    column: column.into(),
                    row: batch.row(position),
                    value: value.map_or("null".into(), |value| value.to_string()),
                    is_zero: weight == Some(0.0),
                });
            }
        }
    }
    Ok(())
}

fn to_f64(file: &Path, column: &ArrayRef) -> Result<Float64Array, TableError> {
    let values = arrow_cast::cast(column, &DataType::Float64)
        .map_err(|error| TableError::Damaged { file: file.into(), reason: error.to_string() })?;
    Ok(values.as_primitive::<Float64Type>().clone())
}
