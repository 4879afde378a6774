//! `foldin map`: a table that other tools read, and a picture that a person reads.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::harness::{arg, command_on, finish, fixture, foldin, json, succeed};

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn columns(table: &RecordBatch) -> Vec<(String, DataType)> {
    table.schema().fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
}

fn all_finite(table: &RecordBatch) -> bool {
    let axes = ["x", "y"].map(|name| table.column_by_name(name).unwrap().as_primitive::<Float32Type>().clone());
    axes.iter().all(|axis| axis.null_count() == 0 && axis.values().iter().all(|value| value.is_finite()))
}

#[test]
fn items_by_who_is_near_to_whom() {
    let directory = tempfile::tempdir().unwrap();
    let (out, plot) = (directory.path().join("map.parquet"), directory.path().join("map.svg"));
    let model = arg(&fixture().model);
    let said = succeed(&["map", model, "--out", arg(&out), "--plot", arg(&plot), "--colour", "category"]);
    assert!(said.contains("400 items: t-SNE with perplexity 30\n"), "{said}");

    let table = read(&out);
    let text = DataType::Utf8;
    let expected = [
        ("item_id", text.clone()),
        ("x", DataType::Float32),
        ("y", DataType::Float32),
        ("interactions", DataType::UInt32),
        ("title", text.clone()),
        ("colour", text),
    ];
    assert_eq!(columns(&table), expected.map(|(name, data_type)| (name.to_owned(), data_type)));
    assert_eq!(table.num_rows(), 400);
    assert!(all_finite(&table));
    let colours: HashSet<&str> = table.column(5).as_string::<i32>().iter().flatten().collect();

    let svg = fs::read_to_string(&plot).unwrap();
    let counts = table.column(3).as_primitive::<UInt32Type>();
    let largest = (0..400).max_by_key(|&row| (counts.value(row), std::cmp::Reverse(row))).unwrap();
    // Under the pointer, and written beside it: in white and in black.
    assert_eq!(svg.matches(&format!(">{}<", table.column(4).as_string::<i32>().value(largest))).count(), 3, "{svg}");
    assert_eq!(svg.matches("<title>").count(), 400);
    assert!(svg.contains(": 400 items<") && svg.contains("space mult-vae/decoder"), "the captions");
    assert!(colours.iter().any(|colour| svg.contains(&format!(">{} (", colour.replace('&', "&amp;")))), "{colours:?}");

    let again = foldin(&["map", model, "--plot", arg(&plot)]);
    again.refused(2, &[arg(&plot), "exists", "--force"]);
    succeed(&["map", model, "--plot", arg(&plot), "--force", "--method", "pca"]);
    let svg = fs::read_to_string(&plot).unwrap();
    assert!(svg.contains("first principal component (") && svg.contains("% of the variance)"), "the axes");
}

#[test]
fn users_by_principal_components_and_what_they_like() {
    let directory = tempfile::tempdir().unwrap();
    let (out, plot) = (directory.path().join("users.parquet"), directory.path().join("users.svg"));
    let model = arg(&fixture().model);
    let flags = ["--users", "--method", "pca", "--points", "120", "--colour", "price", "--json"];
    let report = json(&[&["map", model, "--out", arg(&out), "--plot", arg(&plot)][..], &flags].concat());
    assert_eq!((&report["points"], &report["drawn_from"], &report["of"]), (&120.into(), &300.into(), &"users".into()));
    let shares: Vec<f64> = serde_json::from_value(report["explained_variance"].clone()).unwrap();
    assert!(shares[0] >= shares[1] && shares[1] > 0.0 && shares[0] + shares[1] <= 1.0, "{shares:?}");

    let table = read(&out);
    let names: Vec<String> = columns(&table).into_iter().map(|column| column.0).collect();
    assert_eq!(names, ["user_id", "x", "y", "interactions", "colour"]);
    assert_eq!((table.num_rows(), table.column(4).data_type()), (120, &DataType::Float64));
    assert!(all_finite(&table));
    let svg = fs::read_to_string(&plot).unwrap();
    assert!(svg.contains("120 of 300 users, drawn by seed 1") && svg.contains("linearGradient"), "{svg}");
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let directory = tempfile::tempdir().unwrap();
    for (number, flags) in
        [&["--colour", "category"][..], &["--users", "--points", "150"], &["--method", "pca"]].into_iter().enumerate()
    {
        let run = |threads: &str| {
            let path = |extension: &str| directory.path().join(format!("{number}-{threads}.{extension}"));
            let (out, plot) = (path("parquet"), path("svg"));
            let arguments =
                [&["map", arg(&fixture().model), "--out", arg(&out), "--plot", arg(&plot)][..], flags].concat();
            assert_eq!(finish(&mut command_on(threads, &arguments)).code, Some(0));
            [out, plot].map(|path| fs::read(path).unwrap())
        };
        assert!(run("1") == run("3"), "{flags:?}");
    }
}

#[test]
fn what_cannot_be_mapped_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (bare, ease) = (path("bare"), path("ease"));
    let log = arg(&fixture().log);
    succeed(&["train", log, "--out", arg(&bare), "--model", "low-pass", "--set", "model.rank=8"]);
    succeed(&["train", log, "--out", arg(&ease), "--model", "ease"]);
    let plot = path("map.svg");
    let refused = |model: &Path, flags: &[&str], code, parts: &[&str]| {
        foldin(&[&["map", arg(model), "--plot", arg(&plot)][..], flags].concat()).refused(code, parts);
        assert!(!plot.exists(), "{flags:?}");
    };
    let model = &fixture().model;
    refused(model, &["--colour", "categories"], 2, &["`categories`", "did you mean `category`?", "`price`"]);
    refused(model, &["--colour", "price", "--before", "|"], 2, &["--before", "`price`", "numbers"]);
    refused(&bare, &["--colour", "category"], 2, &["no metadata", "--items"]);
    refused(&ease, &[], 2, &["ease", "no item embeddings", "elsa"]);
    refused(&ease, &["--users"], 2, &["ease", "no user embeddings", "elsa"]);
    refused(model, &["--points", "2"], 3, &["2 points", "at least 4"]);
    refused(model, &["--points", "2", "--method", "pca"], 3, &["2 points", "at least 3"]);
    refused(model, &["--perplexity", "200"], 2, &["perplexity 200", "1 to 133", "400"]);
    refused(model, &["--perplexity", "NaN"], 2, &["perplexity NaN"]);
    refused(model, &["--perplexity", "5", "--method", "pca"], 2, &["--perplexity", "t-sne"]);
    refused(model, &["--points", "0"], 2, &["--points"]);
    refused(&path("nowhere"), &[], 3, &["nowhere", "not a model directory"]);
    foldin(&["map", arg(model)]).refused(2, &["--out"]);
    foldin(&["map", arg(model), "--plot", "map.png"]).refused(2, &["map.png", "FILE.svg"]);
    foldin(&["map", arg(model), "--out", "map.csv"]).refused(2, &["map.csv", "FILE.parquet"]);

    // Without titles, points are called by their ids.
    let said = succeed(&["map", arg(&bare), "--plot", arg(&plot)]);
    assert!(said.contains("400 items"), "{said}");
    let svg = fs::read_to_string(&plot).unwrap();
    assert_eq!(svg.matches("<title>i").count(), 400, "{svg}");
}
