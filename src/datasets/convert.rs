//! From records to Parquet tables, as the column map of a manifest says.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive::{label, with_part};
use super::error::{ContentError, DatasetError};
use super::layout::{Record, Records};
use super::manifest::{Attribute, Content, Field, IdColumn, IdFormat, Interactions, Items, Table, TextEncoding};
use crate::interactions::{TimeUnit, Timestamp};
use crate::io::{Cell, CellType, Id, IdType, InteractionColumns, InteractionRow, InteractionWriter, ItemTableWriter};

/// Rows between two calls of `progress`.
const PROGRESS_ROWS: u64 = 1 << 16;

/// Characters of a bad value that an error quotes.
const QUOTED: usize = 80;

/// Writes a table into `directory`; `locate` tells where a published file is. Returns the number of
/// rows. Memory does not grow with it.
///
/// # Errors
/// A file is not what it should be, or the table cannot be written; nothing is left behind.
pub(super) fn convert(
    table: &Table,
    directory: &Path,
    locate: &dyn Fn(&str) -> PathBuf,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, DatasetError> {
    let path = directory.join(&table.output);
    match &table.content {
        Content::Interactions(columns) => {
            let weight = columns.weight.as_ref().map(|weight| weight.name.as_str());
            let (user, item) = (columns.user.id_type.into(), columns.item.id_type.into());
            let time = columns.time.is_some();
            let mut writer = InteractionWriter::create(&path, InteractionColumns { user, item, weight, time })?;
            read_parts(table, locate, progress, &mut |records, step| {
                interactions(records, columns, &mut writer, step)
            })?;
            Ok(writer.finish()?)
        }
        Content::Items(columns) => {
            let attributes: Vec<_> = columns.attributes.iter().map(|a| (a.name(), a.cell_type())).collect();
            let mut writer = ItemTableWriter::create(&path, columns.id.id_type.into(), &attributes)?;
            read_parts(table, locate, progress, &mut |records, step| items(records, columns, &mut writer, step))?;
            Ok(writer.finish()?)
        }
    }
}

/// Writes the records of a part, calling back after each; returns their number.
type ReadPart<'a> = &'a mut dyn FnMut(&mut Records<&mut dyn Read>, &mut dyn FnMut()) -> Result<u64, DatasetError>;

fn read_parts(
    table: &Table,
    locate: &dyn Fn(&str) -> PathBuf,
    progress: &mut dyn FnMut(u64),
    read: ReadPart<'_>,
) -> Result<(), DatasetError> {
    let mut rows = 0;
    for part in &table.parts {
        let path = locate(&part.file);
        let name = label(&path, part);
        let found = with_part(&path, part, |reader| {
            let mut records = Records::new(name.clone(), reader, &table.layout)?;
            let mut step = || {
                rows += 1;
                if rows % PROGRESS_ROWS == 0 {
                    progress(rows);
                }
            };
            read(&mut records, &mut step)
        })?;
        if found == 0 {
            return Err(ContentError::Empty { file: name }.into());
        }
    }
    progress(rows);
    Ok(())
}

fn interactions<R: Read>(
    records: &mut Records<R>,
    columns: &Interactions,
    writer: &mut InteractionWriter,
    step: &mut dyn FnMut(),
) -> Result<u64, DatasetError> {
    let values = Values::of(records);
    let (user, item) = (values.id(&columns.user)?, values.id(&columns.item)?);
    let weight = columns.weight.as_ref().map(|weight| values.column(&weight.field)).transpose()?;
    let time =
        columns.time.as_ref().map(|time| values.column(&time.field).map(|column| (column, time.unit))).transpose()?;
    let mut rows = 0;
    while let Some(record) = records.next()? {
        let (user, item) = (values.read_id(&record, &user)?, values.read_id(&record, &item)?);
        let weight = weight.as_ref().map(|column| values.weight(&record, column)).transpose()?;
        let time = time.as_ref().map(|(column, unit)| values.time(&record, column, *unit)).transpose()?;
        writer.append(InteractionRow { user: user.as_id(), item: item.as_id(), weight, time })?;
        rows += 1;
        step();
    }
    Ok(rows)
}

fn items<R: Read>(
    records: &mut Records<R>,
    columns: &Items,
    writer: &mut ItemTableWriter,
    step: &mut dyn FnMut(),
) -> Result<u64, DatasetError> {
    let values = Values::of(records);
    let id = values.id(&columns.id)?;
    let attributes: Vec<(&Attribute, Column)> = columns
        .attributes
        .iter()
        .map(|attribute| Ok((attribute, values.column(&attribute.field())?)))
        .collect::<Result<_, ContentError>>()?;
    let (mut rows, mut cells) = (0, Vec::new());
    while let Some(record) = records.next()? {
        cells.clear();
        for (attribute, column) in &attributes {
            cells.push(values.cell(&record, attribute, column)?);
        }
        writer.append(values.read_id(&record, &id)?.as_id(), &cells)?;
        rows += 1;
        step();
    }
    Ok(rows)
}

/// A field that is read: where it is, and what errors call it.
struct Column {
    index: usize,
    name: String,
}

/// A field that holds ids.
struct IdField {
    column: Column,
    format: IdFormat,
}

/// An id as read.
enum OwnedId<'a> {
    Int(i64),
    Text(Cow<'a, str>),
}

impl OwnedId<'_> {
    fn as_id(&self) -> Id<'_> {
        match self {
            Self::Int(id) => Id::Int(*id),
            Self::Text(id) => Id::Text(id),
        }
    }
}

