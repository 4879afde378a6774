//! Live events out: a file that joins the log that the next model is trained on.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, TimeUnit as ArrowUnit};
use uuid::Uuid;

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::interaction_rows::{BUFFERED_BYTES, BUFFERED_ROWS};
use super::writer::TableWriter;
use crate::interactions::{IdMap, IntIds, IntType, LiveLogPart, LogRules, TimeUnit, Timestamp};

/// Where a file of live events keeps its [`LiveLogPart`], as JSON, in the metadata of Parquet.
pub(super) const LIVE_PART: &str = "foldin.events";

/// An event on its way into a [`LiveLogWriter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiveRow<'a> {
    /// Who, in canonical form.
    pub user_id: &'a str,
    /// With what, in canonical form.
    pub item_id: &'a str,
    /// What kind of event.
    pub event_type: Option<&'a str>,
    /// How much.
    pub weight: f32,
    /// When.
    pub time: Timestamp,
}

/// The type of an id column of live events: that of a model's ids, and for integers as wide as the new ones need.
#[derive(Clone, Debug)]
pub struct LiveIds {
    ids: IdMap,
    texts: Vec<String>,
}

impl LiveIds {
    /// Ids that join those of `ids`.
    #[must_use]
    pub fn like(ids: &IdMap) -> Self {
        Self { ids: ids.select(&[]), texts: Vec::new() }
    }

    /// Widens a column of integers as far as this id needs.
    pub fn widen_for(&mut self, id: &str) {
        let IdMap::Int(ids) = &mut self.ids else { return };
        let Some(value) = canonical::<i64>(id) else { return };
        let narrow = [IntType::I8, IntType::U8, IntType::I16, IntType::U16, IntType::I32, IntType::U32];
        let own = narrow.into_iter().find(|of| of.range().contains(&value)).unwrap_or(IntType::I64);
        if !ids.int_type().range().contains(&value) {
            *ids = IntIds::new(Vec::new(), ids.int_type().common(own));
        }
    }

    /// Whether an id can stand in the column: integers and UUIDs have to be in canonical form.
    #[must_use]
    pub fn admits(&self, id: &str) -> bool {
        match &self.ids {
            IdMap::Int(ids) => canonical::<i64>(id).is_some_and(|value| ids.int_type().range().contains(&value)),
            IdMap::Uint(_) => canonical::<u64>(id).is_some(),
            IdMap::Uuid(_) => canonical::<Uuid>(id).is_some(),
            IdMap::Text(_) => true,
        }
    }

    fn field(&self, name: &str) -> Field {
        Field::new(name, id_type(&self.ids), false)
    }

    fn take(&mut self) -> ArrayRef {
        let texts = std::mem::take(&mut self.texts);
        let number = texts.len() as u32;
        // What cannot stand in the column was refused when it was appended.
        let ids = match &self.ids {
            IdMap::Int(ids) => IdMap::Int(IntIds::new(parsed(&texts), ids.int_type())),
            IdMap::Uint(_) => IdMap::Uint(parsed(&texts)),
            IdMap::Uuid(_) => IdMap::Uuid(parsed(&texts)),
            IdMap::Text(_) => IdMap::Text(texts.iter().collect()),
        };
        id_array(&ids, 0..number)
    }
}

/// A value that prints as it was written.
fn canonical<T: std::str::FromStr + ToString>(id: &str) -> Option<T> {
    id.parse().ok().filter(|value: &T| value.to_string() == id)
}

fn parsed<T: std::str::FromStr>(texts: &[String]) -> Vec<T> {
    texts.iter().filter_map(|id| id.parse().ok()).collect()
}

/// Writes live events with the columns that the rules of a log name, in their types: times in the unit of the log, types
/// of event as integers where the rules weigh nothing but integers. Memory does not grow with the number of rows; the
/// file appears when [`finish`](Self::finish) succeeds.
pub struct LiveLogWriter {
    writer: TableWriter,
    users: LiveIds,
    items: LiveIds,
    weights: Option<Vec<f32>>,
    times: Option<(Option<TimeUnit>, Vec<Timestamp>)>,
    events: Option<Events>,
    rows: usize,
    bytes: usize,
}

/// Types of event.
enum Events {
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
}

