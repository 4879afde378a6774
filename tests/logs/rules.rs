//! Event types, windows, decay and duplicates; rules that contradict each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, StringArray, TimestampSecondArray};
use foldin::interactions::{Duplicates, IdMap, LogColumns, LogRules, TimeUnit, Timestamp};
use foldin::io::{LogError, read_log, read_log_onto};
use tempfile::TempDir;

use super::tables::{floats, int64s, refused, small, stored, strings, timed, triples, write};

fn events(weights: &[(&str, f32)]) -> LogRules {
    let columns = LogColumns { event: "event".into(), ..LogColumns::default() };
    let event_weights = weights.iter().map(|&(name, weight)| (name.into(), weight)).collect();
    LogRules { columns, event_weights, ..LogRules::default() }
}

#[test]
fn event_types_are_weighed_and_what_is_dropped_is_named() {
    let directory = TempDir::new().unwrap();
    let users = strings(&["ann", "ann", "bob", "bob", "cat", "cat", "cat"]);
    let items = strings(&["tea", "tea", "tea", "cup", "cup", "tea", "jar"]);
    let types = vec![Some("view"), Some("buy"), Some("buy"), Some("scroll"), Some("share"), Some("view"), None];
    let of_types: [ArrayRef; 2] = [
        Arc::new(StringArray::from(types.clone())),
        Arc::new(types.into_iter().collect::<DictionaryArray<Int32Type>>()),
    ];
    for types in of_types {
        let path = write(
            &directory,
            "log.parquet",
            vec![("user_id", users.clone()), ("item_id", items.clone()), ("event", types)],
        );
        let rules = LogRules { duplicates: Duplicates::Sum, ..events(&[("view", 1.0), ("buy", 5.0), ("share", 0.0)]) };
        let log = read_log(&path, &LogRules { min_user_items: 0, ..rules.clone() }).map(|log| stored(&log));
        // One item is left: too few to learn from, but enough to look up.
        assert!(matches!(log, Err(LogError::TooFew { .. })));
        let items = IdMap::Text(["cup", "jar", "tea"].into_iter().collect());
        let log = read_log_onto(&path, &rules, &items, None).unwrap();
        assert_eq!(stored(&log), triples(&[("ann", "tea", 6.0), ("bob", "tea", 5.0), ("cat", "tea", 1.0)]));
        assert_eq!((log.report.dropped.event_type, log.report.dropped.merged_duplicates), (3, 1));
        let named = BTreeMap::from([("(null)".into(), 1), ("scroll".into(), 1), ("share".into(), 1)]);
        assert_eq!(log.report.events_dropped, named);
        assert!(
            log.report.to_string().contains("dropped 3 rows of event types without weight\n    1 of type `(null)`")
        );
        assert_eq!(log.report.entries, log.report.interactions + log.report.dropped.total());
    }
}

