//! Types of event: looked up by name, weighed by the rules, counted where they weigh nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::columns::Column;
use crate::interactions::LogRules;
use crate::io::axis::Axis;
use crate::io::error::{LogError, TableError};
use crate::io::ids::{IdColumn, IdKind};
use crate::io::interner::UNKNOWN;

/// Different types of event, at most: more are a sign of another kind of column.
pub(in crate::io) const MAX_EVENT_TYPES: usize = 10_000;

/// How the report calls missing types of event.
const NULL: &str = "(null)";

/// The types of event of a log while it is read.
pub(super) struct Events {
    axis: Axis,
    numbers: Vec<u32>,
    /// By number.
    weights: Vec<f32>,
    /// Rows of each number that weigh nothing.
    dropped: Vec<u64>,
    null: u64,
}

impl Events {
    /// None yet.
    pub fn new() -> Self {
        Self { axis: Axis::growing(), numbers: Vec::new(), weights: Vec::new(), dropped: Vec::new(), null: 0 }
    }

    /// Prepares for another file.
    pub fn expect(&mut self, column: &Column<IdKind>, file: &Path) -> Result<(), TableError> {
        self.axis.expect(column.kind, file, &column.name)
    }

    /// Looks up the types of consecutive rows.
    ///
    /// # Errors
    /// [`LogError::EventTypes`] when there are too many different ones.
    pub fn look_up(&mut self, file: &Path, types: &IdColumn, rules: &LogRules) -> Result<(), LogError> {
        self.axis.number(types, &mut self.numbers);
        if self.axis.len() > MAX_EVENT_TYPES {
            return Err(LogError::EventTypes { file: file.into(), column: rules.columns.event.clone() });
        }
        for number in self.weights.len()..self.axis.len() {
            let name = self.axis.external(number as u32);
            self.weights.push(rules.event_weights.get(&name).copied().unwrap_or(0.0));
            self.dropped.push(0);
        }
        Ok(())
    }

    /// The weight of a row that was looked up; 0 for types that do not count.
    pub fn weight(&self, row: usize) -> f32 {
        self.weights.get(self.numbers[row] as usize).copied().unwrap_or(0.0)
    }

    /// Counts a row that was looked up as dropped for its type.
    pub fn drop_row(&mut self, row: usize) {
        match self.numbers[row] {
            UNKNOWN => self.null += 1,
            number => self.dropped[number as usize] += 1,
        }
    }

    /// Rows dropped, by the name of their type.
    pub fn into_dropped(self) -> BTreeMap<String, u64> {
        let named = self.dropped.iter().zip(0u32..).map(|(&rows, number)| (self.axis.external(number), rows));
        named.chain([(NULL.to_owned(), self.null)]).filter(|(_, rows)| *rows > 0).collect()
    }
}
