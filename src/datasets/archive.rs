//! What is inside a downloaded file: plain text, gzip, or a member of a zip archive. Sizes in a file
//! are claims; nothing is allocated or believed because of them.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;
use zip::read::Config;
use zip::unstable::read::ZipIterable;

use super::error::ContentError;
use super::lines::Stop;
use super::manifest::Part;

/// How many times its published size something may have before it is refused: editions grow.
const GROWTH: u64 = 4;

/// What anything may exceed its published size by, however small that is.
const SLACK: u64 = 16 << 20;

/// Bytes that a compressed byte may become. Logs compress by 3 to 10, deflate ends at 1,032.
const RATIO: u64 = 100;

/// Members of an archive at most; the datasets have about ten.
const MAX_MEMBERS: usize = 10_000;

/// Names of members that an error lists.
const LISTED: usize = 20;

/// The most bytes accepted of something that is published with `bytes`.
pub(super) fn bound(bytes: u64) -> u64 {
    bytes.saturating_mul(GROWTH).saturating_add(SLACK)
}

/// What errors call a part.
pub(super) fn label(path: &Path, part: &Part) -> String {
    match &part.member {
        Some(member) => format!("{}: {member}", path.display()),
        None => path.display().to_string(),
    }
}

/// Reads a part of the file at `path` with `read`.
///
/// # Errors
/// The file is not of the kind that its part asks for, or `read` fails.
pub(super) fn with_part<T, E: From<ContentError>>(
    path: &Path,
    part: &Part,
    read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
) -> Result<T, E> {
    let unreadable = |source| ContentError::Unreadable { file: path.into(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let start = first_bytes(&mut file).map_err(unreadable)?;
    let limit = bound(part.bytes);
    let Some(member) = &part.member else {
        refuse_markup(path, "a data file", &start)?;
        if start.starts_with(b"\x1F\x8B") {
            return read(&mut Limited::new(MultiGzDecoder::new(file), limit.min(inflated(size))));
        }
        if path.extension().is_some_and(|extension| extension == "gz") {
            return Err(ContentError::Kind { file: path.into(), expected: "a gzip file", found: quote(&start) }.into());
        }
        return read(&mut Limited::new(file, limit));
    };
    if !start.starts_with(b"PK") {
        refuse_markup(path, "a zip archive", &start)?;
        return Err(ContentError::Kind { file: path.into(), expected: "a zip archive", found: quote(&start) }.into());
    }
    let damaged = |error: zip::result::ZipError| ContentError::Damaged {
        file: path.display().to_string(),
        reason: error.to_string(),
    };
    let mut archive = open_archive(path, file)?;
    let Some(index) = archive.index_for_name_raw(member.as_bytes()) else {
        let names = archive.file_names_raw().take(LISTED).map(|name| String::from_utf8_lossy(name).into_owned());
        let available = names.collect();
        return Err(ContentError::NoMember { file: path.into(), member: member.clone(), available }.into());
    };
    let inside = archive.by_index(index).map_err(damaged)?;
    let limit = limit.min(inflated(inside.compressed_size().min(size)));
    read(&mut Limited::new(inside, limit))
}

/// The most bytes that compressed ones may become.
fn inflated(compressed: u64) -> u64 {
    compressed.saturating_mul(RATIO).saturating_add(1 << 20)
}

/// Opens an archive all of whose members have harmless names. Members are read by exact name and never
/// written anywhere, so a path that points outside cannot do harm here; but an archive that has one was
/// made to do harm, and nothing in it is to be believed.
fn open_archive(path: &Path, file: File) -> Result<ZipArchive<File>, ContentError> {
    let hostile = |reason: String| ContentError::Hostile { file: path.into(), reason };
    let damaged = |error: zip::result::ZipError| ContentError::Damaged {
        file: path.display().to_string(),
        reason: error.to_string(),
    };
    let unreadable = |source| ContentError::Unreadable { file: path.into(), source };
    // Counted without reading the directory: an archive can claim, and have, millions of members.
    let members =
        ZipIterable::try_new(file.try_clone().map_err(unreadable)?, Config::default()).map_err(damaged)?.len();
    if members > MAX_MEMBERS {
        return Err(hostile(format!("it has {members} members, at most {MAX_MEMBERS} are accepted")));
    }
    let mut archive = ZipArchive::new(file).map_err(damaged)?;
    if archive.has_duplicate_names() {
        return Err(hostile("several of its members have the same name".into()));
    }
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(damaged)?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if !is_inside(&name) {
            return Err(hostile(format!("its member `{name}` points outside of the archive")));
        }
        if member.is_symlink() {
            return Err(hostile(format!("its member `{name}` is a symbolic link")));
        }
    }
    Ok(archive)
}

/// True for a relative path without `..`, on any operating system.
fn is_inside(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    let mut steps = name.split(['/', '\\']);
    !drive && !name.starts_with(['/', '\\']) && !name.contains('\0') && steps.all(|step| step != "..")
}

/// The first bytes of a file, which is left at its start.
fn first_bytes(file: &mut File) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.take(512).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start)
}

/// Web servers answer with a page where a file is gone or a login is due.
fn refuse_markup(path: &Path, expected: &'static str, start: &[u8]) -> Result<(), ContentError> {
    let text = start.trim_ascii_start().to_ascii_lowercase();
    if [&b"<!doctype"[..], b"<html", b"<?xml"].iter().any(|tag| text.starts_with(tag)) {
        return Err(ContentError::Kind { file: path.into(), expected, found: "it is a web page".into() });
    }
    Ok(())
}

fn quote(start: &[u8]) -> String {
    if start.is_empty() {
        return "it is empty".into();
    }
    format!("it starts with `{}`", start[..start.len().min(16)].escape_ascii())
}

/// A reader that stops at a limit with an error, where [`Read::take`] would pretend that it ends.
struct Limited<R> {
    reader: R,
    limit: u64,
    left: u64,
}

impl<R> Limited<R> {
    fn new(reader: R, limit: u64) -> Self {
        Self { reader, limit, left: limit }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(Stop::Expands(self.limit))),
        }
        Ok(read)
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
