//! `foldin evaluate`: reports and values by user.

use std::fs::{self, File};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::harness::{SMALL, arg, fixture, foldin, json, names, succeed};
use super::tables::{regular, write_log};

/// The one batch of a small file.
fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.build().unwrap().next().unwrap().unwrap()
}

fn mean(batch: &RecordBatch, name: &str) -> f64 {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let values = column.as_primitive::<Float64Type>().values();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn every_user_has_a_row_and_the_rows_make_the_means() {
    let directory = tempfile::tempdir().unwrap();
    let (log, users) = (directory.path().join("log.parquet"), directory.path().join("new/users.parquet"));
    write_log(&log, &regular(1000..1060, 30, 9));
    let arguments = ["evaluate", "--train", arg(&log), "--model", "ease", "--held-out-users", "20", "--json"];
    let more = ["--metrics", "ndcg@10,novelty@5,coverage@5", "--per-user", arg(&users)];
    let report = json(&[&arguments[..], &more].concat());
    let batch = read(&users);
    let columns: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = ["popularity/ndcg@10", "popularity/novelty@5", "ease/ndcg@10", "ease/novelty@5"];
    assert_eq!(columns, [&["user_id", "history_length", "target_size"][..], &expected].concat());
    assert_eq!(batch.num_rows(), 20);
    // Whole numbers in, whole numbers out; they are users of the log, each once.
    let mut ids = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    ids.dedup();
    assert!(ids.len() == 20 && ids.iter().all(|id| (1000..1060).contains(id)), "{ids:?}");
    // Nine items each: seven folded in, two to be found.
    assert!(batch.column(1).as_primitive::<UInt32Type>().values().iter().all(|&length| length == 7));
    assert!(batch.column(2).as_primitive::<UInt32Type>().values().iter().all(|&size| size == 2));
    for (at, name) in ["popularity", "ease"].iter().enumerate() {
        for metric in ["ndcg@10", "novelty@5"] {
            let reported = report["models"][at]["metrics"][metric].as_f64().unwrap();
            assert!((mean(&batch, &format!("{name}/{metric}")) - reported).abs() < 1e-12);
        }
    }
    let again = foldin(&[&arguments[..], &more].concat());
    again.refused(2, &["users.parquet", "--force"]);
    succeed(&[&arguments[..], &more, &["--force"]].concat());
}

#[test]
fn ids_by_user_are_those_of_the_given_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (train, fold_in, target, users) = (path("train"), path("in.parquet"), path("out.parquet"), path("u.parquet"));
    fs::create_dir(&train).unwrap();
    write_log(&train.join("a.parquet"), &regular(0..40, 30, 9));
    write_log(&fold_in, &[(500, 1), (500, 2), (700, 3), (900, 4)]);
    write_log(&target, &[(900, 1), (500, 9)]);
    let data = ["--fold-in", arg(&fold_in), "--target", arg(&target), "--per-user", arg(&users)];
    succeed(
        &[&["evaluate", "--train", arg(&train), "--model", "popularity", "--baselines", "popularity"], &data[..]]
            .concat(),
    );
    let batch = read(&users);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[500, 900]);
    assert_eq!(batch.column(1).as_primitive::<UInt32Type>().values(), &[2, 1]);
}

#[test]
fn a_report_is_one_page_that_needs_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("sub/report.html");
    let arguments = ["evaluate", "--train", arg(&fixture().log), "--held-out-users", "40", "--report", arg(&page)];
    succeed(&[&arguments[..], &SMALL].concat());
    let html = fs::read_to_string(&page).unwrap();
    for part in [
        "<!DOCTYPE html>",
        "strong generalisation",
        "40 users held out by seed 1",
        "training loss a user",
        "validation ndcg@100",
        "recall@k by cutoff k",
        "ndcg@100 by history length",
        "ndcg@100 by popularity of the targets",
        "mult-vae − ease",
        "hits in the first k / min(k, |T|)",
        "95 % intervals",
        "kind = &quot;mult-vae&quot;",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(html.contains(part), "`{part}` is not in the report");
    }
    assert_eq!(html.matches("<svg").count(), 6);
    assert_eq!(names(page.parent().unwrap()), ["report.html"]);
    // Nothing is fetched and nothing is run: the only address is the name of the SVG language.
    for outside in ["<script", "<link", "src=", "url(", "@import", "javascript:"] {
        assert!(!html.contains(outside), "{outside} is in the report");
    }
    assert_eq!(html.matches("http").count(), html.matches("http://www.w3.org/2000/svg").count());
    foldin(&arguments).refused(2, &["report.html", "--force"]);
}

