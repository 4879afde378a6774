//! `foldin export`, `foldin embed` and `foldin recommend --all`: files that other tools read, for any number of
//! users, whatever interrupts them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Run, SMALL, arg, command, command_on, fixture, foldin, json, names, succeed};
use super::tables::{integers, read_recommendations, texts, write};

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn column(batch: &RecordBatch, name: &str) -> ArrayRef {
    batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).clone()
}

/// Ids as text, and vectors.
fn vectors(batch: &RecordBatch, id: &str) -> BTreeMap<String, Vec<f32>> {
    lists(batch, id, "embedding")
}

/// Ids as text, and the lists of another column.
fn lists(batch: &RecordBatch, id: &str, name: &str) -> BTreeMap<String, Vec<f32>> {
    let ids = arrow_cast::cast(&column(batch, id), &arrow_schema::DataType::Utf8).unwrap();
    let lists = column(batch, name);
    let lists = lists.as_fixed_size_list();
    let vector = |row| lists.value(row).as_primitive::<Float32Type>().values().to_vec();
    ids.as_string::<i32>().iter().enumerate().map(|(row, id)| (id.unwrap().to_owned(), vector(row))).collect()
}

/// Every file below a directory, by name.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    names(directory).into_iter().map(|name| (name.clone(), fs::read(directory.join(name)).unwrap())).collect()
}

#[test]
fn an_exported_vector_is_the_one_of_its_history() {
    let directory = tempfile::tempdir().unwrap();
    let (model, out) = (arg(&fixture().model), directory.path().join("users.parquet"));
    let said = succeed(&["export", model, "--out", arg(&out)]);
    assert!(said.contains("300 users x 8 dimensions as f32, space mult-vae/latent, compared by cosine"), "{said}");
    let exported = vectors(&read(&out), "user_id");
    assert_eq!(exported.len(), 300);

    // The histories by other means: the log itself, whose duplicates merge into one.
    let log = read(&fixture().log);
    let text = |name: &str| arrow_cast::cast(&column(&log, name), &arrow_schema::DataType::Utf8).unwrap();
    let (users, items) = (text("user_id"), text("item_id"));
    let mut histories: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (user, item) in users.as_string::<i32>().iter().zip(items.as_string::<i32>().iter()) {
        histories.entry(user.unwrap()).or_default().push(item.unwrap());
    }
    assert_eq!(histories.keys().collect::<Vec<_>>(), exported.keys().collect::<Vec<_>>());
    for (user, history) in histories.iter().step_by(90) {
        let answer = json(&["embed", model, "--history", &history.join(","), "--json"]);
        let vector: Vec<f32> = serde_json::from_value(answer["embedding"].clone()).unwrap();
        assert_eq!(vector, exported[*user], "{user}");
        assert_eq!(
            (&answer["space"]["id"], &answer["space"]["dim"]),
            (&Value::from("mult-vae/latent"), &Value::from(8))
        );
    }
}

#[test]
fn variances_are_a_table_beside_the_vectors() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (model, log) = (arg(&fixture().model), arg(&fixture().log));
    let said = succeed(&["export", model, "--variances", "--out", arg(&path("stored"))]);
    for part in [
        "300 users x 8 dimensions as f32, space",
        "300 variances x 8 dimensions as f32, of users in space mult-vae/latent",
    ] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    succeed(&["embed", model, "--logs", log, "--variances", "--format", "safetensors", "--out", arg(&path("folded"))]);
    let table = |name: &str| read(&path("stored").join(format!("{name}-00000.parquet")));
    let (users, variances) = (vectors(&table("users"), "user_id"), lists(&table("variances"), "user_id", "variances"));
    assert!(users.keys().eq(variances.keys()) && variances.values().flatten().all(|&variance| variance > 0.0));

    // Those of a history alone, and of the log that it is from.
    let log = read(&fixture().log);
    let text = |name: &str| arrow_cast::cast(&column(&log, name), &arrow_schema::DataType::Utf8).unwrap();
    let (ids, items) = (text("user_id"), text("item_id"));
    let user = variances.keys().nth(17).unwrap();
    let pairs = ids.as_string::<i32>().iter().zip(items.as_string::<i32>().iter());
    let history: Vec<&str> = pairs.filter(|(id, _)| *id == Some(user.as_str())).filter_map(|(_, item)| item).collect();
    let alone = json(&["embed", model, "--history", &history.join(","), "--variances", "--json"]);
    assert_eq!(serde_json::from_value::<Vec<f32>>(alone["variances"].clone()).unwrap(), variances[user]);
    let folded = fs::read(path("folded").join("variances-00000.safetensors")).unwrap();
    let folded = safetensors::SafeTensors::deserialize(&folded).unwrap();
    let folded = folded.tensor("variances").unwrap();
    assert_eq!(folded.shape(), [300, 8]);
    let stored: Vec<f32> = variances.values().flatten().copied().collect();
    assert_eq!(folded.data(), stored.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());

    let one = foldin(&["export", model, "--variances", "--out", arg(&path("one.parquet"))]);
    one.refused(2, &["two tables take two files"]);
    let items = foldin(&["export", model, "--what", "items", "--variances", "--out", arg(&path("items"))]);
    items.refused(2, &["--variances are those of users"]);
    let elsa = path("elsa");
    let settings = ["--model", "elsa", "--epochs", "1", "--set", "model.dimensions=8", "--out", arg(&elsa)];
    succeed(&[&["train", arg(&fixture().log)][..], &settings].concat());
    let none = foldin(&["export", arg(&elsa), "--variances", "--out", arg(&path("none"))]);
    none.refused(2, &["elsa does not know how uncertain it is", "mult-vae"]);
    assert!(!path("none").exists());
}

