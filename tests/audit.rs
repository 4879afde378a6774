//! Every check of an audit: a log that passes, and one change that does not.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use foldin::audit::{AuditOptions, AuditReport, ItemsFile, Line, Status, audit};
use foldin::interactions::{LogColumns, LogRules, TimeUnit, Timestamp};
use foldin::io::{ItemColumns, read_log};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// 2024-03-01.
const START: i64 = 1_709_251_200_000_000;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A row of a log; what is `None` is null.
#[derive(Clone, Debug)]
struct Row {
    user: Option<String>,
    item: Option<String>,
    weight: Option<f64>,
    time: Option<i64>,
    event: Option<&'static str>,
}

fn row(user: impl ToString, item: impl ToString, time: i64) -> Row {
    Row {
        user: Some(format!("u{}", user.to_string())),
        item: Some(format!("i{}", item.to_string())),
        weight: Some(1.0),
        time: Some(time),
        event: Some("view"),
    }
}

/// 300 users with 6 to 14 of 150 items each over 60 days, in no order in particular.
fn clean() -> Vec<Row> {
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut rows = Vec::new();
    for user in 0..300 {
        for _ in 0..6 + random(9) {
            // Two draws: the lower numbers are the more popular.
            let item = random(150).min(random(150));
            let time = START + random(60 * 86_400) as i64 * SECOND;
            let weight = Some(1.0 + random(5) as f64);
            let event = if random(4) == 0 { "buy" } else { "view" };
            rows.push(Row { weight, event: Some(event), ..row(user, item, time) });
        }
    }
    rows
}

fn columns(rows: &[Row]) -> Vec<(&'static str, ArrayRef)> {
    let texts = |of: fn(&Row) -> Option<&str>| Arc::new(rows.iter().map(of).collect::<StringArray>()) as ArrayRef;
    vec![
        ("user_id", texts(|row| row.user.as_deref())),
        ("item_id", texts(|row| row.item.as_deref())),
        ("weight", Arc::new(rows.iter().map(|row| row.weight).collect::<Float64Array>())),
        ("time", Arc::new(rows.iter().map(|row| row.time).collect::<TimestampMicrosecondArray>())),
        ("event", texts(|row| row.event)),
    ]
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn rules() -> LogRules {
    let columns =
        LogColumns { weight: "weight".into(), time: "time".into(), event: "event".into(), ..LogColumns::default() };
    let event_weights = [("view".to_string(), 1.0), ("buy".to_string(), 3.0)].into();
    LogRules { columns, event_weights, ..LogRules::default() }
}

fn options() -> AuditOptions {
    AuditOptions { now: Timestamp(START + 100 * DAY), ..AuditOptions::default() }
}

/// A directory with a log, audited.
struct Audited {
    directory: TempDir,
    log: PathBuf,
}

impl Audited {
    fn of(rows: &[Row]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log.parquet");
        write(&log, columns(rows));
        Self { directory, log }
    }

    fn file(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = self.directory.path().join(name);
        write(&path, columns);
        path
    }

    fn report(&self, rules: &LogRules, options: &AuditOptions) -> AuditReport {
        audit(&self.log, rules, options).unwrap()
    }
}

fn report(rows: &[Row]) -> AuditReport {
    Audited::of(rows).report(&rules(), &options())
}

fn line<'a>(report: &'a AuditReport, id: &str) -> &'a Line {
    report.lines.iter().find(|line| line.id == id).unwrap_or_else(|| panic!("{id} is not in {report:#?}"))
}

/// The lines that do not pass.
fn raised(report: &AuditReport) -> Vec<(&'static str, Status)> {
    report.lines.iter().filter(|line| line.status != Status::Pass).map(|line| (line.id, line.status)).collect()
}

