//! What a person or a pipe gets to see: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// An empty table with these headings, numbers aligned to the right in all columns but the first.
pub fn table(header: impl IntoIterator<Item = impl Into<Cell>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.into_iter().map(Into::into).collect::<Vec<Cell>>());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Nobody reads standard output any more (`foldin … | head`): a reason to stop, not a failure.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub struct ReaderGone;

/// Standard output whose closing ends the run quietly: a broken pipe becomes [`ReaderGone`].
#[derive(Debug)]
pub struct Output(io::BufWriter<io::Stdout>);

impl Output {
    /// The process's standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self(io::BufWriter::new(io::stdout()))
    }
}

fn quiet(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe { io::Error::other(ReaderGone) } else { error }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(quiet)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(quiet)
    }
}

/// Writes a line to standard error. A closed standard error is no reason to fail: nobody would hear of it.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// How this program was called, for commands that a reader can paste: `foldin`, `target/release/foldin`.
#[must_use]
pub fn program() -> String {
    let name = std::env::args().next().unwrap_or_else(|| "foldin".into());
    if name.contains(char::is_whitespace) { format!("'{name}'") } else { name }
}

/// A count with thousands separated: 1234567 is `1,234,567`.
#[must_use]
pub fn thousands(count: impl Into<u64>) -> String {
    let digits = count.into().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `usize` counts, see [`thousands`].
#[must_use]
pub fn count(count: usize) -> String {
    thousands(count as u64)
}

/// A size as people read it, in powers of 1000: 5917549 is `5.9 MB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let size = bytes as f64;
    match units.into_iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", size / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(count(number), text);
        }
    }
    #[test]
    fn sizes_have_a_unit() {
        for (size, text) in [(0, "0 B"), (999, "999 B"), (5_917_549, "5.9 MB"), (512_139_195, "512.1 MB")] {
            assert_eq!(bytes(size), text);
        }
    }
}
