//! `foldin train --from`: continuing a model on another log.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use foldin::artifact::Artifact;
use tempfile::TempDir;

use super::harness::{Run, SMALL, arg, fixture, foldin, json, names, succeed};
use super::tables::{regular, texts, write, write_log};

/// A directory with a small model in it, of `users` users and 12 items.
fn parent(users: i64) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let (log, model) = (directory.path().join("old.parquet"), directory.path().join("parent"));
    write_log(&log, &regular(0..users, 12, 5));
    succeed(&[&["train", arg(&log), "--out", arg(&model)][..], &SMALL].concat());
    (directory, model)
}

/// Continues `model` on a log of these rows.
fn on(model: &Path, rows: &[(i64, i64)], extra: &[&str]) -> Run {
    let log = model.with_file_name("newer.parquet");
    write_log(&log, rows);
    let out = model.with_file_name("child");
    foldin(&[&["train", arg(&log), "--from", arg(model), "--out", arg(&out)][..], extra].concat())
}

/// Ids of the users of a model that were held out of training, or that were not.
fn users(model: &Path, held_out: bool) -> BTreeSet<String> {
    let Artifact { users, held_out: rows, .. } = Artifact::open(model).unwrap();
    let all = (0..users.len() as u32).map(foldin::types::UserIdx);
    let chosen = all.filter(|user| rows.contains(user) == held_out);
    chosen.map(|user| users.external(user.0).into_owned()).collect()
}

#[test]
fn one_epoch_on_the_same_log_is_not_worse_than_the_model_continued() {
    let directory = tempfile::tempdir().unwrap();
    let (log, model) = (arg(&fixture().log), directory.path().join("child"));
    let before = json(&["inspect", arg(&fixture().model), "--json"])["manifest"].clone();
    let answer =
        json(&["train", log, "--from", arg(&fixture().model), "--epochs", "1", "--out", arg(&model), "--json"]);
    let after = &answer["manifest"];
    let validation = |manifest: &serde_json::Value| manifest["metrics"]["validation ndcg@100"].as_f64().unwrap();
    assert_eq!(
        after["summary"]["start_validation"].as_f64(),
        Some(validation(&before)),
        "the same model, the same users"
    );
    assert!(validation(after) >= validation(&before));
    assert_eq!(after["summary"]["epochs"].as_array().unwrap().len(), 1);
    let items = &before["shapes"]["items"];
    let record = serde_json::json!({
        "model_version": before["model_version"], "items": { "kept": items, "new": 0, "vanished": 0 }
    });
    assert_eq!(after["from"], record);
    // What was not said is as it was.
    assert_eq!(after["model"], before["model"]);
    assert_eq!(after["training"]["batch_size"], before["training"]["batch_size"]);
    assert_eq!(before.get("from"), None);
}

