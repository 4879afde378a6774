//! A look at the page headers of a column before the Parquet reader sees them.
//!
//! The reader makes room for the values and the uncompressed bytes that a page header claims. Here the headers are
//! walked first (see [`thrift`](super::thrift)): pages have to lie inside their column, hold no more values than it,
//! and unpack to no more than [`MAX_PAGE_BYTES`].
//!
//! Source: `parquet.thrift` of Apache Parquet.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::footer::{EMPTY, STATISTICS};
use super::source::TableBytes;
use super::thrift::Kind::{Bool, Integer, Noted, Struct};
use super::thrift::{Fields, NOTES, Walker};

/// Largest page that is unpacked. Writers make pages of about 1 MiB; a page of 1,000 ids of 64 KiB has 64 MiB.
const MAX_PAGE_BYTES: i64 = 256 << 20;

/// What a page may unpack to that is not looked into: the growth of LZ4 is 255 at most, that of gzip 1,032.
const UNCHECKED_BYTES: i64 = 4 * MAX_PAGE_BYTES;

/// Bytes read at first for a header, and at most; its statistics may quote two long values, each of them twice.
const HEADER_BYTES: [u64; 2] = [512, 8 << 20];

/// The places of what is noted of a header.
const TYPE: usize = 0;
const UNCOMPRESSED: usize = 1;
const COMPRESSED: usize = 2;

const PAGE_HEADER: Fields = &[
    (1, Noted(TYPE)),
    (2, Noted(UNCOMPRESSED)),
    (3, Noted(COMPRESSED)),
    (4, Integer),
    (
        5,
        Struct(&[
            (1, Noted(Page::DATA.values)),
            (2, Noted(Page::DATA.encoding)),
            (3, Integer),
            (4, Integer),
            (5, Struct(STATISTICS)),
        ]),
    ),
    (6, EMPTY),
    (7, Struct(&[(1, Noted(Page::DICTIONARY.values)), (2, Noted(Page::DICTIONARY.encoding)), (3, Bool)])),
    (
        8,
        Struct(&[
            (1, Noted(Page::DATA_V2.values)),
            (2, Integer),
            (3, Integer),
            (4, Noted(Page::DATA_V2.encoding)),
            (5, Integer),
            (6, Integer),
            (7, Bool),
            (8, Struct(STATISTICS)),
        ]),
    ),
];

/// A kind of page that holds values: its number in the format, and where its header notes what. A header can hold the
/// fields of several kinds; those of its own count.
struct Page {
    number: i64,
    values: usize,
    encoding: usize,
}

impl Page {
    const DATA: Self = Self { number: 0, values: 3, encoding: 4 };
    const DICTIONARY: Self = Self { number: 2, values: 5, encoding: 6 };
    const DATA_V2: Self = Self { number: 3, values: 7, encoding: 8 };
}

/// Index pages, which the reader skips.
const INDEX_PAGE: i64 = 1;

/// Encodings that refer to the dictionary page.
const DICTIONARY_ENCODINGS: [i64; 2] = [2, 8];

/// Encodings of text of which the decoder believes lengths inside of the page, by number in the format: it makes
/// room for them before anything could be checked, and shared prefixes grow without bound.
const UNBOUNDED_ENCODINGS: [(i64, &str); 2] = [(6, "DELTA_LENGTH_BYTE_ARRAY"), (7, "DELTA_BYTE_ARRAY")];

/// How the values of a column are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    /// Values that refer to a dictionary.
    pub in_dictionary: i64,
    /// All others.
    pub plain: i64,
}

