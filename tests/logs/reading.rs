//! Parquet logs as users have them, good and bad: what comes in, what is counted, what is refused and how.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Int16Type, Int32Type};
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray,
    UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use foldin::interactions::{Duplicates, IdMap, IntIds, IntType, LogColumns, LogRules};
use foldin::io::{Log, LogError, LogReport, RowsDropped, TableError, read_log, read_log_onto};
use foldin::types::UserIdx;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;
use uuid::Uuid;

use super::tables::{floats, int64s, refused, small, stored, strings, triples, weighted, write};

#[test]
fn users_and_items_are_numbered_in_sorted_order() {
    let directory = TempDir::new().unwrap();
    let log = read_log(&small(&directory), &LogRules::default()).unwrap();
    assert_eq!(log.users, IdMap::Text(["ann", "bob", "zoe"].into_iter().collect()));
    assert_eq!(log.items, IdMap::Text(["cup", "pot", "tea"].into_iter().collect()));
    let expected =
        [("ann", "pot", 1.0), ("ann", "tea", 1.0), ("bob", "cup", 1.0), ("bob", "tea", 1.0), ("zoe", "tea", 1.0)];
    assert_eq!(stored(&log), triples(&expected));
    let report =
        LogReport { files: 1, rows: 5, entries: 5, interactions: 5, users: 3, items: 3, ..LogReport::default() };
    assert_eq!(log.report, report);
}

#[test]
fn ids_of_every_type_are_read() {
    let texts = ["a", "b", "a", "c"];
    let dictionary: DictionaryArray<Int16Type> = texts.into_iter().collect();
    let of_text: [ArrayRef; 4] = [
        strings(&texts),
        Arc::new(LargeStringArray::from(texts.to_vec())),
        Arc::new(StringViewArray::from(texts.to_vec())),
        Arc::new(dictionary),
    ];
    let integers = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![1, 0, 1, 2]), int64s(&[7, 3, 9]));
    let of_integers: [(ArrayRef, IntType); 8] = [
        (int64s(&[3, 7, 3, 9]), IntType::I64),
        (Arc::new(Int8Array::from(vec![3, 7, 3, 9])), IntType::I8),
        (Arc::new(Int16Array::from(vec![3, 7, 3, 9])), IntType::I16),
        (Arc::new(Int32Array::from(vec![3, 7, 3, 9])), IntType::I32),
        (Arc::new(UInt8Array::from(vec![3, 7, 3, 9])), IntType::U8),
        (Arc::new(UInt16Array::from(vec![3, 7, 3, 9])), IntType::U16),
        (Arc::new(UInt32Array::from(vec![3, 7, 3, 9])), IntType::U32),
        (Arc::new(integers), IntType::I64),
    ];
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![3, u64::MAX, 3, 9]));
    let directory = TempDir::new().unwrap();
    let read = |items: ArrayRef| {
        let described = items.data_type().to_string();
        let path =
            write(&directory, "log.parquet", vec![("user_id", strings(&["u", "u", "v", "v"])), ("item_id", items)]);
        let log = read_log(&path, &LogRules::default()).unwrap();
        assert_eq!(
            log.interactions.csr().indices(),
            [0, 1, 0, 2].map(|item| if described == "UInt64" && item > 0 { 3 - item } else { item }),
            "{described}"
        );
        (described, log.items)
    };
    for column in of_text {
        let (described, items) = read(column);
        assert_eq!(items, IdMap::Text(["a", "b", "c"].into_iter().collect()), "{described}");
    }
    for (column, int_type) in of_integers {
        let (described, items) = read(column);
        assert_eq!(items, IdMap::Int(IntIds::new(vec![3, 7, 9], int_type)), "{described}");
    }
    let uuids = [3u128, 7, 3, 9].map(Uuid::from_u128);
    let column = FixedSizeBinaryArray::try_from_iter(uuids.iter().map(Uuid::as_bytes)).unwrap();
    assert_eq!(read(Arc::new(column)).1, IdMap::Uuid(vec![uuids[0], uuids[1], uuids[3]]));
    assert_eq!(read(unsigned).1, IdMap::Uint(vec![3, 9, u64::MAX]));
}

