//! A look at the footer of a Parquet file before the Parquet reader sees it: everything it announces has to be there.
//! See [`thrift`](super::thrift) for why.
//!
//! Source: `parquet.thrift` of Apache Parquet.

use super::thrift::Kind::{self, Binary, Bool, Byte, Double, Integer, List, Noted, RowGroups, Schema, Struct};
use super::thrift::{Fields, Walker};

const FILE: Fields = &[
    (1, Integer),
    (2, Schema(SCHEMA_ELEMENT)),
    (3, Integer),
    (4, RowGroups(ROW_GROUP)),
    (5, List(&Struct(KEY_VALUE))),
    (6, Binary),
    (7, List(&Struct(COLUMN_ORDER))),
];

const KEY_VALUE: Fields = &[(1, Binary), (2, Binary)];

pub(super) const EMPTY: Kind = Struct(&[]);

const COLUMN_ORDER: Fields = &[(1, EMPTY), (2, EMPTY)];

const SCHEMA_ELEMENT: Fields = &[
    (1, Integer),
    (2, Integer),
    (3, Integer),
    (4, Binary),
    (5, Noted(0)),
    (6, Integer),
    (7, Integer),
    (8, Integer),
    (9, Integer),
    (10, Struct(LOGICAL_TYPE)),
];

const LOGICAL_TYPE: Fields = &[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Struct(&[(1, Integer), (2, Integer)])),
    (6, EMPTY),
    (7, Struct(TIME)),
    (8, Struct(TIME)),
    (10, Struct(&[(1, Byte), (2, Bool)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Struct(&[(1, Byte)])),
    (17, Struct(&[(1, Binary)])),
    (18, Struct(&[(1, Binary), (2, Integer)])),
];

const TIME: Fields = &[(1, Bool), (2, Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]))];

const ROW_GROUP: Fields = &[
    (1, List(&Struct(COLUMN_CHUNK))),
    (2, Integer),
    (3, Integer),
    (4, List(&Struct(&[(1, Integer), (2, Bool), (3, Bool)]))),
    (5, Integer),
    (6, Integer),
    (7, Integer),
];

const COLUMN_CHUNK: Fields =
    &[(1, Binary), (2, Integer), (3, Struct(COLUMN)), (4, Integer), (5, Integer), (6, Integer), (7, Integer)];

const COLUMN: Fields = &[
    (1, Integer),
    (2, List(&Integer)),
    (3, List(&Binary)),
    (4, Integer),
    (5, Integer),
    (6, Integer),
    (7, Integer),
    (8, List(&Struct(KEY_VALUE))),
    (9, Integer),
    (10, Integer),
    (11, Integer),
    (12, Struct(STATISTICS)),
    (13, List(&Struct(&[(1, Integer), (2, Integer), (3, Integer)]))),
    (14, Integer),
    (15, Integer),
    (16, Struct(&[(1, Integer), (2, List(&Integer)), (3, List(&Integer))])),
    (17, Struct(&[(1, Struct(BOUNDING_BOX)), (2, List(&Integer))])),
];

pub(super) const STATISTICS: Fields =
    &[(1, Binary), (2, Binary), (3, Integer), (4, Integer), (5, Binary), (6, Binary), (7, Bool), (8, Bool)];

const BOUNDING_BOX: Fields =
    &[(1, Double), (2, Double), (3, Double), (4, Double), (5, Double), (6, Double), (7, Double), (8, Double)];