#[test]
fn event_types_can_be_numbers_and_are_many_only_by_mistake() {
    let directory = TempDir::new().unwrap();
    let write = |types: ArrayRef| {
        let numbers = Vec::from_iter(0..types.len() as i64);
        write(
            &directory,
            "log.parquet",
            vec![("user_id", int64s(&numbers)), ("item_id", int64s(&numbers)), ("event", types)],
        )
    };
    let log = read_log(&write(int64s(&[1, 2, -3])), &events(&[("1", 2.0), ("-3", 0.5)])).unwrap();
    assert_eq!(stored(&log), triples(&[("0", "0", 2.0), ("2", "2", 0.5)]));
    let path = write(int64s(&Vec::from_iter(0..20_000)));
    refused(&path, &events(&[("1", 2.0)]), &["column `event`", "more than 10000 different values", "--event-column"]);
    // Long reports are cut, not the counts behind them.
    let names: Vec<String> = (0..50).map(|number| format!("type {number}")).collect();
    let path = write(strings(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let report = read_log(&path, &events(&[("type 1", 1.0), ("type 2", 1.0)])).unwrap().report;
    assert_eq!(report.events_dropped.len(), 48);
    assert!(report.to_string().contains("and those of 43 more types"), "{report}");
}

#[test]
fn the_minimum_is_one_on_the_value_itself() {
    let directory = TempDir::new().unwrap();
    let columns = vec![
        ("user_id", strings(&["ann", "bob", "cat"])),
        ("item_id", strings(&["tea", "cup", "jar"])),
        ("weight", floats(&[3.0, 4.0, 0.0])),
        ("event", strings(&["buy", "view", "buy"])),
    ];
    let path = write(&directory, "log.parquet", columns);
    let rules = events(&[("buy", 10.0), ("view", 0.5)]);
    let columns = LogColumns { weight: "weight".into(), ..rules.columns.clone() };
    let rules = LogRules { columns, min_weight: Some(3.0), ..rules };
    let log = read_log(&path, &rules).unwrap();
    assert_eq!(stored(&log), triples(&[("ann", "tea", 30.0), ("bob", "cup", 2.0)]));
    assert_eq!(log.report.dropped.below_min_weight, 1);
    let huge = LogRules { event_weights: BTreeMap::from([("buy".into(), f32::MAX), ("view".into(), 1.0)]), ..rules };
    refused(&path, &huge, &["row 1: weight 3 × 340282350000000000000000000000000000000 (the type of event)"]);
}

#[test]
fn windows_decay_and_duplicates_go_by_time() {
    let directory = TempDir::new().unwrap();
    let day = 86_400;
    let columns = vec![
        ("user_id", strings(&["ann", "ann", "ann", "bob", "bob", "cat", "dan"])),
        ("item_id", strings(&["tea", "tea", "tea", "cup", "tea", "cup", "cup"])),
        ("weight", floats(&[8.0, 2.0, 3.0, 4.0, 1.0, 1.0, 1.0])),
        (
            "time",
            Arc::new(TimestampSecondArray::from(
                vec![0, 7, 7, 14, 15, -2_000, -1].into_iter().map(|days| days * day).collect::<Vec<_>>(),
            )) as ArrayRef,
        ),
    ];
    let path = write(&directory, "log.parquet", columns);
    let columns = LogColumns { weight: "weight".into(), ..timed().columns };
    let plain = LogRules { columns, ..LogRules::default() };
    let at = |days: i64| Timestamp(days * Timestamp::DAY);

    // Whatever the rule, a merged interaction is as old as its latest row.
    for (duplicates, weight) in [(Duplicates::Max, 8.0), (Duplicates::Sum, 13.0), (Duplicates::Last, 3.0)] {
        let log = read_log(&path, &LogRules { duplicates, ..plain.clone() }).unwrap();
        assert_eq!(stored(&log)[0], ("ann".into(), "tea".into(), weight), "{duplicates:?}");
        assert_eq!(log.times.unwrap()[0], at(7), "{duplicates:?}");
    }

    let rules = LogRules { since: Some(at(0)), half_life_days: Some(7.0), as_of: Some(at(14)), ..plain.clone() };
    let log = read_log(&path, &rules).unwrap();
    assert_eq!(stored(&log), triples(&[("ann", "tea", 2.0), ("bob", "cup", 4.0)]));
    let dropped = log.report.dropped;
    assert_eq!((dropped.outside_window, dropped.after_as_of, dropped.merged_duplicates, dropped.decayed), (2, 1, 2, 0));
    let log = read_log(&path, &LogRules { since: None, ..rules }).unwrap();
    assert_eq!((log.report.dropped.decayed, log.report.dropped.outside_window, log.report.users_dropped), (1, 0, 1));

    // The window is closed at its start and open at its end; who is outside of it was never there.
    let log = read_log(&path, &LogRules { since: Some(at(-1)), until: Some(at(15)), ..plain }).unwrap();
    assert_eq!((log.report.users, log.report.users_dropped, log.report.dropped.outside_window), (3, 0, 2));
    assert_eq!(log.report.entries, log.report.interactions + log.report.dropped.total());
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = small(&directory);
    let day = |day| Some(Timestamp(day * Timestamp::DAY));
    let base = LogRules::default;
    let of = |name: &str| LogColumns { user: name.into(), ..LogColumns::default() };
    let with_event = || LogColumns { event: "event".into(), ..LogColumns::default() };
    let cases: Vec<(LogRules, [&str; 2])> = vec![
        (LogRules { columns: of(""), ..base() }, ["columns.user is empty", "name the column"]),
        (LogRules { since: day(1), ..base() }, ["since is 1970-01-02T00:00:00Z", "--time-column"]),
        (LogRules { until: day(1), ..base() }, ["until is", "--time-column"]),
        (LogRules { as_of: day(1), ..base() }, ["as_of is", "--time-column"]),
        (LogRules { half_life_days: Some(3.0), ..base() }, ["half_life_days is 3", "--time-column"]),
        (LogRules { time_unit: Some(TimeUnit::Seconds), ..base() }, ["time_unit is seconds", "--time-column"]),
        (LogRules { duplicates: Duplicates::Last, ..base() }, ["duplicates is last", "--time-column"]),
        (LogRules { since: day(2), until: day(2), ..timed() }, ["until is 1970-01-03", "later than since"]),
        (LogRules { half_life_days: Some(3.0), ..timed() }, ["half_life_days is 3", "--as-of"]),
        (LogRules { half_life_days: Some(0.0), as_of: day(1), ..timed() }, ["half_life_days is 0", "greater than 0"]),
        (LogRules { half_life_days: Some(-1.0), as_of: day(1), ..timed() }, ["half_life_days is -1", "finite"]),
        (LogRules { half_life_days: Some(f64::NAN), as_of: day(1), ..timed() }, ["half_life_days is NaN", "finite"]),
        (events(&[("view", -1.0)]), ["event_weights is -1 for `view`", "at least 0"]),
        (events(&[("view", f32::NAN)]), ["event_weights is NaN for `view`", "finite"]),
        (events(&[("view", 0.0)]), ["event_weights is 0 for every type", "drop every row"]),
        (LogRules { columns: LogColumns::default(), ..events(&[("view", 1.0)]) }, ["view=1", "--event-column"]),
        (LogRules { columns: with_event(), ..base() }, ["columns.event is event", "--event-weight"]),
    ];
    for (rules, parts) in cases {
        let error = refused(&path, &rules, &parts);
        assert!(matches!(error, LogError::Rule { .. }), "{error}");
    }
}
