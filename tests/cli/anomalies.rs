//! `foldin calibrate` and `foldin anomalies`: what is normal, and what is not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt32Type};
use foldin::artifact::Artifact;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::harness::{arg, command_on, finish, fixture, foldin, json, names, succeed};
use super::tables::write_log;

const ITEMS: i64 = 200;
const GROUPS: i64 = 5;

/// The `k`th item of a normal user: users of a group share forty items, of which everyone has some.
fn liked(user: i64, k: i64) -> i64 {
    user % GROUPS * (ITEMS / GROUPS) + (user * 7 + k * (3 + 4 * (user % 2))) % (ITEMS / GROUPS)
}

/// Histories of 5 to 16 items.
fn normal(users: std::ops::Range<i64>) -> Vec<(i64, i64)> {
    users.flat_map(|user| (0..5 + user % 12).map(move |k| (user, liked(user, k)))).collect()
}

/// Histories from anywhere in the catalogue.
fn odd(users: std::ops::Range<i64>) -> Vec<(i64, i64)> {
    users.flat_map(|user| (0..10).map(move |k| (user, (user * 41 + k * 61) % ITEMS))).collect()
}

struct Made {
    _directory: TempDir,
    /// EASE of users 0 to 600, which holds nobody out.
    ease: PathBuf,
    /// The same, calibrated with users 1000 to 1800.
    calibrated: PathBuf,
    /// Users 2000 to 2100, of whom the last ten are odd, and one of whom no item is known.
    today: PathBuf,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let (log, others, today) = (path("log.parquet"), path("others.parquet"), path("today.parquet"));
        write_log(&log, &normal(0..600));
        write_log(&others, &normal(590..1800));
        write_log(&today, &[normal(2000..2090), odd(2090..2100), vec![(2100, 999)]].concat());
        let (ease, calibrated) = (path("ease"), path("calibrated"));
        succeed(&["train", arg(&log), "--model", "ease", "--set", "model.lambda=20", "--out", arg(&ease)]);
        let run = foldin(&["calibrate", arg(&ease), "--logs", arg(&others), "--out", arg(&calibrated)]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("left out 10 users that the model was trained on"), "{}", run.stderr);
        assert!(run.stdout.contains("calibrated with 1,200 users: histories of 5 to 16 items"), "{}", run.stdout);
        Made { _directory: directory, ease, calibrated, today }
    })
}

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mut batches = reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap);
    batches.next().unwrap()
}

#[test]
fn odd_histories_are_flagged_and_the_others_are_not() {
    let Made { calibrated, today, .. } = made();
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path().join("found.parquet");
    let ask = ["anomalies", arg(calibrated), "--logs", arg(today), "--out", arg(&table)];
    let run = foldin(&ask);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("left out 1 user without any item that the model knows"), "{}", run.stderr);
    assert!(run.stdout.contains("100 histories, compared with those of 1,200 normal users"), "{}", run.stdout);

    let rows = read(&table);
    let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(
        names,
        [
            "user_id",
            "history_items",
            "statistic",
            "surprise",
            "p_value",
            "adjusted_p_value",
            "flagged",
            "outside_calibration",
            "least_likely_items",
            "least_likely_places"
        ]
    );
    let numbers = |name: &str| rows.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec();
    let users = rows.column(0).as_primitive::<Int64Type>().values();
    assert_eq!(users.to_vec(), (2000..2100).collect::<Vec<i64>>());
    let (p_values, adjusted) = (numbers("p_value"), numbers("adjusted_p_value"));
    let flagged: Vec<bool> = rows.column(6).as_boolean().iter().flatten().collect();
    assert!(users.iter().zip(&flagged).filter(|(user, _)| **user >= 2090).all(|(_, flagged)| *flagged));
    assert!(flagged[..90].iter().filter(|flagged| **flagged).count() <= 3, "{p_values:?}");
    assert!(flagged.iter().zip(&adjusted).all(|(flagged, adjusted)| *flagged == (*adjusted <= 0.1)));
    assert!(p_values.iter().zip(&adjusted).all(|(p, adjusted)| *p > 0.0 && p <= adjusted && *adjusted <= 1.0));
    let unlikely = (rows.column(8).as_list::<i32>(), rows.column(9).as_list::<i32>());
    let lengths = rows.column(1).as_primitive::<UInt32Type>().values();
    for row in 0..100 {
        let places = unlikely.1.value(row);
        let places = places.as_primitive::<Float64Type>().values();
        assert_eq!((unlikely.0.value(row).len(), places.len()), (5, 5), "of {}", lengths[row]);
        assert!(places.is_sorted_by(|a, b| a >= b) && places.iter().all(|place| *place > 0.0 && *place <= 1.0));
    }

    let answer = json(&["anomalies", arg(calibrated), "--logs", arg(today), "--json"]);
    assert_eq!((answer["users"].as_u64(), answer["calibration_users"].as_u64()), (Some(100), Some(1200)), "{answer}");
    let found = answer["flagged"].as_array().unwrap();
    assert_eq!(found.len(), flagged.iter().filter(|flagged| **flagged).count());
    let user: i64 = found[0]["user_id"].as_str().unwrap().parse().unwrap();
    assert!(user >= 2090, "the most unusual comes first: {answer}");
    assert_eq!(found[0]["p_value"].as_f64(), Some(p_values[user as usize - 2000]));
    assert_eq!(found[0]["least_likely"].as_array().map(Vec::len), Some(5));

    // The same bytes for any number of threads.
    let again = directory.path().join("again.parquet");
    let run = finish(&mut command_on("1", &[&ask[..5], &[arg(&again)]].concat()));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(fs::read(&table).unwrap(), fs::read(&again).unwrap());
    foldin(&ask).refused(2, &["found.parquet", "--force"]);
    succeed(&[&ask[..], &["--force", "--fdr", "0.001", "--least-likely", "0"]].concat());
    let rows = read(&table);
    assert!(rows.column(6).as_boolean().iter().flatten().all(|flagged| !flagged), "a tenth of p-values is not enough");
    assert!((0..100).all(|row| rows.column(8).as_list::<i32>().value(row).is_empty()));
}

