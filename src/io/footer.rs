//! A look at the footer of a Parquet file before the Parquet reader sees it.
//!
//! The footer is a structure in Thrift's compact protocol, in which lists announce their length. The
//! reader makes room for what is announced (row groups, children of a schema element) and descends as
//! deep as the schema is nested, and neither a failed allocation nor an overflown stack can be caught.
//! So the footer is walked here first, without allocating: whatever is announced has to be there.
//!
//! The reader trusts the number of a field and never looks at its type. Fields it knows therefore have
//! to be of the type that the format gives them, otherwise it would read other bytes than those checked.
//!
//! Sources: the compact protocol of Apache Thrift, `parquet.thrift` of Apache Parquet.

/// Deepest nesting of Thrift values, and of columns in a schema.
const MAX_DEPTH: usize = 64;

/// Row groups are numbered by 16-bit integers.
const MAX_ROW_GROUPS: usize = i16::MAX as usize;

/// A schema element has at least a name, a type or children, and an end: 3 + 2 + 1 bytes, less 2 to be
/// generous.
const MIN_SCHEMA_ELEMENT: usize = 4;

/// What a field has to be.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Byte,
    /// Of 16, 32 or 64 bits, which are all written alike.
    Integer,
    Double,
    Binary,
    List(&'static Kind),
    Struct(Fields),
    /// A list of schema elements, which has to be the tree it announces.
    Schema,
    /// Row groups, of which there are only so many.
    RowGroups,
    /// The number of children of a schema element.
    Children,
    /// A field the reader skips by its type.
    Unknown,
}

/// The known fields of a structure by number.
type Fields = &'static [(i16, Kind)];

use Kind::{Binary, Bool, Byte, Children, Double, Integer, List, RowGroups, Schema, Struct, Unknown};

const FILE: Fields = &[
    (1, Integer),
    (2, Schema),
    (3, Integer),
    (4, RowGroups),
    (5, List(&Struct(KEY_VALUE))),
    (6, Binary),
    (7, List(&Struct(COLUMN_ORDER))),
];

const KEY_VALUE: Fields = &[(1, Binary), (2, Binary)];

const EMPTY: Kind = Struct(&[]);

const COLUMN_ORDER: Fields = &[(1, EMPTY), (2, EMPTY)];

const SCHEMA_ELEMENT: Fields = &[
    (1, Integer),
    (2, Integer),
    (3, Integer),
    (4, Binary),
    (5, Children),
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

const STATISTICS: Fields =
    &[(1, Binary), (2, Binary), (3, Integer), (4, Integer), (5, Binary), (6, Binary), (7, Bool), (8, Bool)];

const BOUNDING_BOX: Fields =
    &[(1, Double), (2, Double), (3, Double), (4, Double), (5, Double), (6, Double), (7, Double), (8, Double)];

/// Types in the compact protocol.
mod wire {
    pub const STOP: u8 = 0;
    pub const TRUE: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const BYTE: u8 = 3;
    pub const I16: u8 = 4;
    pub const I32: u8 = 5;
    pub const I64: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const BINARY: u8 = 8;
    pub const LIST: u8 = 9;
    pub const SET: u8 = 10;
    pub const MAP: u8 = 11;
    pub const STRUCT: u8 = 12;
    pub const UUID: u8 = 13;
}

/// Checks that everything announced in `footer` is there; says what is not.
pub(super) fn check(footer: &[u8]) -> Result<(), String> {
    Walker { left: footer, children: 0 }.structure(FILE, 0)
}

/// Walks through the bytes that are left.
struct Walker<'a> {
    left: &'a [u8],
    /// Children of the schema element walked last.
    children: i64,
}

