//! Structures in Thrift's compact protocol, walked before the Parquet reader sees them.
//!
//! Lists and texts there announce their length, and the reader makes room for what is announced and descends as deep as
//! structures are nested; neither a failed allocation nor an overflown stack can be caught. So a structure is walked
//! first, without allocating: whatever is announced has to be there.
//!
//! The reader trusts the number of a field and never looks at its type. Fields it knows therefore have to be of the
//! type that the format gives them, otherwise it would read other bytes than those checked.
//!
//! Source: the compact protocol of Apache Thrift.

/// Deepest nesting of values, and of columns in a schema.
pub(super) const MAX_DEPTH: usize = 64;

/// Row groups are numbered by 16-bit integers.
const MAX_ROW_GROUPS: usize = i16::MAX as usize;

/// A schema element has at least a name, a type or children, and an end: 3 + 2 + 1 bytes, less 2 to be
/// generous.
const MIN_SCHEMA_ELEMENT: usize = 4;

/// What a field has to be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    Byte,
    /// Of 16, 32 or 64 bits, which are all written alike.
    Integer,
    Double,
    Binary,
    List(&'static Kind),
    Struct(Fields),
    /// A list of schema elements of these fields, which has to be the tree it announces; the first noted integer of an
    /// element is the number of its children.
    Schema(Fields),
    /// Row groups of these fields, of which there are only so many.
    RowGroups(Fields),
    /// An integer that is remembered, at this place of [`Walker::noted`].
    Noted(usize),
    /// A field the reader skips by its type.
    Unknown,
}

/// The known fields of a structure by number.
pub(super) type Fields = &'static [(i16, Kind)];

use Kind::{Binary, Bool, Byte, Double, Integer, List, Noted, RowGroups, Schema, Struct, Unknown};

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

/// Integers that can be remembered.
pub(super) const NOTES: usize = 9;

/// Walks through the bytes that are left.
pub(super) struct Walker<'a> {
    /// What the structure is, for messages.
    what: &'static str,
    /// The bytes that are left.
    pub left: &'a [u8],
    /// The integers remembered, the last one for each place.
    pub noted: [i64; NOTES],
}

impl<'a> Walker<'a> {
    /// At the start of `bytes`, which are called `what`.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, left: bytes, noted: [0; NOTES] }
    }

    fn skip(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left.len();
        self.left =
            self.left.get(bytes..).ok_or_else(|| format!("{} ends {} bytes too early", self.what, bytes - left))?;
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
        Err(format!("an integer in {} does not end", self.what))
    }

    fn integer(&mut self) -> Result<i64, String> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length, of which every unit takes `each` bytes or more.
    fn length(&self, kind: &str, length: u64, each: usize) -> Result<usize, String> {
        let fits = (self.left.len() / each) as u64;
        if length > fits {
            let left = self.left.len();
            return Err(format!("a {kind} in {} claims a length of {length}, {left} bytes are left", self.what));
        }
        Ok(length as usize)
    }

    /// Walks a structure of these known fields to its end; says what is not there.
    pub fn structure(&mut self, fields: Fields, depth: usize) -> Result<(), String> {
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
                delta => number
                    .checked_add(delta.into())
                    .ok_or_else(|| format!("a field number in {} is too large", self.what))?,
            };
            let known = fields.iter().find(|(known, _)| *known == number);
            self.value(known.map_or(Unknown, |(_, kind)| *kind), wire, depth + 1)
                .map_err(|reason| if depth == 0 { format!("{reason} (in field {number})") } else { reason })?;
        }
    }

    fn value(&mut self, kind: Kind, wire: u8, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("{} is nested deeper than {MAX_DEPTH} levels", self.what));
        }
        match (kind, wire) {
            (Bool | Unknown, wire::TRUE | wire::FALSE) => Ok(()),
            (Byte | Unknown, wire::BYTE) => self.skip(1),
            (Noted(place), wire::I16 | wire::I32 | wire::I64) => {
                self.noted[place] = self.integer()?;
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
            (Schema(fields), wire::LIST) => self.schema(fields, depth),
            (RowGroups(fields), wire::LIST) => {
                let (wire, length) = self.list_header(1)?;
                if length > MAX_ROW_GROUPS {
                    return Err(format!("{} claims {length} row groups, {MAX_ROW_GROUPS} are possible", self.what));
                }
                self.elements(&Struct(fields), wire, length, depth)
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
            _ => Err(format!("a field in {} has the wrong type ({wire})", self.what)),
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
            wire::TRUE | wire::FALSE => {
                Err(format!("{} holds a list of booleans, which Parquet has none of", self.what))
            }
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
    fn schema(&mut self, fields: Fields, depth: usize) -> Result<(), String> {
        let (wire, length) = self.list_header(MIN_SCHEMA_ELEMENT)?;
        // Children still to come, of the element at each level and of all together.
        let mut open = [0usize; MAX_DEPTH];
        let (mut level, mut pending) = (0, 0);
        for element in 0..length {
            self.noted[0] = 0;
            self.element(Struct(fields), wire, depth)?;
            while level > 0 && open[level - 1] == 0 {
                level -= 1;
            }
            if level > 0 {
                open[level - 1] -= 1;
                pending -= 1;
            }
            let after = length - element - 1;
            let children =
                usize::try_from(self.noted[0]).ok().filter(|children| *children <= after - pending.min(after));
            let Some(children) = children else {
                return Err(format!(
                    "schema element {element} claims {} children, {after} elements follow",
                    self.noted[0]
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
