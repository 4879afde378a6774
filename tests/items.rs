//! What is known of items: titles and attributes from an items file to the model directory, and items
//! that nobody has yet.

mod fixture;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt16Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Fields};
use foldin::artifact::{Artifact, Publication, inspect, publish};
use foldin::interactions::{Catalogue, IdMap, LogRules, MetadataValue};
use foldin::io::{ItemColumns, LogError, TableError, read_all_items, read_items};
use foldin::models::Model;
use foldin::training::TrainingSummary;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

fn write(directory: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = directory.path().join(name);
    let nullable = columns.into_iter().map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(nullable).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn vocabulary(ids: &[&str]) -> IdMap {
    IdMap::Text(ids.iter().collect())
}

/// One column of every family of types, three rows, the middle one with nulls where there can be any.
fn attributes() -> Vec<(&'static str, ArrayRef)> {
    let mut genres = ListBuilder::new(StringBuilder::new());
    genres.append_value([Some("noir"), None]);
    genres.append_null();
    genres.append_value([Some("")]);
    let mut scores = ListBuilder::new(Int32Builder::new());
    scores.append_value([Some(1), Some(2)]);
    scores.append_value([]);
    scores.append_value([Some(-3)]);
    let fields: Fields = vec![Field::new("city", DataType::Utf8, true)].into();
    vec![
        ("users", Arc::new(Int64Array::from(vec![Some(7), None, Some(i64::MIN)]))),
        ("year", Arc::new(UInt16Array::from(vec![Some(1999), None, Some(2024)]))),
        ("price", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(f64::NAN)]))),
        (
            "exact",
            Arc::new(Decimal128Array::from(vec![Some(150), None, Some(-1)]).with_precision_and_scale(9, 2).unwrap()),
        ),
        ("adult", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("brand", Arc::new(StringArray::from(vec![Some("É\u{301}🎬"), None, Some("x")]))),
        ("released", Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None, Some(9)]).with_timezone("UTC"))),
        ("genres", Arc::new(genres.finish())),
        ("scores", Arc::new(scores.finish())),
        ("origin", Arc::new(StructArray::new(fields, vec![strings(&["Rome", "Bern", "Oslo"])], None))),
    ]
}

#[test]
fn titles_and_attributes_are_found_for_the_items_of_a_vocabulary() {
    let directory = TempDir::new().unwrap();
    let titles: ArrayRef =
        Arc::new(StringArray::from(vec![Some("Tea"), None, Some("Sofa"), Some("Cup"), Some("A cup")]));
    let ids = strings(&["tea", "pot", "sofa", "cup", "cup"]);
    let category = strings(&["drink", "dish", "seat", "dish", "lost"]);
    let path = write(&directory, "items.parquet", vec![("title", titles), ("item_id", ids), ("category", category)]);
    let ids = vocabulary(&["cup", "jug", "pot", "tea"]);
    let items = read_items(&path, &ItemColumns::default(), &ids).unwrap();
    assert_eq!(items.titles, [Some("Cup".into()), None, None, Some("Tea".into())]);
    let report = &items.report;
    assert_eq!((report.rows, report.described, report.undescribed, report.titled), (5, 3, 1, 2));
    assert_eq!((report.unknown_item, report.repeated), (1, 1));
    assert_eq!(report.attributes, ["category"]);
    let text = report.to_string();
    for part in
        ["5 rows", "3 items described, 1 not", "2 with a title", "attributes: category", "1 row of unknown items"]
    {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }

    let columns = ItemColumns { title: "name".into(), ..ItemColumns::default() };
    let untitled = read_items(&path, &columns, &ids).unwrap();
    assert!(untitled.titles.iter().all(Option::is_none));
    assert_eq!(untitled.report.attributes, ["title", "category"]);
    assert!(untitled.report.to_string().contains("no column `name` (name another with --title-column)"));
}

/// Publishes a model over `ids` with the metadata of `path`, and reads `attributes` of the directory back.
fn published(directory: &Path, path: &Path, ids: &IdMap) -> Option<RecordBatch> {
    let model = fixture::train(&fixture::popularity(), 1).model;
    let items = read_items(path, &ItemColumns::default(), ids).unwrap();
    let catalogue = Catalogue::new(ids.clone()).with_titles(items.titles);
    let publication = Publication {
        model: model.as_ref() as &dyn Model,
        catalogue: &catalogue,
        attributes: &items.attributes,
        users: &fixture::users(),
        held_out: &[],
        histories: &fixture::histories(),
        detail: foldin::artifact::LogDetail::default(),
        rules: &LogRules::default(),
        training: None,
        from: None,
        run: None,
        summary: &TrainingSummary::default(),
        calibration: None,
        metrics: Default::default(),
    };
    publish(directory, &publication, true).unwrap();
    let file = File::open(directory.join("items.parquet")).unwrap();
    let mut rows = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1000).build().unwrap();
    let rows = rows.next().unwrap().unwrap();
    rows.column_by_name("attributes").map(|column| RecordBatch::from(column.as_struct()))
}

