//! Times in every form that a log can have them, and what is refused.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Date64Array, Int8Array, Int32Array, Int64Array, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use foldin::interactions::{LogRules, TimeUnit, Timestamp};
use foldin::io::{LogError, read_log};
use tempfile::TempDir;

use super::tables::{floats, int64s, refused, strings, timed, write};

/// A log of two users with these times.
fn log(directory: &TempDir, name: &str, times: ArrayRef) -> std::path::PathBuf {
    let (users, items) = (strings(&["ann", "bob"]), strings(&["tea", "cup"]));
    write(directory, name, vec![("user_id", users), ("item_id", items), ("time", times)])
}

fn in_unit(unit: TimeUnit) -> LogRules {
    LogRules { time_unit: Some(unit), ..timed() }
}

#[test]
fn times_of_every_type_are_the_same_moments() {
    let directory = TempDir::new().unwrap();
    // Before 1970, and in the year 9999.
    let (early, late) = (-86_400i64, 253_370_764_800i64);
    let zoned =
        TimestampMicrosecondArray::from(vec![early * 1_000_000, late * 1_000_000]).with_timezone("Europe/Berlin");
    let own_units: [ArrayRef; 7] = [
        Arc::new(TimestampSecondArray::from(vec![early, late])),
        Arc::new(TimestampMillisecondArray::from(vec![early * 1_000, late * 1_000])),
        Arc::new(TimestampMicrosecondArray::from(vec![early * 1_000_000, late * 1_000_000])),
        Arc::new(TimestampMillisecondArray::from(vec![early * 1_000, late * 1_000]).with_timezone("+09:00")),
        Arc::new(zoned),
        Arc::new(Date32Array::from(vec![-1, 2_932_532])),
        Arc::new(Date64Array::from(vec![early * 1_000, late * 1_000])),
    ];
    let expected = vec![Timestamp(early * 1_000_000), Timestamp(late * 1_000_000)];
    for column in own_units {
        let described = column.data_type().to_string();
        let read = read_log(&log(&directory, "log.parquet", column), &timed()).unwrap();
        assert_eq!(read.times.as_ref(), Some(&expected), "{described}");
    }
    let numbers: [(ArrayRef, TimeUnit); 3] = [
        (int64s(&[early, late]), TimeUnit::Seconds),
        (int64s(&[early * 1_000, late * 1_000]), TimeUnit::Milliseconds),
        (int64s(&[early * 1_000_000, late * 1_000_000]), TimeUnit::Microseconds),
    ];
    for (column, unit) in numbers {
        let read = read_log(&log(&directory, "log.parquet", column), &in_unit(unit)).unwrap();
        assert_eq!(read.times.as_ref(), Some(&expected), "{unit:?}");
    }
    // Nanoseconds reach from 1677 to 2262 only, and are rounded down.
    let nanoseconds: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![-1, 1_999]));
    let read = read_log(&log(&directory, "log.parquet", nanoseconds), &timed()).unwrap();
    assert_eq!(read.times, Some(vec![Timestamp(-1), Timestamp(1)]));
    for column in [Arc::new(Int32Array::from(vec![0, 7])) as ArrayRef, Arc::new(Int8Array::from(vec![0, 7]))] {
        let read = read_log(&log(&directory, "log.parquet", column), &in_unit(TimeUnit::Seconds)).unwrap();
        assert_eq!(read.times, Some(vec![Timestamp(0), Timestamp(7_000_000)]));
    }
    // No time column, no times.
    let read = read_log(&log(&directory, "log.parquet", int64s(&[1, 2])), &LogRules::default()).unwrap();
    assert_eq!(read.times, None);
}

#[test]
fn whole_numbers_need_a_unit_and_nothing_else_may_have_one() {
    let directory = TempDir::new().unwrap();
    let numbers = log(&directory, "log.parquet", int64s(&[1, 2]));
    let error = refused(&numbers, &timed(), &["log.parquet", "column `time`", "Int64", "--time-unit"]);
    assert!(matches!(error, LogError::TimeUnit { unit: None, .. }));
    let moments = log(&directory, "log.parquet", Arc::new(TimestampSecondArray::from(vec![1, 2])));
    refused(&moments, &in_unit(TimeUnit::Seconds), &["column `time`", "a unit of their own", "leave --time-unit out"]);
    for (column, found) in [(strings(&["2026-01-31", "x"]), "Utf8"), (floats(&[1.5, 2.5]), "Float64")] {
        let path = log(&directory, "log.parquet", column);
        refused(&path, &timed(), &["column `time` is of type", found, "timestamps, dates", "--time-column"]);
    }
}

