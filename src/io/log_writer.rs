//! Logs out: the tables of a synthetic log, streamed.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, StringArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, TimeUnit};

use super::error::TableError;
use super::writer::TableWriter;
use crate::types::ItemIdx;

/// Rows collected before they are encoded.
const BUFFERED_ROWS: usize = 1 << 16;

/// Something a user did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// With what.
    pub item: ItemIdx,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// Which of the event types given to [`LogWriter::create`].
    pub event_type: u8,
    /// How much it says about the user's taste.
    pub weight: f32,
}

/// Writes a log with the columns `user_id`, `item_id`, `timestamp`, `event_type` and `weight`; memory does not
/// grow with the number of rows. The file appears when [`finish`](Self::finish) succeeds.
pub struct LogWriter {
    writer: TableWriter,
    items: Arc<StringArray>,
    event_types: Arc<StringArray>,
    /// The users in the buffer, and which of them each row belongs to.
    users: Vec<String>,
    rows: Vec<(i32, Event)>,
}

impl LogWriter {
    /// Starts a log of the items `item_ids` (by position) and the given types of event.
    ///
    /// # Errors
    /// [`TableError`] when `path` cannot be written.
    pub fn create(
        path: &Path,
        item_ids: impl Iterator<Item = String>,
        event_types: &[&str],
    ) -> Result<Self, TableError> {
        let fields = vec![
            Field::new("user_id", text(), false),
            Field::new("item_id", text(), false),
            Field::new("timestamp", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), false),
            Field::new("event_type", text(), false),
            Field::new("weight", DataType::Float32, false),
        ];
        Ok(Self {
            writer: TableWriter::create(path, fields)?,
            items: Arc::new(StringArray::from_iter_values(item_ids)),
            event_types: Arc::new(event_types.to_vec().into()),
            users: Vec::new(),
            rows: Vec::with_capacity(BUFFERED_ROWS),
        })
    }

    /// Appends the events of one user, in the order given.
    ///
    /// # Errors
    /// [`TableError`] when writing fails, or an event names an item or type that was not announced.
    pub fn append(&mut self, user_id: String, events: &[Event]) -> Result<(), TableError> {
        let user = self.users.len() as i32;
        self.users.push(user_id);
        self.rows.extend(events.iter().map(|&event| (user, event)));
        if self.rows.len() >= BUFFERED_ROWS { self.flush() } else { Ok(()) }
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
        let users = Arc::new(StringArray::from_iter_values(self.users.drain(..)));
        let rows = &self.rows;
        let dictionary = |keys: Int32Array, values: &Arc<StringArray>| {
            DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(values) as _)
                .map(Arc::new)
                .map_err(|error| self.writer.failed(error.to_string()))
        };
        let columns: Vec<arrow_array::ArrayRef> = vec![
            dictionary(rows.iter().map(|row| row.0).collect::<Vec<_>>().into(), &users)?,
            dictionary(rows.iter().map(|row| row.1.item.0 as i32).collect::<Vec<_>>().into(), &self.items)?,
            Arc::new(
                TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.1.timestamp))
                    .with_timezone("UTC"),
            ),
            dictionary(
                rows.iter().map(|row| i32::from(row.1.event_type)).collect::<Vec<_>>().into(),
                &self.event_types,
            )?,
            Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.1.weight))),
        ];
        self.writer.append(columns)?;
        self.rows.clear();
        Ok(())
    }
}

/// Text of which few values repeat often.
fn text() -> DataType {
    DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
}

/// What is known of an item of a synthetic catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueItem {
    /// Its id.
    pub item_id: String,
    /// What a person reads.
    pub title: String,
    /// What kind of item it is.
    pub category: String,
    /// The categories whose friends like it, the first being its own.
    pub tags: Vec<String>,
    /// What it costs, where that is known.
    pub price: Option<f64>,
    /// When it came out.
    pub year: i32,
    /// Whether it is for adults only.
    pub adult: bool,
}

/// Writes item metadata, one column a field of [`CatalogueItem`]. The file appears when
/// [`finish`](Self::finish) succeeds.
pub struct ItemWriter {
    writer: TableWriter,
    rows: Vec<CatalogueItem>,
}

impl ItemWriter {
    /// Starts a table.
    ///
    /// # Errors
    /// [`TableError`] when `path` cannot be written.
    pub fn create(path: &Path) -> Result<Self, TableError> {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let tags = DataType::List(Arc::new(text("element")));
        let fields = vec![
            text("item_id"),
            text("title"),
            text("category"),
            Field::new("tags", tags, false),
            Field::new("price", DataType::Float64, true),
            Field::new("year", DataType::Int32, false),
            Field::new("adult", DataType::Boolean, false),
        ];
        Ok(Self { writer: TableWriter::create(path, fields)?, rows: Vec::new() })
    }

    /// Appends an item.
    ///
    /// # Errors
    /// [`TableError`] when writing fails.
    pub fn append(&mut self, item: CatalogueItem) -> Result<(), TableError> {
        self.rows.push(item);
        if self.rows.len() >= BUFFERED_ROWS { self.flush() } else { Ok(()) }
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
        let rows = std::mem::take(&mut self.rows);
        let texts = |text: fn(&CatalogueItem) -> &str| StringArray::from_iter_values(rows.iter().map(text));
        let element = Field::new("element", DataType::Utf8, false);
        let mut tags = ListBuilder::new(StringBuilder::new()).with_field(element);
        for item in &rows {
            item.tags.iter().for_each(|tag| tags.values().append_value(tag));
            tags.append(true);
        }
        self.writer.append(vec![
            Arc::new(texts(|item| &item.item_id)),
            Arc::new(texts(|item| &item.title)),
            Arc::new(texts(|item| &item.category)),
            Arc::new(tags.finish()),
            Arc::new(rows.iter().map(|item| item.price).collect::<Float64Array>()),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|item| item.year))),
            Arc::new(rows.iter().map(|item| Some(item.adult)).collect::<BooleanArray>()),
        ])
    }
}
