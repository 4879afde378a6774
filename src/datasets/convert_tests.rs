use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::manifest::{Layout, Part, Separated, TextEncoding, TimeColumn, WeightColumn};
use super::*;

/// Schema and rows of a table, as text.
pub fn table(path: &Path) -> (String, Vec<String>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().fields().iter().map(|f| format!("{}: {}", f.name(), f.data_type()));
    let schema = schema.collect::<Vec<_>>().join(", ");
    let mut rows = Vec::new();
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let options = FormatOptions::new().with_null("null");
        // Names of time zones are not formatted; the schema shows them.
        let plain = |column: &ArrayRef| match column.data_type() {
            DataType::Timestamp(unit, _) => cast(column, &DataType::Timestamp(*unit, None)).unwrap(),
            _ => Arc::clone(column),
        };
        let arrays: Vec<ArrayRef> = batch.columns().iter().map(plain).collect();
        let columns: Vec<_> = arrays.iter().map(|array| ArrayFormatter::try_new(array, &options).unwrap()).collect();
        let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(" ");
        rows.extend((0..batch.num_rows()).map(row));
    }
    (schema, rows)
}

fn column(number: usize, id_type: IdFormat) -> IdColumn {
    IdColumn { field: Field::Number(number), id_type }
}

fn log(unit: Option<TimeUnit>) -> Content {
    Content::Interactions(Interactions {
        user: column(1, IdFormat::Int),
        item: column(2, IdFormat::Text),
        weight: Some(WeightColumn { field: Field::Number(3), name: "rating".into() }),
        time: Some(TimeColumn { field: Field::Number(4), unit }),
    })
}

fn items() -> Content {
    Content::Items(Items {
        id: column(1, IdFormat::Int),
        attributes: vec![
            Attribute::Text { name: "title".into(), field: Field::Number(2) },
            Attribute::Int { name: "year".into(), field: Field::Number(3), null: Some("NULL".into()) },
            Attribute::List {
                name: "genres".into(),
                field: Field::Number(4),
                separator: "|".into(),
                none: Some("(none)".into()),
            },
            Attribute::Flags { name: "flags".into(), first: 5, labels: vec!["x".into(), "y".into()] },
        ],
    })
}

/// Converts tab-separated text.
fn run(text: &[u8], content: Content, encoding: TextEncoding) -> Result<(String, Vec<String>), DatasetError> {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source.txt");
    fs::write(&source, text).unwrap();
    let layout =
        Separated { separator: "\t".into(), header: false, quoted: false, fields: None, rest_in_last: false, encoding };
    let made = Table {
        output: "out.parquet".into(),
        parts: vec![Part { file: "source.txt".into(), member: None, bytes: 1000 }],
        layout: Layout::Separated(layout),
        content,
    };
    let outcome = convert(&made, directory.path(), &|_| source.clone(), &mut |_| {});
    if outcome.is_err() {
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["source.txt"], "nothing is left behind");
    }
    let rows = outcome?;
    let read = table(&directory.path().join("out.parquet"));
    assert_eq!(read.1.len() as u64, rows);
    Ok(read)
}

