//! Maps out: one row a point, with its place in the plane.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, StringArray, TimestampMicrosecondArray, UInt32Array};
use arrow_schema::Field;

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::writer::TableWriter;
use crate::interactions::{IdMap, Timestamp};

/// The points of a map, in the order of their ids.
#[derive(Clone, Debug)]
pub struct MapTable<'a> {
    /// `item_id` or `user_id`.
    pub id_column: &'static str,
    /// The ids that `rows` are positions in.
    pub ids: &'a IdMap,
    /// The points.
    pub rows: &'a [u32],
    /// One place a point.
    pub places: &'a [[f32; 2]],
    /// One title a point, for items.
    pub titles: Option<Vec<Option<&'a str>>>,
    /// Interactions of every point.
    pub interactions: &'a [u32],
    /// What the points are coloured by.
    pub colours: Option<MapColours<'a>>,
}

/// What points are coloured by, one value each; `None` where nothing is known.
#[derive(Clone, Debug)]
pub enum MapColours<'a> {
    /// Categories.
    Texts(Vec<Option<&'a str>>),
    /// Numbers.
    Numbers(Vec<Option<f64>>),
    /// Moments.
    Times(Vec<Option<Timestamp>>),
}

/// Writes a table with the id, in the type of the log, `x`, `y`, `interactions` and, where there are any, `title` and
/// `colour`; `notes` stand in its footer. The file appears at its path when it is complete. Returns the number of rows.
///
/// # Errors
/// [`TableError`] when `path` cannot be written; nothing is left behind.
///
/// # Panics
/// When a row is not in the ids, or a column has not one value a point.
pub fn write_map(path: &Path, table: &MapTable<'_>, notes: Vec<(String, String)>) -> Result<u64, TableError> {
    let axis = |at: usize| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values(table.places.iter().map(|place| place[at])))
    };
    let mut fields = vec![Field::new(table.id_column, id_type(table.ids), false)];
    let mut columns = vec![id_array(table.ids, table.rows.iter().copied())];
    let mut add = |name: &str, column: ArrayRef, nullable| {
        assert_eq!(column.len(), table.rows.len(), "one value of {name} a point");
        fields.push(Field::new(name, column.data_type().clone(), nullable));
        columns.push(column);
    };
    add("x", axis(0), false);
    add("y", axis(1), false);
    add("interactions", Arc::new(UInt32Array::from_iter_values(table.interactions.iter().copied())), false);
    if let Some(titles) = &table.titles {
        add("title", Arc::new(StringArray::from_iter(titles)), true);
    }
    match &table.colours {
        Some(MapColours::Texts(values)) => add("colour", Arc::new(StringArray::from_iter(values)), true),
        Some(MapColours::Numbers(values)) => add("colour", Arc::new(Float64Array::from_iter(values)), true),
        Some(MapColours::Times(values)) => {
            let micros = values.iter().map(|time| time.map(|time| time.0));
            add("colour", Arc::new(TimestampMicrosecondArray::from_iter(micros).with_timezone("UTC")), true);
        }
        None => {}
    }
    let mut writer = TableWriter::create_with_metadata(path, fields, notes)?;
    writer.append(columns)?;
    writer.finish()
}
