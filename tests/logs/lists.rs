//! Logs of one row a user, with lists of items.

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeListBuilder, Float64Builder, Int64Builder, LargeListBuilder, ListBuilder, StringBuilder,
    TimestampSecondBuilder,
};
use arrow_array::{ArrayRef, StructArray};
use foldin::interactions::{Duplicates, LogColumns, LogRules, Timestamp};
use foldin::io::{LogError, read_log};
use tempfile::TempDir;

use super::tables::{floats, refused, stored, strings, triples, write};

fn lists<'a>(rows: impl IntoIterator<Item = Option<&'a [&'a str]>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in rows {
        match row {
            Some(items) => builder.append_value(items.iter().map(Some)),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

fn rules(weight: &str, time: &str) -> LogRules {
    let columns = LogColumns { weight: weight.into(), time: time.into(), ..LogColumns::default() };
    LogRules { columns, ..LogRules::default() }
}

#[test]
fn a_row_is_an_interaction_with_every_item_of_its_list() {
    let directory = TempDir::new().unwrap();
    let items = lists([Some(&["tea", "cup"][..]), Some(&[]), None, Some(&["tea", "jar", "tea"])]);
    let users = strings(&["ann", "bob", "cat", "dan"]);
    let path = write(&directory, "log.parquet", vec![("user_id", users), ("item_id", items)]);
    let log = read_log(&path, &LogRules::default()).unwrap();
    let expected = [("ann", "cup", 1.0), ("ann", "tea", 1.0), ("dan", "jar", 1.0), ("dan", "tea", 1.0)];
    assert_eq!(stored(&log), triples(&expected));
    let report = &log.report;
    assert_eq!((report.rows, report.entries, report.empty_lists, report.interactions), (4, 5, 2, 4));
    assert_eq!(report.entries, report.interactions + report.dropped.total());
    let text = report.to_string();
    assert!(text.starts_with("read 4 rows (5 items in lists) from 1 file: 4 interactions"), "{text}");
    assert!(text.contains("2 rows with an empty list") && text.contains("dropped 1 item merged"), "{text}");
}

#[test]
fn lists_of_every_kind_and_type_are_read() {
    let directory = TempDir::new().unwrap();
    let mut large = LargeListBuilder::new(Int64Builder::new());
    let mut fixed = FixedSizeListBuilder::new(Int64Builder::new(), 2);
    for pair in [[1, 2], [3, 1]] {
        large.append_value(pair.map(Some));
        fixed.values().append_slice(&pair);
        fixed.append(true);
    }
    for items in [Arc::new(large.finish()) as ArrayRef, Arc::new(fixed.finish())] {
        let described = items.data_type().to_string();
        let path = write(&directory, "log.parquet", vec![("user_id", strings(&["a", "b"])), ("item_id", items)]);
        let expected = [("a", "1", 1.0), ("a", "2", 1.0), ("b", "1", 1.0), ("b", "3", 1.0)];
        assert_eq!(stored(&read_log(&path, &LogRules::default()).unwrap()), triples(&expected), "{described}");
    }
}

#[test]
fn weights_and_times_are_those_of_the_row_or_of_each_item() {
    let directory = TempDir::new().unwrap();
    let items = || lists([Some(&["tea", "cup"][..]), Some(&["tea"])]);
    let mut weights = ListBuilder::new(Float64Builder::new());
    weights.append_value([Some(2.0), Some(3.0)]);
    weights.append_value([Some(4.0)]);
    let mut times = ListBuilder::new(TimestampSecondBuilder::new());
    times.append_value([Some(5), Some(6)]);
    times.append_value([Some(7)]);
    let times: ArrayRef = Arc::new(times.finish());
    let columns = |weights: ArrayRef| {
        vec![("user_id", strings(&["ann", "bob"])), ("item_id", items()), ("weight", weights), ("time", times.clone())]
    };
    let path = write(&directory, "log.parquet", columns(Arc::new(weights.finish())));
    let log = read_log(&path, &LogRules { duplicates: Duplicates::Last, ..rules("weight", "time") }).unwrap();
    assert_eq!(stored(&log), triples(&[("ann", "cup", 3.0), ("ann", "tea", 2.0), ("bob", "tea", 4.0)]));
    assert_eq!(log.times.unwrap(), [6, 5, 7].map(|second| Timestamp(second * 1_000_000)));
    // Outside of the window lie elements, not rows.
    let window = LogRules { since: Some(Timestamp(6_000_000)), ..rules("weight", "time") };
    let log = read_log(&path, &window).unwrap();
    assert_eq!((log.report.dropped.outside_window, log.report.interactions), (1, 2));

    let path = write(&directory, "log.parquet", columns(floats(&[2.0, 4.0])));
    let log = read_log(&path, &rules("weight", "time")).unwrap();
    assert_eq!(stored(&log), triples(&[("ann", "cup", 2.0), ("ann", "tea", 2.0), ("bob", "tea", 4.0)]));
}

#[test]
fn lists_that_do_not_belong_together_are_named_by_row() {
    let directory = TempDir::new().unwrap();
    let mut weights = ListBuilder::new(Float64Builder::new());
    weights.append_value([Some(2.0)]);
    weights.append_value([Some(4.0)]);
    let items = lists([Some(&["tea"][..]), Some(&["tea", "cup"])]);
    let columns = vec![
        ("user_id", strings(&["ann", "bob"])),
        ("item_id", items),
        ("weight", Arc::new(weights.finish()) as ArrayRef),
    ];
    let path = write(&directory, "log.parquet", columns);
    let error = refused(&path, &rules("weight", ""), &["row 2", "`weight` has length 1", "`item_id` has 2"]);
    assert!(matches!(error, LogError::ListLength { row: 2, found: 1, expected: 2, .. }));

    let mut gaps = ListBuilder::new(Int64Builder::new());
    gaps.append_value([Some(1)]);
    gaps.append_value([Some(2), None]);
    let columns = vec![("user_id", strings(&["ann", "bob"])), ("item_id", Arc::new(gaps.finish()) as ArrayRef)];
    refused(&write(&directory, "log.parquet", columns), &LogRules::default(), &["column `item_id`, row 2", "null"]);
}

#[test]
fn lists_and_structures_where_one_value_is_due_are_refused() {
    let directory = TempDir::new().unwrap();
    let list = || lists([Some(&["tea"][..]), Some(&["cup"])]);
    let nested: ArrayRef = Arc::new(StructArray::try_from(vec![("id", strings(&["tea", "cup"]))]).unwrap());
    let scalar = || strings(&["a", "b"]);
    let read = |columns: Vec<(&'static str, ArrayRef)>, rules: &LogRules, parts: &[&str]| {
        refused(&write(&directory, "log.parquet", columns), rules, parts);
    };
    let of = |user: ArrayRef, item: ArrayRef| vec![("user_id", user), ("item_id", item)];
    read(of(list(), scalar()), &LogRules::default(), &["`user_id` is of type", "List", "--user-column"]);
    read(of(list(), list()), &LogRules::default(), &["`user_id`", "a list, where one value a row is needed"]);
    read(of(scalar(), nested.clone()), &LogRules::default(), &["`item_id` is of type Struct", "--item-column"]);
    read(of(nested, scalar()), &LogRules::default(), &["`user_id` is of type Struct"]);
    let mut deep = ListBuilder::new(ListBuilder::new(Int64Builder::new()));
    deep.append_value([Some([Some(1)]), None]);
    deep.append_value([Some([Some(2)])]);
    read(of(scalar(), Arc::new(deep.finish())), &LogRules::default(), &["`item_id` is of type List(", "List("]);
    let with_weight = [of(scalar(), scalar()), vec![("weight", list())]].concat();
    read(with_weight, &rules("weight", ""), &["`weight`", "List", "--weight-column"]);
}