#[track_caller]
fn refused(text: &str, content: Content, parts: &[&str]) {
    let error = run(text.as_bytes(), content, TextEncoding::Utf8).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn columns_have_their_names_types_and_values() {
    let text = b"7\ta b\t4.5\t978300760\n-1\t\xC3\xA9\t-2\t0\n";
    let (schema, rows) = run(text, log(Some(TimeUnit::Seconds)), TextEncoding::Utf8).unwrap();
    let types = "user_id: Int64, item_id: Utf8, rating: Float32, timestamp: Timestamp(µs, \"UTC\")";
    assert_eq!(schema, types);
    assert_eq!(rows, ["7 a b 4.5 2000-12-31T22:12:40", "-1 é -2.0 1970-01-01T00:00:00"]);
    let (_, rows) =
        run(b"1\tx\t5\t2005-09-06\n1\ty\t5\t2010-10-19T23:55:27Z\n", log(None), TextEncoding::Utf8).unwrap();
    assert_eq!(rows, ["1 x 5.0 2005-09-06T00:00:00", "1 y 5.0 2010-10-19T23:55:27"]);
}

#[test]
fn attributes_are_texts_numbers_and_lists_or_unknown() {
    let text = b"1\tMis\xE9rables, Les\t1995.0\tDrama|Musical\t1\t0\n2\t\tNULL\t(none)\t0\t0\n3\tz\t-720\t\t1\t1\n";
    let (schema, rows) = run(text, items(), TextEncoding::Latin1).unwrap();
    assert!(schema.starts_with("item_id: Int64, title: Utf8, year: Int64, genres: List("), "{schema}");
    assert_eq!(rows, ["1 Misérables, Les 1995 [Drama, Musical] [x]", "2 null null [] []", "3 z -720 null [x, y]"]);
}

#[test]
fn a_bad_value_is_named_with_file_line_and_field() {
    let good = "1\ta\t5\t10\n";
    let log = || log(Some(TimeUnit::Seconds));
    for (line, parts) in [
        ("x\ta\t5\t10", &["source.txt, line 2: field 1 is `x`", "not a whole number"][..]),
        ("9223372036854775808\ta\t5\t10", &["field 1 is `9223372036854775808`"]),
        ("1\t\t5\t10", &["line 2: field 2 is ``", "an id is due"]),
        ("1\ta\tfive\t10", &["field 3 is `five`, not a number"]),
        ("1\ta\tNaN\t10", &["field 3 is `NaN`"]),
        ("1\ta\tinf\t10", &["field 3 is `inf`"]),
        ("1\ta\t5\tnoon", &["field 4 is `noon`, not a time"]),
        ("1\ta\t5\t9223372036854775807", &["field 4 is `9223372036854775807`"]),
        ("1\ta\t5", &["line 2: 3 fields where 4 are due"]),
    ] {
        refused(&format!("{good}{line}\n"), log(), parts);
    }
    let long = format!("1\ta\t{}\t10\n", "y".repeat(1000));
    refused(&long, log(), &[&format!("`{}…`", "y".repeat(80))]);
    let error = run(b"1\t\xFF\xFE\t5\t10\n", log(), TextEncoding::Utf8).unwrap_err().to_string();
    assert!(error.contains("line 1: field 2") && error.contains("which is not UTF-8"), "{error}");
    refused("1\tt\t1995.5\tg\t0\t0\n", items(), &["field 3 is `1995.5`, not a whole number"]);
    refused("1\tt\t1995\tg\t0\t2\n", items(), &["field 6 (y) is `2`, neither 0 nor 1"]);
    refused("", log(), &["holds no records"]);
}

#[test]
fn a_header_without_a_needed_column_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("ratings.csv");
    fs::write(&source, "userId,item,rating,timestamp\n1,2,3,4\n").unwrap();
    let manifest = super::super::find("ml-20m").unwrap();
    let mut made = manifest.tables[0].clone();
    made.parts[0].member = None;
    let error = convert(&made, directory.path(), &|_| source.clone(), &mut |_| {}).unwrap_err().to_string();
    for part in ["ratings.csv has no column `movieId`", "userId, item, rating, timestamp"] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn many_rows_are_written_in_bounded_batches_and_reported() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("train.txt");
    let rows = 3 * PROGRESS_ROWS + 5;
    let mut text = String::from("0");
    (0..rows).for_each(|item| text.push_str(&format!(" {item}")));
    fs::write(&source, text + "\n").unwrap();
    let mut seen = Vec::new();
    let made = super::super::find("gowalla").unwrap().tables[0].clone();
    assert_eq!(convert(&made, directory.path(), &|_| source.clone(), &mut |rows| seen.push(rows)).unwrap(), rows);
    assert_eq!(seen, [PROGRESS_ROWS, 2 * PROGRESS_ROWS, 3 * PROGRESS_ROWS, rows]);
    let (_, read) = table(&directory.path().join("train.parquet"));
    assert!(read.iter().enumerate().all(|(item, row)| *row == format!("0 {item}")));
}
