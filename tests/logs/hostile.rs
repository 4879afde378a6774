//! Logs that are huge in one place, change while they are read, or lie about their size.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{ArrayRef, RecordBatch};
use foldin::interactions::{Duplicates, LogRules};
use foldin::io::{LogError, MemoryTables, ReadAt, Source, TableError, read_log_from};
use foldin::types::UserIdx;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::tables::{int64s, stored, strings, table, triples};

fn in_memory(bytes: Vec<u8>) -> MemoryTables {
    MemoryTables::new("log", [("log.parquet", bytes)])
}

#[test]
fn a_user_of_a_million_events_is_a_user() {
    let rows = 1_000_000;
    let users = int64s(&(0..rows).map(|row| i64::from(row == 7) + 5).collect::<Vec<_>>());
    let items = int64s(&(0..rows).map(|row| row * 7_919 % 600_000).collect::<Vec<_>>());
    let log = read_log_from(&in_memory(table(vec![("user_id", users), ("item_id", items)])), &LogRules::default());
    let log = log.unwrap();
    let history = log.interactions.history(UserIdx(0));
    assert_eq!((log.report.users, history.len()), (2, 600_000));
    assert_eq!(log.report.dropped.merged_duplicates, 1_000_000 - 600_001);
}

#[test]
fn duplicates_by_the_million_are_merged() {
    let rows = 2_000_000;
    let users = strings(&(0..rows).map(|row| ["ann", "bob"][row % 2]).collect::<Vec<_>>());
    let items = strings(&(0..rows).map(|row| ["tea", "cup"][row % 2]).collect::<Vec<_>>());
    let rules = LogRules { duplicates: Duplicates::Sum, ..LogRules::default() };
    let log = read_log_from(&in_memory(table(vec![("user_id", users), ("item_id", items)])), &rules).unwrap();
    assert_eq!(stored(&log), triples(&[("ann", "tea", 1e6), ("bob", "cup", 1e6)]));
    assert_eq!(log.report.dropped.merged_duplicates, 1_999_998);
}

/// A table of which the bytes from some point on are gone after so many reads.
struct Shrinking {
    bytes: Vec<u8>,
    left: AtomicU64,
    reads: u64,
}

impl Source for Shrinking {
    fn name(&self) -> &Path {
        Path::new("bucket")
    }

    fn tables(&self) -> Result<Vec<PathBuf>, LogError> {
        Ok(vec!["shrinking.parquet".into()])
    }

    fn open(&self, _: &Path) -> Result<Box<dyn ReadAt>, TableError> {
        self.left.store(self.reads, Ordering::SeqCst);
        Ok(Box::new(Half { bytes: self.bytes.clone(), left: self.reads.into() }))
    }
}

struct Half {
    bytes: Vec<u8>,
    left: AtomicU64,
}

impl ReadAt for Half {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let gone = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
        let bytes = if gone { &self.bytes[..100] } else { &self.bytes[..] };
        let (start, end) = (offset as usize, offset as usize + buffer.len());
        buffer.copy_from_slice(bytes.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

#[test]
fn a_table_that_shrinks_while_it_is_read_is_refused_wherever_that_happens() {
    let users = Vec::from_iter(0..20_000i64);
    let bytes = table(vec![("user_id", int64s(&users)), ("item_id", int64s(&users))]);
    let mut refused = 0;
    for reads in 0.. {
        let source = Shrinking { bytes: bytes.clone(), left: 0.into(), reads };
        match read_log_from(&source, &LogRules::default()) {
            Ok(log) => {
                assert_eq!(log.report.rows, 20_000);
                break;
            }
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("shrinking.parquet") && message.contains("became shorter"), "{message}");
                refused += 1;
            }
        }
    }
    assert!(refused > 5, "{refused} reads");
}

#[test]
fn a_file_that_shrinks_while_it_is_open_is_refused() {
    let directory = tempfile::TempDir::new().unwrap();
    let users = Vec::from_iter(0..20_000i64);
    let bytes = table(vec![("user_id", int64s(&users)), ("item_id", int64s(&users))]);
    let path = directory.path().join("log.parquet");
    std::fs::write(&path, &bytes).unwrap();
    let open = foldin::io::LocalFiles::new(&path).open(&path).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
    assert_eq!(open.size(), bytes.len() as u64);
    assert!(open.read_exact_at(&mut [0; 200], 50).is_err());
    assert!(open.read_exact_at(&mut [0; 50], 50).is_ok());
}

