//! Ids alone: those beside an array of vectors, those that choose users, and those of a file.

use std::fmt;
use std::io::Write;
use std::path::Path;

use arrow_schema::Field;

use super::axis::Axis;
use super::error::{LogError, TableError};
use super::ids::{IdColumn, IdKind, id_array, id_type};
use super::interner::UNKNOWN;
use super::log::counted;
use super::source::{open, parquet_files};
use super::writer::TableEncoder;
use crate::interactions::IdMap;

/// Writes ids as a Parquet table of one column, in the type of the log.
pub struct IdWriter<'a, W: Write + Send> {
    ids: &'a IdMap,
    encoder: TableEncoder<W>,
}

impl<'a, W: Write + Send> IdWriter<'a, W> {
    /// Starts a table of ids of `ids` in `column`; `file` is how errors call it.
    ///
    /// # Errors
    /// [`TableError::Encode`] when the sink refuses.
    pub fn create(sink: W, file: &Path, column: &str, ids: &'a IdMap) -> Result<Self, TableError> {
        let field = Field::new(column, id_type(ids), false);
        Ok(Self { ids, encoder: TableEncoder::create(sink, file, vec![field])? })
    }

    /// Appends the ids at these positions.
    ///
    /// # Errors
    /// [`TableError::Encode`] when the sink refuses.
    pub fn append(&mut self, rows: &[u32]) -> Result<(), TableError> {
        self.encoder.append(vec![id_array(self.ids, rows.iter().copied())])
    }

    /// Completes the table and hands the sink back.
    ///
    /// # Errors
    /// [`TableError::Encode`] when the sink refuses.
    pub fn finish(self) -> Result<W, TableError> {
        Ok(self.encoder.finish()?.0)
    }
}

/// Ids chosen by a file, as positions in a vocabulary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Rows read.
    pub rows: u64,
    /// The positions of the known ids, ascending, each once.
    pub chosen: Vec<u32>,
    /// Rows whose id is not in the vocabulary.
    pub unknown: u64,
    /// Rows of ids that stand in an earlier row already.
    pub repeated: u64,
}

impl fmt::Display for Selection {
    /// One line of what was chosen, then one a reason for which rows were not used.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read {}: {} chosen", counted(self.rows, "id"), self.chosen.len())?;
        for (reason, rows) in [("unknown", self.unknown), ("repeated", self.repeated)] {
            if rows > 0 {
                write!(f, "\n  left out {} {reason}", counted(rows, "id"))?;
            }
        }
        Ok(())
    }
}

/// Looks up the ids in `column` of a Parquet file, or of a directory of them. Other columns are ignored, and
/// ids that `ids` does not have are counted.
///
/// # Errors
/// [`LogError`] naming file, column and row: the file cannot be read, has no such column, a null in it, or ids
/// of a type that cannot be compared.
pub fn read_selection(path: &Path, column: &str, ids: &IdMap) -> Result<Selection, LogError> {
    const REMEDY: &str = "the file that chooses users needs a column of user ids with the name they have in the log";
    let (mut axis, mut numbers) = (Axis::fixed(ids), Vec::new());
    let mut selection = Selection::default();
    let mut chosen = vec![false; ids.len()];
    for file in parquet_files(path)? {
        let table = open(&file)?;
        axis.expect(IdKind::of(&file, table.field(column, REMEDY)?, REMEDY)?, &file, column)?;
        selection.rows += table.rows();
        for batch in table.batches(&[column])? {
            axis.number(&IdColumn::read(&file, &batch?, column)?, &mut numbers);
            for &number in &numbers {
                if number == UNKNOWN {
                    selection.unknown += 1;
                } else if std::mem::replace(&mut chosen[number as usize], true) {
                    selection.repeated += 1;
                }
            }
        }
    }
    selection.chosen = (0..ids.len() as u32).filter(|&position| chosen[position as usize]).collect();
    Ok(selection)
}

/// The distinct ids in `column` of a Parquet file, or of a directory of them, in ascending order. Other columns and
/// rows without an id are ignored.
///
/// # Errors
/// [`LogError`] naming file, column and row: the file cannot be read, has no such column, or ids of a type that is
/// none.
pub fn read_ids(path: &Path, column: &str) -> Result<IdMap, LogError> {
    const REMEDY: &str = "name the column of the ids";
    let (mut axis, mut numbers) = (Axis::growing(), Vec::new());
    for file in parquet_files(path)? {
        let table = open(&file)?;
        axis.expect(IdKind::of(&file, table.field(column, REMEDY)?, REMEDY)?, &file, column)?;
        for batch in table.batches(&[column])? {
            axis.number(&IdColumn::read(&file, &batch?, column)?, &mut numbers);
            axis.check_capacity(&file, column)?;
        }
    }
    Ok(axis.into_sorted().0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn write(path: &Path, ids: &IdMap, rows: &[u32]) {
        let mut writer = IdWriter::create(Vec::new(), path, "user_id", ids).unwrap();
        writer.append(rows).unwrap();
        fs::write(path, writer.finish().unwrap()).unwrap();
    }

    #[test]
    fn known_ids_are_chosen_once_and_others_counted() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("ids.parquet");
        let (users, others) = (IdMap::Int(vec![-4, 7, 12].into()), IdMap::Uint(vec![7, 12, u64::MAX]));
        write(&path, &others, &[2, 1, 0, 1, 2]);
        let selection = read_selection(&path, "user_id", &users).unwrap();
        assert_eq!(selection, Selection { rows: 5, chosen: vec![1, 2], unknown: 2, repeated: 1 });
        let text = selection.to_string();
        assert_eq!(text, "read 5 ids: 2 chosen\n  left out 2 ids unknown\n  left out 1 id repeated");
    }

    #[test]
    fn ids_that_cannot_be_compared_are_refused() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("ids.parquet");
        write(&path, &IdMap::Text(["7"].into_iter().collect()), &[0]);
        let users = IdMap::Int(vec![7].into());
        let error = read_selection(&path, "user_id", &users).unwrap_err().to_string();
        assert!(error.contains("ids.parquet") && error.contains("text ids"), "{error}");
        let error = read_selection(&path, "uid", &users).unwrap_err().to_string();
        assert!(error.contains("no column `uid`"), "{error}");
    }

    #[test]
    fn ids_of_a_file_are_distinct_and_sorted() {
        let directory = TempDir::new().unwrap();
        let ids = IdMap::Text(["a", "b", "c"].into_iter().collect());
        let path = directory.path().join("ids.parquet");
        write(&path, &ids, &[2, 0, 2]);
        assert_eq!(read_ids(&path, "user_id").unwrap(), IdMap::Text(["a", "c"].into_iter().collect()));
        assert!(read_ids(&path, "item_id").unwrap_err().to_string().contains("user_id"));
    }
}
