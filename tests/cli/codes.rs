//! Sparse codes: Compressed ELSA from training to a list, and `foldin codes` over other embeddings.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use arrow_schema::DataType;
use foldin::artifact::Artifact;
use foldin::engine::Engine;
use foldin::storage::TensorFile;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use super::harness::{arg, fixture, foldin, json, names, succeed};

/// A coder small enough for the fixture's model, whose items have 24 dimensions.
const CODER: [&str; 10] =
    ["--width", "48", "--kept", "6", "--epochs", "30", "--batch-size", "64", "--learning-rate", "0.01"];

/// A Compressed ELSA on the log of the fixture: 5 of 32 latents an item.
fn compressed() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("compressed");
    let (log, items) = (arg(&fixture().log), arg(&fixture().items));
    let settings =
        ["--model", "compressed-elsa", "--epochs", "6", "--set", "model.dimensions=32", "--set", "model.kept=5"];
    succeed(&[&["train", log, "--items", items, "--out", arg(&model)][..], &settings].concat());
    (directory, model)
}

/// Indices and values of every row.
fn read(path: &Path) -> Vec<Vec<(u32, f32)>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader.map(Result::unwrap) {
        let [indices, values] = ["indices", "values"].map(|name| batch.column_by_name(name).unwrap().clone());
        for (indices, values) in indices.as_list::<i32>().iter().zip(values.as_list::<i32>().iter()) {
            let (indices, values) = (indices.unwrap(), values.unwrap());
            let (indices, values) = (indices.as_primitive::<UInt32Type>(), values.as_primitive::<Float32Type>());
            rows.push(indices.values().iter().copied().zip(values.values().iter().copied()).collect());
        }
    }
    rows
}

#[test]
fn a_compressed_elsa_is_a_model_of_sparse_vectors() {
    let (directory, model) = compressed();
    let inspected = succeed(&["inspect", arg(&model)]);
    let items = Artifact::open(&model).unwrap().catalogue.len();
    let tensors = [format!("tensor       codes {}", 4 * items), format!("tensor       scales {items}")];
    for part in tensors.iter().map(String::as_str).chain([
        "latent       ",
        " items; most: ",
        ", 0 differ from brute force",
        "kept = 5",
    ]) {
        assert!(inspected.contains(part), "`{part}` is not in:\n{inspected}");
    }
    let title = |item: u32| Artifact::open(&model).unwrap().catalogue.title(item).unwrap().to_owned();
    let mut described = json(&["inspect", arg(&model), "--json"]);
    let (named, index) = (described["latents"].take(), &described["index"]);
    assert!(index["asked"].as_u64() > Some(0) && index["differing"] == 0, "{index}");
    assert_eq!(index["products"].as_u64().unwrap(), items as u64 * index["asked"].as_u64().unwrap());
    let named = named.as_array().unwrap();
    assert!((11..=32).contains(&named.len()) && inspected.contains(&format!("{} more, see --json", named.len() - 10)));

    // Its vectors are written as they are, and a search among them is exact.
    let out = directory.path().join("codes");
    let said = succeed(&["codes", arg(&model), "--out", arg(&out)]);
    for part in ["5 of 32 latents each", "20 bytes each, 128 as dense vectors (6.4 times as much)", "1.0000"] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    assert_eq!(names(&out), ["codes.json", "codes.parquet", "codes.safetensors"]);
    let codes = read(&out.join("codes.parquet"));
    assert!(codes.len() == items && codes.iter().all(|code| code.len() == 5));
    let latent = named[0]["latent"].as_u64().unwrap() as u32;
    let at = |item: usize| codes[item].iter().find(|(place, _)| *place == latent).map_or(0.0, |(_, value)| *value);
    let strongest = (0..items).reduce(|best, item| if at(item) > at(best) { item } else { best }).unwrap();
    assert_eq!(named[0]["strongest"][0], title(strongest as u32));

    // The engine answers by an inverted index what brute force over the codes finds.
    let engine = Engine::open(&model).unwrap();
    let id = |item: usize| engine.catalogue().ids().external(item as u32).into_owned();
    for item in [0, 17, items - 1] {
        let product = |other: usize| -> f32 {
            let shared = codes[other].iter().filter_map(|(place, value)| {
                codes[item].iter().find(|(own, _)| own == place).map(|(_, own)| own * value)
            });
            shared.sum()
        };
        let similar = engine.similar_items(&id(item), 20, None).unwrap().items;
        let mut others: Vec<f32> = (0..items).filter(|&other| other != item).map(product).collect();
        others.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(similar.len(), 20);
        for (listed, expected) in similar.iter().zip(&others) {
            assert!((listed.score - expected).abs() < 1e-4, "{} instead of {expected}", listed.score);
            let found = (0..items).find(|&other| id(other) == listed.item_id).unwrap();
            assert!((product(found) - listed.score).abs() < 1e-4);
        }
    }
    let user = engine.users().external(3).into_owned();
    let listed = json(&["recommend", arg(&model), "--user-id", &user, "-n", "5", "--json"]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(5), "{listed}");
    succeed(&["export", arg(&model), "--what", "both", "--out", arg(&directory.path().join("vectors"))]);
}

