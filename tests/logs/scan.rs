//! Scanning: every row is seen, whatever is wrong with it.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array, StringArray, TimestampMillisecondArray};
use foldin::interactions::{LogColumns, LogRules, Timestamp};
use foldin::io::{NULL_ID, scan_log};
use tempfile::TempDir;

use super::tables::{int64s, strings, write};

fn all_columns() -> LogRules {
    let columns = LogColumns {
        user: "who".into(),
        item: "what".into(),
        weight: "much".into(),
        time: "when".into(),
        event: "how".into(),
    };
    // Rules that drop or refuse have no say in a scan.
    LogRules { columns, min_weight: Some(9.0), since: Some(Timestamp(5)), min_user_items: 7, ..LogRules::default() }
}

#[test]
fn every_row_is_seen_with_marks_where_values_are_missing() {
    let directory = TempDir::new().unwrap();
    let who: ArrayRef = Arc::new(StringArray::from(vec![Some("zoe"), None, Some("ann"), Some("zoe")]));
    let much: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.5), Some(-1.0), None, Some(f64::INFINITY)]));
    let when: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![Some(-1), Some(i64::MAX), None, Some(7)]));
    let how: ArrayRef = Arc::new(StringArray::from(vec![Some("view"), Some("buy"), Some("view"), None]));
    let columns = vec![("who", who), ("what", int64s(&[4, 3, 4, 9])), ("much", much), ("when", when), ("how", how)];
    write(&directory, "1.parquet", columns);
    let columns = vec![
        ("who", strings(&["bob"])),
        ("what", int64s(&[3])),
        ("much", int64s(&[1])),
        ("when", Arc::new(TimestampMillisecondArray::from(vec![0])) as ArrayRef),
        ("how", strings(&["buy"])),
    ];
    write(&directory, "2.parquet", columns);

    let (mut rows, mut weights) = (Vec::new(), Vec::new());
    let scanned = scan_log(directory.path(), &all_columns(), &mut |batch| {
        let (times, events) = (batch.times.unwrap(), batch.events.unwrap());
        let file = batch.file.file_stem().unwrap().to_str().unwrap().to_owned();
        weights.extend_from_slice(batch.weights);
        for entry in 0..batch.users.len() {
            let ids = (batch.users[entry], batch.items[entry], events[entry]);
            rows.push((file.clone(), batch.rows[entry], ids, times[entry].map(|time| time.0)));
        }
    })
    .unwrap();
    let one = |row, ids, time| ("1".to_owned(), row, ids, time);
    let expected = [
        one(1, (0, 0, 0), Some(-1_000)),
        one(2, (NULL_ID, 1, 1), None),
        one(3, (1, 0, 0), None),
        one(4, (0, 2, NULL_ID), Some(7_000)),
        ("2".to_owned(), 1, (2, 1, 1), Some(0)),
    ];
    assert_eq!(rows, expected);
    assert!(weights[2].is_nan());
    weights.remove(2);
    assert_eq!(weights, [2.5, -1.0, f64::INFINITY, 1.0]);

    let names = |ids: &foldin::io::ScannedIds| Vec::from_iter((0..ids.len() as u32).map(|number| ids.external(number)));
    assert_eq!(names(&scanned.users), ["zoe", "ann", "bob"]);
    assert_eq!(names(&scanned.items), ["4", "3", "9"]);
    assert_eq!(names(&scanned.events), ["view", "buy"]);
    assert_eq!(scanned.files.iter().map(|file| file.rows).collect::<Vec<_>>(), [4, 1]);
    let types = |file: usize| scanned.files[file].columns.iter().map(|column| column.1.as_str()).collect::<Vec<_>>();
    assert_eq!((types(0)[2], types(1)[2]), ("Float64", "Int64"));
}

#[test]
fn lists_are_seen_element_by_element() {
    let directory = TempDir::new().unwrap();
    let mut items = ListBuilder::new(Int64Builder::new());
    items.append_value([Some(7), None]);
    items.append_null();
    items.append_value([]);
    items.append_value([Some(8)]);
    let columns = vec![("user_id", strings(&["a", "b", "c", "d"])), ("item_id", Arc::new(items.finish()) as ArrayRef)];
    let path = write(&directory, "lists.parquet", columns);
    let (mut entries, mut empty) = (Vec::new(), 0);
    let scanned = scan_log(&path, &LogRules::default(), &mut |batch| {
        empty += batch.empty_lists;
        entries.extend((0..batch.users.len()).map(|at| (batch.rows[at], batch.users[at], batch.items[at])));
    })
    .unwrap();
    assert_eq!(entries, [(1, 0, 0), (1, 0, NULL_ID), (4, 1, 1)]);
    assert_eq!((empty, scanned.users.len(), scanned.files[0].rows), (2, 2, 4));
}