/// Checks that everything announced in `footer` is there; says what is not.
pub(super) fn check(footer: &[u8]) -> Result<(), String> {
    Walker::new("its footer", footer).structure(FILE, 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Fields as Columns, Schema, TimeUnit};
    use parquet::arrow::ArrowWriter;

    use super::check;

    /// The footer of a file with columns of many types, as the Parquet writer makes it.
    fn real() -> Vec<u8> {
        let types = [
            DataType::Utf8,
            DataType::UInt8,
            DataType::Boolean,
            DataType::Decimal128(5, 2),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Time32(TimeUnit::Millisecond),
            DataType::Date32,
            DataType::List(Field::new("item", DataType::Float64, true).into()),
            DataType::Struct(Columns::from(vec![Field::new("inner", DataType::Int64, true)])),
        ];
        let columns = types.into_iter().enumerate().map(|(at, of)| Field::new(format!("column{at}"), of, true));
        let schema = Arc::new(Schema::new(columns.collect::<Vec<_>>()));
        let nulls = schema.fields().iter().map(|field| arrow_array::new_null_array(field.data_type(), 3)).collect();
        let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), None).unwrap();
        writer.write(&arrow_array::RecordBatch::try_new(schema, nulls).unwrap()).unwrap();
        let file = writer.into_inner().unwrap();
        let end = file.len() - 8;
        let length = u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
        file[end - length..end].to_vec()
    }

    /// Version 1, then `rest`.
    fn refused(rest: &[u8], part: &str) {
        let reason = check(&[&[0x15, 2], rest].concat()).expect_err(part);
        assert!(reason.contains(part), "{part:?} is not in {reason:?}");
    }

    /// A root without a type that claims so many children (less than 64).
    fn group(children: u8) -> [u8; 6] {
        [0x48, 1, b'g', 0x15, 2 * children, 0]
    }

    #[test]
    fn what_the_writer_makes_passes_and_no_part_of_it_does() {
        let footer = real();
        assert_eq!(check(&footer), Ok(()));
        for length in 0..footer.len() {
            assert!(check(&footer[..length]).is_err(), "{length} of {} bytes", footer.len());
        }
    }

    #[test]
    fn lengths_that_are_not_there_are_refused() {
        let huge = [0xff, 0xff, 0xff, 0xff, 7];
        for (field, part) in
            [(0x19, "a list in its footer"), (0x39, "a list in its footer"), (0x99, "a list in its footer")]
        {
            refused(&[&[field, 0xfc][..], &huge].concat(), part);
        }
        refused(&[&[0x58][..], &huge].concat(), "a text in its footer claims a length of 2147483647, 0 bytes");
        refused(&[&[0x9b][..], &huge, &[0x88]].concat(), "a map in its footer");
        refused(&[&[0x39, 0xfc, 0x80, 0x80, 0x02][..], &[0; 40_000]].concat(), "32768 row groups");
        refused(&[0x26, 0x80], "ends 1 bytes too early");
        refused(&[&[0x26][..], &[0x80; 11]].concat(), "does not end");
    }

    #[test]
    fn what_the_reader_would_read_otherwise_is_refused() {
        // Row groups that pretend to be a byte, or a list of something else.
        refused(&[0x33, 0xfc, 0], "wrong type (3) (in field 4)");
        refused(&[0x39, 0x15, 0, 0], "wrong type (5) (in field 4)");
        refused(&[0x99, 0x11, 1, 0], "list of booleans");
    }

    #[test]
    fn a_schema_that_is_not_the_tree_it_announces_is_refused() {
        let schema =
            |elements: &[[u8; 6]]| [&[0x19, 0xfc, elements.len() as u8][..], &elements.concat(), &[0]].concat();
        let footer = |elements: &[[u8; 6]]| [&[0x15, 2], &schema(elements)[..]].concat();
        assert_eq!(check(&footer(&[group(2), group(0), group(1), group(0)])), Ok(()));
        refused(&schema(&[group(2), group(0)]), "element 0 claims 2 children, 1 elements follow");
        refused(&schema(&[group(2), group(2), group(0), group(0)]), "element 1 claims 2 children");
        let chain = [vec![group(1); 64], vec![group(0)]].concat();
        assert_eq!(check(&footer(&chain)), Ok(()));
        refused(&schema(&[vec![group(1); 65], vec![group(0)]].concat()), "schema is nested deeper than 64");
    }

    #[test]
    fn values_nested_too_deep_are_refused() {
        refused(&[0x9c; 100_000], "nested deeper than 64 levels");
        refused(&[&[0x99][..], &[0x19; 100_000]].concat(), "nested deeper than 64 levels");
    }
}
