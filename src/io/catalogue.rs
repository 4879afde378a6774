//! The axes of a model as tables: `items.parquet` and `users.parquet` of a model directory.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{BooleanArray, StringArray, UInt32Array};
use arrow_schema::{DataType, Field};

use super::attributes::Attributes;
use super::error::TableError;
use super::ids::{IdColumn, IdKind, id_array, id_type};
use super::items::text_at;
use super::source::open;
use super::table::Batch;
use super::writer::{ROW_GROUP_ROWS, TableWriter};
use crate::interactions::{Catalogue, IdMap};
use crate::types::UserIdx;

const REMEDY: &str = "this is not a table that Foldin wrote here; restore the original file";

/// The column that says who was held out of training.
const HELD_OUT: &str = "held_out";

/// Writes the items of a model: `item_id` (in the type of the log), `title` (null where unknown),
/// `users` (how many users have the item) and `attributes`, a structure of all attributes in their own
/// types, where there are any (so that an attribute may have any name).
///
/// # Errors
/// [`TableError`] when the file cannot be written; nothing is left behind.
///
/// # Panics
/// When `popularity` or the attributes have not one entry an item.
pub fn write_catalogue(
    path: &Path,
    catalogue: &Catalogue,
    popularity: &[u32],
    attributes: &Attributes,
) -> Result<(), TableError> {
    assert_eq!(popularity.len(), catalogue.len(), "one popularity entry an item");
    let mut fields = vec![
        Field::new("item_id", id_type(catalogue.ids()), false),
        Field::new("title", DataType::Utf8, true),
        Field::new("users", DataType::UInt32, false),
    ];
    if !attributes.is_empty() {
        fields.push(Field::new("attributes", attributes.data_type(), false));
    }
    let mut writer = TableWriter::create(path, fields)?;
    for items in chunks(catalogue.len()) {
        let titles: StringArray = items.clone().map(|item| catalogue.title(item)).collect();
        let users = UInt32Array::from_iter_values(items.clone().map(|item| popularity[item as usize]));
        let mut columns = vec![id_array(catalogue.ids(), items.clone()), Arc::new(titles), Arc::new(users)];
        if !attributes.is_empty() {
            columns.push(attributes.rows(items));
        }
        writer.append(columns)?;
    }
    writer.finish().map(drop)
}

/// Reads what [`write_catalogue`] wrote: the items, and how many users have each.
///
/// # Errors
/// [`TableError`] when the file cannot be read, is damaged or its ids are not ascending.
pub fn read_catalogue(path: &Path) -> Result<(Catalogue, Vec<u32>), TableError> {
    let mut titles: Vec<Option<Box<str>>> = Vec::new();
    let mut users: Vec<u32> = Vec::new();
    let types = [("title", DataType::Utf8), ("users", DataType::UInt32)];
    let ids = read_ids(path, "item_id", &types, |batch| {
        let column = batch.column("title")?;
        titles.extend((0..batch.rows()).map(|row| text_at(column, row).map(Box::from)));
        users.extend(batch.complete_column("users")?.as_primitive::<UInt32Type>().values());
        Ok(())
    })?;
    Ok((Catalogue::new(ids).with_titles(titles), users))
}

/// Writes the users of a model: `user_id`, in the type of the log, and whether the user was `held_out` of
/// training (positions, ascending).
///
/// # Errors
/// [`TableError`] when the file cannot be written; nothing is left behind.
pub fn write_users(path: &Path, users: &IdMap, held_out: &[UserIdx]) -> Result<(), TableError> {
    let fields = [("user_id", id_type(users)), (HELD_OUT, DataType::Boolean)];
    let fields = fields.into_iter().map(|(name, kind)| Field::new(name, kind, false));
    let mut writer = TableWriter::create(path, fields.collect())?;
    for rows in chunks(users.len()) {
        let flags: BooleanArray = rows.clone().map(|row| Some(held_out.binary_search(&UserIdx(row)).is_ok())).collect();
        writer.append(vec![id_array(users, rows), Arc::new(flags)])?;
    }
    writer.finish().map(drop)
}