impl LiveLogWriter {
    /// Starts a file of the events that `part` announces, for a log read under `rules`.
    ///
    /// # Errors
    /// [`TableError`] when `path` cannot be written.
    pub fn create(
        path: &Path,
        rules: &LogRules,
        (users, items): (LiveIds, LiveIds),
        part: &LiveLogPart,
    ) -> Result<Self, TableError> {
        let names = &rules.columns;
        let numbered = rules.event_weights.keys().all(|name| canonical::<i64>(name).is_some());
        let events = (!names.event.is_empty())
            .then(|| if numbered { Events::Numbers(Vec::new()) } else { Events::Texts(Vec::new()) });
        let mut fields = vec![users.field(&names.user), items.field(&names.item)];
        if !names.weight.is_empty() {
            fields.push(Field::new(&names.weight, DataType::Float32, false));
        }
        if !names.time.is_empty() {
            let of = match rules.time_unit {
                None => DataType::Timestamp(ArrowUnit::Microsecond, Some("UTC".into())),
                Some(_) => DataType::Int64,
            };
            fields.push(Field::new(&names.time, of, false));
        }
        if let Some(events) = &events {
            let of = if matches!(events, Events::Numbers(_)) { DataType::Int64 } else { DataType::Utf8 };
            fields.push(Field::new(&names.event, of, true));
        }
        let part = serde_json::to_string(part)
            .map_err(|error| TableError::Encode { file: path.into(), reason: error.to_string() })?;
        Ok(Self {
            writer: TableWriter::create_with_metadata(path, fields, vec![(LIVE_PART.into(), part)])?,
            users,
            items,
            weights: (!names.weight.is_empty()).then(Vec::new),
            times: (!names.time.is_empty()).then_some((rules.time_unit, Vec::new())),
            events,
            rows: 0,
            bytes: 0,
        })
    }

    /// Appends an event; false when one of its ids cannot stand in its column.
    ///
    /// # Errors
    /// [`TableError`] when writing fails.
    pub fn append(&mut self, row: LiveRow<'_>) -> Result<bool, TableError> {
        if !self.users.admits(row.user_id) || !self.items.admits(row.item_id) {
            return Ok(false);
        }
        self.users.texts.push(row.user_id.to_owned());
        self.items.texts.push(row.item_id.to_owned());
        if let Some(weights) = &mut self.weights {
            weights.push(row.weight);
        }
        if let Some((_, times)) = &mut self.times {
            times.push(row.time);
        }
        match &mut self.events {
            None => {}
            Some(Events::Texts(texts)) => texts.push(row.event_type.map(str::to_owned)),
            Some(Events::Numbers(numbers)) => numbers.push(row.event_type.and_then(canonical)),
        }
        self.rows += 1;
        self.bytes += row.user_id.len() + row.item_id.len() + row.event_type.map_or(0, str::len);
        if self.rows >= BUFFERED_ROWS || self.bytes >= BUFFERED_BYTES {
            self.flush()?;
        }
        Ok(true)
    }

    /// Completes the file; returns the number of rows.
    ///
    /// # Errors
    /// [`TableError`] when writing fails; nothing is left behind.
    pub fn finish(mut self) -> Result<u64, TableError> {
        self.flush()?;
        self.writer.finish()
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let mut columns = vec![self.users.take(), self.items.take()];
        if let Some(weights) = &mut self.weights {
            columns.push(Arc::new(Float32Array::from(std::mem::take(weights))));
        }
        if let Some((unit, times)) = &mut self.times {
            let times = times.drain(..);
            columns.push(match unit {
                None => {
                    Arc::new(TimestampMicrosecondArray::from_iter_values(times.map(|time| time.0)).with_timezone("UTC"))
                }
                Some(unit) => Arc::new(Int64Array::from_iter_values(times.map(|time| unit.count(time)))),
            });
        }
        match &mut self.events {
            None => {}
            Some(Events::Texts(texts)) => columns.push(Arc::new(texts.drain(..).collect::<StringArray>())),
            Some(Events::Numbers(numbers)) => columns.push(Arc::new(numbers.drain(..).collect::<Int64Array>())),
        }
        (self.rows, self.bytes) = (0, 0);
        self.writer.append(columns)
    }
}
