//! Item metadata in: titles for the items of a vocabulary.

use std::fmt;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::error::{LogError, TableError};
use super::ids::{IdColumn, IdKind};
use super::log::counted;
use super::source::{open, parquet_files};
use crate::interactions::IdMap;

const ID_COLUMN: &str = "item_id";
const TITLE_COLUMN: &str = "title";
const REMEDY: &str = "an items file needs the columns `item_id` and `title`";

/// What became of the rows of an items file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TitleReport {
    /// Rows read.
    pub rows: u64,
    /// Items of the vocabulary that now have a title.
    pub titled: usize,
    /// Items of the vocabulary without one.
    pub untitled: usize,
    /// Rows of items that are not in the vocabulary.
    pub unknown_item: u64,
    /// Rows whose title is null.
    pub without_title: u64,
    /// Rows of an item that had a title already; the alphabetically first one stays.
    pub repeated: u64,
}

impl fmt::Display for TitleReport {
    /// One line of what was found, then one a reason for which rows were not used.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, titled) = (counted(self.rows, "row"), counted(self.titled as u64, "item"));
        write!(f, "read {rows} of titles: {titled} with a title, {} without", self.untitled)?;
        let reasons = [
            ("of unknown items", self.unknown_item),
            ("with a null title", self.without_title),
            ("of items that had a title already", self.repeated),
        ];
        for (reason, rows) in reasons.into_iter().filter(|(_, rows)| *rows > 0) {
            write!(f, "\n  left out {} {reason}", counted(rows, "row"))?;
        }
        Ok(())
    }
}

/// Titles of the items of a vocabulary, one entry an item; `None` where none is known.
pub type Titles = Vec<Option<Box<str>>>;

/// Reads titles for the items of `ids` from a Parquet file, or a directory of them, with the columns
/// `item_id` and `title`; other columns are ignored. Returns one entry an item.
///
/// # Errors
/// [`LogError`] naming file, column and row.
pub fn read_titles(path: &Path, ids: &IdMap) -> Result<(Titles, TitleReport), LogError> {
    let mut titles: Titles = vec![None; ids.len()];
    let mut report = TitleReport::default();
    let (mut axis, mut numbers) = (Axis::fixed(ids), Vec::new());
    for file in parquet_files(path)? {
        let table = open(&file)?;
        let kind = IdKind::of(&file, table.field(ID_COLUMN, REMEDY)?, REMEDY)?;
        axis.expect(kind, &file, ID_COLUMN)?;
        check_text(&file, table.field(TITLE_COLUMN, REMEDY)?.data_type())?;
        report.rows += table.rows();
        for batch in table.batches(&[ID_COLUMN, TITLE_COLUMN])? {
            let batch = batch?;
            axis.number(&IdColumn::read(&file, &batch, ID_COLUMN)?, &mut numbers);
            let column = batch.column(TITLE_COLUMN)?;
            for (row, &item) in numbers.iter().enumerate() {
                // The mark of unknown items lies outside every vocabulary.
                match (titles.get_mut(item as usize), text_at(column, row)) {
                    (None, _) => report.unknown_item += 1,
                    (_, None) => report.without_title += 1,
                    (Some(known), Some(title)) => {
                        report.repeated += u64::from(known.is_some());
                        // Not "the first row wins": the outcome must not depend on the order of the rows.
                        if known.as_deref().is_none_or(|known| title < known) {
                            *known = Some(title.into());
                        }
                    }
                }
            }
        }
    }
    report.titled = titles.iter().flatten().count();
    report.untitled = titles.len() - report.titled;
    Ok((titles, report))
}

fn check_text(file: &Path, found: &DataType) -> Result<(), TableError> {
    if *found == DataType::Utf8 {
        return Ok(());
    }
    Err(TableError::ColumnType {
        file: file.into(),
        column: TITLE_COLUMN.into(),
        found: found.to_string(),
        accepted: "strings",
        remedy: REMEDY,
    })
}

/// The text at `row` of a column read as a dictionary; `None` for null.
pub(super) fn text_at(column: &ArrayRef, row: usize) -> Option<&str> {
    let dictionary = column.as_dictionary::<Int32Type>();
    let values = dictionary.values();
    let key = dictionary.key(row).filter(|&key| values.is_valid(key))?;
    Some(values.as_string::<i32>().value(key))
}