#[test]
fn columns_can_have_other_names() {
    let directory = TempDir::new().unwrap();
    let columns = vec![
        ("rating", floats(&[4.0, 2.5, 1.0])),
        ("movieId", int64s(&[10, 20, 10])),
        ("comment", strings(&["", "", ""])),
        ("userId", int64s(&[-1, -1, 5])),
    ];
    let path = write(&directory, "ratings.parquet", columns);
    let columns =
        LogColumns { user: "userId".into(), item: "movieId".into(), weight: "rating".into(), ..LogColumns::default() };
    let log = read_log(&path, &LogRules { columns, ..LogRules::default() }).unwrap();
    assert_eq!(stored(&log), triples(&[("-1", "10", 4.0), ("-1", "20", 2.5), ("5", "10", 1.0)]));
}

#[test]
fn weights_of_every_numeric_type_are_read() {
    let decimals = Decimal128Array::from(vec![150, 200, 300]).with_precision_and_scale(5, 2).unwrap();
    let columns: [(ArrayRef, [f32; 3]); 5] = [
        (Arc::new(Float32Array::from(vec![1.5, 2.0, 3.0])), [1.5, 2.0, 3.0]),
        (floats(&[1.5, 2.0, 3.0]), [1.5, 2.0, 3.0]),
        (Arc::new(decimals), [1.5, 2.0, 3.0]),
        (Arc::new(UInt8Array::from(vec![1, 2, 255])), [1.0, 2.0, 255.0]),
        (int64s(&[1, 2, 3]), [1.0, 2.0, 3.0]),
    ];
    let directory = TempDir::new().unwrap();
    for (weights, expected) in columns {
        let described = weights.data_type().to_string();
        let (users, items) = (strings(&["u", "u", "v"]), strings(&["a", "b", "a"]));
        let path = write(&directory, "log.parquet", vec![("user_id", users), ("item_id", items), ("weight", weights)]);
        let log = read_log(&path, &weighted()).unwrap();
        assert_eq!(log.interactions.csr().data(), expected, "{described}");
    }
}

/// Six users; each drop has its reason once or more. See the comments beside the rows.
fn with_drops(directory: &TempDir, name: &str, order: &[usize]) -> PathBuf {
    let rows = [
        ("ann", "tea", 5.0),
        ("ann", "cup", 4.0),
        ("ann", "tea", 3.0), // merged
        ("bob", "tea", 4.0),
        ("bob", "cup", 1.0), // below the minimum weight
        ("bob", "cup", 3.0),
        ("bob", "tea", 4.0), // merged
        ("cat", "tea", 3.5), // her only one: user below minimum
        ("dan", "cup", 5.0),
        ("dan", "tea", 5.0),
        ("dan", "jar", 5.0), // the only one: item below minimum
        ("eve", "cup", 2.0), // below the minimum weight, and nothing is left of eve
        ("fay", "pan", 4.0), // user fay passes with two items,
        ("fay", "jug", 4.0), // of which neither has a second user
    ];
    let rows: Vec<_> = order.iter().map(|&row| rows[row]).collect();
    let column =
        |of: fn(&(&'static str, &'static str, f64)) -> &'static str| strings(&rows.iter().map(of).collect::<Vec<_>>());
    let weights = floats(&rows.iter().map(|row| row.2).collect::<Vec<_>>());
    write(
        directory,
        name,
        vec![("user_id", column(|row| row.0)), ("item_id", column(|row| row.1)), ("weight", weights)],
    )
}

fn drop_rules() -> LogRules {
    LogRules { min_weight: Some(2.5), min_user_items: 2, min_item_users: 2, ..weighted() }
}

