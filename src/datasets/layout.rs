//! From bytes to records of fields, in each of the layouts that datasets come in.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;
use std::rc::Rc;

use super::error::ContentError;
use super::lines::{Lines, MAX_RECORD, Stop};
use super::manifest::{Layout, Separated, TextEncoding};

/// One record: where it stands, and its fields.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    /// Line on which it starts, from 1.
    pub line: u64,
    bytes: &'a [u8],
    fields: &'a [Range<usize>],
}

impl<'a> Record<'a> {
    /// The bytes of a field by position from 0; empty beyond the last one.
    pub fn field(&self, index: usize) -> &'a [u8] {
        self.fields.get(index).map_or(&[], |range| &self.bytes[range.clone()])
    }
}

/// The records of one file, one after the other. Blank lines are no records. Memory is bounded by the
/// longest record, which is bounded too.
pub(super) struct Records<R> {
    file: String,
    encoding: TextEncoding,
    /// The names in the header, where the layout has one.
    names: Vec<String>,
    /// Fields that every record has, once that is known.
    width: Option<usize>,
    source: Source<R>,
    line: u64,
    bytes: Vec<u8>,
    fields: Vec<Range<usize>>,
}

enum Source<R> {
    Quoted {
        reader: Box<csv::Reader<Bounded<R>>>,
        record: csv::ByteRecord,
        since_record: Rc<Cell<u64>>,
    },
    Separated {
        lines: Lines<R>,
        separator: Vec<u8>,
        rest_in_last: Option<usize>,
    },
    /// The tokens of the current line that have not been handed out.
    Adjacency {
        lines: Lines<R>,
        user: Range<usize>,
        items: Vec<Range<usize>>,
    },
    /// Length of the current movie id, which stands first in `bytes`.
    Blocks {
        lines: Lines<R>,
        movie: Option<usize>,
    },
}

/// A reader that stops when a record does not end: an opening quote without a closing one would
/// otherwise swallow the rest of the file.
struct Bounded<R> {
    reader: R,
    since_record: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_record.get() > MAX_RECORD {
            return Err(io::Error::other(Stop::LongRecord));
        }
        let read = self.reader.read(buffer)?;
        self.since_record.set(self.since_record.get() + read as u64);
        Ok(read)
    }
}

impl<R: Read> Records<R> {
    /// The records in `reader`, which errors call `file`.
    ///
    /// # Errors
    /// The header cannot be read.
    pub fn new(file: String, reader: R, layout: &Layout) -> Result<Self, ContentError> {
        let (encoding, width, source) = match layout {
            Layout::Separated(layout) => (layout.encoding, layout.fields, Source::separated(reader, layout)),
            Layout::Adjacency => {
                let source = Source::Adjacency { lines: Lines::new(reader), user: 0..0, items: Vec::new() };
                (TextEncoding::Utf8, Some(2), source)
            }
            Layout::Blocks => (TextEncoding::Utf8, Some(4), Source::Blocks { lines: Lines::new(reader), movie: None }),
        };
        let (bytes, fields, names) = (Vec::new(), Vec::new(), Vec::new());
        let mut records = Self { file, encoding, names, width, source, line: 0, bytes, fields };
        if matches!(layout, Layout::Separated(Separated { header: true, .. })) {
            records.read_header()?;
        }
        Ok(records)
    }

    fn read_header(&mut self) -> Result<(), ContentError> {
        let Some(header) = self.next()? else {
            return Err(ContentError::Empty { file: self.file.clone() });
        };
        let names = (0..header.fields.len()).map(|index| String::from_utf8_lossy(header.field(index)).into_owned());
        self.names = names.collect();
        Ok(())
    }

    /// What errors call the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The names in the header; none without one.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How the bytes of a field are text.
    pub fn encoding(&self) -> TextEncoding {
        self.encoding
    }

    /// The next record; `None` after the last one.
    ///
    /// # Errors
    /// The file is damaged, or a line is not a record.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, ContentError> {
        let found = self.source.advance(&mut self.bytes, &mut self.fields);
        let line = match found {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(None),
            Err(Bad::Read(error)) => return Err(read_failed(&self.file, self.source.line(), &error)),
            Err(Bad::Line(line, reason)) => {
                return Err(ContentError::Line { file: self.file.clone(), line, reason });
            }
        };
        self.line = line;
        let (width, found) = (*self.width.get_or_insert(self.fields.len()), self.fields.len());
        if found != width {
            let reason = format!("{found} fields where {width} are due");
            return Err(ContentError::Line { file: self.file.clone(), line, reason });
        }
        Ok(Some(Record { line, bytes: &self.bytes, fields: &self.fields }))
    }
}

/// Why there is no next record.
enum Bad {
    Read(io::Error),
    Line(u64, String),
}

