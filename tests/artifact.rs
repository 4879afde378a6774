//! A model directory: what goes in comes out, to the last bit, and nothing damaged is ever used.

mod fixture;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fixture::*;
use foldin::artifact::{
    Artifact, ArtifactError, FORMAT_VERSION, LogDetail, Manifest, Publication, copy, inspect, publish,
    publish_calibrated,
};
use foldin::interactions::{Catalogue, ExactSums, IdMap, LogRules, Timestamp};
use foldin::linalg::ColumnsMut;
use foldin::models::Model;
use foldin::storage::{StorageError, TensorFile, TensorRef, Values, write_tensors};
use foldin::training::TrainingSummary;
use foldin::types::UserIdx;
use tempfile::TempDir;

const FILES: [&str; 6] =
    ["histories.safetensors", "items.parquet", "manifest.b3", "manifest.json", "users.parquet", "weights.safetensors"];

fn published() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("model");
    publish_fixture(&dir, &mult_vae());
    (root, dir)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn open_error(dir: &Path) -> ArtifactError {
    Artifact::open(dir).err().expect("the directory must be refused")
}

fn scores(model: &dyn Model) -> Vec<u32> {
    let data = histories();
    let rows: Vec<_> = data.histories().collect();
    let mut out = vec![f32::NAN; ITEMS * USERS];
    model.score_block(&model.encode(&rows), 0..ITEMS as u32, ColumnsMut::new(&mut out, (ITEMS, USERS)));
    out.iter().map(|score| score.to_bits()).collect()
}

#[test]
fn what_is_published_is_opened() {
    for config in [popularity(), ease(), gf_cf(), mult_vae(), mult_dae(), rec_vae()] {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("model");
        let fitted = train(&config, 1);
        let manifest = publish_model(&dir, &*fitted.model, &LogRules::default());
        assert_eq!(names(&dir), FILES);

        let artifact = Artifact::open(&dir).unwrap();
        assert_eq!(artifact.manifest, manifest);
        assert_eq!(artifact.manifest.model, config);
        assert_eq!(artifact.manifest.metrics, metrics(), "numbers come back to the last bit");
        assert_eq!(artifact.catalogue, catalogue());
        assert_eq!(artifact.users, users());
        assert_eq!(artifact.popularity, histories().item_counts());
        assert_eq!(scores(&*artifact.model), scores(&*fitted.model), "{config:?}");
        for (stored, written) in artifact.model.tensors().iter().zip(fitted.model.tensors()) {
            assert_eq!((stored.name, &stored.shape, &stored.data), (written.name, &written.shape, &written.data));
        }

        let all = histories();
        assert_eq!(artifact.histories.users(), USERS);
        for user in (0..USERS as u32).map(UserIdx) {
            assert_eq!(artifact.histories.history(user).unwrap().as_ref(), all.history(user));
            assert_eq!(artifact.histories.history_len(user), all.history(user).len());
        }
        let range = artifact.histories.range(7..19).unwrap();
        assert_eq!(range.users(), 12);
        assert_eq!(range.history(UserIdx(11)), all.history(UserIdx(18)));
        assert!(artifact.histories.range(4..4).unwrap().is_empty());
    }
}

#[test]
fn the_same_publication_has_the_same_bytes_and_version() {
    let root = tempfile::tempdir().unwrap();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| root.path().join(name));
    let first = publish_model(&a, &*train(&mult_vae(), 1).model, &LogRules::default());
    let second = publish_model(&b, &*train(&mult_vae(), 1).model, &LogRules::default());
    for file in FILES.iter().filter(|file| !file.starts_with("manifest")) {
        assert_eq!(fs::read(a.join(file)).unwrap(), fs::read(b.join(file)).unwrap(), "{file}");
    }
    assert_eq!(first.model_version, second.model_version);
    assert_eq!(first.data_fingerprint, second.data_fingerprint);

    let other_seed = publish_model(&c, &*train(&mult_vae(), 2).model, &LogRules::default());
    assert_ne!(first.model_version, other_seed.model_version);
    assert_eq!(first.data_fingerprint, other_seed.data_fingerprint);
    let rules = LogRules { min_weight: Some(3.0), ..LogRules::default() };
    let other_rules = publish_model(&d, &*train(&mult_vae(), 1).model, &rules);
    assert_ne!(first.model_version, other_rules.model_version);
}

