//! Logs and outputs that cannot be used: the message names file, column and row, and nothing is left
//! behind.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::harness::{Run, arg, fixture, foldin, names};
use super::tables::{integers, numbers, regular, write, write_log};

/// Trains on `log.parquet` of a directory; whatever happens, no model may have appeared.
fn train(directory: &TempDir, extra: &[&str]) -> Run {
    let (log, out) = (directory.path().join("log.parquet"), directory.path().join("out"));
    fs::create_dir(&out).unwrap();
    let model = out.join("model");
    let run = foldin(&[&["train", arg(&log), "--out", arg(&model), "--model", "ease"], extra].concat());
    assert_eq!(names(&out), [""; 0], "something is left behind");
    run
}

fn log(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("log.parquet")
}

#[test]
fn a_missing_column() {
    let directory = tempfile::tempdir().unwrap();
    write(&log(&directory), vec![("user_id", integers(0..4)), ("movie_id", integers(0..4))]);
    train(&directory, &[])
        .refused(3, &["log.parquet", "no column `item_id`", "`user_id`, `movie_id`", "--item-column"]);
}

#[test]
fn unusable_weights() {
    for (weight, shown) in [
        (None, "null"),
        (Some(f64::NAN), "NaN"),
        (Some(f64::INFINITY), "inf"),
        (Some(f64::NEG_INFINITY), "-inf"),
        (Some(-2.0), "-2"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let pairs = regular(0..6, 5, 3);
        let weights = (0..pairs.len()).map(|row| if row == 7 { weight } else { Some(1.0) });
        write(
            &log(&directory),
            vec![
                ("user_id", integers(pairs.iter().map(|pair| pair.0))),
                ("item_id", integers(pairs.iter().map(|pair| pair.1))),
                ("rating", numbers(weights)),
            ],
        );
        train(&directory, &["--weight-column", "rating"])
            .refused(3, &["log.parquet", "column `rating`", "row 8", shown, "fix or remove the row"]);
    }
}

#[test]
fn null_ids() {
    let directory = tempfile::tempdir().unwrap();
    let items = std::sync::Arc::new(arrow_array::Int64Array::from(vec![Some(1), None, Some(3), Some(1)]));
    write(&log(&directory), vec![("user_id", integers(0..4)), ("item_id", items)]);
    train(&directory, &[])
        .refused(3, &["log.parquet", "column `item_id`", "row 2", "null", "remove or complete the row"]);
}

#[test]
fn empty_truncated_and_foreign_files() {
    let whole = {
        let directory = tempfile::tempdir().unwrap();
        write_log(&log(&directory), &regular(0..50, 20, 8));
        fs::read(log(&directory)).unwrap()
    };
    let convert = "convert it to Parquet first";
    let again = "copy or write it again";
    for (content, problem, remedy) in [
        (&[][..], "it is empty (0 bytes)", convert),
        (&b"user_id,item_id\n1,2\n"[..], "is not a Parquet file: it starts with \"user\"", convert),
        (&whole[..whole.len() / 2], "is truncated or damaged: its end is missing", again),
        (&whole[..whole.len() - 1], "is truncated or damaged: its end is missing", again),
    ] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(log(&directory), content).unwrap();
        train(&directory, &[]).refused(3, &["log.parquet", problem, remedy]);
    }
    let directory = tempfile::tempdir().unwrap();
    write_log(&log(&directory), &[]);
    train(&directory, &[]).refused(3, &["log.parquet", "no rows", "give a log with"]);
}

/// Whatever byte is damaged: the log is read, or refused by name, and no panic is printed.
#[test]
fn a_byte_that_flipped() {
    let directory = tempfile::tempdir().unwrap();
    write_log(&log(&directory), &regular(0..6, 5, 3));
    let whole = fs::read(log(&directory)).unwrap();
    let damaged = tempfile::tempdir().unwrap();
    let mut refused = 0;
    for position in 0..whole.len() {
        let mut bad = whole.clone();
        bad[position] ^= 0x80;
        let _ = fs::remove_file(log(&damaged));
        fs::write(log(&damaged), bad).unwrap();
        let read = ::foldin::io::read_log(&log(&damaged), &::foldin::interactions::LogRules::default());
        let Err(error) = read else { continue };
        assert!(error.to_string().contains("log.parquet"), "byte {position}: {error}");
        refused += 1;
        if refused % 50 == 1 {
            let _ = fs::remove_dir(damaged.path().join("out"));
            let run = train(&damaged, &[]);
            run.refused(3, &["log.parquet"]);
            assert_eq!(run.stderr.matches("thread '").count(), 0, "{}", run.stderr);
        }
    }
    assert!(refused > 50, "only {refused} bytes of {} matter", whole.len());
}

