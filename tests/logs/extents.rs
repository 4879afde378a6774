//! Measuring a log before it is read: its ids and entries, by its id columns alone.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, StringArray};
use foldin::interactions::{LogRules, Timestamp};
use foldin::io::{AxisExtents, LogError, count_entries, measure_log, read_log};
use tempfile::TempDir;

use super::tables::{floats, int64s, small, strings, timed, weighted, write};

fn named(axis: &AxisExtents) -> Vec<(String, u32)> {
    let ids = (0..axis.entries.len() as u32).map(|id| axis.ids.external(id).into_owned());
    ids.zip(axis.entries.iter().copied()).collect()
}

#[test]
fn ids_are_those_of_the_log_and_every_entry_counts() {
    let directory = TempDir::new().unwrap();
    let path = small(&directory);
    let (measured, log) =
        (measure_log(&path, &LogRules::default()).unwrap(), read_log(&path, &LogRules::default()).unwrap());
    assert_eq!((&measured.users.ids, &measured.items.ids), (&log.users, &log.items));
    assert_eq!(named(&measured.users), [("ann".into(), 2), ("bob".into(), 2), ("zoe".into(), 1)]);
    assert_eq!(named(&measured.items), [("cup".into(), 1), ("pot".into(), 1), ("tea".into(), 3)]);
    assert_eq!((measured.files, measured.entries), (1, 5));
    assert_eq!(count_entries(&path, &LogRules::default()).unwrap(), 5);
}

#[test]
fn files_add_up_and_repeated_pairs_count_again() {
    let directory = TempDir::new().unwrap();
    for name in ["1.parquet", "2.parquet"] {
        write(&directory, name, vec![("user_id", int64s(&[7, 7, 8])), ("item_id", int64s(&[1, 1, 2]))]);
    }
    let measured = measure_log(directory.path(), &LogRules::default()).unwrap();
    assert_eq!(named(&measured.users), [("7".into(), 4), ("8".into(), 2)]);
    assert_eq!((measured.files, measured.entries), (2, 6));
    assert_eq!(read_log(directory.path(), &LogRules::default()).unwrap().interactions.len(), 2);
}

#[test]
fn lists_count_by_element() {
    let directory = TempDir::new().unwrap();
    let mut items = ListBuilder::new(Int64Builder::new());
    items.append_value([Some(7), Some(9)]);
    items.append_value([]);
    items.append_value([Some(7)]);
    let columns = vec![("user_id", strings(&["a", "b", "c"])), ("item_id", Arc::new(items.finish()) as ArrayRef)];
    let path = write(&directory, "lists.parquet", columns);
    let measured = measure_log(&path, &LogRules::default()).unwrap();
    assert_eq!((measured.entries, named(&measured.items)), (3, vec![("7".into(), 2), ("9".into(), 1)]));
    // By the footer alone an empty list counts as well.
    assert_eq!(count_entries(&path, &LogRules::default()).unwrap(), 4);
    // A user without items is none.
    assert_eq!(named(&measured.users), [("a".into(), 2), ("c".into(), 1)]);
}

#[test]
fn only_ids_are_judged_and_only_whole_files_are_left_out() {
    let directory = TempDir::new().unwrap();
    let columns =
        |weights: &[f64]| vec![("user_id", int64s(&[1, 2])), ("item_id", int64s(&[1, 2])), ("weight", floats(weights))];
    let path = write(&directory, "log.parquet", columns(&[f64::NAN, 1.0]));
    // Reading would refuse the weight, and drop what is below the minimum.
    let rules = LogRules { min_weight: Some(5.0), ..weighted() };
    assert_eq!(measure_log(&path, &rules).unwrap().entries, 2);

    let days = TempDir::new().unwrap();
    for (name, user) in [("time=2026-01-01/a.parquet", 1), ("time=2026-02-01/a.parquet", 2)] {
        write(&days, name, vec![("user_id", int64s(&[user, user])), ("item_id", int64s(&[1, 2]))]);
    }
    let since = Some("2026-01-15".parse::<Timestamp>().unwrap());
    let measured = measure_log(days.path(), &LogRules { since, ..timed() }).unwrap();
    assert_eq!(named(&measured.users), [("2".into(), 2)]);
    assert_eq!(count_entries(days.path(), &LogRules { since, ..timed() }).unwrap(), 2);
}

#[test]
fn what_reading_refuses_of_ids_is_refused() {
    let directory = TempDir::new().unwrap();
    let users: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let path = write(&directory, "null.parquet", vec![("user_id", users), ("item_id", int64s(&[1, 2]))]);
    let refusal = |path: &std::path::Path, rules: &LogRules| measure_log(path, rules).unwrap_err().to_string();
    assert_eq!(refusal(&path, &LogRules::default()), read_log(&path, &LogRules::default()).unwrap_err().to_string());
    let empty = write(&directory, "empty.parquet", vec![("user_id", int64s(&[])), ("item_id", int64s(&[]))]);
    assert!(matches!(measure_log(&empty, &LogRules::default()), Err(LogError::Empty { .. })));
    assert!(refusal(&directory.path().join("none"), &LogRules::default()).contains("none"));
    assert!(refusal(&path, &LogRules { min_weight: Some(2.0), ..LogRules::default() }).contains("--weight-column"));
    assert!(count_entries(&path, &LogRules { min_weight: Some(2.0), ..LogRules::default() }).is_err());
}