impl From<IdFormat> for IdType {
    fn from(format: IdFormat) -> Self {
        match format {
            IdFormat::Int => Self::Int,
            IdFormat::Text => Self::Text,
        }
    }
}

impl Attribute {
    fn cell_type(&self) -> CellType {
        match self {
            Self::Text { .. } => CellType::Text,
            Self::Int { .. } => CellType::Int,
            Self::List { .. } | Self::Flags { .. } => CellType::List,
        }
    }

    /// The field it is read from, the first of them for flags.
    fn field(&self) -> Field {
        match self {
            Self::Text { field, .. } | Self::Int { field, .. } | Self::List { field, .. } => field.clone(),
            Self::Flags { first, .. } => Field::Number(*first),
        }
    }
}

/// Reads the values of one file's records.
struct Values {
    file: String,
    names: Vec<String>,
    encoding: TextEncoding,
}

impl Values {
    fn of<R: Read>(records: &Records<R>) -> Self {
        Self { file: records.file().to_owned(), names: records.names().to_vec(), encoding: records.encoding() }
    }

    fn column(&self, field: &Field) -> Result<Column, ContentError> {
        match field {
            Field::Number(number) => Ok(Column { index: number.saturating_sub(1), name: format!("field {number}") }),
            Field::Name(name) => match self.names.iter().position(|known| known == name) {
                Some(index) => Ok(Column { index, name: format!("`{name}`") }),
                None => Err(ContentError::NoColumn {
                    file: self.file.clone(),
                    column: name.clone(),
                    available: self.names.clone(),
                }),
            },
        }
    }

    fn id(&self, id: &IdColumn) -> Result<IdField, ContentError> {
        Ok(IdField { column: self.column(&id.field)?, format: id.id_type })
    }

    fn bad(&self, record: &Record<'_>, column: &Column, expected: impl Into<String>) -> ContentError {
        let text = String::from_utf8_lossy(record.field(column.index));
        let mut value: String = text.chars().take(QUOTED).flat_map(char::escape_default).collect();
        if text.chars().nth(QUOTED).is_some() {
            value.push('…');
        }
        let (file, field) = (self.file.clone(), column.name.clone());
        ContentError::Value { file, line: record.line, field, value, expected: expected.into() }
    }

    fn text<'r>(&self, record: &Record<'r>, column: &Column) -> Result<Cow<'r, str>, ContentError> {
        let text = self.encoding.decode(record.field(column.index));
        text.ok_or_else(|| self.bad(record, column, "which is not UTF-8"))
    }

    fn read_id<'r>(&self, record: &Record<'r>, id: &IdField) -> Result<OwnedId<'r>, ContentError> {
        let text = self.text(record, &id.column)?;
        match id.format {
            IdFormat::Int => match text.parse() {
                Ok(id) => Ok(OwnedId::Int(id)),
                Err(_) => Err(self.bad(record, &id.column, "not a whole number of 64 bits")),
            },
            IdFormat::Text if text.is_empty() => Err(self.bad(record, &id.column, "an id is due")),
            IdFormat::Text => Ok(OwnedId::Text(text)),
        }
    }

    fn weight(&self, record: &Record<'_>, column: &Column) -> Result<f32, ContentError> {
        let weight = self.text(record, column)?.parse::<f32>().ok().filter(|weight| weight.is_finite());
        weight.ok_or_else(|| self.bad(record, column, "not a number"))
    }

    fn time(&self, record: &Record<'_>, column: &Column, unit: Option<TimeUnit>) -> Result<Timestamp, ContentError> {
        let text = self.text(record, column)?;
        match unit {
            Some(unit) => {
                let time = text.parse().ok().and_then(|count| unit.timestamp(count));
                time.ok_or_else(|| self.bad(record, column, "not a time in whole units since 1970"))
            }
            None => text.parse().map_err(|_| self.bad(record, column, "not a date or time such as 2005-09-06")),
        }
    }

    fn cell(&self, record: &Record<'_>, attribute: &Attribute, column: &Column) -> Result<Cell, ContentError> {
        if let Attribute::Flags { labels, .. } = attribute {
            return self.flags(record, column, labels);
        }
        let text = self.text(record, column)?;
        if text.is_empty() {
            return Ok(Cell::Null);
        }
        match attribute {
            Attribute::Int { null, .. } if null.as_deref() == Some(&text) => Ok(Cell::Null),
            Attribute::Int { .. } => {
                // `1984.0`: what pandas makes of a column of integers with gaps.
                let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
                let value = whole.map_or(&*text, |(whole, _)| whole).parse();
                value.map(Cell::Int).map_err(|_| self.bad(record, column, "not a whole number"))
            }
            Attribute::List { none, .. } if none.as_deref() == Some(&text) => Ok(Cell::List(Vec::new())),
            Attribute::List { separator, .. } => Ok(Cell::List(text.split(separator).map(str::to_owned).collect())),
            Attribute::Text { .. } | Attribute::Flags { .. } => Ok(Cell::Text(text.into_owned())),
        }
    }

    fn flags(&self, record: &Record<'_>, first: &Column, labels: &[String]) -> Result<Cell, ContentError> {
        let mut found = Vec::new();
        for (offset, label) in labels.iter().enumerate() {
            let index = first.index + offset;
            match record.field(index) {
                b"1" => found.push(label.clone()),
                b"0" => {}
                _ => {
                    let column = Column { index, name: format!("field {} ({label})", index + 1) };
                    return Err(self.bad(record, &column, "neither 0 nor 1"));
                }
            }
        }
        Ok(Cell::List(found))
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
#[cfg(test)]
pub(super) use tests::table;