#[test]
fn every_drop_is_counted_by_its_reason() {
    let directory = TempDir::new().unwrap();
    let log = read_log(&with_drops(&directory, "log.parquet", &Vec::from_iter(0..14)), &drop_rules()).unwrap();
    let kept = [
        ("ann", "cup", 4.0),
        ("ann", "tea", 5.0),
        ("bob", "cup", 3.0),
        ("bob", "tea", 4.0),
        ("dan", "cup", 5.0),
        ("dan", "tea", 5.0),
    ];
    assert_eq!(stored(&log), triples(&kept));
    let dropped = RowsDropped {
        below_min_weight: 2,
        merged_duplicates: 2,
        user_below_minimum: 1,
        item_below_minimum: 3,
        ..RowsDropped::default()
    };
    let report = LogReport {
        files: 1,
        rows: 14,
        entries: 14,
        interactions: 6,
        users: 3,
        items: 2,
        users_dropped: 3,
        items_dropped: 3,
        dropped,
        core_rounds: 1,
        ..LogReport::default()
    };
    assert_eq!(log.report, report);
    assert_eq!(log.report.rows, log.report.interactions + log.report.dropped.total());
    assert_eq!(
        log.report.to_string(),
        "read 14 rows from 1 file: 6 interactions of 3 users and 2 items\n  \
         dropped 2 rows below the minimum weight\n  \
         dropped 2 rows merged as duplicates\n  \
         dropped 1 row of users below the minimum\n  \
         dropped 3 rows of items below the minimum\n  \
         nothing is left of 3 users and 3 items\n  \
         the minimums held after 1 round"
    );
}

#[test]
fn duplicates_can_add_up() {
    let directory = TempDir::new().unwrap();
    let path = with_drops(&directory, "log.parquet", &Vec::from_iter(0..14));
    let log = read_log(&path, &LogRules { duplicates: Duplicates::Sum, ..drop_rules() }).unwrap();
    assert_eq!(stored(&log)[1], ("ann".into(), "tea".into(), 8.0));
    assert_eq!(stored(&log)[2], ("bob".into(), "cup".into(), 3.0));
}

#[test]
fn the_order_of_rows_and_files_does_not_matter() {
    let directory = TempDir::new().unwrap();
    let whole = read_log(&with_drops(&directory, "log.parquet", &Vec::from_iter(0..14)), &drop_rules()).unwrap();
    let backwards: Vec<usize> = (0..14).rev().collect();
    assert_eq!(read_log(&with_drops(&directory, "back.parquet", &backwards), &drop_rules()).unwrap(), whole);

    let parts = TempDir::new().unwrap();
    with_drops(&parts, "2.parquet", &[13, 0, 7, 5]);
    with_drops(&parts, "1.parquet", &[2, 4, 6, 8, 10, 12, 1, 3, 9, 11]);
    let log = read_log(parts.path(), &drop_rules()).unwrap();
    assert_eq!((log.report.files, log.report.rows), (2, 14));
    assert_eq!(Log { report: whole.report.clone(), ..log }, whole);
}

#[test]
fn a_directory_is_read_without_its_bookkeeping() {
    let directory = TempDir::new().unwrap();
    let expected = read_log(&small(&directory), &LogRules::default()).unwrap();
    for name in ["_SUCCESS", "_metadata.parquet", ".hidden.parquet", "notes.txt", "log.parquet.crc"] {
        fs::write(directory.path().join(name), "not Parquet").unwrap();
    }
    fs::create_dir(directory.path().join("old.parquet")).unwrap();
    assert_eq!(read_log(directory.path(), &LogRules::default()).unwrap(), expected);
}

