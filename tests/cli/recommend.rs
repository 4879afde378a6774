//! `foldin recommend`: one list, or everyone's.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::harness::{arg, fixture, foldin, json, succeed};
use super::tables::{Row, read_recommendations};

fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["item_id"].as_str().unwrap().to_string()).collect()
}

#[test]
fn everyones_lists_are_the_lists_of_each() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("recs.parquet");
    let model = arg(&fixture().model);
    let said = succeed(&["recommend", model, "--all", "--out", arg(&out), "-n", "7"]);
    assert!(said.contains("2,100 recommendations for 300 users"), "{said}");
    let rows = read_recommendations(&out);
    let mut lists: HashMap<&str, Vec<&Row>> = HashMap::new();
    rows.iter().for_each(|row| lists.entry(&row.user_id).or_default().push(row));
    assert_eq!(lists.len(), 300);
    for (position, (user, list)) in lists.iter().enumerate() {
        assert_eq!(list.iter().map(|row| row.rank).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert!(list.is_sorted_by(|a, b| a.score >= b.score));
        // A process each: a few users stand for all.
        if position < 5 {
            let one = json(&["recommend", model, "--user-id", user, "-n", "7", "--json"]);
            for (row, entry) in list.iter().zip(one["items"].as_array().unwrap()) {
                assert_eq!(entry["item_id"], row.item_id.as_str());
                assert_eq!(entry["title"], row.title.as_str());
                assert_eq!(entry["score"].as_f64().unwrap() as f32, row.score);
            }
        }
    }
}

#[test]
fn missing_directories_of_the_output_are_created_when_there_is_something_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("new/dir/recs.parquet");
    let recommend = |model: &str| foldin(&["recommend", model, "--all", "--out", arg(&out), "-n", "2"]);
    recommend(arg(&directory.path().join("absent"))).refused(3, &["absent"]);
    assert!(!directory.path().join("new").exists());
    assert_eq!(recommend(arg(&fixture().model)).code, Some(0));
    assert_eq!(read_recommendations(&out).len(), 600);
}

#[test]
fn an_ad_hoc_history_is_folded_in_and_not_listed_again() {
    let model = arg(&fixture().model);
    let some = json(&["recommend", model, "--user-id", "nobody", "-n", "5", "--json"]);
    let history = ids(&some).join(",");
    let list = json(&["recommend", model, "--history", &history, "-n", "100", "--json"]);
    assert_eq!((list["tier"].as_str(), list["history_items"].as_u64()), (Some("personal"), Some(5)));
    let listed: HashSet<String> = ids(&list).into_iter().collect();
    assert!(ids(&some).iter().all(|item| !listed.contains(item)));
    let with_seen = json(&["recommend", model, "--history", &history, "-n", "1000", "--include-seen", "--json"]);
    let listed: HashSet<String> = ids(&with_seen).into_iter().collect();
    assert!(ids(&some).iter().all(|item| listed.contains(item)));
}

#[test]
fn a_table_with_titles() {
    let model = arg(&fixture().model);
    let list = json(&["recommend", model, "--user-id", "nobody", "-n", "3", "--json"]);
    let run = foldin(&["recommend", model, "--user-id", "nobody", "-n", "3"]);
    assert!(run.stderr.contains("the user is unknown: these are the most popular items"), "{}", run.stderr);
    for item in list["items"].as_array().unwrap() {
        assert!(run.stdout.contains(item["title"].as_str().unwrap()), "{}", run.stdout);
    }
    assert_eq!(list["tier"], "popularity");
}

#[test]
fn unknown_items_are_counted() {
    let model = arg(&fixture().model);
    let known = ids(&json(&["recommend", model, "--user-id", "nobody", "-n", "1", "--json"])).remove(0);
    let run = foldin(&["recommend", model, "--history", &format!("{known},ghost,phantom"), "--json"]);
    assert!(run.stderr.contains("2 items of the history are unknown"), "{}", run.stderr);
    let run = foldin(&["recommend", model, "--history", "ghost"]);
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("no item of the history is in the catalogue"), "{}", run.stderr);
}