#[test]
fn both_tables_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    let model = arg(&fixture().model);
    let out = |format: &str| directory.path().join(format);
    for format in ["parquet", "arrow", "npy", "safetensors"] {
        let flags = ["--what", "both", "--format", format, "--shard-users", "128"];
        succeed(&[&["export", model, "--out", arg(&out(format))][..], &flags].concat());
    }
    let shard = |format: &str, name: &str| fs::read(out(format).join(name)).unwrap();
    for (table, id, shards) in [("users", "user_id", 3), ("items", "item_id", 4)] {
        for number in 0..shards {
            let name = |extension: &str| format!("{table}-{number:05}.{extension}");
            let expected = read(&out("parquet").join(name("parquet")));
            let values: Vec<f32> = vectors(&expected, id).into_values().flatten().collect();

            let arrow = std::io::Cursor::new(shard("arrow", &name("arrow")));
            let arrow: Vec<_> =
                arrow_ipc::reader::FileReader::try_new(arrow, None).unwrap().map(Result::unwrap).collect();
            assert_eq!(vectors(&arrow[0], id), vectors(&expected, id));

            let npy = shard("npy", &name("npy"));
            assert_eq!(npyz::NpyFile::new(&npy[..]).unwrap().into_vec::<f32>().unwrap(), values);
            let safetensors = shard("safetensors", &name("safetensors"));
            let tensors = safetensors::SafeTensors::deserialize(&safetensors).unwrap();
            assert_eq!(
                tensors.tensor("embedding").unwrap().shape(),
                [expected.num_rows(), values.len() / expected.num_rows()]
            );
            assert_eq!(tensors.tensor("embedding").unwrap().data(), bytemuck::cast_slice::<f32, u8>(&values));
            for format in ["npy", "safetensors"] {
                let ids = read(&out(format).join(name("ids.parquet")));
                assert_eq!(column(&ids, id).as_ref(), column(&expected, id).as_ref());
            }
        }
    }
    let manifest: Value = serde_json::from_slice(&shard("npy", "manifest.json")).unwrap();
    assert_eq!(manifest["tables"][1]["rows"], 400);
    assert_eq!(manifest["job"]["tables"][1]["content"]["space"]["id"], "mult-vae/decoder");
    for file in manifest["tables"][0]["shards"][2]["files"].as_array().unwrap() {
        let content = shard("npy", file["name"].as_str().unwrap());
        assert_eq!(file["bytes"], content.len());
        assert_eq!(file["blake3"], blake3::hash(&content).to_hex().as_str());
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let directory = tempfile::tempdir().unwrap();
    for (kind, flags) in [
        ("export", &["--what", "both", "--dtype", "f16", "--format", "safetensors"][..]),
        ("recommend", &["--all", "-n", "3"]),
    ] {
        let run = |threads: &str| {
            let out = directory.path().join(format!("{kind}-{threads}"));
            let arguments =
                [&[kind, arg(&fixture().model), "--out", arg(&out), "--shard-users", "70"][..], flags].concat();
            assert!(command_on(threads, &arguments).output().unwrap().status.success());
            contents(&out)
        };
        assert_eq!(run("1"), run("3"), "{kind}");
    }
}