#[test]
fn any_item_vectors_can_be_coded() {
    let directory = tempfile::tempdir().unwrap();
    let (model, out) = (arg(&fixture().model), directory.path().join("codes"));
    let made = json(&[&["codes", model, "--out", arg(&out), "--json"][..], &CODER].concat());
    let manifest = &made["manifest"];
    assert_eq!(manifest["bytes_each"], 24);
    assert_eq!(manifest["dense_bytes_each"], 96);
    assert_eq!((&manifest["space"]["id"], &manifest["coder"]["width"]), (&"mult-vae/decoder".into(), &48.into()));
    assert!(
        manifest["cosine"].as_f64().unwrap() > 0.6 && manifest["overlap_at_100"].as_f64().unwrap() > 0.5,
        "{manifest}"
    );
    assert!(made["latents"].as_array().unwrap().len() > 10);
    assert!(manifest["index"]["asked"].as_u64() > Some(1) && manifest["index"]["differing"] == 0, "{manifest}");
    assert_eq!(names(&out), ["coder.safetensors", "codes.json", "codes.parquet", "codes.safetensors"]);

    // The codes decode to the vectors, as far as the report says, by what stands in the files.
    let decoder: Vec<f32> = TensorFile::open(&out.join("coder.safetensors")).unwrap().read("decoder").unwrap();
    let coded = Artifact::open(&fixture().model).unwrap().model;
    let vectors = coded.embed_items(0..coded.items() as u32).unwrap();
    let cosines = read(&out.join("codes.parquet")).into_iter().zip(vectors.column_iter()).map(|(code, vector)| {
        let mut decoded = [0.0; 24];
        for (place, value) in code {
            let column = &decoder[24 * place as usize..][..24];
            decoded.iter_mut().zip(column).for_each(|(decoded, latent)| *decoded += value * latent);
        }
        let length = decoded.iter().map(|value| value * value).sum::<f32>().sqrt();
        decoded.iter().zip(vector.iter()).map(|(a, b)| a * b).sum::<f32>() / (length * vector.norm())
    });
    let mean = f64::from(cosines.sum::<f32>()) / coded.items() as f64;
    assert!((mean - manifest["cosine"].as_f64().unwrap()).abs() < 1e-3, "{mean} and {manifest}");

    // The same command, the same bytes; the coder codes again what it was trained on, to the same codes.
    let [again, recoded] = ["again", "recoded"].map(|name| directory.path().join(name));
    succeed(&[&["codes", model, "--out", arg(&again)][..], &CODER].concat());
    succeed(&["codes", model, "--out", arg(&recoded), "--coder", arg(&out)]);
    for other in [&again, &recoded] {
        for name in names(&out) {
            assert!(fs::read(out.join(&name)).unwrap() == fs::read(other.join(&name)).unwrap(), "{name}");
        }
    }
    foldin(&["codes", model, "--out", arg(&out)]).refused(2, &["exists", "--force"]);
    succeed(&[&["codes", model, "--out", arg(&out), "--force"][..], &CODER].concat());
}

#[test]
fn the_vectors_of_users_can_be_coded_too() {
    let directory = tempfile::tempdir().unwrap();
    let (model, out) = (arg(&fixture().model), directory.path().join("codes"));
    let said = succeed(&[&["codes", model, "--users", "--out", arg(&out)][..], &CODER].concat());
    let artifact = Artifact::open(&fixture().model).unwrap();
    let users = artifact.users.len();
    let head = format!("codes of {users} users of mult-vae");
    for part in [head.as_str(), "24 bytes each", "overlap@100 of the most similar users, by codes and by vectors 0."] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
    assert!(!said.contains("latent  "), "users are not shown by their ids:\n{said}");
    assert_eq!(read(&out.join("codes.parquet")).len(), users);
    let made: Value = serde_json::from_slice(&fs::read(out.join("codes.json")).unwrap()).unwrap();
    assert_eq!((&made["of"], &made["entities"]), (&"users".into(), &users.into()));
    assert_eq!(made["space"]["id"], "mult-vae/latent");
    assert!(made["overlap_at_100"].as_f64().unwrap() > 0.5, "{made}");

    let file = File::open(out.join("codes.parquet")).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap);
    let ids = batches.map(|batch| arrow_cast::cast(batch.column_by_name("user_id").unwrap(), &DataType::Utf8).unwrap());
    let ids: Vec<String> = ids
        .flat_map(|ids| ids.as_string::<i32>().iter().map(|id| id.unwrap().to_owned()).collect::<Vec<_>>())
        .collect();
    let expected: Vec<String> = (0..users as u32).map(|user| artifact.users.external(user).into_owned()).collect();
    assert_eq!(ids, expected);
    // Items are in another space.
    let refused = foldin(&["codes", model, "--out", arg(&directory.path().join("more")), "--coder", arg(&out)]);
    refused.refused(2, &["mult-vae/latent of", "mult-vae/decoder of 24"]);
}