#[test]
fn the_hash_file_is_what_b3sum_checks() {
    let (_root, dir) = published();
    let expected = format!("{}  manifest.json\n", blake3::hash(&fs::read(dir.join("manifest.json")).unwrap()));
    assert_eq!(fs::read_to_string(dir.join("manifest.b3")).unwrap(), expected);
}

#[test]
fn any_flipped_byte_is_refused_with_the_name_of_its_file() {
    let (_root, dir) = published();
    for name in FILES {
        let path = dir.join(name);
        let bytes = fs::read(&path).unwrap();
        // Every byte of small files; of large ones the ends, where headers and footers are, and a
        // sample of the middle.
        let step = (bytes.len() / 150).max(1);
        let ends = |i: &usize| *i < 40 || *i + 40 > bytes.len() || i.is_multiple_of(step);
        for (position, bit) in (0..bytes.len()).filter(ends).zip((0..8).cycle()) {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1 << bit;
            fs::write(&path, &damaged).unwrap();
            let error = open_error(&dir).to_string();
            // Of the manifest and its hash it cannot be known which was changed.
            let named = error.contains(name) || (name == "manifest.b3" && error.contains("manifest.json"));
            assert!(named, "byte {position} of {name}: {error}");
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(Artifact::open(&dir).is_ok(), "undamaged again");
}

#[test]
fn a_calibration_survives_and_is_verified_like_everything_else() {
    const FILE: &str = "calibration.safetensors";
    let (root, plain) = published();
    let (dir, copied) = (root.path().join("calibrated"), root.path().join("copied"));
    let calibration = calibration(&*train(&mult_vae(), 1).model);
    let manifest = publish_calibrated(&dir, &plain, &calibration, false).unwrap();
    assert!(Artifact::open(&plain).unwrap().calibration.is_none());
    assert_eq!(copy(&dir, &copied).unwrap(), manifest);
    for dir in [&dir, &copied] {
        let artifact = Artifact::open(dir).unwrap();
        assert_eq!(artifact.calibration.as_ref(), Some(&calibration));
        assert_eq!(artifact.manifest, manifest);
        assert_eq!(scores(&*artifact.model), scores(&*train(&mult_vae(), 1).model));
    }
    // It is part of the identity of a model, and nothing else of it changes.
    let before = Manifest::read(&plain).unwrap();
    assert_ne!(manifest.model_version, before.model_version);
    assert!(before.files.iter().all(|(name, digest)| manifest.files[name] == *digest));
    assert!(inspect(&dir).unwrap().files.iter().any(|file| file.name == FILE && file.problem.is_none()));

    let path = dir.join(FILE);
    let bytes = fs::read(&path).unwrap();
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1 << (position % 8);
        fs::write(&path, &damaged).unwrap();
        assert!(open_error(&dir).to_string().contains(FILE), "byte {position}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(open_error(&dir), ArtifactError::MissingFile { path } if path.ends_with(FILE)));

    // Files that were never published, with fitting hashes.
    let mut statistics = calibration.statistics().to_vec();
    statistics[7] = f64::NAN;
    for (lengths, statistics, reason) in [
        (calibration.lengths(), &statistics[..], "calibration user 7"),
        (calibration.lengths(), &calibration.statistics()[1..], "120 lengths and 119 statistics"),
        (&calibration.lengths()[..50], &calibration.statistics()[..50], "50 users with a history are too few"),
    ] {
        let tensors = [
            TensorRef { name: "statistics", shape: vec![statistics.len()], values: Values::F64(statistics) },
            TensorRef { name: "lengths", shape: vec![lengths.len()], values: Values::U32(lengths) },
        ];
        write_tensors(&path, &tensors).unwrap();
        sign_file(&dir, FILE);
        let error = open_error(&dir).to_string();
        assert!(error.contains(FILE) && error.contains(reason), "{error}");
        fs::remove_file(&path).unwrap();
    }
    let again = publish_calibrated(&copied, &copied, &calibration, true).unwrap();
    assert_eq!(again.model_version, manifest.model_version, "a directory can be calibrated anew in place");
}

#[test]
fn a_file_missing_cut_or_extended_is_refused_with_its_name() {
    let (_root, dir) = published();
    for name in FILES {
        let path = dir.join(name);
        let bytes = fs::read(&path).unwrap();
        let mentions = |what: &str| {
            let error = open_error(&dir).to_string();
            assert!(error.contains(name) || error.contains("manifest.json"), "{what} {name}: {error}");
        };
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..length]).unwrap();
            mentions("cut");
        }
        fs::write(&path, [&bytes[..], b"\n"].concat()).unwrap();
        mentions("extended");
        fs::remove_file(&path).unwrap();
        mentions("missing");
        fs::create_dir(&path).unwrap();
        mentions("a directory instead of");
        fs::remove_dir(&path).unwrap();
        fs::write(&path, &bytes).unwrap();
    }
}