#[test]
fn rows_of_more_than_one_batch_and_row_group_are_read() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log.parquet");
    let count = 100_000u32;
    let users: Vec<String> = (0..count).map(|row| format!("user {:03}", row * 7919 % 500)).collect();
    let items: Vec<i64> = (0..count).map(|row| i64::from(row / 3 % 1_000)).collect();
    let columns: [(&str, ArrayRef); 2] = [("user_id", Arc::new(StringArray::from(users))), ("item_id", int64s(&items))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(33_333))
        // Some pages with a dictionary and some without, as in files of many different ids.
        .set_dictionary_page_size_limit(1_000)
        .set_data_page_row_count_limit(5_000)
        .build();
    let mut writer = ArrowWriter::try_new(fs::File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let log = read_log(&path, &LogRules::default()).unwrap();
    let mut pairs: Vec<(u32, u32)> = (0..count).map(|row| (row * 7919 % 500, row / 3 % 1_000)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!((log.interactions.users(), log.interactions.items()), (500, 1_000));
    let read: Vec<(u32, u32)> = (0..500)
        .flat_map(|user| log.interactions.history(UserIdx(user)).items().iter().map(move |&item| (user, item)))
        .collect();
    assert_eq!(read, pairs);
}

#[test]
fn a_given_vocabulary_stays_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = small(&directory);
    let items = IdMap::Text(["cup", "jug", "tea"].into_iter().collect());

    // Users of the file: all of them, also those of whom nothing is left.
    let rules = LogRules { min_user_items: 3, min_item_users: 3, ..LogRules::default() };
    let log = read_log_onto(&path, &rules, &items, None).unwrap();
    assert_eq!(log.items, items);
    assert_eq!(
        stored(&log),
        triples(&[("ann", "tea", 1.0), ("bob", "cup", 1.0), ("bob", "tea", 1.0), ("zoe", "tea", 1.0)])
    );
    assert_eq!(log.report.dropped, RowsDropped { unknown_item: 1, ..RowsDropped::default() });
    assert_eq!((log.interactions.users(), log.interactions.items()), (3, 3));
    let cups = read_log_onto(&path, &rules, &IdMap::Text(["cup"].into_iter().collect()), None).unwrap();
    assert_eq!((cups.users.len(), cups.interactions.len()), (3, 1));

    // Users given as well.
    let users = IdMap::Text(["abe", "bob"].into_iter().collect());
    let log = read_log_onto(&path, &rules, &items, Some(&users)).unwrap();
    assert_eq!(log.users, users);
    assert_eq!(stored(&log), triples(&[("bob", "cup", 1.0), ("bob", "tea", 1.0)]));
    assert_eq!(log.report.dropped, RowsDropped { unknown_user: 3, ..RowsDropped::default() });

    let strangers = IdMap::Text(["sofa"].into_iter().collect());
    let error = read_log_onto(&path, &rules, &strangers, None).unwrap_err();
    assert!(matches!(&error, LogError::NothingLeft { report, .. } if report.dropped.unknown_item == 5), "{error}");
}

#[test]
fn integers_are_looked_up_whatever_their_width() {
    let directory = TempDir::new().unwrap();
    let users = || strings(&["u", "v", "w"]);
    let wide = write(
        &directory,
        "wide.parquet",
        vec![("user_id", users()), ("item_id", Arc::new(UInt64Array::from(vec![1, 2, u64::MAX])))],
    );
    let signed = write(&directory, "signed.parquet", vec![("user_id", users()), ("item_id", int64s(&[1, 2, -1]))]);
    for (path, items) in [(&wide, IdMap::Int(vec![-1, 1, 2].into())), (&signed, IdMap::Uint(vec![1, 2, u64::MAX]))] {
        let log = read_log_onto(path, &LogRules::default(), &items, None).unwrap();
        assert_eq!((log.report.interactions, log.report.dropped.unknown_item), (2, 1));
    }
    let error =
        read_log_onto(&wide, &LogRules::default(), &IdMap::Text(["1"].into_iter().collect()), None).unwrap_err();
    assert!(matches!(error, LogError::Table(TableError::IdType { .. })), "{error}");
}

