use std::io::Write;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::convert::table;
use super::super::manifest::{all, find};
use super::*;

/// What a file of the published format looks like, by name of the file or member.
fn sample(name: &str) -> &'static [u8] {
    match name {
        "ml-100k/u.data" => b"196\t242\t3\t881250949\n",
        "ml-100k/u.item" => b"242|Mis\xE9rables, Les (1995)|24-Jan-1997||http://us.imdb.com/M|0|0|0|0|0|0|0|0|1|0|0|0|1|0|0|0|0|0|0\n",
        "ml-1m/ratings.dat" | "ml-10M100K/ratings.dat" => b"1::1193::5::978300760\n1::661::3.5::978302109\n",
        "ml-1m/movies.dat" => b"1193::Caf\xE9 (1975)::Drama\n661::James (1996)::Animation|Children's\n",
        "ml-10M100K/movies.dat" => "1193::Café (1975)::Drama\n".as_bytes(),
        "ratings.csv" => b"user_id,book_id,rating\n1,258,5\n2,4081,4\n",
        "books.csv" => "book_id,authors,original_publication_year,title,language_code\n1,\"J.K. Rowling, Mary GrandPré\",1997.0,\"Harry Potter (Harry Potter, #1)\",eng\n2,Homer,-720.0,The Odyssey,\n".as_bytes(),
        "train.txt" => b"0 0 1 2\n1 3\n2 \n",
        "test.txt" => b"0 5\n1 6 7\n",
        "loc-gowalla_totalCheckins.txt.gz" => b"0\t2010-10-19T23:55:27Z\t30.2359091167\t-97.7951395833\t22847\n",
        "train_triplets.txt" => b"b80344d0\tSOAKIMP12A8C130995\t1\nb80344d0\tSOAPDEY12A81C210A9\t3\n",
        "combined_data_1.txt" => b"1:\n1488844,3,2005-09-06\n",
        "combined_data_2.txt" | "combined_data_3.txt" | "combined_data_4.txt" => b"2:\n822109,5,2005-05-13\n",
        "movie_titles.csv" => b"1,2003,Dinosaur Planet\n2,NULL,Caf\xE9, The\n",
        name if name.ends_with("/ratings.csv") => b"userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n",
        name if name.ends_with("/movies.csv") => {
            b"movieId,title,genres\n2,\"American President, The (1995)\",Comedy|Drama\n3,X,(no genres listed)\n"
        }
        name => panic!("no sample of {name}"),
    }
}

/// The files of a dataset in its formats, in a directory.
fn write_samples(manifest: &Manifest, directory: &Path) {
    for file in &manifest.files {
        let parts: Vec<_> =
            manifest.tables.iter().flat_map(|table| &table.parts).filter(|part| part.file == file.name).collect();
        let bytes = if file.name.ends_with(".zip") {
            let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
            for part in parts {
                let member = part.member.as_deref().unwrap();
                writer.start_file(member, SimpleFileOptions::default()).unwrap();
                writer.write_all(sample(member)).unwrap();
            }
            writer.finish().unwrap().into_inner()
        } else if file.name.ends_with(".gz") {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(sample(&file.name)).unwrap();
            encoder.finish().unwrap()
        } else {
            sample(&file.name).to_vec()
        };
        fs::write(directory.join(&file.name), bytes).unwrap();
    }
}

fn local(path: &Path) -> GetOptions {
    GetOptions { origin: Origin::Local(path.into()), download: DownloadOptions::default(), replace: false }
}

/// Every table of a dataset, made of its samples: `name: schema`, then the rows.
fn converted(name: &str) -> String {
    let root = tempfile::tempdir().unwrap();
    let manifest = find(name).unwrap();
    let copies = root.path().join("copies");
    fs::create_dir(&copies).unwrap();
    write_samples(&manifest, &copies);
    let out = root.path().join("out");
    let got = get(&manifest, &out, &local(&copies), &mut |_| {}).unwrap();
    let mut text = String::new();
    for made in &got.provenance.tables {
        let (schema, rows) = table(&out.join(&made.name));
        assert_eq!(rows.len() as u64, made.rows);
        text.push_str(&format!("{}: {schema}\n{}\n", made.name, rows.join("\n")));
    }
    text
}

