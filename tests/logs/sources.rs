//! Where logs come from: directories at any depth, patterns, hive partitions, tables in memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, TimestampSecondArray};
use foldin::interactions::{IdMap, LogColumns, LogRules, TimeUnit, Timestamp};
use foldin::io::{LocalFiles, LogError, MemoryTables, Source, read_log, read_log_from, scan_log};
use tempfile::TempDir;

use super::tables::{floats, int64s, refused, stored, strings, table, timed, triples, write};

fn pairs(users: &[&str], items: &[&str]) -> Vec<(&'static str, ArrayRef)> {
    vec![("user_id", strings(users)), ("item_id", strings(items))]
}

fn columns(user: &str, item: &str, weight: &str, time: &str) -> LogRules {
    let columns = LogColumns {
        user: user.into(),
        item: item.into(),
        weight: weight.into(),
        time: time.into(),
        event: String::new(),
    };
    LogRules { columns, ..LogRules::default() }
}

#[test]
fn files_are_found_at_any_depth_and_bookkeeping_is_not() {
    let directory = TempDir::new().unwrap();
    write(&directory, "a/b/c/1.parquet", pairs(&["ann"], &["tea"]));
    write(&directory, "2.parquet", pairs(&["bob"], &["cup"]));
    for hidden in ["_temporary/0/3.parquet", "a/.staging/4.parquet", "a/_5.parquet", ".6.parquet", "a/_SUCCESS"] {
        let path = directory.path().join(hidden);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "not Parquet").unwrap();
    }
    fs::write(directory.path().join("a/notes.txt"), "not Parquet").unwrap();
    let log = read_log(directory.path(), &LogRules::default()).unwrap();
    assert_eq!(log.report.files, 2);
    assert_eq!(stored(&log), triples(&[("ann", "tea", 1.0), ("bob", "cup", 1.0)]));
}

#[test]
fn patterns_name_files_and_directories() {
    let directory = TempDir::new().unwrap();
    write(&directory, "2026-01/part-0.parquet", pairs(&["ann"], &["tea"]));
    write(&directory, "2026-02/part-0.parquet", pairs(&["bob"], &["cup"]));
    write(&directory, "2026-02/other.parquet", pairs(&["cat"], &["jar"]));
    write(&directory, "2027-01/part-0.parquet", pairs(&["dan"], &["pot"]));
    fs::create_dir(directory.path().join("2026-_tmp")).unwrap();
    fs::write(directory.path().join("2026-02/_part-9.parquet"), "not Parquet").unwrap();
    let files = |pattern: &str| {
        let tables = LocalFiles::new(directory.path().join(pattern)).tables().unwrap();
        let below = tables.iter().map(|path| path.strip_prefix(directory.path()).unwrap().to_path_buf());
        below.collect::<Vec<PathBuf>>()
    };
    assert_eq!(files("2026-*/part-*.parquet"), ["2026-01/part-0.parquet", "2026-02/part-0.parquet"].map(PathBuf::from));
    assert_eq!(files("2026-*/*").len(), 3);
    assert_eq!(files("2026-*").len(), 3);
    assert_eq!(files("202[67]-01").len(), 2);
    let log = read_log(&directory.path().join("2026-*/part-?.parquet"), &LogRules::default()).unwrap();
    assert_eq!((log.report.files, log.report.users), (2, 2));

    let nothing = directory.path().join("2031-*/*.parquet");
    let error = refused(&nothing, &LogRules::default(), &["2031-*/*.parquet", "no file matches"]);
    assert!(matches!(error, LogError::Pattern { .. }));
    refused(&directory.path().join("a**b/["), &LogRules::default(), &["cannot read", "a**b/["]);
    // A file whose name looks like a pattern is a file.
    let odd = write(&directory, "log[1].parquet", pairs(&["ann", "bob"], &["tea", "cup"]));
    assert_eq!(read_log(&odd, &LogRules::default()).unwrap().report.users, 2);
}