/// Walks the pages of a column of a row group; says what is wrong with them.
pub(super) fn check(bytes: &TableBytes, column: &ColumnChunkMetaData) -> Result<Stored, String> {
    let (start, length) = column.byte_range();
    let end = start.checked_add(length).filter(|end| *end <= bytes.len()).ok_or("a column lies outside of the file")?;
    let mut stored = Stored::default();
    let mut at = start;
    while at < end {
        let (header, body) = header(bytes, at, end)?;
        let at_page = |what: String| format!("column `{}`, page at byte {at}: {what}", column.column_path().string());
        let (uncompressed, compressed) = (header[UNCOMPRESSED], header[COMPRESSED]);
        // The reader cuts sizes to 32 bits.
        if !(0..=i32::MAX.into()).contains(&compressed) || compressed as u64 > end - body {
            return Err(at_page(format!("it claims {compressed} bytes, {} are left", end - body)));
        }
        let limit = match column.compression() {
            Compression::UNCOMPRESSED => compressed,
            _ => MAX_PAGE_BYTES,
        };
        if !(0..=limit).contains(&uncompressed) {
            return Err(at_page(format!("it claims to unpack to {uncompressed} bytes, at most {limit} are accepted")));
        }
        if unpacks_without_end(bytes, column.compression(), body, compressed)? {
            return Err(at_page(format!(
                "its {compressed} compressed bytes unpack to more than {MAX_PAGE_BYTES}; write smaller pages, or compress with snappy or zstd"
            )));
        }
        let of = [Page::DATA, Page::DICTIONARY, Page::DATA_V2].into_iter().find(|page| page.number == header[TYPE]);
        match of {
            Some(page) if page.number == Page::DICTIONARY.number => {
                let values = header[page.values];
                if !(0..=uncompressed).contains(&values) {
                    return Err(at_page(format!("{values} values are claimed in {uncompressed} bytes")));
                }
            }
            Some(page) => {
                let values = header[page.values];
                let left = column.num_values() - stored.in_dictionary - stored.plain;
                if !(0..=left).contains(&values) {
                    return Err(at_page(format!("it claims {values} values, {left} are left of its column")));
                }
                let encoding = UNBOUNDED_ENCODINGS.iter().find(|(number, _)| *number == header[page.encoding]);
                if let Some((_, name)) = encoding {
                    return Err(at_page(format!(
                        "its encoding {name} cannot be decoded in bounded memory; write it with the plain or dictionary encoding"
                    )));
                }
                let in_dictionary = DICTIONARY_ENCODINGS.contains(&header[page.encoding]);
                *(if in_dictionary { &mut stored.in_dictionary } else { &mut stored.plain }) += values;
            }
            None if header[TYPE] == INDEX_PAGE => {}
            None => return Err(at_page(format!("there is no type {} of pages", header[TYPE]))),
        }
        at = body + compressed as u64;
    }
    Ok(stored)
}

/// True when a page would unpack to more than is accepted, whatever its header says. The reader holds most codecs to the
/// header; of the others, only pages are looked into that could grow so much.
fn unpacks_without_end(bytes: &TableBytes, codec: Compression, at: u64, length: i64) -> Result<bool, String> {
    match codec {
        Compression::LZ4 => Ok(length > UNCHECKED_BYTES / 255),
        Compression::GZIP(_) if length > UNCHECKED_BYTES / 1032 => {
            let packed = bytes.get_bytes(at, length as usize).map_err(|error| error.to_string())?;
            let mut unpacked = MultiGzDecoder::new(&packed[..]).take(MAX_PAGE_BYTES as u64 + 1);
            // Damage is for the reader to report.
            Ok(io::copy(&mut unpacked, &mut io::sink()).is_ok_and(|length| length > MAX_PAGE_BYTES as u64))
        }
        _ => Ok(false),
    }
}

/// What is noted of the header at a byte, and where it ends.
fn header(bytes: &TableBytes, at: u64, end: u64) -> Result<([i64; NOTES], u64), String> {
    let [mut window, most] = HEADER_BYTES;
    loop {
        let length = window.min(end - at);
        let read = bytes.get_bytes(at, length as usize).map_err(|error| error.to_string())?;
        let mut walker = Walker::new("a page header", &read);
        match walker.structure(PAGE_HEADER, 0) {
            Ok(()) => return Ok((walker.noted, at + length - walker.left.len() as u64)),
            // It may merely be longer than what was read of it.
            Err(_) if length < end - at && window < most => window *= 8,
            Err(reason) => return Err(format!("{reason}, at byte {at}")),
        }
    }
}