#[test]
fn codes_that_cannot_be_made_are_refused_with_the_reason() {
    let (directory, compressed) = compressed();
    let (model, out) = (arg(&fixture().model), directory.path().join("codes"));
    let codes = |model: &str, extra: &[&str]| foldin(&[&["codes", model, "--out", arg(&out)], extra].concat());
    codes(model, &["--kept", "49", "--width", "48"]).refused(2, &["kept is 49, must be a whole number from 1 to 48"]);
    codes(model, &["--kept", "0"]).refused(2, &["kept is 0, must be a whole number from 1 to 2048"]);
    codes(model, &["--width", "70000"]).refused(2, &["width is 70000, must be a whole number from 1 to 65536"]);
    codes(model, &["--learning-rate", "0"]).refused(2, &["learning_rate is 0, must be greater than 0"]);
    codes(model, &["--coder", arg(&out)]).refused(3, &["there is no coder in", "codes.json"]);
    codes(arg(&out), &[]).refused(3, &["is not a model directory"]);

    let ease = directory.path().join("ease");
    succeed(&["train", arg(&fixture().log), "--model", "ease", "--out", arg(&ease)]);
    codes(arg(&ease), &[]).refused(2, &["model ease has no item embeddings", "compressed-elsa"]);

    succeed(&[&["codes", model, "--out", arg(&out)][..], &CODER].concat());
    let of = arg(&out).to_owned();
    let other = arg(&compressed);
    let refused = foldin(&["codes", other, "--out", arg(&directory.path().join("more")), "--coder", &of]);
    refused.refused(2, &["codes already", "--coder"]);
    let refused = foldin(&["codes", other, "--out", arg(&directory.path().join("more")), "--kept", "3"]);
    refused.refused(2, &["codes already", "leave --kept"]);
    let elsa = directory.path().join("elsa");
    let settings = ["--model", "elsa", "--epochs", "1", "--set", "model.dimensions=16"];
    succeed(&[&["train", arg(&fixture().log), "--out", arg(&elsa)][..], &settings].concat());
    let refused = foldin(&["codes", arg(&elsa), "--out", arg(&directory.path().join("more")), "--coder", &of]);
    refused.refused(2, &["mult-vae/decoder of 24 dimensions", "elsa/items of 16"]);
    fs::write(out.join("coder.safetensors"), "damaged").unwrap();
    let refused = foldin(&["codes", model, "--out", arg(&directory.path().join("more")), "--coder", &of]);
    refused.refused(3, &["coder.safetensors", "not the file that was written"]);
    fs::write(out.join("notes.txt"), "mine").unwrap();
    codes(model, &["--force"]).refused(2, &["notes.txt", "is not replaced"]);

    let train = |setting: &str| {
        foldin(&[
            "train",
            arg(&fixture().log),
            "--model",
            "compressed-elsa",
            "--out",
            arg(&directory.path().join("never")),
            "--set",
            setting,
        ])
    };
    train("model.kept=1025").refused(2, &["model.kept is 1025, must be a whole number from 1 to model.dimensions"]);
    train("model.kept=0").refused(2, &["model.kept is 0, must be"]);
    train("model.dimensions=65537").refused(2, &["model.dimensions is 65537, must be"]);
}

#[test]
fn the_code_of_a_sparse_autoencoder_is_named_too() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("sparse");
    let settings = ["--model", "sparse-ae", "--epochs", "2", "--set", "model.hidden=40"];
    succeed(
        &[&["train", arg(&fixture().log), "--items", arg(&fixture().items), "--out", arg(&model)][..], &settings]
            .concat(),
    );
    let inspected = succeed(&["inspect", arg(&model)]);
    assert!(inspected.contains("latent       ") && !inspected.contains("inverted"), "{inspected}");
    let described = json(&["inspect", arg(&model), "--json"]);
    let artifact = Artifact::open(&model).unwrap();
    let vectors = artifact.model.embed_items(0..artifact.catalogue.len() as u32).unwrap();
    let latent = &described["latents"][0];
    let place = latent["latent"].as_u64().unwrap() as usize;
    let strongest = (0..vectors.ncols())
        .reduce(|best, item| if vectors[(place, item)] > vectors[(place, best)] { item } else { best });
    assert_eq!(latent["strongest"][0], artifact.catalogue.title(strongest.unwrap() as u32).unwrap());
    assert!(described["index"].is_null());
}