/// Reads what [`write_users`] wrote. A file without the column of those held out names none.
///
/// # Errors
/// [`TableError`] when the file cannot be read, is damaged or its ids are not ascending.
pub fn read_users(path: &Path) -> Result<(IdMap, Vec<UserIdx>), TableError> {
    let known = open(path)?.find(HELD_OUT).is_some();
    let types = [(HELD_OUT, DataType::Boolean)];
    let (mut rows, mut held_out) = (0usize, Vec::new());
    let ids = read_ids(path, "user_id", if known { &types } else { &[] }, |batch| {
        if known {
            let flags = batch.complete_column(HELD_OUT)?.as_boolean();
            held_out.extend(flags.values().set_indices().map(|row| UserIdx((rows + row) as u32)));
        }
        rows += batch.rows();
        Ok(())
    })?;
    Ok((ids, held_out))
}

/// `0..len` in parts that fit a row group.
fn chunks(len: usize) -> impl Iterator<Item = std::ops::Range<u32>> {
    (0..len).step_by(ROW_GROUP_ROWS).map(move |start| start as u32..(start + ROW_GROUP_ROWS).min(len) as u32)
}

/// Reads a table of one row an id, in order of the ids; `each` takes the batches with the other columns.
fn read_ids(
    path: &Path,
    column: &str,
    others: &[(&str, DataType)],
    mut each: impl FnMut(&Batch) -> Result<(), TableError>,
) -> Result<IdMap, TableError> {
    let table = open(path)?;
    let kind = IdKind::of(path, table.field(column, REMEDY)?, REMEDY)?;
    for (name, expected) in others {
        let found = table.field(name, REMEDY)?.data_type();
        if found != expected {
            return Err(TableError::ColumnType {
                file: path.into(),
                column: (*name).into(),
                found: found.to_string(),
                accepted: "the types it was written with",
                remedy: REMEDY,
            });
        }
    }
    let names: Vec<&str> = others.iter().map(|(name, _)| *name).chain([column]).collect();
    let mut parts = Vec::new();
    for batch in table.batches(&names)? {
        let batch = batch?;
        parts.push(IdColumn::read(path, &batch, column)?);
        each(&batch)?;
    }
    let ids = IdColumn::concatenate(kind, &parts);
    ids.checked().map_err(|source| TableError::Order { file: path.into(), column: column.into(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn axes() -> [IdMap; 3] {
        [
            IdMap::Int(vec![i64::MIN, -1, 7].into()),
            IdMap::Uint(vec![0, 7, u64::MAX]),
            IdMap::Text(["", "B", "ä"].into_iter().collect()),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = TempDir::new().unwrap();
        for ids in axes() {
            let (items, users) = (directory.path().join("items.parquet"), directory.path().join("users.parquet"));
            let titles = vec![Some("Tea".into()), None, Some("".into())];
            let catalogue = Catalogue::new(ids.clone()).with_titles(titles);
            write_catalogue(&items, &catalogue, &[3, 0, u32::MAX], &Attributes::default()).unwrap();
            assert_eq!(read_catalogue(&items).unwrap(), (catalogue, vec![3, 0, u32::MAX]));
            for held_out in [vec![], vec![UserIdx(0), UserIdx(2)]] {
                write_users(&users, &ids, &held_out).unwrap();
                assert_eq!(read_users(&users).unwrap(), (ids.clone(), held_out));
            }
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "temporary files are left");
    }

    #[test]
    fn axes_of_any_size_are_written() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("users.parquet");
        // None, and more than fit a row group.
        for users in [0, ROW_GROUP_ROWS as i64 + 5] {
            let users = IdMap::Int((0..users).map(|user| 3 * user).collect());
            let held_out: Vec<UserIdx> = (0..users.len() as u32).step_by(3).map(UserIdx).collect();
            write_users(&path, &users, &held_out).unwrap();
            assert_eq!(read_users(&path).unwrap(), (users, held_out));
        }
    }

    #[test]
    fn other_tables_are_refused() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("users.parquet");
        // `IdMap` is meant to be ascending; a file can hold anything.
        write_users(&path, &IdMap::Int(vec![5, 3].into()), &[]).unwrap();
        let error = read_users(&path).unwrap_err().to_string();
        assert!(error.contains("users.parquet") && error.contains("\"3\" (position 1) follows \"5\""), "{error}");

        let error = read_catalogue(&path).unwrap_err();
        assert!(matches!(error, TableError::MissingColumn { .. }), "{error}");
        fs::write(&path, "user_id\n1\n").unwrap();
        assert!(matches!(read_users(&path), Err(TableError::NotParquet { .. })));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("absent/users.parquet");
        let error = write_users(&path, &IdMap::Int(vec![1].into()), &[]).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("absent/users.parquet"), "{error}");
    }
}
