//! `foldin train` that is stopped, and goes on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use foldin::random::{Purpose, stream};
use foldin::storage::PathLock;
use rand::RngExt;
use tempfile::TempDir;

use super::harness::{Run, arg, command, finish, fixture, foldin, json, names, succeed, unconfigured};
use super::tables::{integers, numbers, write};

/// Four epochs of fourteen steps.
const SHORT: [&str; 8] = ["--epochs", "4", "--batch-size", "20", "--set", "model.hidden=24", "--set", "model.latent=8"];

/// A place for a model, and the arguments that train it there.
struct Place {
    directory: TempDir,
    model: PathBuf,
    checkpoint: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let model = directory.path().join("model");
        let checkpoint = directory.path().join("model.checkpoint");
        Self { directory, model, checkpoint }
    }

    fn arguments<'a>(&'a self, extra: &[&'a str]) -> Vec<&'a str> {
        [&["train", arg(&fixture().log), "--out", arg(&self.model)], &SHORT[..], extra].concat()
    }

    fn train(&self, extra: &[&str]) -> Run {
        foldin(&self.arguments(extra))
    }

    /// Trains, kills the process `delay` after it has printed `lines` lines, and returns whether it was still there.
    fn train_and_kill(&self, extra: &[&str], lines: usize, delay: Duration) -> bool {
        let mut child = command(&self.arguments(extra)).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut printed = BufReader::new(child.stderr.take().unwrap()).lines();
        let reached = (0..lines).all(|_| printed.next().is_some());
        std::thread::sleep(delay);
        child.kill().unwrap();
        // Reading on until the end: what was printed meanwhile must not block anything.
        printed.for_each(drop);
        !child.wait().unwrap().success() && reached
    }

    /// Trains where no file may be larger than 300 KiB: a checkpoint without the best weights fits, one with them,
    /// in the second epoch, does not.
    fn train_on_little_space(&self, extra: &[&str]) -> Run {
        let mut limited = unconfigured("bash");
        // The signal would end the process; ignored, it becomes an error of the write.
        limited.args(["-c", "trap '' XFSZ; ulimit -f 300; exec \"$@\"", "bash", env!("CARGO_BIN_EXE_foldin")]);
        finish(limited.args(["--threads", "2"]).args(self.arguments(extra)))
    }

    /// Leaves the checkpoint of step 8 of a run with one every 8 steps.
    fn interrupted() -> Self {
        let place = Self::new();
        place.train_on_little_space(&["--checkpoint-every", "8"]).refused(1, &["step 8 (epoch 1) is kept"]);
        place
    }
}

/// What must be the same, however often training was stopped.
fn outcome(model: &Path) -> (Vec<u8>, String) {
    let manifest = json(&["inspect", arg(model), "--json"])["manifest"].clone();
    (fs::read(model.join("weights.safetensors")).unwrap(), manifest["model_version"].to_string())
}

fn uninterrupted() -> (Vec<u8>, String) {
    let place = Place::new();
    assert_eq!(place.train(&[]).code, Some(0));
    outcome(&place.model)
}

