use std::fs;
use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// A file in a directory of its own.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn part(member: Option<&str>) -> Part {
    Part { file: "f".into(), member: member.map(str::to_owned), bytes: 1000 }
}

/// The content of a part of a file with these bytes, as reading it to the end gives it.
fn read(name: &str, bytes: &[u8], member: Option<&str>) -> Result<Vec<u8>, ContentError> {
    let (_directory, path) = file(name, bytes);
    let part = part(member);
    with_part(&path, &part, |reader| {
        let mut out = Vec::new();
        let outcome = reader.read_to_end(&mut out);
        assert!(out.len() as u64 <= bound(part.bytes), "{} bytes came out", out.len());
        outcome.map(|_| out).map_err(|error| super::super::layout::read_failed("f", 0, &error))
    })
}

#[track_caller]
fn refused(name: &str, bytes: &[u8], member: Option<&str>, parts: &[&str]) {
    let error = read(name, bytes, member).unwrap_err();
    for part in parts {
        assert!(error.to_string().contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn plain_text_gzip_and_members_are_read() {
    assert_eq!(read("a.txt", b"hello", None).unwrap(), b"hello");
    assert_eq!(read("a.txt.gz", &gzip(b"hello"), None).unwrap(), b"hello");
    // Parts end to end, as `cat a.gz b.gz` makes them.
    assert_eq!(read("a.gz", &[gzip(b"hel"), gzip(b"lo")].concat(), None).unwrap(), b"hello");
    let archive = zip_of(&[("d/README", b"x"), ("d/a.dat", b"hello")]);
    assert_eq!(read("a.zip", &archive, Some("d/a.dat")).unwrap(), b"hello");
}

#[test]
fn a_web_page_is_no_data() {
    for page in ["<!DOCTYPE html>\n<title>404</title>", "  <HTML>", "<?xml version='1.0'?><Error/>"] {
        refused("a.zip", page.as_bytes(), Some("a"), &["is not a zip archive", "a web page"]);
        refused("a.csv", page.as_bytes(), None, &["is not a data file", "a web page"]);
    }
    refused("a.zip", b"", Some("a"), &["is not a zip archive", "it is empty"]);
    refused("a.zip", b"\x1F\x8B\x08", Some("a"), &["is not a zip archive", "it starts with `\\x1f\\x8b"]);
    refused("a.txt.gz", b"plain", None, &["is not a gzip file", "it starts with `plain`"]);
}

#[test]
fn a_truncated_file_is_never_read_to_a_good_end() {
    let noise: Vec<u8> = (0..4000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (archive, compressed) = (zip_of(&[("a", &noise)]), gzip(&noise));
    assert_eq!(read("a.zip", &archive, Some("a")).unwrap(), noise);
    for length in (2..archive.len()).step_by(97).chain([archive.len() - 1]) {
        refused("a.zip", &archive[..length], Some("a"), &["truncated or damaged"]);
    }
    for length in (2..compressed.len()).step_by(97).chain([compressed.len() - 1]) {
        refused("a.gz", &compressed[..length], None, &["truncated or damaged"]);
    }
}

#[test]
fn a_flipped_byte_is_found_by_the_checksum() {
    let text = "1::2::5::978300760\n".repeat(200);
    let mut archive = zip_of(&[("a", text.as_bytes())]);
    // Inside of the compressed member, which starts after a header of 30 bytes and a name of 1.
    archive[45] ^= 0x10;
    refused("a.zip", &archive, Some("a"), &["truncated or damaged"]);
    let mut compressed = gzip(text.as_bytes());
    compressed[25] ^= 0x10;
    refused("a.gz", &compressed, None, &["truncated or damaged"]);
}

#[test]
fn what_expands_without_end_stops_at_a_bound() {
    let zeros = vec![0; 64 << 20];
    refused("a.gz", &gzip(&zeros), None, &["unpacks to more than"]);
    refused("a.zip", &zip_of(&[("a", &zeros)]), Some("a"), &["unpacks to more than"]);
    // Not compressible, so not a matter of the ratio: larger than what was published.
    let noise: Vec<u8> = (0..17u64 << 20).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    refused("a.txt", &noise, None, &["unpacks to more than 16781216 bytes"]);
}

#[test]
fn a_size_in_a_header_is_not_believed() {
    let zeros = vec![0; 64 << 20];
    let archive = zip_of(&[("a", &zeros)]);
    // Every place that claims the size now claims a hundred bytes.
    let (claim, lie) = ((64u32 << 20).to_le_bytes(), 100u32.to_le_bytes());
    let mut small = archive.clone();
    let places: Vec<usize> = (0..small.len() - 4).filter(|&at| small[at..at + 4] == claim).collect();
    assert!(!places.is_empty(), "the archive claims its size somewhere");
    places.iter().for_each(|&at| small[at..at + 4].copy_from_slice(&lie));
    assert!(read("a.zip", &small, Some("a")).is_err());
    // A claim of four gigabytes allocates nothing and does no harm.
    let modest = zip_of(&[("a", &[7; 5000])]);
    let mut huge = modest.clone();
    let places: Vec<usize> = (0..huge.len() - 4).filter(|&at| huge[at..at + 4] == 5000u32.to_le_bytes()).collect();
    places.iter().for_each(|&at| huge[at..at + 4].copy_from_slice(&0xFFFF_FFF0u32.to_le_bytes()));
    if let Ok(bytes) = read("a.zip", &huge, Some("a")) {
        assert_eq!(bytes, [7; 5000]);
    }
}

#[test]
fn members_that_point_outside_condemn_the_archive() {
    for name in ["../evil", "a/../../evil", "/etc/passwd", "..\\evil", "C:\\evil", "\\\\host\\evil"] {
        let archive = zip_of(&[("a", b"1"), (name, b"2")]);
        refused("a.zip", &archive, Some("a"), &["is refused", "points outside"]);
    }
    assert!(is_inside("a..b/c.") && is_inside("ml-1m/ratings.dat"));

    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    writer.start_file("b", SimpleFileOptions::default()).unwrap();
    writer.add_symlink("a", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let archive = writer.finish().unwrap().into_inner();
    refused("a.zip", &archive, Some("a"), &["`a` is a symbolic link"]);
}

#[test]
fn an_archive_of_too_many_members_is_not_listed() {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    for number in 0..=MAX_MEMBERS {
        writer.start_file(format!("{number}"), SimpleFileOptions::default()).unwrap();
    }
    let archive = writer.finish().unwrap().into_inner();
    refused("a.zip", &archive, Some("1"), &["it has 10001 members"]);
}

#[test]
fn a_missing_member_is_named_with_what_is_there() {
    let archive = zip_of(&[("ml-1m/ratings.csv", b"1")]);
    refused("a.zip", &archive, Some("ml-1m/ratings.dat"), &["no member `ml-1m/ratings.dat`", "ml-1m/ratings.csv"]);
}

#[test]
fn an_absent_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("absent");
    let outcome: Result<(), ContentError> = with_part(&path, &part(None), |_| Ok(()));
    assert!(outcome.unwrap_err().to_string().contains("absent: No such file"));
}
