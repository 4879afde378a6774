//! Where settings come from, and what is said about those that cannot be.

use std::fs;
use std::process::Command;

use super::harness::{arg, command, finish, foldin, succeed};

#[test]
fn the_printed_configuration_is_complete_and_can_be_fed_back() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("foldin.toml");
    let printed =
        succeed(&["train", "log.parquet", "--out", "m", "--model", "mult-dae", "--seed", "7", "--print-config"]);
    for part in
        ["[model]", "kind = \"mult-dae\"", "hidden = 200", "seed = 7", "log = \"log.parquet\"", "fraction = 0.1"]
    {
        assert!(printed.contains(part), "`{part}` is not in:\n{printed}");
    }
    fs::write(&file, &printed).unwrap();
    assert_eq!(succeed(&["train", "--config", arg(&file), "--print-config"]), printed);
}

#[test]
fn flags_win_over_environment_over_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("foldin.toml");
    fs::write(&file, "[training]\nepochs = 11\nbatch_size = 12\npatience = 13\n").unwrap();
    let mut run = command(&["train", "--config", arg(&file), "--epochs", "31", "--print-config"]);
    run.env("FOLDIN_TRAINING__EPOCHS", "21").env("FOLDIN_TRAINING__BATCH_SIZE", "22");
    let printed = finish(&mut run).stdout;
    for part in ["epochs = 31", "batch_size = 22", "patience = 13"] {
        assert!(printed.contains(part), "`{part}` is not in:\n{printed}");
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("foldin.toml");
    fs::write(&file, "[training]\nepocs = 3\n").unwrap();
    foldin(&["train", "--config", arg(&file), "--print-config"])
        .refused(2, &["`training.epocs`", arg(&file), "did you mean `training.epochs`?"]);
    foldin(&["train", "--set", "model.latnt=3", "--print-config"]).refused(2, &["did you mean `model.latent`?"]);
    finish(command(&["train", "--print-config"]).env("FOLDIN_LOG__MIN_WIGHT", "3"))
        .refused(2, &["environment variable FOLDIN_LOG__MIN_WIGHT", "did you mean `log.min_weight`?"]);
}

#[test]
fn what_is_not_configuration_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("foldin.toml");
    fs::write(&file, "[trainig]\n").unwrap();
    foldin(&["train", "--config", arg(&file), "--print-config"]).refused(2, &["did you mean `training`?"]);
    let run = finish(command(&["train", "--print-config"]).env("FOLDIN_TRAINING_EPOCHS", "3").env("FOLDIN_DATA", "x"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("FOLDIN_TRAINING_EPOCHS is ignored; did you mean FOLDIN_TRAINING__EPOCHS?"));
    assert!(!run.stderr.contains("FOLDIN_DATA"), "{}", run.stderr);
}

#[test]
fn wrong_types_and_values_name_their_key() {
    foldin(&["train", "--epochs", "ten", "--print-config"])
        .refused(2, &["`training.epochs`", "--epochs", "expected a whole number, found text `ten`"]);
    foldin(&["train", "--model", "mult-vea", "--print-config"]).refused(2, &["mult-vea", "mult-vae, mult-dae"]);
    foldin(&["train", "--config", "/nowhere/foldin.toml"]).refused(2, &["/nowhere/foldin.toml"]);
}

#[test]
fn values_out_of_range_are_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("model");
    for (setting, parts) in [
        ("training.epochs=0", ["training.epochs", "0"]),
        ("model.dropout=1.5", ["model.dropout", "1.5"]),
        ("training.learning_rate=-1", ["training.learning_rate", "-1"]),
        ("validation.fraction=1", ["validation.fraction", "below 1"]),
        ("model.hidden=9000000", ["model.hidden is 9000000", "from 1 to 65536"]),
    ] {
        let log = arg(&super::harness::fixture().log);
        foldin(&["train", log, "--out", arg(&model), "--set", setting]).refused(2, &parts);
        assert!(!model.exists(), "{setting}");
    }
}

#[test]
fn threads_come_from_the_environment_too() {
    let print = |threads: &str| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_foldin"));
        finish(run.env("FOLDIN_THREADS", threads).args(["train", "--print-config"]))
    };
    print("0").refused(2, &["--threads"]);
    let run = print("1");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_is_missing_is_named() {
    foldin(&["train", "--out", "m"]).refused(2, &["no log to train on", "input.log"]);
    foldin(&["train", "log.parquet"]).refused(2, &["--out DIR", "output.model"]);
    foldin(&[]).refused(2, &["Usage"]);
    let help = succeed(&["--help"]);
    assert!(help.contains("Exit codes:") && help.contains("quickstart"), "{help}");
}