#[test]
fn tables_in_memory_are_read_like_files() {
    let parts = [
        ("date=2026-01-02/b.parquet", table(pairs(&["bob"], &["tea"]))),
        ("date=2026-01-01/a.parquet", table(pairs(&["ann", "ann"], &["tea", "cup"]))),
        ("_temporary/c.parquet", b"not Parquet".to_vec()),
    ];
    let tables = MemoryTables::new("my log", parts.clone());
    let log = read_log_from(&tables, &columns("user_id", "item_id", "", "date")).unwrap();
    assert_eq!(stored(&log), triples(&[("ann", "cup", 1.0), ("ann", "tea", 1.0), ("bob", "tea", 1.0)]));
    let days: Vec<String> = log.times.unwrap().iter().map(|time| time.to_string()[..10].to_owned()).collect();
    assert_eq!(days, ["2026-01-01", "2026-01-01", "2026-01-02"]);

    let directory = TempDir::new().unwrap();
    for (name, bytes) in &parts[..2] {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let from_files = read_log(directory.path(), &columns("user_id", "item_id", "", "date")).unwrap();
    assert_eq!(from_files.interactions, log.interactions);

    let error = read_log_from(&MemoryTables::new("my log", [("_x", vec![])]), &LogRules::default()).unwrap_err();
    assert!(error.to_string().contains("my log"), "{error}");
    let missing = tables.open(Path::new("date=2026-01-01/z.parquet")).err().unwrap().to_string();
    assert!(missing.contains("cannot read date=2026-01-01/z.parquet"), "{missing}");
}

#[test]
fn partitions_are_columns_whatever_they_hold() {
    let directory = TempDir::new().unwrap();
    let items = |items: &[&str]| vec![("item", strings(items))];
    write(&directory, "shop=7/user=ann/stars=2.5/a.parquet", items(&["tea", "cup"]));
    write(&directory, "shop=7/user=S%C3%A3o%2FB/stars=4/a.parquet", items(&["tea"]));
    write(&directory, "shop=10/user=bob/stars=1/a.parquet", items(&["pot"]));
    let log = read_log(directory.path(), &columns("user", "item", "stars", "")).unwrap();
    let expected = [("São/B", "tea", 4.0), ("ann", "cup", 2.5), ("ann", "tea", 2.5), ("bob", "pot", 1.0)];
    assert_eq!(stored(&log), triples(&expected));
    // Numbers throughout are integers, in their order.
    let shops = read_log(directory.path(), &columns("shop", "item", "", "")).unwrap().users;
    assert_eq!(shops, IdMap::Int(vec![7, 10].into()));
    write(&directory, "shop=x1/user=bob/stars=1/a.parquet", items(&["pot"]));
    let shops = read_log(directory.path(), &columns("shop", "item", "", "")).unwrap().users;
    assert_eq!(shops, IdMap::Text(["10", "7", "x1"].into_iter().collect()));

    let scanned = scan_log(directory.path(), &columns("user", "item", "", ""), &mut |_| {}).unwrap();
    let names: Vec<&str> = scanned.files[0].columns.iter().map(|column| column.0.as_str()).collect();
    assert_eq!(names, ["item", "shop", "stars", "user"]);

    write(&directory, "shop=7/user=__HIVE_DEFAULT_PARTITION__/stars=1/a.parquet", items(&["pot"]));
    refused(directory.path(), &columns("user", "item", "", ""), &["column `user`, row 1: the value is null"]);
    refused(directory.path(), &columns("user", "item", "", "place"), &["no column `place`", "`shop`", "--time-column"]);
    write(&directory, "shop=7/user=zoe/stars=many/a.parquet", items(&["pot"]));
    refused(directory.path(), &columns("shop", "item", "stars", ""), &["column `stars`, row 1", "weight null"]);
}

#[test]
fn a_partition_that_contradicts_a_column_names_both_values() {
    let directory = TempDir::new().unwrap();
    let log = |date: Vec<(&'static str, ArrayRef)>| {
        let columns = vec![("user_id", strings(&["ann", "bob"])), ("item_id", strings(&["tea", "cup"]))];
        write(&directory, "date=2026-01-31/part.parquet", [columns, date].concat())
    };
    let rules = columns("user_id", "item_id", "", "date");
    let (noon, midnight) = (1_769_860_800, 1_769_904_000);
    // A date stands for its whole day, in whatever type the column has.
    read_log(&log(vec![("date", Arc::new(Date32Array::from(vec![20_484, 20_484])))]), &rules).unwrap();
    let times = read_log(&log(vec![("date", Arc::new(TimestampSecondArray::from(vec![noon, noon])))]), &rules).unwrap();
    assert_eq!(times.times.unwrap(), [Timestamp(noon * 1_000_000); 2]);
    let path = log(vec![("date", Arc::new(TimestampSecondArray::from(vec![noon, midnight])))]);
    let parts = ["part.parquet", "column `date`, row 2", "is 2026-02-01T00:00:00Z", "partition date=2026-01-31"];
    assert!(matches!(refused(&path, &rules, &parts), LogError::Contradiction { row: 2, .. }));

    let ids = |name: &str, column: ArrayRef| {
        write(&directory, name, vec![("user_id", column), ("item_id", strings(&["tea", "cup"]))])
    };
    let path = ids("user_id=7/ids.parquet", int64s(&[7, 8]));
    refused(&path, &LogRules::default(), &["row 2: the value is 8", "partition user_id=7"]);
    let path = ids("user_id=ann/ids.parquet", strings(&["bob", "ann"]));
    refused(&path, &LogRules::default(), &["row 1: the value is bob", "partition user_id=ann"]);
    let path = ids("user_id=__HIVE_DEFAULT_PARTITION__/ids.parquet", strings(&["bob", "ann"]));
    refused(&path, &LogRules::default(), &["row 1: the value is bob", "partition user_id=null"]);
    let with_weight = [pairs(&["ann", "bob"], &["tea", "cup"]), vec![("weight", floats(&[2.0, 2.5]))]].concat();
    let path = write(&directory, "weight=2/weights.parquet", with_weight);
    refused(&path, &columns("user_id", "item_id", "weight", ""), &["row 2: the value is 2.5", "weight=2;"]);
    // Columns that are not read may say what they want.
    assert!(read_log(&path, &LogRules::default()).is_ok());
}

#[test]
fn files_of_partitions_outside_of_the_window_are_not_read() {
    let directory = TempDir::new().unwrap();
    for (name, user) in [("date=2026-01-01", "ann"), ("date=2026-01-02", "bob"), ("date=2026-01-03", "cat")] {
        write(&directory, &format!("{name}/part.parquet"), pairs(&[user, "all"], &["tea", "cup"]));
    }
    // Not even opened: they need not be Parquet.
    for name in ["date=2025-12-31", "date=2026-01-04", "date=20260105"] {
        let path = directory.path().join(name).join("part.parquet");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "not Parquet").unwrap();
    }
    let window = LogRules {
        since: Some("2026-01-01".parse().unwrap()),
        until: Some("2026-01-04".parse().unwrap()),
        ..columns("user_id", "item_id", "", "date")
    };
    let log = read_log(directory.path(), &window).unwrap();
    assert_eq!((log.report.files, log.report.files_pruned, log.report.rows, log.report.users), (3, 3, 6, 4));
    let text = log.report.to_string();
    assert!(text.contains("did not read 3 files of partitions outside of the time window"), "{text}");

    // Part of a day: the file is read, its rows are judged (they happened at midnight).
    let noon = LogRules { since: Some("2026-01-01T12:00:00Z".parse().unwrap()), ..window.clone() };
    let log = read_log(directory.path(), &noon).unwrap();
    assert_eq!((log.report.files_pruned, log.report.dropped.outside_window, log.report.users), (3, 2, 3));
    let never = LogRules { since: Some("2027-01-01".parse().unwrap()), until: None, ..window };
    refused(directory.path(), &never, &["nothing is left", "did not read 6 files"]);
}

