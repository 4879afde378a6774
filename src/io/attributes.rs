//! Attributes of items: columns of any type, one row an item, carried from an items file to the model
//! directory without a look at their values.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StructArray, UInt32Array, new_null_array};
use arrow_schema::{ArrowError, DataType, Field, Fields};

use super::error::TableError;
use super::items::repeated_name;

/// Columns of equal length, one row an item; null where nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    fields: Fields,
    columns: Vec<ArrayRef>,
}

impl Attributes {
    /// Names of the columns, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name().as_str())
    }

    /// True when there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The type of the one column that holds all of them.
    pub(super) fn data_type(&self) -> DataType {
        DataType::Struct(self.fields.clone())
    }

    /// The rows of `items` as one column.
    ///
    /// # Panics
    /// When there is no column, or the range leaves the items.
    pub(super) fn rows(&self, items: std::ops::Range<u32>) -> ArrayRef {
        let length = items.len();
        let columns = self.columns.iter().map(|column| column.slice(items.start as usize, length)).collect();
        Arc::new(StructArray::new(self.fields.clone(), columns, None))
    }
}

/// Attributes while files are read: the rows that are wanted, batch by batch.
pub(super) struct AttributeRows {
    known: Vec<Known>,
    /// Where each item's row is: the batch (from 1) and the row in it; batch 0 is a single null.
    places: Vec<(usize, usize)>,
    batches: usize,
}

/// A column, with the file that decided on its type.
struct Known {
    field: Field,
    file: PathBuf,
    /// One array a batch; `None` for batches of files without the column.
    parts: Vec<Option<ArrayRef>>,
}

impl AttributeRows {
    /// Nothing known of so many items.
    pub fn new(items: usize) -> Self {
        Self { known: Vec::new(), places: vec![(0, 0); items], batches: 0 }
    }

    /// Prepares for a file with columns of these types.
    ///
    /// # Errors
    /// A column has another type in a file read before; two columns have one name.
    pub fn expect(&mut self, file: &Path, fields: &[Field]) -> Result<(), TableError> {
        if let Some(name) = repeated_name(fields.iter().map(|field| field.name().as_str())) {
            return Err(TableError::Damaged { file: file.into(), reason: format!("two columns are called `{name}`") });
        }
        for field in fields {
            match self.known.iter().find(|known| known.field.name() == field.name()) {
                Some(known) if known.field.data_type() != field.data_type() => {
                    return Err(TableError::Retyped {
                        file: file.into(),
                        column: field.name().clone(),
                        found: field.data_type().to_string(),
                        other: known.file.clone(),
                        expected: known.field.data_type().to_string(),
                    });
                }
                Some(_) => {}
                None => self.known.push(Known {
                    // An item without a row has no value, whatever the file promises.
                    field: field.clone().with_nullable(true),
                    file: file.into(),
                    parts: vec![None; self.batches],
                }),
            }
        }
        Ok(())
    }

    /// Keeps `rows` of a batch, row `rows[i]` for item `items[i]`.
    pub fn take<'a>(
        &mut self,
        file: &Path,
        fields: &[Field],
        items: &[u32],
        rows: &UInt32Array,
        column: impl Fn(&str) -> Result<&'a ArrayRef, TableError>,
    ) -> Result<(), TableError> {
        self.batches += 1;
        items.iter().zip(0..).for_each(|(&item, row)| self.places[item as usize] = (self.batches, row));
        for known in &mut self.known {
            let here = fields.iter().any(|field| field.name() == known.field.name());
            let part = here.then(|| {
                let taken = arrow_select::take::take(column(known.field.name())?, rows, None).map_err(failed(file))?;
                // Text is read as dictionaries of a batch; what is kept has the type of the file.
                arrow_cast::cast(&taken, known.field.data_type()).map_err(failed(file))
            });
            known.parts.push(part.transpose()?);
        }
        Ok(())
    }

    /// One row an item.
    pub fn finish(self, path: &Path) -> Result<Attributes, TableError> {
        let Self { known, places, .. } = self;
        let columns = known.iter().map(|Known { field, parts, .. }| {
            let null = new_null_array(field.data_type(), 1);
            let arrays: Vec<&dyn Array> =
                [null.as_ref()].into_iter().chain(parts.iter().map(|part| part.as_deref().unwrap_or(&null))).collect();
            let place =
                |&(batch, row): &(usize, usize)| match batch.checked_sub(1).and_then(|part| parts[part].as_ref()) {
                    Some(_) => (batch, row),
                    None => (0, 0),
                };
            let places: Vec<(usize, usize)> = places.iter().map(place).collect();
            arrow_select::interleave::interleave(&arrays, &places).map_err(failed(path))
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Attributes { fields: known.into_iter().map(|known| known.field).collect(), columns })
    }
}

fn failed(file: &Path) -> impl Fn(ArrowError) -> TableError {
    move |error| TableError::Damaged { file: file.into(), reason: error.to_string() }
}
