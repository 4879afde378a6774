//! Synthetic logs: as asked for, the same every time, plausible, and in bounded memory.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, TimestampMillisecondType};
use foldin::evaluation::{Metric, MetricKind, Trial};
use foldin::generate::{GenerateConfig, GenerateError, Generated, generate};
use foldin::interactions::LogRules;
use foldin::io::{ItemColumns, read_items, read_log};
use foldin::models::{ModelConfig, Observer, Start, fit};
use foldin::training::TrainingConfig;
use foldin::types::UserIdx;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

fn small() -> GenerateConfig {
    GenerateConfig::preset("small").unwrap()
}

fn run(config: &GenerateConfig, out: &Path) -> Generated {
    generate(config, out, &mut |_, _| ()).unwrap()
}

/// A row of the log.
struct Row {
    user: String,
    item: String,
    timestamp: i64,
    event: String,
    weight: f32,
}

fn rows(log: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(log).unwrap()).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        let (users, items, events) = (text("user_id"), text("item_id"), text("event_type"));
        let timestamps = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>().clone();
        let weights = batch.column_by_name("weight").unwrap().as_primitive::<Float32Type>().clone();
        rows.extend((0..batch.num_rows()).map(|row| Row {
            user: users.value(row).into(),
            item: items.value(row).into(),
            timestamp: timestamps.value(row),
            event: events.value(row).into(),
            weight: weights.value(row),
        }));
    }
    rows
}

#[test]
fn a_log_has_the_size_asked_for() {
    let directory = TempDir::new().unwrap();
    for (name, config) in [
        ("small", small()),
        ("odd", GenerateConfig { users: 7, items: 31, interactions: 97, groups: 5, ..small() }),
        ("one row a user", GenerateConfig { users: 50, items: 40, interactions: 50, ..small() }),
        ("dense", GenerateConfig { users: 30, items: 20, interactions: 300, groups: 20, ..small() }),
        ("one group", GenerateConfig { groups: 1, groups_per_item: 4, ..small() }),
        ("uneven", GenerateConfig { history_spread: 2.0, ..small() }),
        ("even", GenerateConfig { history_spread: 0.0, mainstream: 1.0, popularity_exponent: 0.0, ..small() }),
        ("tiny", GenerateConfig { users: 2, items: 2, interactions: 2, groups: 2, ..small() }),
    ] {
        let out = directory.path().join(name);
        let generated = run(&config, &out);
        let rows = rows(&generated.log);
        let users: HashSet<&str> = rows.iter().map(|row| row.user.as_str()).collect();
        let items: HashSet<&str> = rows.iter().map(|row| row.item.as_str()).collect();
        let pairs: HashSet<(&str, &str)> = rows.iter().map(|row| (row.user.as_str(), row.item.as_str())).collect();
        assert!(4 * pairs.len() >= 3 * rows.len(), "{name}: {} pairs in {} rows", pairs.len(), rows.len());
        assert_eq!((rows.len() as u64, generated.rows), (config.interactions, config.interactions), "{name}");
        assert_eq!((users.len() as u64, generated.users), (config.users, config.users), "{name}");
        assert_eq!(items.len() as u64, generated.logged_items, "{name}");
        assert!(generated.logged_items <= config.items, "{name}");
        assert_eq!(generated.catalogue_items, config.items, "{name}");
    }
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    let directory = TempDir::new().unwrap();
    let bytes = |name: &str, config: &GenerateConfig, threads: usize| {
        let out = directory.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(config, &out));
        (fs::read(out.join("log.parquet")).unwrap(), fs::read(out.join("items.parquet")).unwrap())
    };
    let one = bytes("one", &small(), 1);
    assert!(one == bytes("two", &small(), 2), "two threads write other bytes");
    let other = bytes("other", &GenerateConfig { seed: 2, ..small() }, 2);
    assert!(one.0 != other.0 && one.1 != other.1, "the seed makes no difference");
}