#[test]
fn times_of_partitions_are_dates_moments_or_numbers_with_a_unit() {
    let moment = |partition: &str, unit: Option<TimeUnit>| {
        let tables = MemoryTables::new(
            "log",
            [(format!("time={partition}/a.parquet"), table(pairs(&["ann", "bob"], &["tea", "cup"])))],
        );
        let log = read_log_from(&tables, &LogRules { time_unit: unit, ..timed() });
        log.map(|log| log.times.unwrap()[0].to_string()).map_err(|error| error.to_string())
    };
    assert_eq!(moment("2026-01-31", None).unwrap(), "2026-01-31T00:00:00Z");
    assert_eq!(moment("20260131", None).unwrap(), "2026-01-31T00:00:00Z");
    assert_eq!(moment("2026-01-31T12%3A00%3A00Z", None).unwrap(), "2026-01-31T12:00:00Z");
    assert_eq!(moment("1769860800", Some(TimeUnit::Seconds)).unwrap(), "2026-01-31T12:00:00Z");
    assert!(moment("1769860800", None).unwrap_err().contains("--time-unit"));
    assert!(moment("someday", None).unwrap_err().contains("`time=someday`"));
    let null = moment("__HIVE_DEFAULT_PARTITION__", None).unwrap_err();
    assert!(null.contains("column `time`, row 1: null"), "{null}");
}