#[test]
fn a_missing_column_is_named_with_those_that_exist() {
    let directory = TempDir::new().unwrap();
    let path = write(
        &directory,
        "log.parquet",
        vec![("userId", strings(&["a"])), ("item_id", strings(&["x"])), ("rating", floats(&[1.0]))],
    );
    refused(
        &path,
        &LogRules::default(),
        &["no column `user_id`", "did you mean `userId`?", "`userId`, `item_id`, `rating`", "--user-column"],
    );
    let columns = LogColumns { user: "userId".into(), item: "product".into(), ..LogColumns::default() };
    refused(&path, &LogRules { columns, ..LogRules::default() }, &["no column `product`;", "--item-column"]);
    let columns = LogColumns { user: "userId".into(), weight: "ratings".into(), ..LogColumns::default() };
    refused(&path, &LogRules { columns, ..LogRules::default() }, &["did you mean `rating`?", "--weight-column"]);
}

#[test]
fn columns_of_the_wrong_type_are_refused() {
    let directory = TempDir::new().unwrap();
    let users = || strings(&["a", "b"]);
    let path = write(&directory, "log.parquet", vec![("user_id", users()), ("item_id", floats(&[1.0, 2.0]))]);
    refused(
        &path,
        &LogRules::default(),
        &["`item_id` is of type Float64", "strings, integers and UUIDs", "--item-column"],
    );
    let yes: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    for (weights, found) in [(users(), "Utf8"), (yes, "Boolean")] {
        let path =
            write(&directory, "log.parquet", vec![("user_id", users()), ("item_id", users()), ("weight", weights)]);
        refused(
            &path,
            &weighted(),
            &[&format!("`weight` is of type {found}"), "integers, floating-point", "--weight-column"],
        );
    }
}

#[test]
fn a_null_id_is_named_by_column_and_row() {
    let directory = TempDir::new().unwrap();
    let gaps: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None, None]));
    let full = || int64s(&[1, 2, 3, 4]);
    let path = write(&directory, "log.parquet", vec![("user_id", gaps), ("item_id", full())]);
    refused(&path, &LogRules::default(), &["column `user_id`, row 3", "null"]);
    let gaps: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4)]));
    let path = write(&directory, "log.parquet", vec![("user_id", full()), ("item_id", gaps)]);
    refused(&path, &LogRules::default(), &["column `item_id`, row 2", "null"]);
}

#[test]
fn an_unusable_weight_is_named_by_column_row_and_value() {
    let directory = TempDir::new().unwrap();
    let bad = [
        (None, "null"),
        (Some(f64::NAN), "NaN"),
        (Some(f64::INFINITY), "inf"),
        (Some(f64::NEG_INFINITY), "-inf"),
        (Some(-0.5), "-0.5"),
        (Some(0.0), "0"),
        (Some(1e300), "1000"),
    ];
    for (value, printed) in bad {
        // Far enough down to be in a second batch: the row is counted in the file.
        let rows = 40_000;
        let mut weights = vec![Some(1.0); rows];
        weights[35_000] = value;
        let users = int64s(&(0..rows as i64).collect::<Vec<_>>());
        let weights: ArrayRef = Arc::new(Float64Array::from(weights));
        let path =
            write(&directory, "log.parquet", vec![("user_id", users.clone()), ("item_id", users), ("weight", weights)]);
        let error = refused(
            &path,
            &weighted(),
            &["column `weight`, row 35001", "greater than 0", &format!("weight {printed}")],
        );
        assert!(matches!(error, LogError::Weight { row: 35_001, .. }));

        // A minimum weight explains a zero, and nothing else.
        let rules = LogRules { min_weight: Some(0.5), ..weighted() };
        match value {
            Some(0.0) => assert_eq!(read_log(&path, &rules).unwrap().report.dropped.below_min_weight, 1),
            _ => drop(refused(&path, &rules, &["row 35001"])),
        }
    }
}

