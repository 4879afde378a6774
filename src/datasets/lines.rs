//! Lines of text files, of bounded length.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a record at most. The longest real ones are the histories of an adjacency file.
pub(super) const MAX_RECORD: u64 = 16 << 20;

/// Reading stopped for a reason that is not the disk's; inside an [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// A record does not end within [`MAX_RECORD`].
    #[error("the record is longer than {MAX_RECORD} bytes")]
    LongRecord,
    /// More bytes than the file may unpack to.
    #[error("more than {0} bytes")]
    Expands(u64),
}

impl Stop {
    /// The reason inside an error, if it is one of these.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// The byte order mark that some editors put first.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads line by line into one buffer.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, reader), line: Vec::new(), number: 0 }
    }

    /// The next line without its end, and its number from 1; `None` after the last one.
    pub fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        self.line.clear();
        let read = (&mut self.reader).take(MAX_RECORD).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut line = self.line.as_slice();
        if read as u64 == MAX_RECORD && !line.ends_with(b"\n") {
            return Err(io::Error::other(Stop::LongRecord));
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 {
            line = line.strip_prefix(MARK).unwrap_or(line);
        }
        Ok(Some((self.number, line)))
    }

    /// Number of the line read last.
    pub fn number(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(bytes);
        let mut out = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            out.push(format!("{number} {}", String::from_utf8_lossy(line)));
        }
        out
    }

    #[test]
    fn ends_of_lines_and_a_byte_order_mark_are_no_content() {
        assert_eq!(all(b"\xEF\xBB\xBFa\r\n\nb\n c"), ["1 a", "2 ", "3 b", "4  c"]);
        assert!(all(b"").is_empty());
    }

    #[test]
    fn a_line_without_end_stops_at_the_bound() {
        let mut lines = Lines::new(io::repeat(b'x'));
        let error = lines.next().unwrap_err();
        assert_eq!(Stop::of(&error), Some(Stop::LongRecord));
        assert!(lines.line.capacity() as u64 <= 4 * MAX_RECORD);
    }
}