#[test]
fn times_that_are_missing_or_overflow_are_named_by_row() {
    let directory = TempDir::new().unwrap();
    let missing: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(1), None]));
    let error = refused(&log(&directory, "log.parquet", missing), &timed(), &["column `time`, row 2: null"]);
    assert!(matches!(error, LogError::Time { row: 2, .. }));
    let too_late: [(ArrayRef, LogRules); 5] = [
        (Arc::new(TimestampSecondArray::from(vec![0, i64::MAX])), timed()),
        (Arc::new(TimestampMillisecondArray::from(vec![0, i64::MAX])), timed()),
        (Arc::new(Int64Array::from(vec![0, i64::MAX])), in_unit(TimeUnit::Seconds)),
        (Arc::new(UInt64Array::from(vec![0, u64::MAX])), in_unit(TimeUnit::Microseconds)),
        (Arc::new(Date32Array::from(vec![0, i32::MAX])), timed()),
    ];
    for (column, rules) in too_late {
        let described = column.data_type().to_string();
        let message = read_log(&log(&directory, "log.parquet", column), &rules).unwrap_err().to_string();
        assert!(
            message.contains("column `time`, row 2") && message.contains("check the unit"),
            "{described}: {message}"
        );
        assert!(["9223372036854775807", "18446744073709551615", "2147483647"].iter().any(|v| message.contains(v)));
    }
}

#[test]
fn units_may_differ_between_files_and_kinds_may_not() {
    let directory = TempDir::new().unwrap();
    log(&directory, "1.parquet", Arc::new(TimestampSecondArray::from(vec![1, 2])));
    let users = strings(&["cat"]);
    let columns = |times: ArrayRef| vec![("user_id", users.clone()), ("item_id", strings(&["jar"])), ("time", times)];
    write(&directory, "2.parquet", columns(Arc::new(TimestampNanosecondArray::from(vec![3_000_000_000]))));
    write(&directory, "3.parquet", columns(Arc::new(Date32Array::from(vec![1]))));
    let read = read_log(directory.path(), &timed()).unwrap();
    assert_eq!(read.times.unwrap(), [1, 2, 86_400].map(|second| Timestamp(second * 1_000_000)));

    write(&directory, "3.parquet", columns(int64s(&[4])));
    let error = read_log(directory.path(), &timed()).unwrap_err().to_string();
    assert!(error.contains("3.parquet") && error.contains("--time-unit"), "{error}");
    log(&directory, "1.parquet", int64s(&[1, 2]));
    write(&directory, "2.parquet", columns(Arc::new(TimestampNanosecondArray::from(vec![3]))));
    let error = read_log(directory.path(), &in_unit(TimeUnit::Seconds)).unwrap_err().to_string();
    assert!(error.contains("2.parquet") && error.contains("`time`"), "{error}");
}

#[test]
fn row_groups_outside_of_the_window_are_counted_without_being_read() {
    use arrow_array::RecordBatch;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    let directory = TempDir::new().unwrap();
    let rows = 3_000i64;
    let write = |statistics: EnabledStatistics| {
        let path = directory.path().join("log.parquet");
        let columns: [(&str, ArrayRef); 3] = [
            ("user_id", int64s(&(0..rows).map(|row| row % 40).collect::<Vec<_>>())),
            ("item_id", int64s(&(0..rows).map(|row| row % 70).collect::<Vec<_>>())),
            ("time", Arc::new(TimestampSecondArray::from_iter_values(0..rows))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(500))
            .set_statistics_enabled(statistics)
            .build();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    };
    let rules =
        LogRules { since: Some(Timestamp(750 * 1_000_000)), until: Some(Timestamp(1_501 * 1_000_000)), ..timed() };
    let whole = read_log(&write(EnabledStatistics::None), &rules).unwrap();
    assert_eq!((whole.report.rows, whole.report.dropped.outside_window), (3_000, 2_249));
    assert_eq!(read_log(&write(EnabledStatistics::Chunk), &rules).unwrap(), whole);

    // What lies in such a row group is not even decoded.
    let mut bytes = std::fs::read(write(EnabledStatistics::Chunk)).unwrap();
    bytes[4..24].fill(0xff);
    let path = directory.path().join("damaged.parquet");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(read_log(&path, &rules).unwrap().interactions, whole.interactions);
    assert!(read_log(&path, &timed()).is_err());
}

/// The 96-bit times of older writers: nanoseconds of the day and a Julian day, which reach beyond what nanoseconds in
/// 64 bits can.
#[test]
fn times_of_96_bits_are_read() {
    use parquet::data_type::{ByteArray, ByteArrayType, Int96, Int96Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log.parquet");
    let schema = "message m { required binary user_id (UTF8); required binary item_id (UTF8); required int96 time; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for ids in [["ann", "bob"], ["tea", "cup"]] {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&ids.map(ByteArray::from), None, None).unwrap();
        column.close().unwrap();
    }
    let time = |day: u32, nanoseconds: u64| {
        let mut time = Int96::new();
        time.set_data(nanoseconds as u32, (nanoseconds >> 32) as u32, day);
        time
    };
    let mut column = group.next_column().unwrap().unwrap();
    let times = [time(2_440_588, 1_000), time(2_440_588 + 2_932_532, 43_200_000_000_000)];
    column.typed::<Int96Type>().write_batch(&times, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let read = read_log(&path, &timed()).unwrap().times.unwrap();
    assert_eq!(
        read.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["1970-01-01T00:00:00.000001Z", "9999-01-01T12:00:00Z"]
    );
}