impl From<io::Error> for Bad {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// The error for text that cannot be read on.
pub(super) fn read_failed(file: &str, line: u64, error: &io::Error) -> ContentError {
    let file = file.to_owned();
    match Stop::of(error) {
        Some(Stop::Expands(limit)) => ContentError::Expands { file, limit },
        Some(stop @ Stop::LongRecord) => ContentError::Line { file, line: line + 1, reason: stop.to_string() },
        None => ContentError::Damaged { file, reason: format!("after line {line}: {error}") },
    }
}

/// What made reading fail, without what the CSV reader wraps around it.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Puts one line into the buffer of a record.
fn keep(line: &[u8], bytes: &mut Vec<u8>, fields: &mut Vec<Range<usize>>) {
    bytes.clear();
    bytes.extend_from_slice(line);
    fields.clear();
}

impl<R: Read> Source<R> {
    fn separated(reader: R, layout: &Separated) -> Self {
        if layout.quoted {
            let since_record = Rc::new(Cell::new(0));
            let bounded = Bounded { reader, since_record: Rc::clone(&since_record) };
            let reader = csv::ReaderBuilder::new()
                .has_headers(false)
                // Lengths are checked here, so that the message is ours.
                .flexible(true)
                // With its own handling of "\r\n" the reader is a line behind in what it reports.
                .terminator(csv::Terminator::Any(b'\n'))
                .delimiter(layout.separator.as_bytes().first().copied().unwrap_or(b','))
                .buffer_capacity(1 << 16)
                .from_reader(bounded);
            return Self::Quoted { reader: Box::new(reader), record: csv::ByteRecord::new(), since_record };
        }
        Self::Separated {
            lines: Lines::new(reader),
            separator: layout.separator.clone().into_bytes(),
            rest_in_last: layout.fields.filter(|_| layout.rest_in_last),
        }
    }

    /// The line read last.
    fn line(&self) -> u64 {
        match self {
            Self::Quoted { reader, .. } => reader.position().line().saturating_sub(1),
            Self::Separated { lines, .. } | Self::Adjacency { lines, .. } | Self::Blocks { lines, .. } => {
                lines.number()
            }
        }
    }

    /// Reads the next record into the buffers; returns its line, or `None` at the end.
    fn advance(&mut self, bytes: &mut Vec<u8>, fields: &mut Vec<Range<usize>>) -> Result<Option<u64>, Bad> {
        match self {
            Self::Quoted { reader, record, since_record } => loop {
                since_record.set(0);
                if !reader.read_byte_record(record).map_err(io_error)? {
                    return Ok(None);
                }
                if record.as_slice() == b"\r" {
                    continue;
                }
                keep(record.as_slice(), bytes, fields);
                fields.extend((0..record.len()).filter_map(|index| record.range(index)));
                if let Some(last) = fields.last_mut().filter(|last| bytes[last.start..last.end].ends_with(b"\r")) {
                    last.end -= 1;
                }
                return Ok(Some(record.position().map_or(0, csv::Position::line)));
            },
            Self::Separated { lines, separator, rest_in_last } => {
                while let Some((number, line)) = lines.next()? {
                    if !line.is_empty() {
                        keep(line, bytes, fields);
                        divide(line, separator, *rest_in_last, fields);
                        return Ok(Some(number));
                    }
                }
                Ok(None)
            }
            Self::Adjacency { lines, user, items } => {
                while items.is_empty() {
                    let Some((_, line)) = lines.next()? else { return Ok(None) };
                    keep(line, bytes, fields);
                    // Last first, to be popped; a user without items has no record.
                    words(line, items);
                    items.reverse();
                    *user = items.pop().unwrap_or(0..0);
                }
                fields.clear();
                fields.push(user.clone());
                fields.extend(items.pop());
                Ok(Some(lines.number()))
            }
            Self::Blocks { lines, movie } => {
                while let Some((number, line)) = lines.next()? {
                    if line.is_empty() {
                        continue;
                    }
                    if let Some(id) = line.strip_suffix(b":") {
                        keep(id, bytes, fields);
                        *movie = Some(id.len());
                        continue;
                    }
                    let Some(length) = *movie else {
                        return Err(Bad::Line(number, "a rating before the first line `movie:`".into()));
                    };
                    bytes.truncate(length);
                    bytes.extend_from_slice(line);
                    fields.clear();
                    divide(line, b",", None, fields);
                    fields.iter_mut().for_each(|field| *field = field.start + length..field.end + length);
                    fields.insert(0, 0..length);
                    return Ok(Some(number));
                }
                Ok(None)
            }
        }
    }
}

/// Adds the ranges of a line that stand between separators; at most `limit`, the last of which holds
/// the rest.
fn divide(line: &[u8], separator: &[u8], limit: Option<usize>, fields: &mut Vec<Range<usize>>) {
    let (first, width) = (separator.first().copied().unwrap_or(b','), separator.len().max(1));
    let (mut start, mut at) = (0, 0);
    while limit.is_none_or(|limit| fields.len() + 1 < limit) {
        let Some(step) = line[at..].iter().position(|&byte| byte == first) else { break };
        at += step;
        if line[at..].starts_with(separator) {
            fields.push(start..at);
            at += width;
            start = at;
        } else {
            at += 1;
        }
    }
    fields.push(start..line.len());
}

/// Adds the ranges of a line that stand between blanks.
fn words(line: &[u8], out: &mut Vec<Range<usize>>) {
    let mut at = 0;
    for word in line.split(u8::is_ascii_whitespace) {
        if !word.is_empty() {
            out.push(at..at + word.len());
        }
        at += word.len() + 1;
    }
}

impl TextEncoding {
    /// The text of a field; `None` for bytes that are none.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Latin1 if bytes.is_ascii() => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Latin1 => Some(Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect())),
        }
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