/// Rewrites the manifest as its author would have: with a fitting hash.
fn sign(dir: &Path, edit: impl FnOnce(&mut serde_json::Value)) {
    let path = dir.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut manifest);
    let text = serde_json::to_vec(&manifest).unwrap();
    fs::write(&path, &text).unwrap();
    fs::write(dir.join("manifest.b3"), format!("{}  manifest.json\n", blake3::hash(&text))).unwrap();
}

/// Lists a file as it is now.
fn sign_file(dir: &Path, name: &str) {
    let bytes = fs::read(dir.join(name)).unwrap();
    sign(dir, |manifest| {
        manifest["files"][name] =
            serde_json::json!({ "bytes": bytes.len(), "blake3": blake3::hash(&bytes).to_hex().to_string() });
    });
}

#[test]
fn a_later_format_is_refused_even_if_it_has_unknown_fields() {
    let (_root, dir) = published();
    sign(&dir, |manifest| {
        manifest["format_version"] = (FORMAT_VERSION + 1).into();
        manifest["a_field_of_the_future"] = true.into();
    });
    let error = open_error(&dir);
    assert!(matches!(error, ArtifactError::FutureFormat { found, .. } if found == u64::from(FORMAT_VERSION) + 1));
    assert!(error.to_string().contains("newer Foldin"), "{error}");
}

#[test]
fn an_edited_manifest_is_checked_against_the_files() {
    type Edit = fn(&mut serde_json::Value);
    let edits: [(&str, Edit); 9] = [
        ("unknown field", |m| m["colour"] = "green".into()),
        ("no version", |m| drop(m.as_object_mut().unwrap().remove("format_version"))),
        ("file not listed", |m| drop(m["files"].as_object_mut().unwrap().remove("users.parquet"))),
        ("more users", |m| m["shapes"]["users"] = 61.into()),
        ("absurdly many users", |m| m["shapes"]["users"] = u64::MAX.into()),
        ("fewer items", |m| m["shapes"]["items"] = 36.into()),
        ("more interactions", |m| m["shapes"]["interactions"] = 1_000_000_000_000u64.into()),
        ("other width", |m| m["model"]["hidden"] = 20.into()),
        ("other model", |m| m["model"] = serde_json::json!({ "kind": "ease", "lambda": 1.0 })),
    ];
    for (what, edit) in edits {
        let (_root, dir) = published();
        sign(&dir, edit);
        assert!(Artifact::open(&dir).is_err(), "{what}");
    }
}