#[test]
fn new_items_are_learnt_vanished_ones_forgotten_and_both_are_counted() {
    let (_directory, model) = parent(40);
    // Items 3 to 14 of 20 users more: 0, 1 and 2 are gone, 12, 13 and 14 are new.
    let rows: Vec<(i64, i64)> = regular(0..60, 12, 5).into_iter().map(|(user, item)| (user, item + 3)).collect();
    let run = on(&model, &rows, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let version = json(&["inspect", arg(&model), "--json"])["manifest"]["model_version"].as_str().unwrap().to_owned();
    let counts = "9 items kept, 3 new, 3 vanished";
    assert!(run.stderr.contains(&format!("continuing mult-vae {version}: {counts}")), "{}", run.stderr);
    assert!(run.stdout.contains(&format!("continues {version}: {counts}")), "{}", run.stdout);
    let child = model.with_file_name("child");
    let text = succeed(&["inspect", arg(&child)]);
    assert!(text.contains(&format!("continues    {version}: {counts}")), "{text}");
    let list = json(&["recommend", arg(&child), "--history", "5,13", "-n", "20", "--json"]);
    let listed: BTreeSet<&str> =
        list["items"].as_array().unwrap().iter().filter_map(|i| i["item_id"].as_str()).collect();
    assert!(listed.contains("14") && !listed.contains("1"), "{listed:?}");
    // A third of the epochs; a model that continues this one has as many.
    let training = |flags: &[&str]| succeed(&[&["train", "--print-config"][..], flags].concat());
    assert!(training(&["--from", arg(&model)]).contains("epochs = 1\n"));
    assert!(training(&["--from", arg(&model)]).contains("patience = 4\n"));
    assert!(training(&["--from", arg(&child)]).contains("patience = 4\n"));
    assert!(training(&["--from", arg(&model)]).contains("latent = 8\n"));
}

#[test]
fn nobody_validates_who_was_trained_on() {
    let (_directory, model) = parent(40);
    let trained = users(&model, false);
    assert_eq!(trained.len(), 36);
    let child = model.with_file_name("child");

    // Those held out before, and of the new users as many as are missing.
    let run = on(&model, &regular(0..60, 12, 5), &[]);
    assert!(run.stderr.contains("training mult-vae on 54 users, validating on 6 others"), "{}", run.stderr);
    let held_out = users(&child, true);
    assert_eq!((held_out.len(), held_out.intersection(&trained).next()), (6, None));
    assert!(held_out.is_superset(&users(&model, true)));

    // Drawn by the seed, not the first ones.
    let drawn = |seed: &str| {
        let flags = ["--force", "--set", "validation.fraction=0.2", "--seed", seed];
        assert_eq!(on(&model, &regular(0..60, 12, 5), &flags).code, Some(0));
        users(&child, true).into_iter().filter(|user| user.parse::<i64>().unwrap() >= 40).collect::<BTreeSet<_>>()
    };
    let some = drawn("1");
    assert_eq!((some.len(), drawn("1")), (8, some.clone()));
    assert_ne!(drawn("2"), some);
    assert_ne!(some, (40..48).map(|user| user.to_string()).collect());

    // Nobody is left for it: said, and the last epoch kept.
    let rows: Vec<_> =
        regular(0..40, 12, 5).into_iter().filter(|(user, _)| trained.contains(&user.to_string())).collect();
    let run = on(&model, &rows, &["--force"]);
    assert!(run.stderr.contains("without validation: the last epoch is kept"), "{}", run.stderr);
    assert!(users(&child, true).is_empty());
}

#[test]
fn users_who_come_back_are_remembered() {
    let (directory, model) = parent(40);
    let trained = users(&model, false);
    // Half of them are gone from the log of the second model, and in that of the third again.
    assert_eq!(on(&model, &regular(20..50, 12, 5), &[]).code, Some(0));
    let child = directory.path().join("second");
    std::fs::rename(model.with_file_name("child"), &child).unwrap();
    let known: BTreeSet<String> = trained.union(&users(&child, false)).cloned().collect();
    let share = ["--set", "validation.fraction=0.9"];
    let run = on(&child, &regular(0..60, 12, 5), &share);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let held_out = users(&model.with_file_name("child"), true);
    assert_eq!(held_out.intersection(&known).next(), None);
    // Everybody else: those held out twice, and the ten new ones.
    assert_eq!(held_out.len(), 60 - known.len());
    let memory = |model: &Path| Artifact::open(model).unwrap().trained_users().unwrap();
    let remembered = memory(&model.with_file_name("child"));
    assert!((0..60).map(|user| user.to_string()).all(|user| remembered.contains(&user) != held_out.contains(&user)));
}

#[test]
fn what_cannot_be_continued_is_refused_before_training_with_the_difference() {
    let (directory, model) = parent(20);
    let rows = regular(0..20, 12, 5);
    on(&model, &rows, &["--model", "mult-dae"]).refused(2, &["is mult-vae, and mult-dae cannot continue from it"]);
    on(&model, &rows, &["--model", "ease"]).refused(2, &["is mult-vae, and ease cannot continue from it"]);
    let width = ["--set", "model.latent=16"];
    on(&model, &rows, &width).refused(2, &["model.latent is 16, the earlier model's is 8"]);
    let others: Vec<(i64, i64)> = rows.iter().map(|&(user, item)| (user, item + 100)).collect();
    on(&model, &others, &[]).refused(3, &["none of the 12 items is among the 12 items of the earlier model"]);
    on(directory.path(), &rows, &[]).refused(3, &["manifest.json"]);

    let log = directory.path().join("text.parquet");
    let column =
        |ids: Vec<i64>| texts(ids.iter().map(ToString::to_string).collect::<Vec<_>>().iter().map(String::as_str));
    let (of_users, of_items) = rows.iter().copied().unzip();
    write(&log, vec![("user_id", column(of_users)), ("item_id", column(of_items))]);
    foldin(&["train", arg(&log), "--from", arg(&model), "--out", arg(&directory.path().join("child"))])
        .refused(3, &["are of type text, the earlier model's are of type integer"]);

    let (log, ease) = (directory.path().join("newer.parquet"), directory.path().join("ease"));
    succeed(&["train", arg(&log), "--model", "ease", "--out", arg(&ease)]);
    on(&ease, &rows, &[]).refused(2, &["ease is solved in closed form", "train it anew"]);
    assert!(!names(directory.path()).contains(&"child".to_owned()));
}
