//! Recommendations out: one row a recommended item, streamed.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, StringArray, UInt32Array};
use arrow_schema::{DataType, Field};

use super::error::TableError;
use super::ids::{id_array, id_type};
use super::writer::TableEncoder;
use crate::interactions::{Catalogue, IdMap};
use crate::types::{ItemIdx, UserIdx};

/// Rows collected before they are encoded.
const BUFFERED_ROWS: usize = 1 << 16;

/// Writes `user_id`, `rank` (from 1), `item_id`, `score`, and `title` when the catalogue knows any; ids in
/// the type of the log. Memory does not grow with the number of users.
pub struct RecommendationWriter<'a, W: Write + Send> {
    users: &'a IdMap,
    catalogue: &'a Catalogue,
    titled: bool,
    encoder: TableEncoder<W>,
    rows: Vec<Row>,
}

struct Row {
    user: u32,
    rank: u32,
    item: u32,
    score: f32,
}

impl<'a, W: Write + Send> RecommendationWriter<'a, W> {
    /// Starts a table for users of `users` and items of `catalogue`; `file` is how errors call it.
    ///
    /// # Errors
    /// [`TableError::Encode`] when the sink refuses.
    pub fn create(sink: W, file: &Path, users: &'a IdMap, catalogue: &'a Catalogue) -> Result<Self, TableError> {
        let titled = (0..catalogue.len() as u32).any(|item| catalogue.title(item).is_some());
        let mut fields = vec![
            Field::new("user_id", id_type(users), false),
            Field::new("rank", DataType::UInt32, false),
            Field::new("item_id", id_type(catalogue.ids()), false),
            Field::new("score", DataType::Float32, false),
        ];
        if titled {
            fields.push(Field::new("title", DataType::Utf8, true));
        }
        let encoder = TableEncoder::create(sink, file, fields)?;
        Ok(Self { users, catalogue, titled, encoder, rows: Vec::with_capacity(BUFFERED_ROWS) })
    }

    /// Appends the list of one user, best first, as (item, score).
    ///
    /// # Errors
    /// [`TableError`] when writing fails.
    ///
    /// # Panics
    /// When the user or an item is not among those the writer was created for.
    pub fn append(&mut self, user: UserIdx, list: impl IntoIterator<Item = (ItemIdx, f32)>) -> Result<(), TableError> {
        let ranked = list.into_iter().zip(1u32..);
        self.rows.extend(ranked.map(|((item, score), rank)| Row { user: user.0, rank, item: item.0, score }));
        if self.rows.len() >= BUFFERED_ROWS { self.flush() } else { Ok(()) }
    }

    /// Completes the table; returns the sink and the number of rows.
    ///
    /// # Errors
    /// [`TableError`] when writing fails.
    pub fn finish(mut self) -> Result<(W, u64), TableError> {
        self.flush()?;
        self.encoder.finish()
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let rows = &self.rows;
        let mut columns: Vec<ArrayRef> = vec![
            id_array(self.users, rows.iter().map(|row| row.user)),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.rank))),
            id_array(self.catalogue.ids(), rows.iter().map(|row| row.item)),
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.score))),
        ];
        if self.titled {
            columns.push(Arc::new(rows.iter().map(|row| self.catalogue.title(row.item)).collect::<StringArray>()));
        }
        self.encoder.append(columns)?;
        self.rows.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::RecordBatch;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Int64Type, UInt32Type};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn read(file: Vec<u8>) -> RecordBatch {
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
        let batches: Vec<RecordBatch> = reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect();
        arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
    }

    #[test]
    fn lists_come_out_with_ranks_ids_and_titles() {
        let users = IdMap::Int(vec![-4, 12].into());
        let ids = IdMap::Text(["cup", "pot", "tea"].into_iter().collect());
        let catalogue = Catalogue::new(ids).with_titles(vec![None, Some("A pot".into()), None]);
        let mut writer = RecommendationWriter::create(Vec::new(), Path::new("r"), &users, &catalogue).unwrap();
        writer.append(UserIdx(1), [(ItemIdx(2), 0.5), (ItemIdx(1), -0.25)]).unwrap();
        writer.append(UserIdx(0), [(ItemIdx(0), 3.0)]).unwrap();
        let (file, rows) = writer.finish().unwrap();
        assert_eq!(rows, 3);

        let rows = read(file);
        let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["user_id", "rank", "item_id", "score", "title"]);
        assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[12, 12, -4]);
        assert_eq!(rows.column(1).as_primitive::<UInt32Type>().values(), &[1, 2, 1]);
        assert_eq!(rows.column(2).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["tea", "pot", "cup"]);
        assert_eq!(rows.column(3).as_primitive::<Float32Type>().values(), &[0.5, -0.25, 3.0]);
        assert_eq!(rows.column(4).as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("A pot"), None]);
    }

    #[test]
    fn without_titles_there_is_no_title_column() {
        let (users, catalogue) = (IdMap::Uint(vec![1, u64::MAX]), Catalogue::new(IdMap::Int(vec![5].into())));
        let mut writer = RecommendationWriter::create(Vec::new(), Path::new("r"), &users, &catalogue).unwrap();
        // More rows than are buffered.
        let lists = 2 * BUFFERED_ROWS as u64 + 9;
        (0..lists).for_each(|_| writer.append(UserIdx(1), [(ItemIdx(0), 1.0)]).unwrap());
        let (file, written) = writer.finish().unwrap();
        assert_eq!(written, lists);
        let rows = read(file);
        assert_eq!((rows.num_columns(), rows.num_rows() as u64), (4, lists));
    }
}