#[test]
fn forged_histories_are_refused() {
    let rows = histories();
    let offsets: Vec<u64> = std::iter::once(0)
        .chain(rows.histories().scan(0, |end, h| {
            *end += h.len() as u64;
            Some(*end)
        }))
        .collect();
    let (items, weights) = (rows.csr().indices().to_vec(), rows.csr().data().to_vec());
    type Forge = fn(&mut Vec<u64>, &mut Vec<u32>, &mut Vec<f32>);
    let forgeries: [(&str, Forge); 8] = [
        ("item outside the catalogue", |_, items, _| items[0] = ITEMS as u32),
        ("items out of order", |_, items, _| items.reverse()),
        ("weight NaN", |_, _, weights| weights[3] = f32::NAN),
        ("weight zero", |_, _, weights| weights[3] = 0.0),
        ("offsets fall", |offsets, _, _| offsets[5] = offsets[4] - 1),
        ("offsets beyond the end", |offsets, _, _| offsets[5] = u64::MAX),
        ("too few users", |offsets, _, _| offsets.truncate(3)),
        ("too few weights", |_, _, weights| weights.truncate(20)),
    ];
    let (_root, dir) = published();
    let path = dir.join("histories.safetensors");
    for (what, forge) in forgeries {
        let (mut offsets, mut items, mut weights) = (offsets.clone(), items.clone(), weights.clone());
        forge(&mut offsets, &mut items, &mut weights);
        fs::remove_file(&path).unwrap();
        let tensor = |name, length, values| TensorRef { name, shape: vec![length], values };
        write_tensors(
            &path,
            &[
                tensor("offsets", offsets.len(), Values::U64(&offsets)),
                tensor("items", items.len(), Values::U32(&items)),
                tensor("weights", weights.len(), Values::F32(&weights)),
            ],
        )
        .unwrap();
        sign_file(&dir, "histories.safetensors");
        let error = open_error(&dir).to_string();
        assert!(error.contains("histories.safetensors"), "{what}: {error}");
    }
}

#[test]
fn times_and_exact_sums_are_kept_and_forged_ones_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("model");
    let rows = histories();
    let times: Vec<Timestamp> = (0..rows.len() as i64).map(|n| Timestamp(n * 7 - 90)).collect();
    let at: Vec<u64> = (0..rows.len() as u64).filter(|n| n % 5 == 2).flat_map(|n| [n, n]).collect();
    let parts: Vec<f64> = at.iter().zip(0..).map(|(_, n)| 1e-20 * f64::from(n) - 1.0).collect();
    let sums = ExactSums::checked(at.clone(), parts.clone()).unwrap();
    let detail = LogDetail { times: Some(&times), sums: Some(&sums), events: None };
    let manifest = publish_detailed(&dir, &*train(&popularity(), 1).model, &LogRules::default(), detail);
    assert!(manifest.events.is_empty());
    let artifact = Artifact::open(&dir).unwrap();
    let mut start = 0;
    for (user, history) in (0..).map(UserIdx).zip(rows.histories()) {
        let detailed = artifact.histories.detailed(user).unwrap();
        assert_eq!(
            (detailed.history.as_ref(), detailed.times.unwrap()),
            (history, times[start..start + history.len()].to_vec())
        );
        for position in 0..history.len() {
            assert_eq!(detailed.sums.of(position as u64), sums.of((start + position) as u64), "user {}", user.0);
        }
        start += history.len();
    }

    let path = dir.join("histories.safetensors");
    let good = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&good[8..8 + length]).unwrap();
    let place = |name: &str| 8 + length + header[name]["data_offsets"][0].as_u64().unwrap() as usize;
    let huge = u64::MAX.to_le_bytes();
    let later = (at[3] + 1).to_le_bytes();
    for (what, name, number, value) in [
        ("a position outside", "sums_at", at.len() - 1, huge),
        ("positions out of order", "sums_at", 0, later),
        ("a sum that is no number", "sums", 1, f64::NAN.to_le_bytes()),
    ] {
        let mut bad = good.clone();
        let start = place(name) + 8 * number;
        bad[start..start + 8].copy_from_slice(&value);
        fs::write(&path, bad).unwrap();
        sign_file(&dir, "histories.safetensors");
        let error = open_error(&dir).to_string();
        assert!(error.contains("histories.safetensors") && error.contains("sums"), "{what}: {error}");
    }
    // One time too few.
    let file = root.path().join("short");
    let read = |name: &str| TensorFile::open(&path).unwrap().read::<u64>(name).unwrap();
    fs::write(&path, &good).unwrap();
    let offsets = read("offsets");
    let (items, weights) = (rows.csr().indices(), rows.csr().data());
    let short: Vec<i64> = vec![0; rows.len() - 1];
    let tensor = |name, length, values| TensorRef { name, shape: vec![length], values };
    let tensors = [
        tensor("offsets", offsets.len(), Values::U64(&offsets)),
        tensor("times", short.len(), Values::I64(&short)),
        tensor("items", items.len(), Values::U32(items)),
        tensor("weights", weights.len(), Values::F32(weights)),
    ];
    write_tensors(&file, &tensors).unwrap();
    fs::rename(&file, &path).unwrap();
    sign_file(&dir, "histories.safetensors");
    assert!(open_error(&dir).to_string().contains("array `times` has shape"));
}