impl Walker<'_> {
    fn skip(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left.len();
        self.left =
            self.left.get(bytes..).ok_or_else(|| format!("its footer ends {} bytes too early", bytes - left))?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, String> {
        let byte = self.left.first().copied().unwrap_or_default();
        self.skip(1)?;
        Ok(byte)
    }

    /// An unsigned variable-length integer.
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("an integer in its footer does not end".into())
    }

    fn integer(&mut self) -> Result<i64, String> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length, of which every unit takes `each` bytes or more.
    fn length(&self, what: &str, length: u64, each: usize) -> Result<usize, String> {
        let fits = (self.left.len() / each) as u64;
        if length > fits {
            let left = self.left.len();
            return Err(format!("a {what} in its footer claims a length of {length}, {left} bytes are left"));
        }
        Ok(length as usize)
    }

    fn structure(&mut self, fields: Fields, depth: usize) -> Result<(), String> {
        let mut number = 0i16;
        loop {
            let header = self.byte()?;
            let wire = header & 0x0f;
            if wire == wire::STOP {
                return Ok(());
            }
            number = match header >> 4 {
                // The reader cuts it to 16 bits, too.
                0 => self.integer()? as i16,
                delta => number.checked_add(delta.into()).ok_or("a field number in its footer is too large")?,
            };
            let known = fields.iter().find(|(known, _)| *known == number);
            self.value(known.map_or(Unknown, |(_, kind)| *kind), wire, depth + 1)
                .map_err(|reason| if depth == 0 { format!("{reason} (in field {number})") } else { reason })?;
        }
    }

    fn value(&mut self, kind: Kind, wire: u8, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("its footer is nested deeper than {MAX_DEPTH} levels"));
        }
        match (kind, wire) {
            (Bool | Unknown, wire::TRUE | wire::FALSE) => Ok(()),
            (Byte | Unknown, wire::BYTE) => self.skip(1),
            (Children, wire::I16 | wire::I32 | wire::I64) => {
                self.children = self.integer()?;
                Ok(())
            }
            (Integer | Unknown, wire::I16 | wire::I32 | wire::I64) => self.varint().map(drop),
            (Double | Unknown, wire::DOUBLE) => self.skip(8),
            (Unknown, wire::UUID) => self.skip(16),
            (Binary | Unknown, wire::BINARY) => {
                let length = self.varint()?;
                let length = self.length("text", length, 1)?;
                self.skip(length)
            }
            (Struct(fields), wire::STRUCT) => self.structure(fields, depth),
            (Unknown, wire::STRUCT) => self.structure(&[], depth),
            (Schema, wire::LIST) => self.schema(depth),
            (RowGroups, wire::LIST) => {
                let (wire, length) = self.list_header(1)?;
                if length > MAX_ROW_GROUPS {
                    return Err(format!("its footer claims {length} row groups, {MAX_ROW_GROUPS} are possible"));
                }
                self.elements(&Struct(ROW_GROUP), wire, length, depth)
            }
            (List(kind), wire::LIST) => {
                let (wire, length) = self.list_header(1)?;
                self.elements(kind, wire, length, depth)
            }
            (Unknown, wire::LIST | wire::SET) => {
                let (wire, length) = self.list_header(1)?;
                self.elements(&Unknown, wire, length, depth)
            }
            (Unknown, wire::MAP) => self.map(depth),
            _ => Err(format!("a field in its footer has the wrong type ({wire})")),
        }
    }

    /// Type and number of the elements of a list, which take `each` bytes or more.
    fn list_header(&mut self, each: usize) -> Result<(u8, usize), String> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.varint()?,
            length => length.into(),
        };
        Ok((header & 0x0f, self.length("list", length, each)?))
    }

    fn elements(&mut self, kind: &Kind, wire: u8, length: usize, depth: usize) -> Result<(), String> {
        for _ in 0..length {
            self.element(*kind, wire, depth)?;
        }
        Ok(())
    }

    /// An element of a collection. Booleans there take a byte, which the reader does not skip in fields
    /// unknown to it; no known field has any.
    fn element(&mut self, kind: Kind, wire: u8, depth: usize) -> Result<(), String> {
        match wire {
            wire::TRUE | wire::FALSE => Err("its footer holds a list of booleans, which Parquet has none of".into()),
            _ => self.value(kind, wire, depth + 1),
        }
    }

    fn map(&mut self, depth: usize) -> Result<(), String> {
        let length = self.varint()?;
        let length = self.length("map", length, 2)?;
        if length > 0 {
            let types = self.byte()?;
            for _ in 0..length {
                self.element(Unknown, types >> 4, depth)?;
                self.element(Unknown, types & 0x0f, depth)?;
            }
        }
        Ok(())
    }

    /// The elements of the schema: a tree, parents before their children.
    fn schema(&mut self, depth: usize) -> Result<(), String> {
        let (wire, length) = self.list_header(MIN_SCHEMA_ELEMENT)?;
        // Children still to come, of the element at each level and of all together.
        let mut open = [0usize; MAX_DEPTH];
        let (mut level, mut pending) = (0, 0);
        for element in 0..length {
            self.children = 0;
            self.element(Struct(SCHEMA_ELEMENT), wire, depth)?;
            while level > 0 && open[level - 1] == 0 {
                level -= 1;
            }
            if level > 0 {
                open[level - 1] -= 1;
                pending -= 1;
            }
            let after = length - element - 1;
            let children =
                usize::try_from(self.children).ok().filter(|children| *children <= after - pending.min(after));
            let Some(children) = children else {
                return Err(format!(
                    "schema element {element} claims {} children, {after} elements follow",
                    self.children
                ));
            };
            if children > 0 {
                *open.get_mut(level).ok_or_else(|| format!("its schema is nested deeper than {MAX_DEPTH} levels"))? =
                    children;
                level += 1;
                pending += children;
            }
        }
        Ok(())
    }
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
