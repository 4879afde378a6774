//! Which columns of a table are the columns of a log, and whether their types will do.

use std::path::{Path, PathBuf};

use arrow_schema::{DataType, Field, TimeUnit as ArrowUnit};

use super::partition_values::span_of;
use super::times::TimeType;
use crate::interactions::{IntType, LogRules, TimeUnit, nearest_name};
use crate::io::error::{LogError, TableError};
use crate::io::ids::IdKind;
use crate::io::source::{HiveColumns, Partitions, Source, TableBytes};
use crate::io::table::Table;

const USER_REMEDY: &str = "name another with --user-column";
const ITEM_REMEDY: &str = "name another with --item-column";
const WEIGHT_REMEDY: &str = "name another with --weight-column, or leave it out so that every row weighs 1";
const TIME_REMEDY: &str = "name another with --time-column";
const EVENT_REMEDY: &str = "name another with --event-column";

/// A table of a log with its columns found and their types checked.
pub(super) struct LogTable {
    pub table: Table,
    pub user: Column<IdKind>,
    pub item: Column<IdKind>,
    pub weight: Option<Column<()>>,
    pub time: Option<Column<TimeColumn>>,
    pub event: Option<Column<IdKind>>,
}

/// Where the values of a column are, and of what kind they are.
#[derive(Clone, Debug)]
pub(super) struct Column<K> {
    pub name: String,
    pub kind: K,
    /// Where the table itself has the column: whether its values are lists.
    pub stored: Option<Shape>,
    /// Where the table lies in a partition of that column: its value, `None` for null.
    pub partition: Option<Option<String>>,
}

/// What a row of a stored column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Value,
    List,
}

/// How moments are said, and the unit of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeColumn {
    pub of: TimeType,
    pub unit: TimeUnit,
}

impl LogTable {
    /// Opens a table and finds the columns that `rules` name.
    ///
    /// # Errors
    /// [`LogError`] when the table cannot be read, a column is missing, or its type will not do.
    pub fn open(source: &dyn Source, file: &Path, rules: &LogRules, hive: &HiveColumns) -> Result<Self, LogError> {
        let table = Table::open(file, TableBytes::new(source.open(file)?))?;
        let search = Search { table: &table, partitions: Partitions::of(file)?, hive, unit: rules.time_unit };
        let names = &rules.columns;
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let user = search.ids(&names.user, USER_REMEDY, &[Shape::Value])?;
        let item = search.ids(&names.item, ITEM_REMEDY, &[Shape::Value, Shape::List])?;
        // A list of items may have lists of the rest.
        let shapes: &[Shape] =
            if item.stored == Some(Shape::List) { &[Shape::Value, Shape::List] } else { &[Shape::Value] };
        let weight = named(&names.weight).map(|name| search.weights(&name, shapes)).transpose()?;
        let time = named(&names.time).map(|name| search.times(&name, shapes)).transpose()?;
        let event = named(&names.event).map(|name| search.events(&name, shapes)).transpose()?;
        Ok(Self { user, item, weight, time, event, table })
    }

    /// The columns of the table, and those that its partitions add, with their types as text.
    pub fn schema(&self) -> Vec<(String, String)> {
        let mut columns: Vec<(String, String)> =
            self.table.fields().map(|field| (field.name().clone(), field.data_type().to_string())).collect();
        // The path was readable when the table was opened.
        let partitions = Partitions::of(self.table.file()).unwrap_or_default();
        let added: Vec<_> = partitions.names().filter(|name| self.table.find(name).is_none()).collect();
        columns.extend(added.into_iter().map(|name| (name.to_owned(), "hive partition".to_owned())));
        columns
    }

    /// The names of the columns that are decoded.
    pub fn decoded(&self) -> impl Iterator<Item = &str> {
        let others = [
            self.weight.as_ref().map(Column::place),
            self.time.as_ref().map(Column::place),
            self.event.as_ref().map(Column::place),
        ];
        let places = [self.user.place(), self.item.place()].into_iter().chain(others.into_iter().flatten());
        places.filter_map(|(name, stored)| stored.map(|_| name))
    }
}