#[test]
fn weights_that_add_up_to_infinity_are_refused() {
    let directory = TempDir::new().unwrap();
    let (users, items) = (strings(&["a", "a", "b"]), strings(&["x", "x", "y"]));
    let path = write(
        &directory,
        "log.parquet",
        vec![("user_id", users), ("item_id", items), ("weight", floats(&[3e38, 3e38, 1.0]))],
    );
    let rules = LogRules { duplicates: Duplicates::Sum, ..weighted() };
    refused(&path, &rules, &["user `a` and item `x`", "too large"]);
}

#[test]
fn minimum_weights_that_make_no_sense_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = small(&directory);
    for min_weight in [f32::NAN, f32::INFINITY, -1.0] {
        let error = read_log(&path, &LogRules { min_weight: Some(min_weight), ..weighted() }).unwrap_err();
        assert!(matches!(error, LogError::Rule { field: "min_weight", .. }), "{error}");
    }
    let error = read_log(&path, &LogRules { min_weight: Some(3.0), ..LogRules::default() }).unwrap_err().to_string();
    assert!(error.contains("min_weight is 3") && error.contains("--weight-column"), "{error}");
}

#[test]
fn one_column_cannot_be_users_and_items() {
    let directory = TempDir::new().unwrap();
    let columns = LogColumns { item: "user_id".into(), ..LogColumns::default() };
    let error = read_log(&small(&directory), &LogRules { columns, ..LogRules::default() }).unwrap_err().to_string();
    assert!(error.contains("columns.item is user_id") && error.contains("--item-column"), "{error}");
}

#[test]
fn files_that_are_no_parquet_are_refused() {
    let directory = TempDir::new().unwrap();
    let good = fs::read(small(&directory)).unwrap();
    let path = directory.path().join("bad.parquet");
    let with = |bytes: &[u8], parts: &[&str]| {
        fs::write(&path, bytes).unwrap();
        refused(&path, &LogRules::default(), parts);
    };
    with(b"", &["not a Parquet file", "empty"]);
    with(b"user_id,item_id\n1,2\n", &["not a Parquet file", "user"]);
    with(b"PARE1234PARE", &["not a Parquet file", "encrypted"]);
    with(b"PAR1", &["truncated or damaged"]);
    with(&good[..good.len() / 2], &["truncated or damaged", "end is missing"]);
    // A footer longer than the file.
    let mut long = good.clone();
    let at = long.len() - 8;
    long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    with(&long, &["truncated or damaged", "4294967295 bytes does not fit"]);

    let missing = directory.path().join("missing.parquet");
    refused(&missing, &LogRules::default(), &["cannot read"]);
}

/// The reader would make room for what is claimed, and end the process when there is none.
#[test]
fn a_footer_that_claims_more_than_it_holds_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("bad.parquet");
    let with = |footer: &[u8], part: &str| {
        let length = (footer.len() as u32).to_le_bytes();
        fs::write(&path, [&b"PAR1"[..], footer, &length, b"PAR1"].concat()).unwrap();
        refused(&path, &LogRules::default(), &["truncated or damaged", part, "copy or write it again"]);
    };
    let leaf = [0x15, 2, 0x25, 0, 0x18, 1, b'a', 0];
    // Version 1, a schema, no rows, and 2^31 - 1 row groups.
    let schema = [&[0x15, 2, 0x19, 0x2c, 0x48, 1, b'r', 0x15, 2, 0][..], &leaf, &[0x16, 0]].concat();
    let row_groups = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07];
    with(&[&schema[..], &row_groups, &[0; 8]].concat(), "claims a length of 2147483647");
    with(&[&schema[..], &row_groups[..4]].concat(), "ends 1 bytes too early");
    // A root with 2^31 - 1 children, of which one is there.
    let root = [0x48, 1, b'r', 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0];
    let schema = [&[0x15, 2, 0x19, 0x2c][..], &root, &leaf, &[0x16, 0, 0]].concat();
    with(&schema, "claims 2147483647 children");
}