#[test]
fn lists_are_as_wished() {
    let model = arg(&fixture().model);
    let user = ids(&json(&["recommend", model, "--user-id", "nobody", "-n", "3", "--json"])).join(",");
    let wish = |flags: &[&str]| {
        let subject = ["recommend", model, "--history", &user, "-n", "6", "--json"];
        json(&[&subject[..], flags].concat())
    };
    let filter = ["--filter", "price < 30 and not adult and year >= 2000", "--attributes", "year,price,adult,tags"];
    let list = wish(&filter);
    assert_eq!(list["items"].as_array().unwrap().len(), 6);
    assert!(list["removed_not_matching"].as_u64().unwrap() > 50, "{list}");
    for item in list["items"].as_array().unwrap() {
        let of = &item["attributes"];
        assert!(of["price"].as_f64().unwrap() < 30.0 && of["year"].as_i64().unwrap() >= 2000, "{item}");
        assert_eq!(of["adult"], false);
        assert!(!of["tags"].as_array().unwrap().is_empty());
    }
    let plain = ids(&wish(&[]));
    for flags in [
        &["--diversity", "0.9"][..],
        &["--popularity-damping", "1"],
        &["--exclude", &plain[0]],
        &["--negative", &plain[0], "--negative-strength", "3"],
        &["--context", &plain[5]],
        &["--explore", "3"],
    ] {
        assert_ne!(ids(&wish(flags)), plain, "{flags:?}");
    }
    let explored = wish(&["--explore", "3"]);
    assert!(explored["items"][0]["propensity"].as_f64().unwrap() > 0.0);
    assert_eq!(ids(&explored), ids(&wish(&["--explore", "3"])));
    let least = wish(&["--min-score", "1e6"]);
    assert_eq!(least["short_reason"], "no more reach the score asked for");
    let filled = wish(&["--min-score", "1e6", "--fill"]);
    assert_eq!((filled["filled_items"].as_u64(), filled["items"][0]["tier"].as_str()), (Some(6), Some("popularity")));

    // The same as a table for people.
    let subject = ["recommend", model, "--history", &user, "-n", "4"];
    let shown = ["--attributes", "price,category", "--explain", "2", "--explore", "1"];
    let table = succeed(&[&subject[..], &shown].concat());
    for header in ["title", "price", "category", "because of", "propensity"] {
        assert!(table.contains(header), "{header} is missing:\n{table}");
    }
    assert!(table.find("price") < table.find("category"), "in the order asked:\n{table}");
}

#[test]
fn wishes_that_cannot_be_fulfilled() {
    let model = arg(&fixture().model);
    let refused = |flags: &[&str], parts: &[&str]| {
        foldin(&[&["recommend", model, "--user-id", "u1"], flags].concat()).refused(2, parts);
    };
    refused(&["--filter", "prize < 3"], &["filter, at byte 0", "did you mean `price`?", "\n  prize < 3\n  ^"]);
    refused(&["--filter", "price = cheap"], &["at byte 8: expected a value", "found `cheap`"]);
    refused(&["--attributes", "colour"], &["detail.attributes[0]", "category"]);
    refused(&["--diversity", "2"], &["diversity.strength is 2, must be between 0 and 1"]);
    refused(&["--popularity-damping", "NaN"], &["popularity_damping is NaN"]);
    refused(&["--negative-strength", "2"], &["--negative"]);
    refused(&["--explain", "11"], &["detail.contributions is 11"]);
    foldin(&["recommend", model, "--all", "--out", "x.parquet", "--filter", "price < 3"]).refused(2, &["--all"]);
}

#[test]
fn inspect_tells_what_can_be_filtered() {
    let model = arg(&fixture().model);
    let inspected = json(&["inspect", model, "--json"]);
    let attributes = inspected["attributes"].as_array().unwrap();
    let of = |name: &str| attributes.iter().find(|of| of["name"] == name).unwrap();
    assert_eq!((of("category")["type"].as_str(), of("category")["holds"].as_str()), (Some("Utf8"), Some("texts")));
    assert!(of("category")["distinct"].as_u64().unwrap() > 5);
    assert!(of("price")["unknown"].as_f64().unwrap() > 0.0);
    assert_eq!(of("adult")["distinct"], 2);
    assert_eq!(of("tags")["holds"], "lists of texts");
    let text = succeed(&["inspect", model]);
    for part in ["attribute    price Float64: numbers", " distinct, ", "% null; ", "false (", " to 2023"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn questions_without_an_answer() {
    let model = arg(&fixture().model);
    foldin(&["recommend", model]).refused(2, &["--user-id", "--history", "--all"]);
    foldin(&["recommend", model, "--user-id", "u", "-n", "0"]).refused(2, &["-n"]);
    foldin(&["recommend", model, "--user-id", "u", "-n", "1000000"]).refused(2, &["n is 1000000"]);
    foldin(&["recommend", model, "--all"]).refused(2, &["--out"]);
}