#[test]
fn popularity_and_activity_are_heavy_tailed() {
    let directory = TempDir::new().unwrap();
    let generated = run(&GenerateConfig::default(), &directory.path().join("log"));
    let log = read_log(&generated.log, &LogRules::default()).unwrap().interactions;

    let mut counts = log.item_counts();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let share = |top: usize| f64::from(counts[..top].iter().sum::<u32>()) / log.len() as f64;
    let tenth = share(counts.len() / 10);
    assert!((0.3..0.6).contains(&tenth), "the top tenth of the items has {tenth} of the interactions");
    assert!(f64::from(counts[0]) < 0.5 * log.users() as f64, "the top item is everywhere");

    let mut lengths: Vec<usize> = log.histories().map(|history| history.len()).collect();
    lengths.sort_unstable();
    let quantile = |q: f64| lengths[(q * (lengths.len() - 1) as f64) as usize];
    assert!(quantile(0.5) >= 20 && quantile(0.99) > 5 * quantile(0.5), "{:?}", [0.1, 0.5, 0.9, 0.99].map(quantile));

    // Repeated pairs are there, and the exception.
    let repeated = 1.0 - log.len() as f64 / generated.rows as f64;
    assert!((0.08..0.25).contains(&repeated), "{repeated} of the rows repeat a pair");
}

#[test]
fn tastes_exist_and_overlap() {
    let directory = TempDir::new().unwrap();
    let config = GenerateConfig::default();
    let generated = run(&config, &directory.path().join("log"));
    let log = read_log(&generated.log, &LogRules::default()).unwrap();
    let category_of: HashMap<String, String> = categories(&generated.items);
    let categories: Vec<&str> =
        (0..log.items.len() as u32).map(|item| category_of[log.items.external(item).as_ref()].as_str()).collect();

    // A category is a taste: users who have two items of one category have more of it than its share.
    let mut shares: HashMap<&str, f64> = HashMap::new();
    for (&category, &count) in categories.iter().zip(&log.interactions.item_counts()) {
        *shares.entry(category).or_default() += f64::from(count) / log.interactions.len() as f64;
    }
    let (mut same, mut expected, mut widest) = (0.0, 0.0, 0usize);
    let users = log.interactions.users();
    for user in (0..users as u32).map(UserIdx) {
        let items = log.interactions.history(user).items();
        let mut of: HashMap<&str, f64> = HashMap::new();
        items.iter().for_each(|&item| *of.entry(categories[item as usize]).or_default() += 1.0);
        let top = of.iter().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        same += top.1 / items.len() as f64 / users as f64;
        expected += shares[top.0] / users as f64;
        widest += usize::from(items.len() < 20 || of.len() > 3);
    }
    assert!(same > 2.0 * expected, "favourite category: {same} of a history, {expected} of all interactions");
    // Nobody lives in a block: everyone with some history reaches beyond a few categories.
    assert!(widest as f64 > 0.99 * users as f64, "{widest} of {users} users have seen more than three categories");

    // And the items are connected: from any user one gets to every other through common items.
    let mut reached_items = vec![false; log.items.len()];
    let mut reached_users = vec![false; users];
    let by_item = log.interactions.csr().to_csc();
    let mut next = vec![0usize];
    reached_users[0] = true;
    while let Some(user) = next.pop() {
        for &item in log.interactions.history(UserIdx(user as u32)).items() {
            if !std::mem::replace(&mut reached_items[item as usize], true) {
                for &other in by_item.outer_view(item as usize).unwrap().indices() {
                    if !std::mem::replace(&mut reached_users[other as usize], true) {
                        next.push(other as usize);
                    }
                }
            }
        }
    }
    assert!(reached_users.iter().all(|&reached| reached) && reached_items.iter().all(|&reached| reached));
}

#[test]
fn models_differ_as_they_do_on_real_logs() {
    let directory = TempDir::new().unwrap();
    let generated = run(&GenerateConfig::default(), &directory.path().join("log"));
    let log = read_log(&generated.log, &LogRules::default()).unwrap().interactions;
    let trial = Trial::split(&log, 600, 1);
    let metric = Metric { kind: MetricKind::Ndcg, k: NonZeroUsize::new(100).unwrap() };
    let ndcg = |preset: &str| {
        let config = ModelConfig::preset(preset).unwrap();
        let observer = Observer { validate: None, epoch: &mut |_| (), step: &mut |_, _| () };
        let fitted = fit(&config, &TrainingConfig::default(), &trial.train, Start::Random, observer).unwrap();
        trial.evaluate(fitted.model.as_ref(), &[metric]).unwrap().mean(metric).unwrap()
    };
    let (popularity, ease) = (ndcg("popularity"), ndcg("ease"));
    // MovieLens-1M under the same protocol: .213 and .416.
    assert!((0.15..0.25).contains(&popularity), "popularity reaches {popularity}");
    assert!((1.6..2.3).contains(&(ease / popularity)), "EASE reaches {ease}, popularity {popularity}");
}