#[test]
fn a_file_or_directory_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    train(&directory, &[]).refused(3, &["cannot read", "log.parquet", "check that the path exists"]);
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(log(&directory)).unwrap();
    train(&directory, &[]).refused(3, &["log.parquet", "no *.parquet file", "give the directory of the files"]);
}

#[test]
fn nothing_left_after_the_filters() {
    let directory = tempfile::tempdir().unwrap();
    write_log(&log(&directory), &regular(0..6, 5, 3));
    train(&directory, &["--min-user-items", "50"])
        .refused(3, &["log.parquet", "nothing is left", "relax the rules", "of users below the minimum"]);
}

#[test]
fn one_user_or_one_item() {
    for pairs in [[(1, 1), (1, 2), (1, 3)], [(1, 1), (2, 1), (3, 1)]] {
        let directory = tempfile::tempdir().unwrap();
        write_log(&log(&directory), &pairs);
        train(&directory, &[]).refused(3, &["log.parquet", "at least 2", "relax the rules or check the column names"]);
    }
}

#[test]
fn titles_that_cannot_be_used() {
    let directory = tempfile::tempdir().unwrap();
    write_log(&log(&directory), &regular(0..6, 5, 3));
    let titles = directory.path().join("titles.parquet");
    write(&titles, vec![("item_id", integers(0..5)), ("name", integers(0..5))]);
    train(&directory, &["--items", arg(&titles), "--title-column", "name"])
        .refused(3, &["titles.parquet", "`name` is of type Int64", "--title-column"]);
}

#[test]
fn an_output_that_cannot_be_written_is_found_out_before_the_log_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let inside = file.join("model");
    // The log does not exist either: the output is looked at first.
    let missing = directory.path().join("missing.parquet");
    foldin(&["train", arg(&missing), "--out", arg(&inside)])
        .refused(1, &[arg(&file), "cannot ", "check ", "permissions"]);
    foldin(&["generate", "--out", arg(&inside)]).refused(1, &[arg(&file), "cannot ", "check ", "permissions"]);
    let out = file.join("recs.parquet");
    foldin(&["recommend", arg(&fixture().model), "--all", "--out", arg(&out)])
        .refused(1, &[arg(&file), "cannot ", "check ", "permissions"]);
    assert_eq!(names(directory.path()), ["file"]);
}

#[test]
fn an_output_that_exists_is_refused_without_force() {
    let directory = tempfile::tempdir().unwrap();
    let (data, recs) = (directory.path().join("data"), directory.path().join("recs.parquet"));
    let generate = |extra: &[&str]| {
        foldin(
            &[&["generate", "--out", arg(&data), "--users", "20", "--items", "20", "--interactions", "100"], extra]
                .concat(),
        )
    };
    assert_eq!(generate(&[]).code, Some(0));
    let before = fs::read(data.join("log.parquet")).unwrap();
    generate(&["--seed", "2"]).refused(2, &[arg(&data), "exists", "--force"]);
    assert_eq!(fs::read(data.join("log.parquet")).unwrap(), before);
    assert_eq!(generate(&["--seed", "2", "--force"]).code, Some(0));
    assert_ne!(fs::read(data.join("log.parquet")).unwrap(), before);
    fs::write(data.join("notes.txt"), "mine").unwrap();
    generate(&["--force"]).refused(2, &[arg(&data), "not replaced"]);

    fs::write(&recs, "mine").unwrap();
    foldin(&["recommend", arg(&fixture().model), "--all", "--out", arg(&recs)]).refused(2, &[arg(&recs), "--force"]);
    assert_eq!(fs::read_to_string(&recs).unwrap(), "mine");
    foldin(&["recommend", arg(&fixture().model), "--all", "--force", "--out", arg(&data)])
        .refused(2, &[arg(&data), "not an export", "not replaced"]);
}

#[test]
fn a_log_that_cannot_exist_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    foldin(&["generate", "--out", arg(&data), "--users", "1"]).refused(2, &["users is 1"]);
    foldin(&["generate", "--out", arg(&data), "--preset", "huge"]).refused(2, &["unknown preset `huge`", "default"]);
    assert!(!Path::new(&data).exists());
}
