use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

#[test]
fn every_manifest_of_the_directory_is_part_of_the_build_and_named_like_its_file() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let manifests = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let on_disk: BTreeSet<String> =
        manifests.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let embedded: BTreeSet<String> = all().into_iter().map(|manifest| manifest.name).collect();
    assert_eq!(on_disk, embedded);
}

#[test]
fn a_manifest_says_what_a_reader_and_a_download_need() {
    for manifest in all() {
        let name = &manifest.name;
        assert!(manifest.users > 0 && manifest.items > 0 && manifest.interactions >= manifest.users, "{name}");
        assert!(!manifest.licence.terms.is_empty() && manifest.licence.url.starts_with("http"), "{name}");
        assert!(manifest.protocol.command.starts_with("foldin evaluate "), "{name}");
        assert_eq!(manifest.download_bytes().is_none(), manifest.by_hand.is_some(), "{name}");
        for file in &manifest.files {
            assert!(file.bytes > 0, "{name}: {}", file.name);
            assert_eq!(Path::new(&file.name).components().count(), 1, "{name}: a file name, not a path");
            let url = file.url.as_deref().unwrap_or("http");
            assert!(url.starts_with("http") && (file.url.is_none() || url.ends_with(&file.name)), "{name}: {url}");
            let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
            assert!(file.blake3.as_ref().is_none_or(is_hash), "{name}: {}", file.name);
        }
    }
}

#[test]
fn every_table_is_made_of_fields_that_its_files_have() {
    for manifest in all() {
        let outputs: BTreeSet<&str> = manifest.tables.iter().map(|table| table.output.as_str()).collect();
        assert_eq!(outputs.len(), manifest.tables.len(), "{}", manifest.name);
        for table in &manifest.tables {
            let place = format!("{}: {}", manifest.name, table.output);
            assert!(
                ["interactions.parquet", "items.parquet", "train.parquet", "test.parquet"]
                    .contains(&table.output.as_str()),
                "{place}"
            );
            for part in &table.parts {
                let file = manifest.file(&part.file).unwrap_or_else(|| panic!("{place}: no file {}", part.file));
                assert_eq!(part.member.is_some(), file.name.ends_with(".zip"), "{place}");
            }
            let (width, named) = match &table.layout {
                Layout::Separated(layout) => {
                    assert!(!layout.separator.is_empty(), "{place}");
                    assert!(!layout.quoted || layout.separator.len() == 1, "{place}");
                    (layout.fields, layout.header)
                }
                Layout::Adjacency => (Some(2), false),
                Layout::Blocks => (Some(4), false),
            };
            for field in fields(&table.content) {
                match field {
                    Field::Name(_) => assert!(named, "{place}: {field:?} without a header"),
                    Field::Number(number) => {
                        assert!(width.is_some_and(|width| (1..=width).contains(&number)), "{place}: {field:?}");
                    }
                }
            }
        }
    }
}

fn fields(content: &Content) -> Vec<Field> {
    match content {
        Content::Interactions(columns) => {
            let weight = columns.weight.iter().map(|weight| weight.field.clone());
            let time = columns.time.iter().map(|time| time.field.clone());
            [columns.user.field.clone(), columns.item.field.clone()].into_iter().chain(weight).chain(time).collect()
        }
        Content::Items(columns) => {
            let mut fields = vec![columns.id.field.clone()];
            for attribute in &columns.attributes {
                match attribute {
                    Attribute::Text { field, .. } | Attribute::Int { field, .. } | Attribute::List { field, .. } => {
                        fields.push(field.clone());
                    }
                    Attribute::Flags { first, labels, .. } => {
                        fields.extend((*first..first + labels.len()).map(Field::Number));
                    }
                }
            }
            fields
        }
    }
}

#[test]
fn a_misspelt_name_is_answered_with_the_nearest() {
    assert_eq!(find("ml-1m").unwrap().title, "MovieLens 1M");
    for (asked, nearest) in [("ML-20M", "ml-20m"), ("gowala", "gowalla"), ("yelp", "yelp2018")] {
        assert_eq!(find(asked).unwrap_err().nearest.as_deref(), Some(nearest), "{asked}");
    }
    let unknown = find("zzz").unwrap_err();
    assert_eq!(unknown.nearest, None);
    assert!(unknown.to_string().contains("available: ml-100k"), "{unknown}");
}
