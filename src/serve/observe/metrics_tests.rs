use std::collections::BTreeSet;

use super::*;

/// A server that has done a little of everything.
fn used() -> Metrics {
    let metrics = Metrics::new();
    metrics.request("ModelService/GetModel", None, Code::Ok, Duration::from_millis(3));
    metrics.turn(Duration::from_millis(1), Duration::from_millis(2));
    metrics.together(3);
    metrics.list("default", "popularity", Some("unknown_user"));
    metrics.refused("silent");
    metrics.reload_failed();
    metrics.set_occupancy((1, 2), (3, 4));
    metrics.set_models(&[facts("one", 40)]);
    metrics.set_events(5, 6, 7);
    metrics.set_events_waiting(8);
    metrics.event_commit(Duration::from_millis(4));
    metrics
}

fn facts(version: &str, served_items: usize) -> ModelFacts {
    let (name, kind) = ("default".into(), "ease".into());
    ModelFacts { name, version: version.into(), kind, items: 160, served_items, bytes: 4096 }
}

/// Names of metrics as a query uses them, without the parts of a histogram.
fn exposed(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() }).collect()
}

#[test]
fn the_readme_names_exactly_the_metrics_that_there_are() {
    let readme = include_str!("../../../README.md");
    let section = readme.split("\n### Metrics\n").nth(1).expect("the README has a section Metrics");
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let named: BTreeSet<String> =
        rows.map(|row| row.split('`').nth(1).unwrap()).map(|name| name.split('{').next().unwrap().to_owned()).collect();
    assert!(named.len() > 20, "{named:?}");
    assert_eq!(named, exposed(&used().text()));
}

#[test]
fn the_labels_that_the_readme_names_are_there() {
    let text = used().text();
    for row in include_str!("../../../README.md").lines().filter(|line| line.starts_with("| `foldin_")) {
        let name = row.split('`').nth(1).unwrap();
        let Some((name, labels)) = name.trim_end_matches('}').split_once('{') else { continue };
        let line = text.lines().find(|line| line.starts_with(name) && line.contains('{'));
        for label in labels.split(", ") {
            assert!(line.is_some_and(|line| line.contains(&format!("{label}=\""))), "{name} {label}: {line:?}");
        }
    }
}

#[test]
fn a_model_that_went_leaves_nothing_behind() {
    let metrics = used();
    assert!(metrics.text().contains("foldin_catalogue_coverage_ratio{name=\"default\"} 0.25"));
    metrics.set_models(&[facts("two", 0)]);
    let text = metrics.text();
    assert!(!text.contains("version=\"one\"") && text.contains("version=\"two\""), "{text}");
    assert!(text.contains("foldin_catalogue_coverage_ratio{name=\"default\"} 0.0"), "{text}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_is_measured() {
    let text = used().text();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
    };
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_cpu_seconds_total") > 0.0);
    assert!(value("process_start_time_seconds") > 1.6e9);
}
