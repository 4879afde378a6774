//! Ids as they come: any type, any text.

use std::sync::Arc;

use arrow_array::types::{Int8Type, UInt16Type};
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int32Array, LargeStringArray, StringViewArray, UInt8Array,
    UInt64Array,
};
use foldin::interactions::{IdMap, IntIds, IntType, LogRules};
use foldin::io::{LogError, TableError, read_log, read_log_onto};
use tempfile::TempDir;

use super::tables::{int64s, refused, stored, strings, write};

#[test]
fn texts_are_kept_byte_by_byte() {
    let directory = TempDir::new().unwrap();
    let long = "x".repeat(64 << 10);
    let longer = format!("{long}y");
    // NFC and NFD of "é"; a zero in the middle, at the end, and alone; emoji; nothing; 12 and 13 bytes; 64 KiB.
    let texts = [
        "caf\u{e9}",
        "cafe\u{301}",
        "a\0b",
        "a\0",
        "a",
        "\0",
        "",
        "👩‍👩‍👧",
        "twelve bytes",
        "twelve bytes\0",
        "thirteen byte",
        "twelve byte\0",
        &long,
        &longer,
        " a",
        "a ",
    ];
    let repeated: Vec<&str> = [texts, texts].concat();
    let twice = strings(&["tea", "cup"].repeat(texts.len()));
    let dictionary: DictionaryArray<UInt16Type> = repeated.iter().copied().collect();
    let columns: [ArrayRef; 4] = [
        strings(&repeated),
        Arc::new(LargeStringArray::from(repeated.clone())),
        Arc::new(StringViewArray::from(repeated.clone())),
        Arc::new(dictionary),
    ];
    let mut sorted = texts.to_vec();
    sorted.sort_unstable();
    for users in columns {
        let described = users.data_type().to_string();
        let path = write(&directory, "log.parquet", vec![("user_id", users), ("item_id", twice.clone())]);
        let log = read_log(&path, &LogRules::default()).unwrap();
        assert_eq!(log.users, IdMap::Text(sorted.iter().collect()), "{described}");
        assert_eq!(log.report.interactions, texts.len() as u64, "{described}");
        for (row, text) in texts.iter().enumerate() {
            let item = ["tea", "cup"][row % 2];
            assert!(
                stored(&log).contains(&((*text).into(), item.into(), 1.0)),
                "{described} {:?}",
                &text[..text.len().min(20)]
            );
        }
    }
    // Without dictionaries in the file, too.
    let path = plain(&directory, strings(&repeated), twice);
    assert_eq!(read_log(&path, &LogRules::default()).unwrap().users, IdMap::Text(sorted.iter().collect()));
}

/// A log whose pages have no dictionary.
fn plain(directory: &TempDir, users: ArrayRef, items: ArrayRef) -> std::path::PathBuf {
    use arrow_array::RecordBatch;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    let path = directory.path().join("plain.parquet");
    let batch = RecordBatch::try_from_iter([("user_id", users), ("item_id", items)]).unwrap();
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let directory = TempDir::new().unwrap();
    for dictionary in [false, true] {
        let users = strings(&["MARKER", "other"]);
        let path = match dictionary {
            true => write(&directory, "log.parquet", vec![("user_id", users), ("item_id", strings(&["a", "b"]))]),
            false => plain(&directory, users, strings(&["a", "b"])),
        };
        let mut bytes = std::fs::read(&path).unwrap();
        // In the pages only: the statistics of the footer may say what they want.
        let at = bytes.windows(6).position(|bytes| bytes == b"MARKER").unwrap();
        bytes[at] = 0xff;
        std::fs::write(&path, bytes).unwrap();
        let error = refused(&path, &LogRules::default(), &["parquet", "damaged", "user_id", "UTF"]);
        assert!(matches!(error, LogError::Table(TableError::Damaged { .. })), "{error}");
    }
}

#[test]
fn types_of_one_family_can_differ_between_files() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str, users: ArrayRef, items: ArrayRef| {
        write(&directory, name, vec![("user_id", users), ("item_id", items)]);
    };
    let small: DictionaryArray<Int8Type> = ["bob", "cat"].into_iter().collect();
    file("1.parquet", strings(&["ann", "bob"]), Arc::new(UInt8Array::from(vec![1, 200])));
    file("2.parquet", Arc::new(small), Arc::new(Int32Array::from(vec![-5, 1])));
    file("3.parquet", Arc::new(StringViewArray::from(vec!["dan"])), Arc::new(UInt8Array::from(vec![9])));
    let log = read_log(directory.path(), &LogRules::default()).unwrap();
    assert_eq!(log.users, IdMap::Text(["ann", "bob", "cat", "dan"].into_iter().collect()));
    assert_eq!(log.items, IdMap::Int(IntIds::new(vec![-5, 1, 9, 200], IntType::I32)));

    file("4.parquet", strings(&["ann"]), Arc::new(UInt64Array::from(vec![u64::MAX])));
    let error = read_log(directory.path(), &LogRules::default()).unwrap_err().to_string();
    assert!(error.contains("4.parquet") && error.contains("`item_id`") && error.contains("unsigned 64-bit"), "{error}");
    let binary: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[7u8; 15]].iter()).unwrap());
    file("4.parquet", strings(&["ann"]), binary);
    refused(directory.path(), &LogRules::default(), &["4.parquet", "FixedSizeBinary(15)", "16 bytes"]);
}

#[test]
fn a_renamed_column_names_the_file() {
    let directory = TempDir::new().unwrap();
    write(&directory, "1.parquet", vec![("user_id", strings(&["a", "b"])), ("item_id", int64s(&[1, 2]))]);
    write(&directory, "2.parquet", vec![("userid", strings(&["a"])), ("item_id", int64s(&[1]))]);
    refused(directory.path(), &LogRules::default(), &["2.parquet", "no column `user_id`", "did you mean `userid`?"]);
}

#[test]
fn null_ids_are_refused_in_a_dictionary_and_out_of_it() {
    let directory = TempDir::new().unwrap();
    let gaps: DictionaryArray<Int8Type> = [Some("a"), None, Some("b")].into_iter().collect();
    let path = write(&directory, "log.parquet", vec![("user_id", Arc::new(gaps)), ("item_id", int64s(&[1, 2, 3]))]);
    refused(&path, &LogRules::default(), &["column `user_id`, row 2", "null"]);
    let error = read_log_onto(&path, &LogRules::default(), &IdMap::Int(vec![1].into()), None).unwrap_err();
    assert!(matches!(error, LogError::Table(TableError::Null { row: 2, .. })), "{error}");
}