#[test]
fn forged_weights_are_refused() {
    let (_root, dir) = published();
    let path = dir.join("weights.safetensors");
    let file = TensorFile::open(&path).unwrap();
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)> =
        file.names().map(|name| (name.to_owned(), (file.shape(name).unwrap(), file.read(name).unwrap()))).collect();
    let write = |tensors: &BTreeMap<String, (Vec<usize>, Vec<f32>)>| {
        fs::remove_file(&path).unwrap();
        let refs: Vec<_> = tensors
            .iter()
            .map(|(name, (shape, data))| TensorRef { name, shape: shape.clone(), values: Values::F32(data) })
            .collect();
        write_tensors(&path, &refs).unwrap();
        sign_file(&dir, "weights.safetensors");
    };
    write(&tensors);
    assert!(Artifact::open(&dir).is_ok(), "the order of tensors does not matter");
    let name = tensors.keys().next().unwrap().clone();
    tensors.get_mut(&name).unwrap().1[2] = f32::INFINITY;
    write(&tensors);
    let error = open_error(&dir).to_string();
    assert!(error.contains("weights.safetensors") && error.contains(&name) && error.contains("inf"), "{error}");
    tensors.remove(&name);
    write(&tensors);
    let error = open_error(&dir).to_string();
    assert!(error.contains("weights.safetensors") && error.contains(&name), "{error}");
}

#[test]
fn what_is_no_model_directory_is_called_that() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [root.path().to_owned(), root.path().join("absent"), file] {
        let error = open_error(&path);
        assert!(matches!(error, ArtifactError::NotAModel { .. }), "{error}");
        assert!(inspect(&path).is_err());
    }
}