#[test]
fn checkpoints_change_nothing_and_are_gone_in_the_end() {
    let place = Place::new();
    let run = place.train(&["--checkpoint-every", "10"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in ["a checkpoint every 10 steps in ", "an epoch has 14 steps", "checkpoint at step 10 (epoch 1): "] {
        assert!(run.stderr.contains(part), "`{part}` is not in:\n{}", run.stderr);
    }
    assert_eq!(names(place.directory.path()), ["model"], "nothing else is left behind");
    assert!(outcome(&place.model) == uninterrupted());
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bytes() {
    let expected = uninterrupted();
    let (mut killed, mut random) = (0, stream(20, Purpose::Generate, [0, 0]));
    for moment in 0..20 {
        let place = Place::new();
        // With one every step, most of the time goes into writing them.
        let every = if moment % 2 == 0 { "1" } else { "3" };
        let lines = if moment % 2 == 0 { 55 } else { 20 };
        let arguments = ["--checkpoint-every", every, "--resume"];
        // Spread over the run, from before the log is read.
        let line = moment * lines / 20;
        killed +=
            usize::from(place.train_and_kill(&arguments, line, Duration::from_micros(random.random_range(0..9000))));
        if moment % 3 == 0 {
            place.train_and_kill(&arguments, random.random_range(4..12), Duration::from_micros(500));
        }
        if !place.model.exists() {
            let run = place.train(&arguments);
            assert_eq!(run.code, Some(0), "killed after line {line}\n{}", run.stderr);
            assert!(!place.checkpoint.exists(), "killed after line {line}");
        }
        assert!(outcome(&place.model) == expected, "killed after line {line}, a checkpoint every {every}");
    }
    assert!(killed >= 10, "only {killed} runs were there to be killed");
}

/// A checkpoint, and a model published by a run that left it, killed before it could remove it.
fn killed_after_publishing() -> Place {
    let place = Place::interrupted();
    let kept = fs::read(&place.checkpoint).unwrap();
    assert_eq!(place.train(&["--resume"]).code, Some(0));
    fs::write(&place.checkpoint, &kept).unwrap();
    place
}

#[test]
fn a_run_killed_between_publishing_and_cleaning_up_finishes() {
    let place = killed_after_publishing();
    let items = || json(&["inspect", arg(&place.model), "--json"])["manifest"]["files"]["items.parquet"].clone();
    let untitled = items();
    let run = place.train(&["--resume", "--items", arg(&fixture().items)]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("published just before the run was stopped"), "{}", run.stderr);
    assert_eq!(names(place.directory.path()), ["model"]);
    // With the titles that were asked for now, and the weights as ever.
    assert!(outcome(&place.model).0 == uninterrupted().0);
    assert_ne!(items(), untitled);
}

#[test]
fn what_another_run_published_is_neither_its_result_nor_replaced() {
    let place = killed_after_publishing();
    let before = (fs::read(place.model.join("manifest.json")).unwrap(), fs::read(&place.checkpoint).unwrap());
    let unchanged = || {
        let after = (fs::read(place.model.join("manifest.json")).unwrap(), fs::read(&place.checkpoint).unwrap());
        assert!(after == before);
    };
    // The model there is that of the checkpoint, and not that of this command.
    let data = place.directory.path().join("data");
    succeed(&["generate", "--out", arg(&data), "--users", "300", "--items", "400", "--interactions", "7999"]);
    let log = data.join("log.parquet");
    let run = foldin(&["train", arg(&log), "--out", arg(&place.model), "--model", "ease", "--resume"]);
    run.refused(2, &[arg(&place.checkpoint), "model.kind was mult-vae, is ease", "log.fingerprint was "]);
    unchanged();
    for (setting, difference) in [
        ("validation.fraction=0.2", "validation.fraction was 0.1, is 0.2"),
        ("log.min_item_users=3", "log.min_item_users was 1, is 3"),
    ] {
        place.train(&["--resume", "--set", setting]).refused(2, &[arg(&place.checkpoint), difference]);
        unchanged();
    }

    // The checkpoint is that of this command, and the model there is not, whether that run had checkpoints or none.
    for checkpoints in [&["--checkpoint-every", "30"][..], &[]] {
        let place = Place::new();
        assert_eq!(place.train(checkpoints).code, Some(0));
        let stale = fs::read(place.model.join("manifest.json")).unwrap();
        let changed = ["--set", "validation.fraction=0.2"];
        let begun = [&["--force", "--checkpoint-every", "5"], &changed[..]].concat();
        place.train_on_little_space(&begun).refused(1, &["is kept"]);
        let kept = fs::read(&place.checkpoint).unwrap();
        let resumed = [&["--resume"], &changed[..]].concat();
        place.train(&resumed).refused(2, &[arg(&place.model), "exists already", "--force"]);
        assert!(fs::read(&place.checkpoint).unwrap() == kept);
        assert!(fs::read(place.model.join("manifest.json")).unwrap() == stale);
        let run = place.train(&[&["--force"], &resumed[..]].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(names(place.directory.path()), ["model"]);
    }
}

#[test]
fn without_a_checkpoint_it_starts_and_says_so() {
    let place = Place::new();
    let run = place.train(&["--resume"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let told = format!("no checkpoint in {}: training from the start", arg(&place.checkpoint));
    assert!(run.stderr.contains(&told), "{}", run.stderr);
}

#[test]
fn an_unfinished_run_is_never_written_over() {
    let place = Place::interrupted();
    let kept = fs::read(&place.checkpoint).unwrap();
    for extra in [&[][..], &["--force"], &["--checkpoint-every", "2"]] {
        place.train(extra).refused(2, &[arg(&place.checkpoint), "unfinished run", "(epoch 1)", "--resume", "remove"]);
    }
    assert!(fs::read(&place.checkpoint).unwrap() == kept);

    // It goes on at the interval that it had, and the place may be named.
    let elsewhere = place.directory.path().join("elsewhere");
    fs::rename(&place.checkpoint, &elsewhere).unwrap();
    let run = place.train(&["--resume", "--checkpoint", arg(&elsewhere)]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in ["going on after step 8 (epoch 1)", "a checkpoint every 8 steps", "checkpoint at step 16 (epoch 2)"] {
        assert!(run.stderr.contains(part), "`{part}` is not in:\n{}", run.stderr);
    }
    assert_eq!(names(place.directory.path()), ["model"]);
}

#[test]
fn another_run_does_not_continue_it_and_hears_what_differs() {
    let place = Place::interrupted();
    let kept = fs::read(&place.checkpoint).unwrap();
    let refused = |extra: &[&str], differences: &[&str]| {
        let run = place.train(&[&["--resume"], extra].concat());
        run.refused(
            2,
            &[&[arg(&place.checkpoint), "of another run, at step 8 (epoch 1)", "remove"], differences].concat(),
        );
        assert!(!run.stderr.contains("going on"), "{}", run.stderr);
    };
    refused(&["--set", "model.latent=9", "--seed", "7"], &["model.latent was 8, is 9", "training.seed was 1, is 7"]);
    refused(&["--learning-rate", "0.002"], &["training.learning_rate was 0.001, is 0.002"]);
    refused(
        &["--set", "validation.fraction=0.2"],
        &["validation.fraction was 0.1, is 0.2", "data.users was 270, is 240"],
    );
    refused(&["--min-item-users", "3"], &["log.min_item_users was ", "log.fingerprint was "]);

    for (model, difference) in [("mult-dae", "model.kl_cap was 0.2, is not set"), ("ease", "model.lambda was not set")]
    {
        let train = ["train", arg(&fixture().log), "--out", arg(&place.model), "--resume", "--model", model];
        foldin(&train).refused(2, &[&format!("model.kind was mult-vae, is {model}"), difference]);
    }

    let data = place.directory.path().join("data");
    succeed(&["generate", "--out", arg(&data), "--users", "300", "--items", "400", "--interactions", "7999"]);
    let log = data.join("log.parquet");
    let other = [&["train", arg(&log), "--out", arg(&place.model), "--resume"], &SHORT[..]].concat();
    foldin(&other).refused(2, &["data.interactions was ", "data.fingerprint was ", "log.fingerprint was "]);
    assert!(fs::read(&place.checkpoint).unwrap() == kept);
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name() {
    let place = Place::interrupted();
    let kept = fs::read(&place.checkpoint).unwrap();
    // Header, tensors, record and hash.
    for at in [0, 9, kept.len() / 2, kept.len() - 500, kept.len() - 1] {
        let mut flipped = kept.clone();
        flipped[at] ^= 4;
        fs::write(&place.checkpoint, &flipped).unwrap();
        place.train(&["--resume"]).refused(3, &[arg(&place.checkpoint), "damaged", "remove it"]);
    }
    for cut in [0, 31, kept.len() / 3] {
        fs::write(&place.checkpoint, &kept[..cut]).unwrap();
        place.train(&["--resume"]).refused(3, &[arg(&place.checkpoint), "damaged"]);
    }
    fs::write(&place.checkpoint, &kept).unwrap();
    assert_eq!(place.train(&["--resume"]).code, Some(0));
}

#[test]
fn a_continued_model_goes_on_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let size = ["--users", "320", "--items", "410", "--interactions", "8500", "--seed", "3"];
    succeed(&[&["generate", "--out", arg(&data)][..], &size].concat());
    let log = data.join("log.parquet");
    let expected = {
        let model = directory.path().join("uninterrupted");
        succeed(&["train", arg(&log), "--from", arg(&fixture().model), "--epochs", "4", "--out", arg(&model)]);
        outcome(&model)
    };
    let model = directory.path().join("model");
    let train = ["train", arg(&log), "--from", arg(&fixture().model), "--epochs", "4", "--out", arg(&model)];
    // The best weights are there from the start, so every checkpoint has the same size.
    let mut child =
        command(&[&train[..], &["--checkpoint-every", "2"]].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("checkpoint at step ")));
    child.kill().unwrap();
    lines.for_each(drop);
    assert!(!child.wait().unwrap().success());
    let anew = ["train", arg(&log), "--out", arg(&model), "--resume"];
    foldin(&[&anew[..], &SHORT].concat()).refused(2, &["from was ", "is not set", "start was weights ", "is random"]);
    let run = foldin(&[&train[..], &["--resume"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("going on after step "), "{}", run.stderr);
    assert!(outcome(&model) == expected);
}

#[test]
fn two_runs_do_not_share_a_checkpoint() {
    let place = Place::interrupted();
    let lock = PathLock::acquire(&place.checkpoint).unwrap();
    place.train(&["--resume"]).refused(2, &[arg(&place.checkpoint), "by another run"]);
    drop(lock);
    assert_eq!(place.train(&["--resume"]).code, Some(0));
}

#[test]
fn a_full_disk_stops_training_and_keeps_the_checkpoint_before() {
    let place = Place::new();
    let run = place.train_on_little_space(&["--checkpoint-every", "10"]);
    run.refused(
        1,
        &[
            "cannot write the checkpoint ",
            arg(&place.checkpoint),
            "at step 20 (epoch 2), which takes ",
            " bytes: ",
            "training stops here",
            "the checkpoint of step 10 (epoch 1) is kept",
            "--resume",
        ],
    );
    assert_eq!(names(place.directory.path()), ["model.checkpoint"]);
    assert_eq!(place.train(&["--resume"]).code, Some(0));
    assert!(outcome(&place.model) == uninterrupted());
}

#[test]
fn numbers_that_run_away_stop_training_and_keep_the_last_good_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let [log, model, checkpoint] = ["log.parquet", "model", "model.checkpoint"].map(|name| directory.path().join(name));
    // Everyone rates from 1 to 5, but for user 77.
    let rows: Vec<(i64, i64)> =
        (0..200).flat_map(|user| (0..6).map(move |k| (user, (user * 7 + k * 5) % 40))).collect();
    let rating = |&(user, item): &(i64, i64)| Some(if user == 77 { 3e38 } else { 1.0 + (item % 5) as f64 });
    let columns = vec![
        ("user_id", integers(rows.iter().map(|row| row.0))),
        ("item_id", integers(rows.iter().map(|row| row.1))),
        ("rating", numbers(rows.iter().map(rating))),
    ];
    write(&log, columns);
    let train = |extra: &[&str]| {
        let arguments = ["train", arg(&log), "--out", arg(&model), "--weight-column", "rating", "--batch-size", "5"];
        let settings = ["--set", "model.weights=use", "--set", "validation.fraction=0", "--epochs", "2"];
        foldin(&[&arguments[..], &settings, extra].concat())
    };
    let parts = ["diverged at epoch 1, step ", "of `input.items` ", "learning_rate"];
    train(&[]).refused(1, &parts);
    assert!(!checkpoint.exists());
    let run = train(&["--checkpoint-every", "1"]);
    run.refused(1, &[&parts[..], &["the checkpoint of step ", "is kept in ", arg(&checkpoint)]].concat());
    // It is good: the same steps lead to the same end.
    let again = train(&["--resume"]);
    let message = |run: &Run| run.stderr.lines().last().map(str::to_owned);
    assert_eq!(message(&again), message(&run));
    assert_eq!(names(directory.path()), ["log.parquet", "model.checkpoint"]);
}

#[test]
fn models_without_steps_take_the_flags_and_say_so() {
    let place = Place::new();
    let train = ["train", arg(&fixture().log), "--out", arg(&place.model), "--model", "popularity"];
    let run = foldin(&[&train[..], &["--checkpoint-every", "5", "--resume"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("no steps to checkpoint"), "{}", run.stderr);
    assert_eq!(names(place.directory.path()), ["model"]);
}

#[test]
fn a_checkpoint_and_the_model_directory_keep_out_of_each_others_way() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path).to_str().unwrap().to_owned();
    fs::create_dir(at("there")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(at("there"), at("link")).unwrap();
    let another_name = if cfg!(unix) { "link/model/checkpoint" } else { "there/model/a/b" };
    for (model, checkpoint, relation) in [
        ("model", "model", "is the model directory itself"),
        ("model", "model/checkpoint", "is inside the model directory"),
        ("deep/model", "deep", "is a file where the model directory needs a directory"),
        ("there/model", another_name, "is inside the model directory"),
    ] {
        let (model, checkpoint) = (at(model), at(checkpoint));
        for how in [&["--checkpoint-every", "9"][..], &["--resume"], &[]] {
            let train = ["train", "nowhere.parquet", "--out", &model, "--checkpoint", &checkpoint];
            foldin(&[&train[..], how].concat()).refused(2, &[&checkpoint, relation, &model, "--checkpoint"]);
        }
    }
    let mut left = names(directory.path());
    left.retain(|name| name != "link");
    assert_eq!((left, names(&directory.path().join("there"))), (vec!["there".to_owned()], vec![]));
}

#[test]
fn intervals_and_parameters_out_of_range_are_refused_before_the_log_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("model");
    for (setting, message) in [
        ("checkpoint.every=0", "checkpoint.every is 0, must be at least 1"),
        ("training.learning_rate=1e9", "training.learning_rate is 1000000000, must be greater than 0 and at most 1"),
        ("training.batch_size=9999999", "training.batch_size is 9999999, must be a whole number from 1 to 1000000"),
        ("model.dropout=1.5", "model.dropout is 1.5, must be at least 0 and below 1"),
        ("model.kl_cap=-1", "model.kl_cap is -1, must be from 0 to 1000"),
    ] {
        let run = foldin(&["train", "nowhere.parquet", "--out", arg(&model), "--set", setting]);
        run.refused(2, &[message]);
        assert!(!run.stderr.contains("nowhere.parquet"), "{}", run.stderr);
    }
    assert_eq!(names(directory.path()), [""; 0]);
}