/// A model on a log of ids that no JSON number can hold.
fn wide() -> &'static (TempDir, PathBuf) {
    static WIDE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    WIDE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let (log, model) = (directory.path().join("log.parquet"), directory.path().join("model"));
        let pairs: Vec<(u64, u64)> =
            (0..40).flat_map(|user| (0..6).map(move |k| (user, (user * 5 + k * 3) % 23))).collect();
        let (users, items): (Vec<u64>, Vec<u64>) = pairs.into_iter().unzip();
        let users = users.into_iter().map(|user| (1i64 << 53) + 1 + user as i64);
        let items: UInt64Array = items.into_iter().map(|item| u64::MAX - item).collect();
        write(&log, vec![("user_id", integers(users)), ("item_id", std::sync::Arc::new(items))]);
        succeed(&[&["train", arg(&log), "--out", arg(&model)][..], &SMALL].concat());
        (directory, model)
    })
}

#[test]
fn wide_integer_ids_are_strings_in_json_and_integers_in_files() {
    let directory = tempfile::tempdir().unwrap();
    let model = arg(&wide().1);
    let (user, item) = ("9007199254740993", "18446744073709551615");
    let list = json(&["recommend", model, "--user-id", user, "-n", "23", "--include-seen", "--json"]);
    let listed: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["item_id"].as_str().unwrap()).collect();
    assert!(listed.contains(&item), "{listed:?}");
    assert_eq!(list["tier"], "personal", "the user is found by its exact id");
    let unknown = json(&["recommend", model, "--user-id", "9007199254740992", "--json"]);
    assert_eq!(unknown["tier"], "popularity", "the neighbour that a double cannot tell apart");
    assert_eq!(json(&["embed", model, "--history", item, "--json"])["unknown_history_items"], 0);

    let out = directory.path().join("out");
    succeed(&["export", model, "--what", "both", "--out", arg(&out), "--json"]);
    let users = column(&read(&out.join("users-00000.parquet")), "user_id");
    assert_eq!(users.as_any().downcast_ref::<Int64Array>().unwrap().value(0), (1 << 53) + 1);
    let items = column(&read(&out.join("items-00000.parquet")), "item_id");
    assert_eq!(items.as_any().downcast_ref::<UInt64Array>().unwrap().value(22), u64::MAX);
    let recs = directory.path().join("recs.parquet");
    succeed(&["recommend", model, "--all", "--out", arg(&recs), "-n", "3"]);
    assert_eq!(column(&read(&recs), "item_id").data_type(), &arrow_schema::DataType::UInt64);
}

#[test]
fn chosen_users_and_unknown_ones() {
    let directory = tempfile::tempdir().unwrap();
    let model = arg(&fixture().model);
    let [ids, all, some, recs] =
        ["ids.parquet", "all.parquet", "some.parquet", "recs.parquet"].map(|n| directory.path().join(n));
    write(&ids, vec![("user_id", texts(["u000007", "nobody", "u000003", "u000007"]))]);
    succeed(&["export", model, "--out", arg(&all)]);
    let run = foldin(&["export", model, "--users", arg(&ids), "--out", arg(&some)]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("read 4 ids: 2 chosen") && run.stderr.contains("1 id unknown"), "{}", run.stderr);
    assert!(run.stderr.contains("1 id repeated"), "{}", run.stderr);
    let (all, some) = (vectors(&read(&all), "user_id"), vectors(&read(&some), "user_id"));
    assert_eq!(some.len(), 2);
    assert!(some.iter().all(|(user, vector)| all[user] == *vector));
    succeed(&["recommend", model, "--all", "--users", arg(&ids), "--out", arg(&recs), "-n", "4"]);
    let users: Vec<String> = read_recommendations(&recs).into_iter().map(|row| row.user_id).collect();
    assert_eq!(users, [["u000003"; 4], ["u000007"; 4]].concat());

    write(&ids, vec![("user_id", texts(["nobody"]))]);
    foldin(&["export", model, "--users", arg(&ids), "--out", arg(&directory.path().join("n.parquet"))])
        .refused(3, &["nothing to export", "no users"]);
    write(&ids, vec![("customer", texts(["u000003"]))]);
    foldin(&["export", model, "--users", arg(&ids), "--out", arg(&directory.path().join("n.parquet"))])
        .refused(3, &["ids.parquet", "no column `user_id`", "`customer`"]);
    write(&ids, vec![("user_id", integers([3]))]);
    foldin(&["export", model, "--users", arg(&ids), "--out", arg(&directory.path().join("n.parquet"))])
        .refused(3, &["ids.parquet", "integer ids", "text ids"]);
}