impl<K> Column<K> {
    /// Its name, and where it is stored, the shape of its values.
    pub fn place(&self) -> (&str, Option<Shape>) {
        (&self.name, self.stored)
    }
}

/// Looks for columns in one table.
struct Search<'a> {
    table: &'a Table,
    partitions: Partitions,
    hive: &'a HiveColumns,
    unit: Option<TimeUnit>,
}

impl Search<'_> {
    fn ids(&self, name: &str, remedy: &'static str, shapes: &[Shape]) -> Result<Column<IdKind>, LogError> {
        let kind = |of: &DataType| IdKind::of_type(of);
        let integers = IdKind::Int(IntType::I64);
        let partition = if self.hive.are_integers(name) { integers } else { IdKind::Text };
        self.find(name, remedy, shapes, kind, "strings, integers and UUIDs (fixed binary of 16 bytes)", partition)
    }

    fn events(&self, name: &str, shapes: &[Shape]) -> Result<Column<IdKind>, LogError> {
        let kind = |of: &DataType| IdKind::of_type(of).filter(|kind| *kind != IdKind::Uuid);
        self.find(name, EVENT_REMEDY, shapes, kind, "strings and integers", IdKind::Text)
    }

    fn weights(&self, name: &str, shapes: &[Shape]) -> Result<Column<()>, LogError> {
        let kind = |of: &DataType| of.is_numeric().then_some(());
        self.find(name, WEIGHT_REMEDY, shapes, kind, "integers, floating-point numbers and decimals", ())
    }

    fn times(&self, name: &str, shapes: &[Shape]) -> Result<Column<TimeColumn>, LogError> {
        let accepted = "timestamps, dates, and whole numbers with a stated unit (--time-unit)";
        let column = self.find(name, TIME_REMEDY, shapes, TimeType::of, accepted, TimeType::Calendar)?;
        let of = match &column.partition {
            Some(Some(text)) if column.stored.is_none() => self.times_of_partition(name, text)?,
            _ => column.kind,
        };
        let described = || match self.table.find(name) {
            Some(field) => field.data_type().to_string(),
            None => "hive partition".into(),
        };
        let refused =
            |unit| LogError::TimeUnit { file: self.table.file().into(), column: name.into(), found: described(), unit };
        let kind = match (of, self.unit) {
            (TimeType::Number, stated) => match (self.own_unit(name), stated) {
                (None, Some(unit)) => TimeColumn { of, unit },
                (None, None) => return Err(refused(None)),
                (Some(unit), None) => TimeColumn { of: TimeType::Calendar, unit },
                (Some(_), Some(unit)) => return Err(refused(Some(unit))),
            },
            (TimeType::Calendar, None) => TimeColumn { of, unit: TimeUnit::Microseconds },
            (TimeType::Calendar, Some(unit)) => return Err(refused(Some(unit))),
        };
        Ok(Column { name: column.name, kind, stored: column.stored, partition: column.partition })
    }

    /// The unit of times that Parquet has no type for, and that are stored as plain numbers: only the Arrow schema tells
    /// them apart.
    fn own_unit(&self, name: &str) -> Option<TimeUnit> {
        let schema = self.table.intended()?;
        let intended = match schema.field_with_name(name).ok()?.data_type() {
            DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
                element.data_type()
            }
            other => other,
        };
        match intended {
            DataType::Timestamp(ArrowUnit::Second, _) => Some(TimeUnit::Seconds),
            DataType::Date64 => Some(TimeUnit::Milliseconds),
            _ => None,
        }
    }

    /// How the partition of a column says when: as numbers where their unit is stated, as a date or a moment otherwise.
    fn times_of_partition(&self, name: &str, text: &str) -> Result<TimeType, LogError> {
        if span_of(text, self.unit).is_none() {
            let (file, found) = (self.table.file().into(), "hive partition".into());
            if self.unit.is_none() && self.hive.are_integers(name) {
                return Err(LogError::TimeUnit { file, column: name.into(), found, unit: None });
            }
            let reason = "it is neither a date (2026-01-31) nor a time (2026-01-31T12:00:00Z)".into();
            return Err(LogError::Partition { file, directory: format!("{name}={text}"), reason });
        }
        let numbers = self.unit.is_some() && text.parse::<i64>().is_ok();
        Ok(if numbers { TimeType::Number } else { TimeType::Calendar })
    }

    /// The column called `name`, in the table, its partitions, or both.
    fn find<K: Copy>(
        &self,
        name: &str,
        remedy: &'static str,
        shapes: &[Shape],
        kind_of: impl Fn(&DataType) -> Option<K>,
        accepted: &'static str,
        of_partition: K,
    ) -> Result<Column<K>, LogError> {
        let partition = self.partitions.get(name).map(|value| value.map(str::to_owned));
        let (kind, stored) = match self.table.find(name) {
            Some(field) => {
                let (shape, of) = match field.data_type() {
                    DataType::List(element) => (Shape::List, element.data_type()),
                    other => (Shape::Value, other),
                };
                let kind = kind_of(of).filter(|_| shapes.contains(&shape));
                (kind.ok_or_else(|| self.refused(field, accepted, shapes, remedy))?, Some(shape))
            }
            None if partition.is_some() => (of_partition, None),
            None => return Err(self.missing(name, remedy).into()),
        };
        Ok(Column { name: name.into(), kind, stored, partition })
    }

    fn refused(&self, field: &Field, accepted: &'static str, shapes: &[Shape], remedy: &'static str) -> TableError {
        let found = match field.data_type() {
            DataType::List(_) if !shapes.contains(&Shape::List) => {
                format!("{} (a list, where one value a row is needed)", field.data_type())
            }
            other => other.to_string(),
        };
        let file = self.table.file().into();
        TableError::ColumnType { file, column: field.name().clone(), found, accepted, remedy }
    }

    fn missing(&self, name: &str, remedy: &'static str) -> TableError {
        let names = || self.table.fields().map(|field| field.name().as_str()).chain(self.partitions.names());
        TableError::MissingColumn {
            file: self.table.file().into(),
            column: name.into(),
            available: names().map(|name| format!("`{name}`")).collect(),
            nearest: nearest_name(name, names()),
            remedy,
        }
    }
}

