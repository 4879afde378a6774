//! The attributes of a model's items as typed columns, for conditions on them and for showing them.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{DataType, TimeUnit};
use fixedbitset::FixedBitSet;

use super::error::TableError;
use super::interner::UNKNOWN;
use super::source::open;
use super::texts::Texts;
use crate::interactions::{
    LeftOutColumn, Metadata, MetadataColumn, MetadataValues, TextColumn, TextsColumn, Timestamp, UNKNOWN_TEXT,
    UNKNOWN_TIME,
};

/// Bytes that all columns together may take in memory.
const MAX_BYTES: usize = 1 << 30;

/// Integers up to here have a floating-point number of their own.
const MAX_EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

/// Reads the attributes in what [`write_catalogue`](super::write_catalogue) wrote. Columns of types that cannot be
/// compared, with values that cannot be kept exactly, or too large for memory are left out, with the reason.
///
/// # Errors
/// [`TableError`] when the file cannot be read or is damaged.
pub fn read_metadata(path: &Path) -> Result<Metadata, TableError> {
    read_within(path, MAX_BYTES)
}

fn read_within(path: &Path, most: usize) -> Result<Metadata, TableError> {
    let table = open(path)?;
    let Some(DataType::Struct(fields)) = table.find("attributes").map(|field| field.data_type().clone()) else {
        return Ok(Metadata::default());
    };
    let mut columns: Vec<Growing> = fields.iter().map(|field| Growing::new(field.name(), field.data_type())).collect();
    for batch in table.batches(&["attributes"])? {
        let batch = batch?;
        let attributes = batch.complete_column("attributes")?.as_struct();
        for (column, values) in columns.iter_mut().zip(attributes.columns()) {
            column.append(values);
        }
        // The largest goes first, until the rest fits.
        while columns.iter().map(Growing::bytes).sum::<usize>() > most {
            if let Some(largest) = columns.iter_mut().max_by_key(|column| column.bytes()) {
                let reason = format!("its values take too much memory (all columns may take {} MiB)", most >> 20);
                largest.give_up(reason);
            }
        }
    }
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for Growing { name, data_type, state } in columns {
        match state {
            Ok(values) => kept.push(MetadataColumn { name, data_type, values: values.finish() }),
            Err(reason) => left_out.push(LeftOutColumn { name, data_type, reason }),
        }
    }
    Ok(Metadata::new(kept, left_out))
}

/// A column while it is read, or why it is not.
struct Growing {
    name: String,
    data_type: String,
    state: Result<Values, String>,
}

/// The values read so far.
enum Values {
    Text { texts: Texts, codes: Vec<u32> },
    Number(Vec<f64>),
    Flag(Vec<Option<bool>>),
    Texts { texts: Texts, ends: Vec<usize>, codes: Vec<u32>, known: Vec<bool> },
    Time { times: Vec<Timestamp>, dates: bool },
}

impl Growing {
    fn new(name: &str, data_type: &DataType) -> Self {
        let state = match data_type {
            DataType::Utf8 => Ok(Values::Text { texts: Texts::default(), codes: Vec::new() }),
            DataType::Boolean => Ok(Values::Flag(Vec::new())),
            DataType::Date32 => Ok(Values::Time { times: Vec::new(), dates: true }),
            DataType::Timestamp(..) => Ok(Values::Time { times: Vec::new(), dates: false }),
            DataType::List(element) if *element.data_type() == DataType::Utf8 => {
                Ok(Values::Texts { texts: Texts::default(), ends: Vec::new(), codes: Vec::new(), known: Vec::new() })
            }
            number if number.is_numeric() => Ok(Values::Number(Vec::new())),
            other => Err(format!("values of type {other} cannot be compared")),
        };
        let data_type = match data_type {
            // Without the name that the writer gave to the elements.
            DataType::List(element) => format!("List({})", element.data_type()),
            other => other.to_string(),
        };
        Self { name: name.into(), data_type, state }
    }

    fn append(&mut self, column: &ArrayRef) {
        if let Ok(values) = &mut self.state
            && let Err(reason) = values.append(column)
        {
            self.state = Err(reason);
        }
    }

    fn give_up(&mut self, reason: String) {
        self.state = Err(reason);
    }

    fn bytes(&self) -> usize {
        self.state.as_ref().map_or(0, Values::bytes)
    }
}

impl Values {
    /// Appends the rows of a batch, or says why the column cannot be used.
    fn append(&mut self, column: &ArrayRef) -> Result<(), String> {
        match self {
            Self::Text { texts, codes } => {
                let column = column.as_string::<i32>();
                for row in 0..column.len() {
                    codes.push(if column.is_valid(row) { intern(texts, column.value(row))? } else { UNKNOWN_TEXT });
                }
            }
            Self::Number(numbers) => {
                check_exact(column)?;
                let column = cast(column, &DataType::Float64)?;
                numbers.extend(column.as_primitive::<Float64Type>().iter().map(|number| number.unwrap_or(f64::NAN)));
            }
            Self::Flag(flags) => flags.extend(column.as_boolean().iter()),
            Self::Texts { texts, ends, codes, known } => {
                let column = column.as_list::<i32>();
                for row in 0..column.len() {
                    if column.is_valid(row) {
                        let list = column.value(row);
                        let list: &StringArray = list.as_string();
                        // An element that is null is no text; the others are.
                        for text in list.iter().flatten() {
                            codes.push(intern(texts, text)?);
                        }
                    }
                    known.push(column.is_valid(row));
                    ends.push(codes.len());
                }
            }
            Self::Time { times, .. } => {
                let moments = micros(column)?;
                if moments.iter().flatten().count() < column.len() - column.null_count() {
                    return Err("it has times beyond what 64-bit microseconds can say".into());
                }
                times.extend(moments.into_iter().map(|time| time.map_or(UNKNOWN_TIME, Timestamp)));
            }
        }
        Ok(())
    }