#[test]
fn histories_of_another_log() {
    let directory = tempfile::tempdir().unwrap();
    let model = arg(&fixture().model);
    let [log, out, again, recs] =
        ["new.parquet", "new-users.parquet", "again.parquet", "recs.parquet"].map(|n| directory.path().join(n));
    // Integer users, as no user of the model; one of them has nothing that the model knows.
    let (users, items) = ([5, 5, 5, -8, -8, 6], ["i00001", "i00002", "i00001", "i00003", "ghost", "ghost"]);
    write(&log, vec![("who", integers(users)), ("item_id", texts(items))]);
    let run = foldin(&["embed", model, "--logs", arg(&log), "--user-column", "who", "--out", arg(&out)]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for told in ["dropped 2 rows of unknown items", "dropped 1 row merged as duplicates", "left out 1 user"] {
        assert!(run.stderr.contains(told), "`{told}` is not in:\n{}", run.stderr);
    }
    let batch = read(&out);
    assert_eq!(column(&batch, "user_id").as_any().downcast_ref::<Int64Array>().unwrap().values(), &[-8, 5]);
    let embedded = vectors(&batch, "user_id");
    for (user, history) in [("5", "i00001,i00002"), ("-8", "i00003")] {
        let answer = json(&["embed", model, "--history", history, "--json"]);
        assert_eq!(serde_json::from_value::<Vec<f32>>(answer["embedding"].clone()).unwrap(), embedded[user]);
    }
    succeed(&["export", model, "--logs", arg(&log), "--user-column", "who", "--out", arg(&again)]);
    assert_eq!(fs::read(&again).unwrap(), fs::read(&out).unwrap(), "embed is the short form of export");

    // Lists are for everyone: who is not known gets what is popular.
    succeed(&[
        "recommend",
        model,
        "--all",
        "--logs",
        arg(&log),
        "--user-column",
        "who",
        "--out",
        arg(&recs),
        "-n",
        "2",
    ]);
    let rows = read_recommendations(&recs);
    let list =
        |user: &str| rows.iter().filter(|row| row.user_id == user).map(|row| row.item_id.clone()).collect::<Vec<_>>();
    let one = |history: &str| {
        let list = json(&["recommend", model, "--history", history, "-n", "2", "--json"]);
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["item_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!((list("5"), list("6")), (one("i00001,i00002"), one("ghost")));
}

/// Starts an export of many small shards and kills it when some are finished.
fn kill_in_the_middle(arguments: &[&str], partial: &Path) {
    let mut child = command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (progress, began) = (partial.join("progress.jsonl"), Instant::now());
    while fs::read_to_string(&progress).map_or(0, |text| text.lines().count()) < 4 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed: make more shards");
        assert!(began.elapsed() < Duration::from_secs(120), "no shard is finished after two minutes");
        std::thread::sleep(Duration::from_millis(1));
    }
    // SIGKILL on Unix: nothing of it can be handled.
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it was done before it was killed: make more shards");
}

#[test]
fn after_a_kill_the_same_bytes_come_out() {
    let directory = tempfile::tempdir().unwrap();
    let model = arg(&fixture().model);
    for (kind, flags) in [("export", &["--format", "npy"][..]), ("recommend", &["--all"])] {
        let [whole, out] = ["whole", "out"].map(|name| directory.path().join(format!("{kind}-{name}")));
        let arguments = |out: &Path| -> Vec<String> {
            let fixed = [kind, model, "--out", arg(out), "--shard-users", "2"];
            fixed.iter().chain(flags).map(|&text| text.to_owned()).collect()
        };
        let run = |out: &Path| -> Run { foldin(&arguments(out).iter().map(String::as_str).collect::<Vec<_>>()) };
        assert_eq!(run(&whole).code, Some(0));

        let partial = directory.path().join(format!(".{kind}-out.partial"));
        kill_in_the_middle(&arguments(&out).iter().map(String::as_str).collect::<Vec<_>>(), &partial);
        assert!(partial.is_dir() && !out.exists(), "nothing looks complete");
        let other = [&["export", model, "--out", arg(&out), "--shard-users", "3"][..], flags].concat();
        if kind == "export" {
            foldin(&other).refused(2, &["unfinished export", "shard_rows was 2, is 3", "--force"]);
        }
        let resumed = run(&out);
        assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
        assert!(resumed.stderr.contains("going on after"), "{}", resumed.stderr);
        assert_eq!(contents(&out), contents(&whole));
        assert!(!partial.exists());
    }
}

/// Runs the binary where no file may grow beyond some KiB: to it, the disk is full.
fn on_a_full_disk(kib: usize, arguments: &[&str]) -> Run {
    let binary = command(arguments);
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"")]);
    shell.arg(binary.get_program()).args(binary.get_args()).stdin(Stdio::null());
    let output = shell.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_nothing_that_looks_complete() {
    let directory = tempfile::tempdir().unwrap();
    let model = arg(&fixture().model);
    for (kind, path, flags) in [
        ("export", "users.parquet", &[][..]),
        ("export", "users.arrow", &[]),
        ("export", "npy", &["--format", "npy", "--shard-users", "290"]),
        ("export", "safetensors", &["--format", "safetensors"]),
        ("recommend", "recs.parquet", &["--all", "-n", "100"]),
        ("recommend", "recs", &["--all", "-n", "100"]),
    ] {
        let out = directory.path().join(path);
        let arguments = [&[kind, model, "--out", arg(&out)][..], flags].concat();
        on_a_full_disk(4, &arguments).refused(1, &[path, "free space"]);
        assert!(!out.exists(), "{path} looks complete");
        // With space it completes.
        succeed(&arguments);
        assert!(!names(directory.path()).contains(&format!(".{path}.partial")));
    }
}