#[test]
fn every_dataset_is_converted_from_files_of_its_format() {
    for manifest in all() {
        let text = converted(&manifest.name);
        assert!(text.contains("user_id") && text.contains("item_id"), "{}: {text}", manifest.name);
    }
}

#[test]
fn movielens_in_its_three_formats() {
    let text = converted("ml-100k");
    assert!(text.contains("196 242 3.0 1997-12-04T15:55:49"), "{text}");
    assert!(text.contains("242 Misérables, Les (1995) 24-Jan-1997 [Drama, Musical]"), "{text}");
    let text = converted("ml-1m");
    assert!(text.contains("1 1193 5.0 2000-12-31T22:12:40"), "{text}");
    assert!(text.contains("1193 Café (1975) [Drama]\n661 James (1996) [Animation, Children's]"), "{text}");
    let text = converted("ml-20m");
    assert!(text.contains("1 2 3.5 2005-04-02T23:53:47"), "{text}");
    assert!(text.contains("2 American President, The (1995) [Comedy, Drama]\n3 X []"), "{text}");
}

#[test]
fn the_other_formats() {
    let text = converted("goodbooks-10k");
    assert!(text.contains("1 Harry Potter (Harry Potter, #1) [J.K. Rowling, Mary GrandPré] 1997 eng"), "{text}");
    assert!(text.contains("2 The Odyssey [Homer] -720 null"), "{text}");
    let text = converted("gowalla");
    assert!(text.contains("train.parquet: user_id: Int64, item_id: Int64\n0 0\n0 1\n0 2\n1 3\n"), "{text}");
    assert!(text.contains("test.parquet: user_id: Int64, item_id: Int64\n0 5\n1 6\n1 7\n"), "{text}");
    assert!(converted("gowalla-checkins").contains("0 22847 2010-10-19T23:55:27"));
    let text = converted("msd");
    assert!(
        text.contains("user_id: Utf8, item_id: Utf8, play_count: Float32\nb80344d0 SOAKIMP12A8C130995 1.0"),
        "{text}"
    );
    let text = converted("netflix");
    assert!(text.contains("1488844 1 3.0 2005-09-06T00:00:00\n822109 2 5.0 2005-05-13T00:00:00\n"), "{text}");
    assert!(text.contains("2 Café, The null"), "{text}");
}

#[test]
fn a_recorded_hash_is_held_against_the_file() {
    let root = tempfile::tempdir().unwrap();
    let mut manifest = find("ml-1m").unwrap();
    write_samples(&manifest, root.path());
    let archive = root.path().join("ml-1m.zip");
    manifest.files[0].blake3 = Some(digest_file(&archive).unwrap().blake3);
    let got = get(&manifest, &root.path().join("good"), &local(&archive), &mut |_| {}).unwrap();
    assert_eq!(Some(&got.provenance.files[0].blake3), manifest.files[0].blake3.as_ref());
    let recorded = "0".repeat(64);
    manifest.files[0].blake3 = Some(recorded.clone());
    let error = get(&manifest, &root.path().join("bad"), &local(&archive), &mut |_| {}).unwrap_err();
    assert!(matches!(error, DatasetError::Hash { .. }) && error.to_string().contains(&recorded), "{error}");
    assert!(!root.path().join("bad").exists());
}

#[test]
fn the_record_beside_the_data_reads_back() {
    let root = tempfile::tempdir().unwrap();
    let manifest = find("ml-1m").unwrap();
    write_samples(&manifest, root.path());
    let out = root.path().join("out");
    let got = get(&manifest, &out, &local(root.path()), &mut |_| {}).unwrap();
    let record: Provenance = serde_json::from_slice(&fs::read(out.join("dataset.json")).unwrap()).unwrap();
    assert_eq!(record, got.provenance);
    assert_eq!((record.interactions, record.published_interactions), (2, 1_000_209));
    let readme = fs::read_to_string(out.join("README.md")).unwrap();
    for part in [
        "# MovieLens 1M",
        "Do not redistribute",
        "the publisher states 1000209",
        "foldin evaluate --train",
        "a local copy",
    ] {
        assert!(readme.contains(part), "{part} is missing:\n{readme}");
    }
    let mut entries: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    entries.sort();
    assert_eq!(entries, ["ml-1m.zip", "out"], "a local copy stays, and nothing else is left");
}