#[test]
fn a_click_by_accident_is_the_least_likely_item_of_its_history() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log.parquet");
    let clicks: BTreeMap<i64, i64> = (3000..3040).map(|user| (user, liked(user + 2, 1))).collect();
    write_log(&log, &[normal(3000..3040), clicks.iter().map(|(&user, &item)| (user, item)).collect()].concat());
    let table = directory.path().join("found.parquet");
    succeed(&["anomalies", arg(&made().calibrated), "--logs", arg(&log), "--out", arg(&table), "--least-likely", "1"]);
    let rows = read(&table);
    let named = rows.column(8).as_list::<i32>().values().as_primitive::<Int64Type>().values().to_vec();
    let hits = clicks.values().zip(&named).filter(|(click, named)| click == named).count();
    assert!(hits >= 38, "{hits} of 40");
}

#[test]
fn a_network_is_calibrated_by_its_validation_users() {
    let directory = tempfile::tempdir().unwrap();
    let (log, model) = (directory.path().join("log.parquet"), directory.path().join("model"));
    write_log(&log, &normal(0..1100));
    let small = ["--epochs", "2", "--set", "model.hidden=24", "--set", "model.latent=8"];
    let run = foldin(&[&["train", arg(&log), "--out", arg(&model)][..], &small].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("calibrated for anomalies with its validation users"), "{}", run.stdout);
    let artifact = Artifact::open(&model).unwrap();
    assert_eq!((artifact.calibration.unwrap().users(), artifact.held_out.len()), (110, 110));
    assert!(succeed(&["inspect", arg(&model)]).contains("file         calibration.safetensors"));
    let run = foldin(&["anomalies", arg(&model)]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("was trained on 990 of these 1,100 users"), "{}", run.stderr);
    // A registry has all of it.
    let registry = directory.path().join("registry");
    succeed(&["publish", arg(&model), "--registry", arg(&registry), "--name", "m"]);
    let version = registry.join("m").join(&artifact.manifest.model_version);
    assert_eq!(names(&version), names(&model));
    // Anew, with those held out; in place.
    let users = Artifact::open(&model).unwrap().held_out.len().to_string();
    let answer = json(&["calibrate", arg(&model), "--out", arg(&model), "--force", "--json"]);
    assert_eq!(answer["calibration_users"].to_string(), users);
    assert_eq!(answer["manifest"]["model_version"], artifact.manifest.model_version, "the same users, the same model");
}

#[test]
fn too_few_validation_users_are_named() {
    // The model of the fixture has thirty.
    let run = foldin(&["anomalies", arg(&fixture().model)]);
    run.refused(2, &["mult-vae is not calibrated for anomalies", "`foldin calibrate MODEL --logs LOG --out DIR`"]);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let run = foldin(&["calibrate", arg(&fixture().model), "--out", arg(&out)]);
    run.refused(3, &["30 users with a history are too few to calibrate with, at least 100 are needed"]);
    assert!(!out.exists());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let Made { ease, calibrated, today, .. } = made();
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    foldin(&["anomalies", arg(ease)]).refused(2, &["ease is not calibrated for anomalies", "foldin calibrate"]);
    let run = foldin(&["calibrate", arg(ease), "--out", arg(&out)]);
    run.refused(2, &["was trained on all of these 600 users", "--logs", "foldin split"]);
    foldin(&["calibrate", arg(ease), "--out", arg(calibrated)]).refused(2, &["calibrated", "--force"]);
    for fdr in ["-0.1", "1.5", "nan"] {
        foldin(&["anomalies", arg(calibrated), &format!("--fdr={fdr}")]).refused(2, &["--fdr", "between 0 and 1"]);
    }
    foldin(&["anomalies", arg(calibrated), "--least-likely", "101"]).refused(2, &["--least-likely is 101"]);
    foldin(&["anomalies", arg(calibrated), "--logs", "nowhere.parquet"]).refused(3, &["nowhere.parquet"]);
    let few = ["calibrate", arg(ease), "--logs", arg(today), "--out", arg(&out), "--max-users", "99"];
    foldin(&few).refused(3, &["99 users with a history are too few"]);
    assert!(!out.exists());
}