/// The types of the columns that have to be the same in every table of a log; the first table decides. The types of ids
/// are compared where the ids are numbered.
#[derive(Default)]
pub(super) struct Agreement {
    time: Option<(TimeType, PathBuf)>,
    event: Option<(&'static str, PathBuf)>,
}

impl Agreement {
    /// Checks another table.
    ///
    /// # Errors
    /// [`LogError::Retyped`].
    pub fn check(&mut self, table: &LogTable) -> Result<(), LogError> {
        let file = table.table.file();
        if let Some(column) = &table.time {
            let (known, other) = self.time.get_or_insert_with(|| (column.kind.of, file.into()));
            if *known != column.kind.of {
                return Err(retyped(file, &column.name, column.kind.of.name(), other, known.name()));
            }
        }
        if let Some(column) = &table.event {
            let found = if column.kind.is_integer() { "integers" } else { "text" };
            let (known, other) = self.event.get_or_insert_with(|| (found, file.into()));
            if *known != found {
                return Err(retyped(file, &column.name, found, other, known));
            }
        }
        Ok(())
    }
}

fn retyped(file: &Path, column: &str, found: &'static str, other: &Path, expected: &'static str) -> LogError {
    LogError::Retyped { file: file.into(), column: column.into(), found, other: other.into(), expected }
}