/// The clean log with a change must raise `id` to `status`, with a remedy, and hold all of `parts`.
#[track_caller]
fn raises(id: &str, status: Status, parts: &[&str], change: impl FnOnce(&mut Vec<Row>)) {
    let mut rows = clean();
    change(&mut rows);
    let report = report(&rows);
    let line = line(&report, id);
    assert_eq!(line.status, status, "{report:#?}");
    assert!(!line.remedies.is_empty());
    assert!(report.status >= status);
    let text = format!("{}\n{}\n{}", line.found, line.examples.join("\n"), line.remedies.join("\n"));
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_clean_log_passes_every_check() {
    let log = Audited::of(&clean());
    let ids: ArrayRef = Arc::new((0..160).map(|item| Some(format!("i{item}"))).collect::<StringArray>());
    let items = ItemsFile { path: log.file("items.parquet", vec![("item_id", ids)]), columns: ItemColumns::default() };
    // Items that nobody had before, and everything after the log.
    let rows = clean();
    let mut seen: std::collections::BTreeSet<_> = rows.iter().map(|row| (row.user.clone(), row.item.clone())).collect();
    let candidates = (0..200).map(|user| row(user, user % 40, START + 70 * DAY));
    let test: Vec<Row> = candidates.filter(|row| seen.insert((row.user.clone(), row.item.clone()))).collect();
    let test = log.file("test.parquet", columns(&test));
    let report = log.report(&rules(), &AuditOptions { items: Some(items), test: Some(test), ..options() });
    assert_eq!(raised(&report), [], "{report:#?}");
    assert_eq!((report.status, report.not_checked.len()), (Status::Pass, 0));
    let ids: Vec<_> = report.lines.iter().map(|line| line.id).collect();
    let documented: Vec<&str> = include_str!("../src/audit/mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .flat_map(|line| line.split(" | ").next().unwrap().split("`, `"))
        .map(|id| id.trim_end_matches('`'))
        .collect();
    assert_eq!(documented.len(), 27);
    for id in documented {
        assert!(ids.contains(&id), "{id} is documented and was not checked: {ids:?}");
    }
    assert_eq!(ids.len(), 27, "{ids:?}");
}

#[test]
fn ids_that_are_missing_or_stand_for_a_missing_one() {
    raises("ids.null", Status::Fail, &["1 row without user", "log.parquet, row 4"], |rows| rows[3].user = None);
    raises("ids.null", Status::Fail, &["2 rows without item"], |rows| {
        rows[5].item = None;
        rows[6].item = None;
    });
    raises("ids.form", Status::Warn, &["user \"None\"", "item \"i7 \""], |rows| {
        rows[0].user = Some("None".into());
        rows[1].item = Some("i7 ".into());
    });
}

#[test]
fn weights_that_no_interaction_can_have() {
    for (weight, part) in [
        (None, "1 row null or NaN"),
        (Some(f64::NAN), "1 row null or NaN"),
        (Some(f64::INFINITY), "1 row infinite"),
        (Some(1e300), "1 row infinite"),
        (Some(-1.0), "1 row negative"),
        (Some(0.0), "--min-weight"),
    ] {
        raises("weights.usable", Status::Fail, &[part, "row 3"], |rows| rows[2].weight = weight);
    }
    raises("weights.distribution", Status::Warn, &["all weights are alike"], |rows| {
        rows.iter_mut().for_each(|row| row.weight = Some(2.0));
    });
    raises("weights.distribution", Status::Warn, &["from 1 to 90000"], |rows| rows[2].weight = Some(9e4));
    // A minimum drops zeros, and training accepts the log.
    let mut rows = clean();
    rows[2].weight = Some(0.0);
    let report = Audited::of(&rows).report(&LogRules { min_weight: Some(0.5), ..rules() }, &options());
    assert_eq!(raised(&report), []);
}

#[test]
fn types_of_event_and_their_weights() {
    raises("events.types", Status::Warn, &["\"scroll\" has no weight: 2 rows"], |rows| {
        rows[0].event = Some("scroll");
        rows[1].event = Some("scroll");
    });
    let mut misspelt = rules();
    misspelt.event_weights.insert("purchase".into(), 5.0);
    let report = Audited::of(&clean()).report(&misspelt, &options());
    assert_eq!(line(&report, "events.types").examples, ["\"purchase\" has a weight and no row"]);
    assert_eq!(line(&report, "events.types").status, Status::Warn);
}

#[test]
fn types_are_listed_for_somebody_who_has_no_weights_yet() {
    let report = Audited::of(&clean()).report(&LogRules { event_weights: [].into(), ..rules() }, &options());
    assert_eq!(raised(&report), [("events.types", Status::Fail), ("training.accepts", Status::Fail)]);
    let remedy = &line(&report, "events.types").remedies[0];
    assert!(remedy.contains("--event-weight \"view\"=1 --event-weight \"buy\"=1"), "{remedy}");
}

#[test]
fn times_that_cannot_be() {
    raises("times.range", Status::Warn, &["1 row at 1970-01-01", "--since 1990-01-01"], |rows| rows[0].time = Some(0));
    raises("times.range", Status::Warn, &["1 row in the future", "--until"], |rows| {
        rows[0].time = Some(START + 300 * DAY)
    });
    raises("times.unit", Status::Fail, &["1000", "stored in the wrong unit"], |rows| {
        rows.iter_mut().for_each(|row| row.time = row.time.map(|time| time / 1_000));
    });
    // Whole numbers under the wrong unit.
    let rows = clean();
    let mut columns = columns(&rows);
    let seconds = rows.iter().map(|row| row.time.map(|time| time / SECOND)).collect::<Int64Array>();
    columns[3].1 = Arc::new(seconds);
    let log = Audited::of(&rows);
    write(&log.log, columns);
    let in_unit = |unit| log.report(&LogRules { time_unit: Some(unit), ..rules() }, &options());
    assert_eq!(raised(&in_unit(TimeUnit::Seconds)), []);
    let report = in_unit(TimeUnit::Milliseconds);
    assert!(line(&report, "times.unit").remedies[0].starts_with("--time-unit seconds"), "{report:#?}");
    assert_eq!(report.status, Status::Fail);
}

#[test]
fn days_without_rows_are_gaps() {
    raises("times.gaps", Status::Warn, &["2024-03-21 to 2024-03-22 (2 days)"], |rows| {
        rows.retain(|row| !(START + 20 * DAY..START + 22 * DAY).contains(&row.time.unwrap()));
    });
}

#[test]
fn rows_that_stand_twice_and_pairs_that_repeat() {
    raises("duplicates.rows", Status::Warn, &["--duplicates max"], |rows| {
        let again = rows[..100].to_vec();
        rows.extend(again);
    });
    raises("duplicates.pairs", Status::Warn, &["--item-column"], |rows| {
        let again = rows.clone();
        (1..20).for_each(|k| rows.extend(again.iter().map(|row| Row { time: row.time.map(|t| t + k), ..row.clone() })));
    });
}

#[test]
fn cold_users_and_items_and_what_everybody_has() {
    raises("users.cold", Status::Warn, &["--min-user-items 5"], |rows| {
        rows.extend((1000..1400).flat_map(|user| [row(user, user % 100, START), row(user, user % 90, START + SECOND)]));
    });
    raises("users.history", Status::Warn, &["--user-column"], |rows| {
        rows.extend((1000..1400).map(|user| row(user, user % 100, START)));
    });
    raises("items.cold", Status::Warn, &["--min-item-users 5"], |rows| {
        rows.extend((1000..1200).map(|item| row(item % 300, item, START)));
    });
    raises("items.popularity", Status::Warn, &["item ihome: all of the users"], |rows| {
        rows.extend((0..300).map(|user| row(user, "home", START + user)));
    });
}

#[test]
fn users_who_are_programs() {
    raises("bots.rate", Status::Warn, &["user ubot: 1500 in an hour"], |rows| {
        rows.extend((0..1500).map(|k| row("bot", k % 100, START + k * k % 3_000 * SECOND)));
    });
    raises("bots.rhythm", Status::Warn, &["user umonitor: 80 rows, one every 600 s"], |rows| {
        rows.extend((0..80).map(|k| row("monitor", k % 100, START + k * 600 * SECOND)));
    });
    raises("bots.share", Status::Warn, &["user ucrawler: 2000 rows"], |rows| {
        rows.extend((0..2000).map(|k| row("crawler", k % 100, START + k * k % 5_000_000 * SECOND)));
    });
    raises("bots.copies", Status::Warn, &["1 history belongs to 6 users", "6 users with the same 7 items"], |rows| {
        rows.extend((0..6).flat_map(|copy| (0..7).map(move |k| row(format!("copy{copy}"), k * 11, START + copy * k))));
    });
}

#[test]
fn columns_that_differ_between_files() {
    let log = Audited::of(&clean());
    let mut columns = columns(&clean());
    columns.push(("country", Arc::new(StringArray::from(vec!["de"; clean().len()]))));
    log.file("other.parquet", columns);
    let report = audit(log.directory.path(), &rules(), &options()).unwrap();
    let line = line(&report, "schema.files");
    assert_eq!(line.status, Status::Warn);
    assert!(line.examples[0].ends_with("other.parquet: country (Utf8)"), "{line:?}");
}

#[test]
fn a_log_that_training_refuses_fails_for_the_same_reason() {
    let text = Audited::of(&[]);
    std::fs::write(&text.log, "user_id,item_id\n1,2\n").unwrap();
    let missing = Audited { log: text.directory.path().join("none.parquet"), directory: tempfile::tempdir().unwrap() };
    let renamed = Audited::of(&clean());
    let mut rows = clean();
    rows[7].item = None;
    let misnamed = LogRules { columns: LogColumns { user: "userId".into(), ..rules().columns }, ..rules() };
    for (log, rules) in [
        (text, rules()),
        (missing, rules()),
        (renamed, misnamed),
        (Audited::of(&rows), rules()),
        (Audited::of(&[]), rules()),
        (Audited::of(&clean()[..1]), rules()),
    ] {
        let report = log.report(&rules, &options());
        let refusal = read_log(&log.log, &rules).unwrap_err().to_string();
        assert_eq!((report.status, &line(&report, "training.accepts").found), (Status::Fail, &refusal));
    }
}

#[test]
fn metadata_of_other_items_and_tests_that_measure_nothing() {
    let log = Audited::of(&clean());
    let with = |items: Option<PathBuf>, test: Option<PathBuf>| {
        let items = items.map(|path| ItemsFile { path, columns: ItemColumns::default() });
        log.report(&rules(), &AuditOptions { items, test, ..options() })
    };
    let ids = |range: std::ops::Range<u32>| {
        vec![("item_id", Arc::new(range.map(|item| Some(format!("i{item}"))).collect::<StringArray>()) as ArrayRef)]
    };
    let report = with(Some(log.file("a", ids(20..200))), None);
    assert_eq!(raised(&report), [("items.metadata", Status::Warn)]);
    assert_eq!(line(&report, "items.metadata").examples[0], "no metadata of item i0");
    assert_eq!(raised(&with(Some(log.file("b", ids(500..600))), None)), [("items.metadata", Status::Fail)]);
    assert_eq!(raised(&with(Some(log.directory.path().join("none")), None)), [("items.metadata", Status::Fail)]);

    // The log is its own test: everything is shared, and each user's last interaction comes last.
    let report = with(None, Some(log.log.clone()));
    assert_eq!(raised(&report), [("leakage.pairs", Status::Fail), ("leakage.time", Status::Warn)]);
    let later = |items: std::ops::Range<u32>| items.map(|item| row(item % 300, format!("new{item}"), START + 70 * DAY));
    let known = clean().into_iter().take(10).map(|row| Row { time: Some(START + 70 * DAY), ..row });
    let report = with(None, Some(log.file("c", columns(&later(0..20).chain(known).collect::<Vec<_>>()))));
    assert!(line(&report, "leakage.unknown").found.contains("66 % of items"), "{report:#?}");
    assert_eq!(line(&report, "leakage.unknown").status, Status::Warn);
    let report = with(None, Some(log.file("d", columns(&later(0..20).collect::<Vec<_>>()))));
    assert_eq!(raised(&report), [("leakage.unknown", Status::Fail)]);
}

#[test]
fn without_columns_named_the_report_says_what_would_be_checked() {
    let report = Audited::of(&clean()).report(&LogRules::default(), &options());
    assert_eq!(report.status, Status::Pass, "{report:#?}");
    let needs: Vec<&str> = report.not_checked.iter().map(|missing| missing.needs.as_str()).collect();
    assert_eq!(
        needs,
        ["--test FILE", "--items FILE", "--weight-column weight", "--event-column event", "--time-column time"]
    );
}

#[test]
fn rules_that_no_log_satisfies_are_no_report() {
    let log = Audited::of(&clean());
    let rules = LogRules { min_weight: Some(-1.0), ..rules() };
    assert!(audit(&log.log, &rules, &options()).unwrap_err().to_string().contains("min_weight"));
}
