//! Interactions out: a table that reads back as a log.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, TimeUnit};

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::writer::TableWriter;
use crate::interactions::{IdMap, Interactions, LogColumns, LogRules, Timestamp};
use crate::types::UserIdx;

/// Interactions collected before they are encoded.
const BUFFERED_ROWS: usize = 1 << 16;

/// Interactions with everything that makes them a table.
#[derive(Clone, Copy, Debug)]
pub struct InteractionTable<'a> {
    /// The matrix; row `r` belongs to user `rows[r]`.
    pub interactions: &'a Interactions,
    /// The position in `users` of each row.
    pub rows: &'a [UserIdx],
    /// When, parallel to the CSR order; `None` leaves the column out.
    pub times: Option<&'a [Timestamp]>,
    /// Whether there is a column of weights.
    pub weights: bool,
    /// The ids that `rows` points into.
    pub users: &'a IdMap,
    /// The ids of the columns.
    pub items: &'a IdMap,
}

impl InteractionTable<'_> {
    /// The rules under which [`write_interactions`]' file reads back as these interactions.
    #[must_use]
    pub fn rules(&self) -> LogRules {
        let named = |named: bool, name: &str| if named { name.to_owned() } else { String::new() };
        let columns = LogColumns {
            weight: named(self.weights, "weight"),
            time: named(self.times.is_some(), "timestamp"),
            ..LogColumns::default()
        };
        LogRules { columns, ..LogRules::default() }
    }
}

/// Writes one row an interaction, by user and item: `user_id` and `item_id` in the types of the log, `weight`
/// (`f32`) and `timestamp` (microseconds, UTC) where the table has them.
///
/// # Errors
/// [`TableError`] when the file cannot be written; nothing is left behind.
///
/// # Panics
/// When there is not one user a row or one time an interaction.
pub fn write_interactions(path: &Path, table: &InteractionTable<'_>) -> Result<(), TableError> {
    let matrix = table.interactions.csr();
    assert_eq!(table.rows.len(), matrix.rows(), "one user a row");
    assert!(table.times.is_none_or(|times| times.len() == matrix.nnz()), "one time an interaction");
    let mut fields =
        vec![Field::new("user_id", id_type(table.users), false), Field::new("item_id", id_type(table.items), false)];
    if table.weights {
        fields.push(Field::new("weight", DataType::Float32, false));
    }
    if table.times.is_some() {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        fields.push(Field::new("timestamp", utc, false));
    }
    let mut writer = TableWriter::create(path, fields)?;
    let mut users = table.rows.iter().zip(table.interactions.histories()).flat_map(|(user, history)| {
        // One entry an interaction: a row's user, as often as the row is long.
        std::iter::repeat_n(user.0, history.len())
    });
    for start in (0..matrix.nnz()).step_by(BUFFERED_ROWS) {
        let range = start..(start + BUFFERED_ROWS).min(matrix.nnz());
        let mut columns: Vec<ArrayRef> = vec![
            id_array(table.users, users.by_ref().take(range.len())),
            id_array(table.items, matrix.indices()[range.clone()].iter().copied()),
        ];
        if table.weights {
            columns.push(Arc::new(Float32Array::from_iter_values(matrix.data()[range.clone()].iter().copied())));
        }
        if let Some(times) = table.times {
            let micros = times[range].iter().map(|time| time.0);
            columns.push(Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC")));
        }
        writer.append(columns)?;
    }
    writer.finish().map(drop)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::interactions::{IntIds, IntType};
    use crate::io::read_log;

    #[test]
    fn what_is_written_reads_back_with_its_types() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("part.parquet");
        let interactions =
            Interactions::from_csr((3, 3), vec![0, 2, 2, 4], vec![0, 2, 1, 2], vec![1.0, 0.5, 2.0, 3.0]).unwrap();
        let items = IdMap::Text(["a", "b", "ß"].into_iter().collect());
        for users in [
            IdMap::Int(IntIds::new(vec![1, 5, 7, 9], IntType::U8)),
            IdMap::Uint(vec![1, 2, 3, u64::MAX]),
            IdMap::Uuid((0..4).map(Uuid::from_u128).collect()),
        ] {
            let rows = [3, 1, 0].map(UserIdx);
            let table = InteractionTable {
                interactions: &interactions,
                rows: &rows,
                times: None,
                weights: true,
                users: &users,
                items: &items,
            };
            write_interactions(&path, &table).unwrap();
            let log = read_log(&path, &table.rules()).unwrap();
            // The user without interactions is gone, and the ids are in their order again.
            assert_eq!((log.users, &log.items), (users.select(&[0, 3]), &items));
            assert_eq!(log.interactions, interactions.select_users(&[2, 0].map(UserIdx)));
        }
    }
}