#[test]
fn attributes_keep_their_types_in_the_model_directory() {
    let directory = TempDir::new().unwrap();
    let ids: Vec<String> = (0..fixture::ITEMS as u32).map(fixture::item_id).collect();
    let described = strings(&[&ids[30], &ids[2], &ids[5]]);
    let columns = attributes().into_iter().chain([("item_id", described)]).collect();
    let path = write(&directory, "items.parquet", columns);
    let model = directory.path().join("model");
    let stored = published(&model, &path, &IdMap::Text(ids.iter().collect())).unwrap();

    assert_eq!(stored.num_rows(), fixture::ITEMS);
    for (name, values) in attributes() {
        let column = stored.column_by_name(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(column.data_type(), values.data_type(), "{name}");
        for (row, item) in [(0, 30), (1, 2), (2, 5)] {
            assert_eq!(column.slice(item, 1).to_data(), values.slice(row, 1).to_data(), "{name} of item {item}");
        }
        assert!(
            (0..fixture::ITEMS).filter(|item| ![2, 5, 30].contains(item)).all(|item| column.is_null(item)),
            "{name}"
        );
    }
    assert!(Artifact::open(&model).is_ok());
    let metadata = inspect(&model).unwrap().metadata;
    assert_eq!(metadata.columns().len() + metadata.left_out().len(), attributes().len());
    let year = metadata.column("year").unwrap();
    assert_eq!((year.data_type.as_str(), year.values.len()), ("UInt16", fixture::ITEMS));

    // Without attributes there is no such column.
    let plain = write(&directory, "plain.parquet", vec![("item_id", strings(&["x"])), ("title", strings(&["X"]))]);
    assert_eq!(published(&model, &plain, &IdMap::Text(ids.iter().collect())), None);
}

#[test]
fn attributes_are_read_in_the_types_that_can_be_compared() {
    use MetadataValue::{Flag, Number, Text, Texts};
    let directory = TempDir::new().unwrap();
    let ids: Vec<String> = (0..fixture::ITEMS as u32).map(fixture::item_id).collect();
    let more: Vec<(&str, ArrayRef)> = vec![
        ("item_id", strings(&[&ids[30], &ids[2], &ids[5]])),
        ("day", Arc::new(Date32Array::from(vec![Some(-1), None, Some(20_000)]))),
        ("eon", Arc::new(Date32Array::from(vec![1, i32::MAX, 3]))),
        ("second", Arc::new(TimestampMillisecondArray::from(vec![Some(1_500), None, Some(0)]))),
        ("last", Arc::new(Int64Array::from(vec![1 << 53, -(1 << 53), 0]))),
        ("beyond", Arc::new(UInt64Array::from(vec![0, (1 << 53) + 1, 0]))),
    ];
    let columns = attributes().into_iter().chain(more).collect();
    let path = write(&directory, "items.parquet", columns);
    let model = directory.path().join("model");
    published(&model, &path, &IdMap::Text(ids.iter().collect())).unwrap();
    let metadata = Artifact::open(&model).unwrap().metadata;

    let value = |name: &str, item: usize| metadata.column(name).unwrap_or_else(|| panic!("{name}")).values.get(item);
    let known = |name: &str| [30, 2, 5].map(|item| value(name, item));
    assert_eq!(known("year"), [Some(Number(1999.0)), None, Some(Number(2024.0))]);
    assert_eq!(known("price"), [Some(Number(1.5)), None, None], "NaN is unknown");
    assert_eq!(known("exact"), [Some(Number(1.5)), None, Some(Number(-0.01))]);
    assert_eq!(known("adult"), [Some(Flag(true)), None, Some(Flag(false))]);
    assert_eq!(known("brand"), [Some(Text("É\u{301}🎬".into())), None, Some(Text("x".into()))]);
    assert_eq!(known("genres"), [Some(Texts(vec!["noir".into()])), None, Some(Texts(vec![String::new()]))]);
    let time = |text: &str| Some(Text(text.into()));
    assert_eq!(known("released"), [time("1969-12-31T23:59:59.999999Z"), None, time("1970-01-01T00:00:00.000009Z")]);
    assert_eq!(known("day"), [time("1969-12-31"), None, time("2024-10-04")]);
    assert_eq!(known("second"), [time("1970-01-01T00:00:01.500Z"), None, time("1970-01-01T00:00:00Z")]);
    assert_eq!(known("last")[0], Some(Number(9_007_199_254_740_992.0)));
    assert!((0..fixture::ITEMS).filter(|item| ![2, 5, 30].contains(item)).all(|item| value("brand", item).is_none()));

    let left_out: Vec<(&str, &str)> =
        metadata.left_out().iter().map(|column| (column.name.as_str(), column.reason.as_str())).collect();
    for (name, reason) in [
        ("users", "integers beyond 2^53, such as 9223372036854775808"),
        ("beyond", "integers beyond 2^53, such as 9007199254740993"),
        ("eon", "times beyond"),
        ("scores", "cannot be compared"),
        ("origin", "cannot be compared"),
    ] {
        let found =
            left_out.iter().find(|(column, _)| *column == name).unwrap_or_else(|| panic!("{name}: {left_out:?}"));
        assert!(found.1.contains(reason), "{found:?}");
    }
    assert_eq!(left_out.len(), 5);
}

#[test]
fn files_of_a_directory_may_know_different_things_but_not_of_different_types() {
    let directory = TempDir::new().unwrap();
    let year = |years: Vec<u16>| -> ArrayRef { Arc::new(UInt16Array::from(years)) };
    write(&directory, "a.parquet", vec![("item_id", strings(&["cup"])), ("year", year(vec![1]))]);
    let colour = ("colour", strings(&["red"]));
    write(&directory, "b.parquet", vec![colour, ("item_id", strings(&["tea"])), ("year", year(vec![2]))]);
    let ids = vocabulary(&["cup", "tea"]);
    let items = read_items(directory.path(), &ItemColumns::default(), &ids).unwrap();
    assert_eq!(items.report.attributes, ["year", "colour"]);

    write(&directory, "c.parquet", vec![("item_id", strings(&["tea"])), ("year", strings(&["2"]))]);
    let error = read_items(directory.path(), &ItemColumns::default(), &ids).unwrap_err();
    assert!(matches!(error, LogError::Table(TableError::Retyped { .. })), "{error}");
    let error = error.to_string();
    for part in ["c.parquet", "`year` is of type Utf8", "a.parquet", "UInt16"] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn items_files_that_cannot_be_used_are_refused() {
    let directory = TempDir::new().unwrap();
    let refused = |path: &Path, ids: &IdMap, parts: &[&str]| {
        let error = read_items(path, &ItemColumns::default(), ids).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let ids = vocabulary(&["1"]);
    let path = write(&directory, "a.parquet", vec![("movie_id", strings(&["1"])), ("title", strings(&["One"]))]);
    refused(&path, &ids, &["no column `item_id`", "--item-id-column"]);
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let path = write(&directory, "b.parquet", vec![("item_id", numbers())]);
    refused(&path, &ids, &["integer ids", "text ids"]);
    let path = write(&directory, "c.parquet", vec![("item_id", strings(&["1"])), ("title", numbers())]);
    refused(&path, &ids, &["`title` is of type Int64", "--title-column"]);
    let path = write(&directory, "d.parquet", vec![("item_id", Arc::new(StringArray::from(vec![None::<&str>])))]);
    refused(&path, &ids, &["`item_id`, row 1: the value is null"]);
}

#[test]
fn items_that_nobody_has_join_the_vocabulary_in_order() {
    let directory = TempDir::new().unwrap();
    let path = write(&directory, "items.parquet", vec![("item_id", strings(&["urn", "cup", "ale", "ale"]))]);
    let (all, places) = read_all_items(&path, &ItemColumns::default(), &vocabulary(&["cup", "tea"])).unwrap();
    assert_eq!(all, vocabulary(&["ale", "cup", "tea", "urn"]));
    assert_eq!(places, [1, 2]);

    let histories = fixture::histories();
    let places: Vec<u32> = (0..fixture::ITEMS as u32).map(|item| 2 * item + 1).collect();
    let wide = histories.clone().over_items(2 * fixture::ITEMS, &places).unwrap();
    assert_eq!((wide.users(), wide.items(), wide.len()), (histories.users(), 2 * fixture::ITEMS, histories.len()));
    for (wide, narrow) in wide.histories().zip(histories.histories()) {
        assert_eq!(wide.weights(), narrow.weights());
        assert!(wide.items().iter().zip(narrow.items()).all(|(wide, narrow)| *wide == 2 * narrow + 1));
    }
    assert!(histories.over_items(3, &places).is_err(), "places outside of the items");
}