#[test]
fn what_a_killed_run_left_of_a_file_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("users.parquet");
    fs::write(directory.path().join(".users.parquet.partial"), "half a file").unwrap();
    succeed(&["export", arg(&fixture().model), "--out", arg(&out)]);
    assert_eq!(names(directory.path()), ["users.parquet"]);
    assert_eq!(read(&out).num_rows(), 300);
}

#[test]
fn outputs_that_exist_and_requests_that_contradict_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let model = arg(&fixture().model);
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let export = |flags: &[&str]| foldin(&[&["export", model][..], flags].concat());
    succeed(&["export", model, "--out", &path("out")]);
    succeed(&["export", model, "--out", &path("f.parquet")]);
    for name in ["out", "f.parquet"] {
        export(&["--out", &path(name)]).refused(2, &[name, "exists already", "--force replaces it"]);
        assert_eq!(export(&["--out", &path(name), "--force", "--dtype", "f16"]).code, Some(0));
    }
    fs::write(directory.path().join("out/mine.txt"), "").unwrap();
    export(&["--out", &path("out"), "--force"]).refused(2, &["mine.txt", "not replaced"]);
    fs::create_dir(directory.path().join("d.parquet")).unwrap();
    export(&["--out", &path("d.parquet"), "--force"]).refused(2, &["is a directory"]);

    export(&["--out", &path("x.npy")]).refused(2, &["no room for ids", "--format npy"]);
    export(&["--out", &path("x.parquet"), "--format", "npy"]).refused(2, &["x.parquet is a name for parquet"]);
    export(&["--out", &path("x.parquet"), "--what", "both"]).refused(2, &["directory"]);
    export(&["--out", &path("x.parquet"), "--shard-users", "5"]).refused(2, &["--shard-users"]);
    export(&["--out", &path("x"), "--what", "items", "--users", "ids.parquet"]).refused(2, &["--what items"]);
    export(&["--out", &path("x"), "--shard-users", "0"]).refused(2, &["--shard-users"]);
    foldin(&["recommend", model, "--user-id", "u", "--users", "ids.parquet"]).refused(2, &["--all"]);
    foldin(&["recommend", model, "--all", "--out", &path("x.npy")]).refused(2, &["x.npy is a name for npy"]);
    foldin(&["embed", model]).refused(2, &["--history", "--logs"]);
    foldin(&["embed", model, "--logs", "log.parquet"]).refused(2, &["--out"]);
    foldin(&["embed", model, "--history", "i00001", "--format", "npy"]).refused(2, &["--logs"]);
    foldin(&["embed", model, "--history", "ghost"]).refused(2, &["no item of the history"]);
    assert_eq!(names(directory.path()), ["d.parquet", "f.parquet", "out"]);
}

#[test]
fn models_without_a_space_say_so() {
    let directory = tempfile::tempdir().unwrap();
    for model in ["ease", "popularity"] {
        let [dir, out] = [model, "out"].map(|name| directory.path().join(name));
        succeed(&["train", arg(&fixture().log), "--model", model, "--out", arg(&dir)]);
        let has_none = format!("model {model} has no");
        for what in ["users", "items", "both"] {
            foldin(&["export", arg(&dir), "--what", what, "--out", arg(&out)]).refused(2, &[&has_none, "mult-vae"]);
        }
        foldin(&["embed", arg(&dir), "--history", "i00001"]).refused(2, &[&has_none, "user embeddings"]);
        assert!(!out.exists());
        succeed(&["recommend", arg(&dir), "--all", "--out", arg(&out), "-n", "2"]);
        fs::remove_dir_all(&out).unwrap();
    }
}