fn compressed(compression: Compression, users: ArrayRef) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([("user_id", users.clone()), ("item_id", users)]).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The unsigned variable-length integer at `at`: value and length.
fn varint(bytes: &[u8], at: usize) -> (u64, usize) {
    let length = 1 + bytes[at..].iter().position(|byte| byte & 0x80 == 0).unwrap();
    let value = bytes[at..at + length].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
    (value, length)
}

/// Changes one of the first sizes of the first page header (0: uncompressed, 1: compressed) to a value that takes as
/// many bytes.
fn with_size(mut bytes: Vec<u8>, field: usize, value: u64) -> Vec<u8> {
    // "PAR1", field 1 (type), field 2 (uncompressed size), field 3 (compressed size), each with a byte of header.
    let mut at = 4 + 2 + 1;
    for _ in 0..field {
        at += varint(&bytes, at).1 + 1;
    }
    let length = varint(&bytes, at).1;
    let mut value = value << 1;
    for position in 0..length {
        bytes[at + position] = (value & 0x7f) as u8 | if position + 1 < length { 0x80 } else { 0 };
        value >>= 7;
    }
    assert_eq!(value, 0, "the value needs more bytes");
    bytes
}

#[test]
fn pages_that_lie_about_their_size_are_refused() {
    // Large enough that sizes take four bytes, up to 128 MiB, and five.
    let numbers = int64s(&Vec::from_iter(0..200_000i64));
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for compression in [zstd, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())] {
        let good = compressed(compression, numbers.clone());
        assert!(read_log_from(&in_memory(good.clone()), &LogRules::default()).is_ok(), "{compression:?}");
        let refused = |bytes: Vec<u8>| {
            let error = read_log_from(&in_memory(bytes), &LogRules::default()).unwrap_err();
            assert!(matches!(error, LogError::Table(TableError::Damaged { .. })), "{error}");
            error.to_string()
        };
        let small = refused(with_size(good.clone(), 0, 70_000));
        assert!(small.contains("log.parquet"), "{small}");
        let past_end = refused(with_size(good.clone(), 1, (1 << 20) - 1));
        assert!(past_end.contains("`user_id`") && past_end.contains("it claims 1048575 bytes"), "{past_end}");
    }
    let stored = compressed(Compression::UNCOMPRESSED, numbers);
    let error = read_log_from(&in_memory(with_size(stored, 0, (1 << 20) - 1)), &LogRules::default()).unwrap_err();
    assert!(error.to_string().contains("claims to unpack to 1048575 bytes"), "{error}");
}

#[test]
fn a_page_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() {
    // 300 MB of zeros in one page of a few hundred kilobytes.
    let text = "0".repeat(3_000_000);
    let users = strings(&vec![text.as_str(); 100]);
    let write = |compression| {
        let items = int64s(&Vec::from_iter(0..100));
        let batch = RecordBatch::try_from_iter([("user_id", users.clone()), ("item_id", items)]).unwrap();
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_dictionary_enabled(false)
            .set_data_page_size_limit(1 << 30)
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    let refused = |bytes| read_log_from(&in_memory(bytes), &LogRules::default()).unwrap_err().to_string();
    let error = refused(write(Compression::ZSTD(ZstdLevel::default())));
    assert!(error.contains("claims to unpack to 300") && error.contains("268435456"), "{error}");
    // Gzip is unpacked to its end, so its header is not taken at its word.
    let lying = with_size(write(Compression::GZIP(GzipLevel::try_new(1).unwrap())), 0, 250_000_000);
    let error = refused(lying);
    assert!(error.contains("unpack to more than 268435456"), "{error}");
}

#[test]
fn encodings_that_cannot_be_bounded_are_refused() {
    for (encoding, name) in [
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, "DELTA_LENGTH_BYTE_ARRAY"),
        (Encoding::DELTA_BYTE_ARRAY, "DELTA_BYTE_ARRAY"),
    ] {
        let columns = vec![("user_id", strings(&["ann", "bob"])), ("item_id", strings(&["tea", "cup"]))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let error = read_log_from(&in_memory(bytes), &LogRules::default()).unwrap_err().to_string();
        for part in ["log.parquet", "`user_id`", name, "plain or dictionary encoding"] {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
}
