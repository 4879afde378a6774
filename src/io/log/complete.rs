//! Chunks in which nothing is missing: what a log that is read must be, and one that is scanned need not.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray};

use super::chunks::{Chunk, Times};
use super::times::stored;
use crate::interactions::{LogRules, Timestamp, Weighting};
use crate::io::error::{LogError, TableError};
use crate::io::ids::IdColumn;

impl Chunk {
    /// Checks that no id and no time is missing or unusable, and that every weight can be used.
    ///
    /// A weight has to be finite and greater than 0: there is no such thing as an interaction of weight 0. A zero is let
    /// through only where the minimum weight is above it, which then drops the row; null, NaN, infinite and negative
    /// values are errors always, since no rule explains them.
    ///
    /// # Errors
    /// [`LogError`] naming the first row that will not do.
    pub fn checked(self, rules: &LogRules) -> Result<Self, LogError> {
        let names = &rules.columns;
        for (ids, column) in [(&self.users, &names.user), (&self.items, &names.item)] {
            if let Some(nulls) = ids.array().logical_nulls().filter(|nulls| nulls.null_count() > 0) {
                let entry = nulls.iter().position(|valid| !valid).unwrap_or(0);
                let (file, row) = (self.file.to_path_buf(), self.position.row(entry));
                return Err(TableError::Null { file, column: column.clone(), row }.into());
            }
        }
        if let Some(Times { moments, stored: column }) = &self.times
            && let Some(entry) = (moments.null_count() > 0).then(|| moments.iter().position(|moment| moment.is_none()))
        {
            let entry = entry.unwrap_or(0);
            return Err(LogError::Time {
                file: self.file.to_path_buf(),
                column: names.time.clone(),
                row: self.position.row(entry),
                value: stored(column, entry),
            });
        }
        let min_weight = rules.min_weight.unwrap_or(0.0);
        let usable = |value: Option<f64>| {
            let weight = value.map(|value| value as f32);
            weight.is_some_and(|weight| weight.is_finite() && (weight > 0.0 || (weight == 0.0 && weight < min_weight)))
        };
        if let Some(entry) = self.weights.iter().flatten().position(|value| !usable(value)) {
            let value = self.weights.as_ref().filter(|weights| weights.is_valid(entry)).map(|of| of.value(entry));
            return Err(LogError::Weight {
                file: self.file.to_path_buf(),
                column: names.weight.clone(),
                row: self.position.row(entry),
                value: value.map_or("null".into(), |value| value.to_string()),
                is_zero: value.is_some_and(|value| value as f32 == 0.0),
            });
        }
        Ok(self)
    }

    /// The entries inside the time window, and how many lie outside.
    ///
    /// What lies outside leaves before ids are numbered: parts of a file that are known to lie outside are not even
    /// read, and that must not make a difference.
    pub fn in_window(self, weighting: &Weighting) -> Result<(Self, u64), LogError> {
        let Some(times) = self.times.as_ref().filter(|_| weighting.has_window()) else { return Ok((self, 0)) };
        let inside: Vec<bool> =
            times.moments.values().iter().map(|&moment| weighting.in_window(Timestamp(moment))).collect();
        let outside = inside.iter().filter(|inside| !**inside).count() as u64;
        if outside == 0 {
            return Ok((self, 0));
        }
        Ok((self.keep(&inside.into())?, outside))
    }

    fn keep(self, mask: &BooleanArray) -> Result<Self, LogError> {
        let file = self.file;
        let kept = |column: &dyn Array| -> Result<ArrayRef, TableError> {
            arrow_select::filter::filter(column, mask)
                .map_err(|error| TableError::Damaged { file: file.to_path_buf(), reason: error.to_string() })
        };
        let ids = |ids: &IdColumn| IdColumn::of(&file, &kept(ids.array())?);
        let users = ids(&self.users)?;
        let items = ids(&self.items)?;
        let events = self.events.as_ref().map(ids).transpose()?;
        let weights = self.weights.as_ref().map(|weights| kept(weights)).transpose()?;
        let times = match &self.times {
            Some(Times { moments, stored }) => {
                Some(Times { moments: kept(moments)?.as_primitive::<Int64Type>().clone(), stored: kept(stored)? })
            }
            None => None,
        };
        let position = self.position.keep(mask);
        let weights = weights.map(|weights| weights.as_primitive::<Float64Type>().clone());
        Ok(Self { file, position, users, items, weights, times, events, empty_lists: self.empty_lists })
    }
}
