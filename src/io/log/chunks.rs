//! The rows of a log, chunk by chunk: the columns of a table decoded side by side, lists taken apart, partitions filled
//! in. Nothing is judged here but types: values that are missing or unusable are null.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow_schema::DataType;

use super::columns::{Column, LogTable, Shape};
use super::lists::Lists;
use super::partition_values as partition;
use super::times::moments;
use crate::io::error::{LogError, TableError};
use crate::io::ids::IdColumn;
use crate::io::table::Batches;

/// Consecutive rows of a table. All columns have one entry a row or, where items are lists, one an element.
pub(super) struct Chunk {
    pub file: Arc<Path>,
    pub position: Position,
    pub users: IdColumn,
    pub items: IdColumn,
    /// Null where there is no number.
    pub weights: Option<Float64Array>,
    pub times: Option<Times>,
    pub events: Option<IdColumn>,
    /// Rows whose list of items is empty or null.
    pub empty_lists: u64,
}

/// When the entries of a chunk happened.
pub(super) struct Times {
    /// In microseconds; null where there is no moment.
    pub moments: Int64Array,
    /// As stored.
    pub stored: ArrayRef,
}

/// Where the entries of a chunk stand.
pub(super) struct Position {
    /// Rows of the file before the chunk.
    pub before: u64,
    /// The row of each entry, from 0 in the chunk; without it entry `e` is row `e`.
    pub rows: Option<Vec<u32>>,
}

impl Position {
    /// The row of an entry, counted from 1 in the file.
    pub fn row(&self, entry: usize) -> u64 {
        1 + self.before + self.rows.as_ref().map_or(entry as u64, |rows| rows[entry].into())
    }

    /// The entries for which the mask is true.
    pub fn keep(self, mask: &BooleanArray) -> Self {
        let row = |entry: usize| self.rows.as_ref().map_or(entry as u32, |rows| rows[entry]);
        let rows = mask.values().set_indices().map(row).collect();
        Self { before: self.before, rows: Some(rows) }
    }
}

impl Chunk {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.users.array().len()
    }
}

/// A table being decoded.
pub(super) struct Chunks {
    table: LogTable,
    file: Arc<Path>,
    /// Row groups still to be decoded, the next one last, with the rows of the file before each.
    groups: Vec<(usize, u64)>,
    batch_rows: usize,
    open: Option<Group>,
}

/// The columns of a row group while they are decoded.
struct Group {
    before: u64,
    left: u64,
    user: Option<Batches>,
    item: Option<Batches>,
    weight: Option<Batches>,
    time: Option<Batches>,
    event: Option<Batches>,
}

impl Chunks {
    /// The rows of `groups` of a table.
    pub fn new(table: LogTable, groups: &[usize]) -> Self {
        let mut before = 0;
        let mut starts = Vec::new();
        for group in table.table.row_groups() {
            starts.push(before);
            before += group.num_rows().max(0) as u64;
        }
        let groups = groups.iter().rev().map(|&group| (group, starts[group])).collect();
        let batch_rows = table.decoded().map(|name| table.table.batch_rows(name)).min();
        let file = table.table.file().into();
        Self { batch_rows: batch_rows.unwrap_or(1 << 15), groups, open: None, file, table }
    }

    /// The next rows; their columns are decoded in parallel.
    ///
    /// # Errors
    /// [`LogError`] when the table cannot be decoded, the lists of a row differ in length, or a column contradicts the
    /// partition it is in.
    pub fn next(&mut self) -> Result<Option<Chunk>, LogError> {
        loop {
            if let Some(group) = self.open.as_mut().filter(|group| group.left > 0) {
                return Ok(Some(group.next(&self.table, &self.file, self.batch_rows)?));
            }
            let Some((group, before)) = self.groups.pop() else { return Ok(None) };
            self.open = Some(self.open_group(group, before)?);
        }
    }

    fn open_group(&self, group: usize, before: u64) -> Result<Group, TableError> {
        let LogTable { table, user, item, weight, time, event } = &self.table;
        let (groups, rows) = ([group], self.batch_rows);
        let open = |place: Option<(&str, Option<Shape>)>| match place {
            Some((name, Some(_))) => table.column(name, &groups, rows).map(Some),
            _ => Ok(None),
        };
        Ok(Group {
            before,
            left: table.row_groups()[group].num_rows().max(0) as u64,
            user: open(Some(user.place()))?,
            item: open(Some(item.place()))?,
            weight: open(weight.as_ref().map(Column::place))?,
            time: open(time.as_ref().map(Column::place))?,
            event: open(event.as_ref().map(Column::place))?,
        })
    }
}