#[test]
fn a_directory_without_parquet_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("log.csv"), "user_id,item_id\n").unwrap();
    let error = refused(directory.path(), &LogRules::default(), &["no *.parquet file"]);
    assert!(matches!(error, LogError::NoFiles { .. }));
}

#[test]
fn logs_with_too_little_are_refused() {
    let directory = TempDir::new().unwrap();
    let of = |users: &[&str], items: &[&str]| {
        write(&directory, "log.parquet", vec![("user_id", strings(users)), ("item_id", strings(items))])
    };
    let error = refused(&of(&[], &[]), &LogRules::default(), &["no rows"]);
    assert!(matches!(error, LogError::Empty { .. }));
    refused(&of(&["a", "a"], &["x", "y"]), &LogRules::default(), &["1 user and 2 items", "at least 2"]);
    refused(&of(&["a", "b"], &["x", "x"]), &LogRules::default(), &["2 users and 1 item,", "at least 2"]);

    let rules = LogRules { min_user_items: 9, ..LogRules::default() };
    let error = refused(
        &of(&["a", "b"], &["x", "y"]),
        &rules,
        &["nothing is left", "dropped 2 rows of users below the minimum"],
    );
    assert!(matches!(error, LogError::NothingLeft { .. }));
}

#[test]
fn files_of_one_log_must_agree_on_the_type_of_ids() {
    let directory = TempDir::new().unwrap();
    let users = || strings(&["a", "b"]);
    write(&directory, "1.parquet", vec![("user_id", users()), ("item_id", int64s(&[1, 2]))]);
    write(&directory, "2.parquet", vec![("user_id", users()), ("item_id", users())]);
    let error = read_log(directory.path(), &LogRules::default()).unwrap_err();
    assert!(matches!(&error, LogError::Table(TableError::IdType { .. })), "{error}");
    let message = error.to_string();
    for part in ["2.parquet", "column `item_id` holds text ids", "1.parquet holds integer ids"] {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
    // Integers of different widths are one type.
    write(&directory, "2.parquet", vec![("user_id", users()), ("item_id", Arc::new(Int16Array::from(vec![1, 3])))]);
    assert_eq!(read_log(directory.path(), &LogRules::default()).unwrap().items, IdMap::Int(vec![1, 2, 3].into()));
}

/// Numbers from the description of the dataset; `FOLDIN_DATA` names the directory of datasets.
#[test]
fn a_real_log_is_read_whole() {
    let Ok(data) = std::env::var("FOLDIN_DATA") else {
        println!("skipped: FOLDIN_DATA is not set");
        return;
    };
    let log = read_log(&Path::new(&data).join("ml-1m-strong/train.parquet"), &LogRules::default()).unwrap();
    assert_eq!((log.report.users, log.report.items, log.report.interactions), (4_034, 3_467, 389_774));
    assert_eq!(log.report.dropped.total(), 0);
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let directory = TempDir::new().unwrap();
    let columns = vec![
        ("user_id", strings(&["zoe", "ann", "bob", "ann", "bob"])),
        ("item_id", int64s(&[3, 1, 3, 2, 1])),
        ("weight", floats(&[1.0, 2.0, 3.0, 4.0, 5.0])),
    ];
    let good = fs::read(write(&directory, "good.parquet", columns)).unwrap();
    let path = directory.path().join("bad.parquet");
    let mut refused = 0;
    let mut attempt = |bytes: &[u8]| {
        // A new file each time: overwriting makes some file systems flush, which takes far longer.
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        // Some damage goes unnoticed (in a value, or in metadata that nobody reads): that is an `Ok`.
        refused += usize::from(read_log(&path, &weighted()).is_err());
    };
    for length in 0..good.len() {
        attempt(&good[..length]);
    }
    let truncations = good.len();
    for position in 0..good.len() {
        for damage in [0x01, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[position] ^= damage;
            attempt(&bad);
        }
    }
    assert!(refused > truncations, "{refused} of {} damaged files refused", 4 * good.len());
}