fn categories(items: &Path) -> HashMap<String, String> {
    let batches = ParquetRecordBatchReaderBuilder::try_new(File::open(items).unwrap()).unwrap().build().unwrap();
    batches
        .flat_map(|batch| {
            let batch = batch.unwrap();
            let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
            let (ids, categories) = (text("item_id"), text("category"));
            let pairs = ids.iter().zip(categories.iter());
            pairs.map(|(id, category)| (id.unwrap().to_owned(), category.unwrap().to_owned())).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn items_have_something_to_filter_by() {
    let directory = TempDir::new().unwrap();
    let generated = run(&GenerateConfig::default(), &directory.path().join("log"));
    let batches = ParquetRecordBatchReaderBuilder::try_new(File::open(&generated.items).unwrap()).unwrap();
    let (mut prices, mut years, mut adults, mut tags) = (Vec::new(), Vec::new(), 0, Vec::new());
    for batch in batches.build().unwrap() {
        let batch = batch.unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap().clone();
        prices.extend(column("price").as_primitive::<Float64Type>().iter());
        years.extend(column("year").as_primitive::<Int32Type>().values());
        adults += column("adult").as_boolean().true_count();
        let category = column("category").as_string::<i32>().clone();
        for (row, list) in column("tags").as_list::<i32>().iter().enumerate() {
            let list = list.unwrap();
            tags.push(list.len());
            assert_eq!(list.as_string::<i32>().value(0), category.value(row), "its own category comes first");
        }
    }
    assert_eq!(prices.len(), 2_000);
    let unpriced = prices.iter().filter(|price| price.is_none()).count();
    assert!((10..100).contains(&unpriced), "{unpriced} without a price");
    let mut known: Vec<f64> = prices.into_iter().flatten().collect();
    known.sort_by(f64::total_cmp);
    assert!(known[0] > 0.0 && (20.0..30.0).contains(&known[known.len() / 2]), "{known:?}");
    assert!(known.iter().all(|price| (price * 100.0 - (price * 100.0).round()).abs() < 1e-6), "whole cents");
    assert!(years.iter().all(|year| (1950..=2023).contains(year)));
    assert!((40..160).contains(&adults), "{adults} for adults");
    assert!(tags.iter().all(|count| (1..=3).contains(count)) && tags.contains(&2));
}

#[test]
fn events_make_sense_in_order_and_time() {
    let directory = TempDir::new().unwrap();
    let config = small();
    let rows = rows(&run(&config, &directory.path().join("log")).log);
    let end = (config.start + config.days as i64 * 86_400) * 1_000;
    assert!(rows.iter().all(|row| (config.start * 1_000..end).contains(&row.timestamp)));

    let mut events: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    let mut users = vec![rows[0].user.as_str()];
    for pair in rows.windows(2) {
        if pair[0].user == pair[1].user {
            assert!(pair[0].timestamp <= pair[1].timestamp, "time runs backwards for {}", pair[0].user);
        } else {
            users.push(&pair[1].user);
        }
    }
    assert!(users.is_sorted() && users.len() as u64 == config.users, "the rows of a user are not together");

    for row in &rows {
        let known = events.entry((&row.user, &row.item)).or_default();
        let needed = match row.event.as_str() {
            "view" => None,
            "cart" => Some("view"),
            "purchase" => Some("cart"),
            other => panic!("unknown event {other}"),
        };
        assert!(needed.is_none_or(|needed| known.contains(&needed)), "{} without {needed:?}", row.event);
        known.push(&row.event);
    }
    let count = |event: &str| rows.iter().filter(|row| row.event == event).count();
    assert!(count("view") > 5 * count("cart") && count("cart") > count("purchase") && count("purchase") > 0);
    let weights: HashSet<(&str, u32)> = rows.iter().map(|row| (row.event.as_str(), row.weight as u32)).collect();
    assert_eq!(weights, HashSet::from([("view", 1), ("cart", 3), ("purchase", 5)]));
}

#[test]
fn every_item_has_a_title_of_its_own() {
    let directory = TempDir::new().unwrap();
    let generated = run(&GenerateConfig::default(), &directory.path().join("log"));
    let log = read_log(&generated.log, &LogRules::default()).unwrap();
    let items = read_items(&generated.items, &ItemColumns::default(), &log.items).unwrap();
    assert_eq!((items.report.undescribed, items.report.titled), (0, log.items.len()));
    let titles: HashSet<String> = items.titles.into_iter().map(|title| title.unwrap().into()).collect();
    assert_eq!(titles.len(), log.items.len());
    assert!(titles.iter().all(|title| title.split(' ').count() >= 3), "titles are meant to be read");
}

#[test]
fn row_groups_are_bounded_and_progress_is_told() {
    let directory = TempDir::new().unwrap();
    // More rows than a row group holds.
    let config = GenerateConfig { users: 3_000, items: 1_000, interactions: 1_200_000, ..small() };
    let mut told = Vec::new();
    let generated =
        generate(&config, &directory.path().join("log"), &mut |done, planned| told.push((done, planned))).unwrap();
    let log = ParquetRecordBatchReaderBuilder::try_new(File::open(&generated.log).unwrap()).unwrap();
    let groups: Vec<i64> = log.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert!(groups.len() >= 2 && groups.iter().all(|&rows| rows <= 1 << 20), "{groups:?}");
    assert!(told.len() >= 3 && told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&(1_200_000, 1_200_000)));
}

#[test]
fn the_presets_are_valid_and_the_default_is_one_of_them() {
    for name in GenerateConfig::PRESETS {
        GenerateConfig::preset(name).unwrap().validate().unwrap();
    }
    assert_eq!(GenerateConfig::preset("default").unwrap(), GenerateConfig::default());
    let error = GenerateConfig::preset("huge").unwrap_err().to_string();
    assert_eq!(error, "unknown preset `huge`; available: small, default, large");
    assert!(serde_json::from_str::<GenerateConfig>(r#"{"user": 5}"#).is_err(), "an unknown field is refused");
}

#[test]
fn impossible_logs_are_refused_by_field() {
    let refused: [(&str, GenerateConfig); 16] = [
        ("users", GenerateConfig { users: 0, ..small() }),
        ("users", GenerateConfig { users: u64::MAX, ..small() }),
        ("items", GenerateConfig { items: 1, ..small() }),
        ("items", GenerateConfig { items: u64::MAX, ..small() }),
        ("interactions", GenerateConfig { interactions: 0, ..small() }),
        ("interactions", GenerateConfig { interactions: 499, ..small() }),
        ("interactions", GenerateConfig { interactions: 50_001, ..small() }),
        ("groups", GenerateConfig { groups: 0, ..small() }),
        ("groups", GenerateConfig { groups: 201, ..small() }),
        ("groups_per_user", GenerateConfig { groups_per_user: 0.5, ..small() }),
        ("mainstream", GenerateConfig { mainstream: f64::NAN, ..small() }),
        ("popularity_exponent", GenerateConfig { popularity_exponent: -1.0, ..small() }),
        ("history_spread", GenerateConfig { history_spread: f64::INFINITY, ..small() }),
        ("cart_rate", GenerateConfig { cart_rate: 1.5, ..small() }),
        ("start", GenerateConfig { start: -1, ..small() }),
        ("days", GenerateConfig { days: 0, ..small() }),
    ];
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("log");
    for (field, config) in refused {
        let error = generate(&config, &out, &mut |_, _| ()).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, GenerateError::Parameter { field: found, .. } if found == field), "{field}: {message}");
        assert!(message.starts_with(&format!("{field} is ")) && message.contains("between"), "{message}");
        assert!(!out.exists(), "{field}: something was written");
    }
}

#[test]
fn a_directory_that_is_in_use_or_cannot_be_made_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("thesis.txt"), "keep me").unwrap();
    let error = generate(&small(), directory.path(), &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, GenerateError::NotEmpty { .. }), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    let error = generate(&small(), &directory.path().join("thesis.txt/log"), &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, GenerateError::Directory { .. }), "{error}");
    let error = generate(&small(), &directory.path().join("thesis.txt"), &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, GenerateError::Directory { .. }), "{error}");

    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    run(&small(), &empty);
    let files: HashSet<_> = fs::read_dir(&empty).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, HashSet::from(["log.parquet".into(), "items.parquet".into()]), "nothing but the two files");
}