#[test]
fn a_directory_holds_the_page_the_markdown_and_its_pictures() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("report");
    let evaluate = |more: &[&str]| {
        foldin(
            &[&["evaluate", arg(&fixture().model), "--test", arg(&fixture().log), "--baselines", "popularity"], more]
                .concat(),
        )
    };
    // A published model tells the course of its training; everything in the test file is known to it already.
    evaluate(&["--report", arg(&report)]).refused(3, &["already in the fold-in part"]);
    assert!(!report.exists(), "a failed run leaves no report");

    let log = directory.path().join("log.parquet");
    write_log(&log, &regular(0..60, 30, 9));
    let arguments = ["evaluate", "--train", arg(&log), "--model", "ease", "--report", arg(&report)];
    succeed(&arguments);
    assert_eq!(names(&report), ["plots", "report.html", "report.md"]);
    let markdown = fs::read_to_string(report.join("report.md")).unwrap();
    let pictures: Vec<&str> = markdown.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert_eq!(pictures.len(), 4, "{markdown}");
    for picture in pictures {
        let svg = fs::read_to_string(report.join(picture)).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("ease"), "{picture}");
    }
    foldin(&arguments).refused(2, &["--force"]);
    succeed(&[&arguments[..], &["--force"]].concat());
    assert_eq!(names(directory.path()), ["log.parquet", "report"]);
}

#[test]
fn a_markdown_file_stands_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (log, report) = (directory.path().join("log.parquet"), directory.path().join("report.md"));
    write_log(&log, &regular(0..60, 30, 9));
    let metrics = "hit_rate@5,gini@5,coverage@5,mrr@5";
    succeed(&["evaluate", "--train", arg(&log), "--model", "ease", "--report", arg(&report), "--metrics", metrics]);
    let markdown = fs::read_to_string(&report).unwrap();
    assert!(markdown.starts_with("# Evaluation of ease\n") && !markdown.contains("!["), "{markdown}");
    for part in ["| hit\\_rate@5 |", "| gini@5 |", "1 / rank of the first hit", "inequality of the number of lists"] {
        assert!(markdown.contains(part), "`{part}` is not in:\n{markdown}");
    }
}

#[test]
fn names_in_a_report_are_text() {
    let directory = tempfile::tempdir().unwrap();
    let (log, report) = (directory.path().join("<script>alert(1)<script>|`.parquet"), directory.path().join("report"));
    write_log(&log, &regular(0..60, 30, 9));
    succeed(&["evaluate", "--train", arg(&log), "--model", "ease", "--report", arg(&report)]);
    let html = fs::read_to_string(report.join("report.html")).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"), "{html}");
    let markdown = fs::read_to_string(report.join("report.md")).unwrap();
    assert!(markdown.contains("&lt;script&gt;alert(1)&lt;script&gt;\\|\\`.parquet"), "{markdown}");
    let settings = markdown.split("## Settings").nth(1).unwrap();
    assert!(!markdown.replace(settings, "").contains("<script"), "{markdown}");
}

#[test]
fn a_report_of_a_published_model_names_its_version() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (log, test, model, report) = (path("log.parquet"), path("test.parquet"), path("model"), path("report.html"));
    write_log(&log, &regular(0..60, 30, 9));
    write_log(&test, &regular(40..90, 30, 9));
    succeed(&[&["train", arg(&log), "--out", arg(&model)][..], &SMALL].concat());
    succeed(&["evaluate", arg(&model), "--log", arg(&test), "--report", arg(&report)]);
    let html = fs::read_to_string(&report).unwrap();
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(model.join("manifest.json")).unwrap()).unwrap();
    for part in ["model_version", "data_fingerprint", "library_version", "created"] {
        assert!(html.contains(manifest[part].as_str().unwrap()), "{part} is not in the report");
    }
    for part in ["Evaluation of mult-vae", "30 users of", "that the model was not trained on", "training loss a user"] {
        assert!(html.contains(part), "{part} is not in the report");
    }
}

#[test]
fn reports_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let mine = directory.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.txt"), "years of work").unwrap();
    let evaluate = |report: &str, more: &[&str]| {
        foldin(&[&["evaluate", "--train", arg(&fixture().log), "--model", "ease", "--report", report], more].concat())
    };
    evaluate("report.pdf", &[]).refused(2, &["report cannot be written as .pdf", "FILE.html"]);
    evaluate(arg(&mine), &[]).refused(2, &["mine", "--force"]);
    evaluate(arg(&mine), &["--force"]).refused(2, &["holds something else than a report"]);
    assert_eq!(names(&mine), ["thesis.txt"]);
    fs::create_dir(directory.path().join("page.html")).unwrap();
    evaluate(arg(&directory.path().join("page.html")), &["--force"]).refused(2, &["is a directory"]);
    let below_a_file = mine.join("thesis.txt/users.parquet");
    foldin(&["evaluate", "--train", arg(&fixture().log), "--per-user", arg(&below_a_file)]).refused(1, &["thesis.txt"]);
}