#[test]
fn an_existing_target_is_refused_and_replaced_only_when_asked() {
    let (root, dir) = published();
    let before = Manifest::read(&dir).unwrap();
    let fitted = train(&ease(), 1);
    let (catalogue, users, histories, rules) = (catalogue(), users(), histories(), LogRules::default());
    let publication = Publication {
        model: &*fitted.model,
        catalogue: &catalogue,
        attributes: &foldin::io::Attributes::default(),
        users: &users,
        held_out: &[],
        histories: &histories,
        detail: foldin::artifact::LogDetail::default(),
        rules: &rules,
        training: None,
        from: None,
        run: None,
        summary: &TrainingSummary::default(),
        calibration: None,
        metrics: BTreeMap::new(),
    };
    let error = publish(&dir, &publication, false).unwrap_err();
    assert!(matches!(error, ArtifactError::Storage(StorageError::Exists { .. })), "{error}");
    assert_eq!(Manifest::read(&dir).unwrap(), before);

    // A loaded model goes on working when its directory is replaced.
    let loaded = Artifact::open(&dir).unwrap();
    let manifest = publish(&dir, &publication, true).unwrap();
    assert_eq!(Artifact::open(&dir).unwrap().manifest, manifest);
    assert_eq!(loaded.histories.history(UserIdx(8)).unwrap().as_ref(), histories.history(UserIdx(8)));
    assert_eq!(names(root.path()), ["model"], "nothing is left beside it");

    // What is not a model is never replaced.
    let other = root.path().join("photos");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("holiday.jpg"), "x").unwrap();
    for target in [other.clone(), other.join("holiday.jpg")] {
        let error = publish(&target, &publication, true).unwrap_err();
        assert!(matches!(error, ArtifactError::ReplacesOther { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(other.join("holiday.jpg")).unwrap(), "x");
}

#[test]
fn a_failed_publication_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("model");
    let fitted = train(&ease(), 1);
    let (catalogue, users, histories, rules) = (catalogue(), users(), histories(), LogRules::default());
    let attempt = |catalogue: &Catalogue, users: &IdMap, metrics, target: &Path| {
        let publication = Publication {
            model: &*fitted.model,
            catalogue,
            attributes: &foldin::io::Attributes::default(),
            users,
            held_out: &[],
            histories: &histories,
            detail: foldin::artifact::LogDetail::default(),
            rules: &rules,
            training: None,
            from: None,
            run: None,
            summary: &TrainingSummary::default(),
            metrics,
            calibration: None,
        };
        publish(target, &publication, false).unwrap_err().to_string()
    };
    let none = BTreeMap::new();
    let nan = BTreeMap::from([("ndcg@100".to_owned(), f64::NAN)]);
    assert!(attempt(&catalogue, &users, nan, &target).contains("ndcg@100"));
    let fewer_users = IdMap::Int(vec![1, 2, 3].into());
    assert!(attempt(&catalogue, &fewer_users, none.clone(), &target).contains("histories: 60"));
    let fewer_items = Catalogue::new(IdMap::Int(vec![1, 2, 3].into()));
    assert!(attempt(&fewer_items, &users, none.clone(), &target).contains("items scored by the model: 37"));
    assert!(names(root.path()).is_empty());

    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = attempt(&catalogue, &users, none, &file.join("model"));
    assert!(error.contains(file.to_str().unwrap()), "{error}");
    assert_eq!(names(root.path()), ["file"]);
}

#[test]
fn inspection_names_every_damaged_file() {
    let (_root, dir) = published();
    let inspection = inspect(&dir).unwrap();
    assert!(inspection.intact());
    assert_eq!(inspection.files.len(), 4);

    fs::remove_file(dir.join("users.parquet")).unwrap();
    let weights = dir.join("weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let inspection = inspect(&dir).unwrap();
    let damaged: Vec<_> = inspection.files.iter().filter(|f| f.problem.is_some()).map(|f| f.name.as_str()).collect();
    assert_eq!(damaged, ["weights.safetensors", "users.parquet"]);
    assert!(!inspection.intact());
}

#[test]
fn histories_changed_while_in_use_fail_and_do_not_crash() {
    let (_root, dir) = published();
    let artifact = Artifact::open(&dir).unwrap();
    let path = dir.join("histories.safetensors");
    let bytes = fs::read(&path).unwrap();
    let user = UserIdx(USERS as u32 - 1);
    // The same file, written over in place, as a careless copy would.
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(artifact.histories.history(user), Err(ArtifactError::Storage(_))));
    fs::write(&path, vec![0xff; bytes.len()]).unwrap();
    assert!(matches!(artifact.histories.history(user), Err(ArtifactError::History { .. })));
}
