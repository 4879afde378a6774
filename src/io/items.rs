//! Item metadata in: titles, and attributes of any type, for the items of a vocabulary.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_schema::{DataType, Field};
use serde::{Deserialize, Serialize};

use super::attributes::{AttributeRows, Attributes};
use super::axis::Axis;
use super::error::{LogError, TableError};
use super::ids::{IdColumn, IdKind};
use super::log::counted;
use super::source::{open, parquet_files};
use crate::interactions::IdMap;

const ID_REMEDY: &str = "name another with --item-id-column";
const TITLE_REMEDY: &str = "name another with --title-column";

/// Names of the columns of an items file; every other column is an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemColumns {
    /// The item: string, integer or UUID, as in the log.
    pub item: String,
    /// What a person reads: text. A file without this column leaves the items without titles.
    pub title: String,
}

impl Default for ItemColumns {
    fn default() -> Self {
        Self { item: "item_id".into(), title: "title".into() }
    }
}

/// What became of the rows of an items file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemReport {
    /// Rows read.
    pub rows: u64,
    /// Items of the vocabulary that have a row.
    pub described: usize,
    /// Items of the vocabulary without one.
    pub undescribed: usize,
    /// Items of the vocabulary that have a title.
    pub titled: usize,
    /// The column of titles, where no file has it.
    pub missing_title_column: Option<String>,
    /// Names of the attributes.
    pub attributes: Vec<String>,
    /// Rows of items that are not in the vocabulary.
    pub unknown_item: u64,
    /// Rows of an item that had one already; the first one stays.
    pub repeated: u64,
}

impl fmt::Display for ItemReport {
    /// One line of what was found, then one a reason for which rows were not used.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, described) = (counted(self.rows, "row"), counted(self.described as u64, "item"));
        write!(f, "read {rows} of item metadata: {described} described, {} not", self.undescribed)?;
        match &self.missing_title_column {
            None => write!(f, "; {} with a title", self.titled)?,
            Some(column) => write!(f, "; no titles, as there is no column `{column}` ({TITLE_REMEDY})")?,
        }
        if !self.attributes.is_empty() {
            write!(f, "; attributes: {}", self.attributes.join(", "))?;
        }
        let reasons = [("of unknown items", self.unknown_item), ("of items that had one already", self.repeated)];
        for (reason, rows) in reasons.into_iter().filter(|(_, rows)| *rows > 0) {
            write!(f, "\n  left out {} {reason}", counted(rows, "row"))?;
        }
        Ok(())
    }
}

/// Titles of the items of a vocabulary, one entry an item; `None` where none is known.
pub type Titles = Vec<Option<Box<str>>>;

/// What is known of the items of a vocabulary, beside what people did with them.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemMetadata {
    /// One entry an item.
    pub titles: Titles,
    /// One row an item.
    pub attributes: Attributes,
    /// What was read and left out.
    pub report: ItemReport,
}

/// Reads what is known of the items of `ids` from a Parquet file, or a directory of them. Attributes
/// keep the types they have in the files. Of several rows of one item the first stays.
///
/// # Errors
/// [`LogError`] naming file, column and row: also for a column that has another type in another file.
pub fn read_items(path: &Path, columns: &ItemColumns, ids: &IdMap) -> Result<ItemMetadata, LogError> {
    let mut titles: Titles = vec![None; ids.len()];
    let mut described = vec![false; ids.len()];
    let mut report = ItemReport::default();
    let mut attributes = AttributeRows::new(ids.len());
    let (mut axis, mut numbers) = (Axis::fixed(ids), Vec::new());
    let mut has_titles = false;
    for file in parquet_files(path)? {
        let table = open(&file)?;
        axis.expect(IdKind::of(&file, table.field(&columns.item, ID_REMEDY)?, ID_REMEDY)?, &file, &columns.item)?;
        let titled = table.find(&columns.title).map(|field| check_text(&file, field)).transpose()?.is_some();
        has_titles |= titled;
        let is_attribute = |field: &&Field| field.name() != &columns.item && field.name() != &columns.title;
        let fields: Vec<Field> = table.fields().filter(is_attribute).cloned().collect();
        attributes.expect(&file, &fields)?;
        report.rows += table.rows();
        let names: Vec<String> = table.fields().map(|field| field.name().clone()).collect();
        for batch in table.batches(&names.iter().map(String::as_str).collect::<Vec<_>>())? {
            let batch = batch?;
            axis.number(&IdColumn::read(&file, &batch, &columns.item)?, &mut numbers);
            let (mut items, mut rows) = (Vec::new(), Vec::new());
            for (&item, row) in numbers.iter().zip(0u32..) {
                // The mark of unknown items lies outside every vocabulary.
                match described.get_mut(item as usize) {
                    None => report.unknown_item += 1,
                    Some(true) => report.repeated += 1,
                    Some(described) => {
                        *described = true;
                        items.push(item);
                        rows.push(row);
                    }
                }
            }
            if titled {
                let column = batch.column(&columns.title)?;
                for (&item, &row) in items.iter().zip(&rows) {
                    titles[item as usize] = text_at(column, row as usize).map(Box::from);
                }
            }
            attributes.take(&file, &fields, &items, &UInt32Array::from(rows), |name| batch.column(name))?;
        }
    }
    report.described = described.iter().filter(|described| **described).count();
    report.undescribed = ids.len() - report.described;
    report.titled = titles.iter().flatten().count();
    report.missing_title_column = (!has_titles).then(|| columns.title.clone());
    let attributes = attributes.finish(path)?;
    report.attributes = attributes.names().map(str::to_owned).collect();
    Ok(ItemMetadata { titles, attributes, report })
}

/// The items of `ids` and of an items file together, in order, and the place in it of every item of `ids`:
/// a vocabulary with the items that nobody has yet.
///
/// # Errors
/// [`LogError`] naming file, column and row.
pub fn read_all_items(path: &Path, columns: &ItemColumns, ids: &IdMap) -> Result<(IdMap, Vec<u32>), LogError> {
    let (mut axis, mut numbers) = (Axis::extending(ids, PathBuf::from("the log")), Vec::new());
    for file in parquet_files(path)? {
        let table = open(&file)?;
        axis.expect(IdKind::of(&file, table.field(&columns.item, ID_REMEDY)?, ID_REMEDY)?, &file, &columns.item)?;
        for batch in table.batches(&[&columns.item])? {
            axis.number(&IdColumn::read(&file, &batch?, &columns.item)?, &mut numbers);
        }
        axis.check_capacity(&file, &columns.item)?;
    }
    let (all, mut places) = axis.into_sorted();
    places.truncate(ids.len());
    Ok((all, places))
}

fn check_text(file: &Path, field: &Field) -> Result<(), TableError> {
    if *field.data_type() == DataType::Utf8 {
        return Ok(());
    }
    Err(TableError::ColumnType {
        file: file.into(),
        column: field.name().clone(),
        found: field.data_type().to_string(),
        accepted: "strings",
        remedy: TITLE_REMEDY,
    })
}

/// The text at `row` of a column read as a dictionary; `None` for null.
pub(super) fn text_at(column: &ArrayRef, row: usize) -> Option<&str> {
    let dictionary = column.as_dictionary::<Int32Type>();
    let values = dictionary.values();
    let key = dictionary.key(row).filter(|&key| values.is_valid(key))?;
    Some(values.as_string::<i32>().value(key))
}

/// The first name that stands twice.
pub(super) fn repeated_name<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