    /// Bytes in memory, nearly.
    fn bytes(&self) -> usize {
        match self {
            Self::Text { texts, codes } => texts.bytes() + 4 * codes.len(),
            Self::Number(numbers) => 8 * numbers.len(),
            Self::Flag(flags) => flags.len(),
            Self::Texts { texts, ends, codes, .. } => texts.bytes() + 9 * ends.len() + 4 * codes.len(),
            Self::Time { times, .. } => 8 * times.len(),
        }
    }

    fn finish(self) -> MetadataValues {
        match self {
            Self::Text { texts, codes } => {
                let (dictionary, ranks) = texts.into_sorted();
                let codes = codes.into_iter().map(|code| ranks.get(code as usize).copied().unwrap_or(UNKNOWN_TEXT));
                MetadataValues::Text(TextColumn { dictionary, codes: codes.collect() })
            }
            Self::Number(numbers) => MetadataValues::Number(numbers),
            Self::Flag(flags) => MetadataValues::Flag {
                yes: bits(flags.iter().map(|flag| *flag == Some(true))),
                known: bits(flags.iter().map(Option::is_some)),
            },
            Self::Texts { texts, ends, codes, known } => {
                let (dictionary, ranks) = texts.into_sorted();
                let codes = codes.into_iter().map(|code| ranks[code as usize]).collect();
                MetadataValues::Texts(TextsColumn { dictionary, ends, codes, known: bits(known.into_iter()) })
            }
            Self::Time { times, dates } => MetadataValues::Time { times, dates },
        }
    }
}

fn intern(texts: &mut Texts, text: &str) -> Result<u32, String> {
    match texts.intern(text.into()) {
        UNKNOWN => Err("it has too many distinct texts".into()),
        code => Ok(code),
    }
}

fn bits(flags: impl ExactSizeIterator<Item = bool>) -> FixedBitSet {
    let mut bits = FixedBitSet::with_capacity(flags.len());
    flags.enumerate().for_each(|(item, flag)| bits.set(item, flag));
    bits
}

fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    arrow_cast::cast(column, to).map_err(|error| format!("its values cannot be read as {to}: {error}"))
}

/// Microseconds since 1970; `None` for null and for what they cannot say.
fn micros(column: &ArrayRef) -> Result<Vec<Option<i64>>, String> {
    if let DataType::Timestamp(_, zone) = column.data_type() {
        let column = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
        return Ok(column.as_primitive::<TimestampMicrosecondType>().iter().collect());
    }
    let days = column.as_primitive::<Date32Type>().iter();
    Ok(days.map(|day| i64::from(day?).checked_mul(Timestamp::DAY)).collect())
}

/// Refuses integers that would be rounded: they would equal others.
fn check_exact(column: &ArrayRef) -> Result<(), String> {
    let largest = match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().iter().flatten().map(i64::unsigned_abs).max(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().iter().flatten().max(),
        _ => None,
    };
    match largest {
        Some(largest) if largest > MAX_EXACT => {
            Err(format!("it has integers beyond 2^53, such as {largest}, which are not told apart; store them as text"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use tempfile::TempDir;

    use super::super::items::{ItemColumns, read_items};
    use super::super::write_catalogue;
    use super::*;
    use crate::interactions::{Catalogue, IdMap};

    #[test]
    fn what_does_not_fit_into_memory_is_left_out_largest_first() {
        let directory = TempDir::new().unwrap();
        let (items, model) = (directory.path().join("items.parquet"), directory.path().join("model.parquet"));
        let ids: Vec<String> = (0..500).map(|item| format!("i{item:03}")).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("item_id", Arc::new(StringArray::from_iter_values(&ids))),
            ("story", Arc::new(StringArray::from_iter_values(ids.iter().map(|id| id.repeat(50))))),
            ("price", Arc::new(Float64Array::from_iter_values((0..500).map(f64::from)))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&items).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let ids = IdMap::Text(ids.iter().collect());
        let attributes = read_items(&items, &ItemColumns::default(), &ids).unwrap().attributes;
        write_catalogue(&model, &Catalogue::new(ids), &[1; 500], &attributes).unwrap();

        let all = read_within(&model, 1 << 20).unwrap();
        assert_eq!((all.columns().len(), all.left_out().len()), (2, 0));
        let some = read_within(&model, 20_000).unwrap();
        assert_eq!((some.columns()[0].name.as_str(), some.left_out()[0].name.as_str()), ("price", "story"));
        assert!(some.left_out()[0].reason.contains("too much memory"), "{:?}", some.left_out());
        assert_eq!(read_within(&model, 0).unwrap().columns().len(), 0);
    }
}