impl Group {
    fn next(&mut self, table: &LogTable, file: &Arc<Path>, batch_rows: usize) -> Result<Chunk, LogError> {
        let rows = self.left.min(batch_rows as u64) as usize;
        let Self { user, item, weight, time, event, .. } = self;
        let decode = |batches: &mut Option<Batches>| -> Result<Option<ArrayRef>, TableError> {
            let Some(batches) = batches else { return Ok(None) };
            let columns = batches.next().transpose()?.map(|batch| batch.into_columns());
            match columns.as_deref() {
                Some([column]) if column.len() == rows => Ok(Some(Arc::clone(column))),
                _ => {
                    let reason = "its columns differ in the number of rows".into();
                    Err(TableError::Damaged { file: file.to_path_buf(), reason })
                }
            }
        };
        let (user, (item, (weight, (time, event)))) = rayon::join(
            || decode(user),
            || {
                rayon::join(
                    || decode(item),
                    || rayon::join(|| decode(weight), || rayon::join(|| decode(time), || decode(event))),
                )
            },
        );
        let position = Position { before: self.before, rows: None };
        self.before += rows as u64;
        self.left -= rows as u64;
        let raw = Raw { rows, position, user: user?, item: item?, weight: weight?, time: time?, event: event? };
        raw.assemble(table, file)
    }
}

/// What was decoded: one entry a row, lists among them.
struct Raw {
    rows: usize,
    position: Position,
    user: Option<ArrayRef>,
    item: Option<ArrayRef>,
    weight: Option<ArrayRef>,
    time: Option<ArrayRef>,
    event: Option<ArrayRef>,
}

impl Raw {
    fn assemble(mut self, table: &LogTable, file: &Arc<Path>) -> Result<Chunk, LogError> {
        let (mut entries, mut empty_lists) = (self.rows, 0);
        if let Some(lists) = self.item.as_ref().filter(|_| table.item.stored == Some(Shape::List)) {
            let lists = Lists::of(&table.item.name, lists);
            let flat = |array: Option<ArrayRef>, place: Option<(&str, Option<Shape>)>| -> Result<_, LogError> {
                match (array, place) {
                    (Some(array), Some((name, Some(Shape::List)))) => {
                        lists.elements(file, name, &array, self.position.before).map(Some)
                    }
                    (Some(array), _) => Ok(Some(lists.repeated(file, &array)?)),
                    (None, _) => Ok(None),
                }
            };
            let user = flat(self.user.take(), Some(table.user.place()))?;
            let weight = flat(self.weight.take(), table.weight.as_ref().map(Column::place))?;
            let time = flat(self.time.take(), table.time.as_ref().map(Column::place))?;
            let event = flat(self.event.take(), table.event.as_ref().map(Column::place))?;
            (entries, empty_lists) = (lists.len(), lists.empty());
            let (item, rows) = lists.into_parts();
            let position = Position { rows: Some(rows), ..self.position };
            self = Self { rows: entries, position, user, item: Some(item), weight, time, event };
        }
        let ids = |column: &Column<_>, array: Option<ArrayRef>| -> Result<IdColumn, LogError> {
            let ids = match &array {
                Some(array) => IdColumn::of(file, array)?,
                None => partition::ids(column, entries),
            };
            partition::check_ids(file, column, &ids, &self.position)?;
            Ok(ids)
        };
        let weights = |column: &Column<()>| -> Result<Float64Array, LogError> {
            let weights = match &self.weight {
                Some(array) => to_f64(file, array)?,
                None => partition::weights(column, entries),
            };
            partition::check_weights(file, column, &weights, &self.position)?;
            Ok(weights)
        };
        let times = |column: &Column<_>| -> Result<Times, LogError> {
            let stored = match &self.time {
                Some(array) => Arc::clone(array),
                None => partition::times(column, entries),
            };
            let moments = moments(&stored, column.kind.unit);
            partition::check_times(file, column, &moments, &self.position)?;
            Ok(Times { moments, stored })
        };
        Ok(Chunk {
            file: Arc::clone(file),
            users: ids(&table.user, self.user)?,
            items: ids(&table.item, self.item)?,
            weights: table.weight.as_ref().map(weights).transpose()?,
            times: table.time.as_ref().map(times).transpose()?,
            events: table.event.as_ref().map(|column| ids(column, self.event)).transpose()?,
            position: self.position,
            empty_lists,
        })
    }
}

fn to_f64(file: &Path, column: &ArrayRef) -> Result<Float64Array, TableError> {
    let values = arrow_cast::cast(column, &DataType::Float64)
        .map_err(|error| TableError::Damaged { file: file.into(), reason: error.to_string() })?;
    Ok(values.as_primitive::<Float64Type>().clone())
}
