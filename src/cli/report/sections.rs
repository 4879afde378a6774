//! The sections of a report.

use anyhow::Result;

use super::document::{BY_CUTOFF, Block, Report};
use super::plots::{self, Bars, Curve, Lines, Plot, Series};
use crate::cli::comparison::{Comparison, bucket_extent, history_label, signed, training_time};
use crate::cli::console::{count, thousands};
use crate::cli::gates::{Verdict, shown_value};
use crate::cli::validation::Validated;
use crate::evaluation::{Metric, MetricKind};

fn number(value: f64) -> String {
    format!("{value:.4}")
}

fn mean_in(means: &[(Metric, f64)], metric: Metric) -> Option<f64> {
    means.iter().find(|(m, _)| *m == metric).map(|(_, mean)| *mean)
}

fn cell(means: &[(Metric, f64)], metric: Metric) -> String {
    mean_in(means, metric).map_or_else(String::new, number)
}

fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.into(), value.into())
}

/// The metric that the plots by bucket show: the first one asked for that a user has.
fn shown(comparison: &Comparison) -> Option<Metric> {
    let leading = comparison.leading().filter(|metric| metric.is_per_user());
    leading.or_else(|| comparison.metrics.iter().copied().find(|metric| metric.is_per_user()))
}

/// What was evaluated, on what, and by which rules.
pub fn summary(report: &Report<'_>) -> Vec<Block> {
    let Report { comparison, artifact, .. } = report;
    let train = comparison.train;
    let evaluated = comparison.models.first().map_or(0, |results| results.evaluation.counts.users);
    let mut facts = report.models.clone();
    facts.extend([
        fact("Protocol", comparison.protocol.to_string()),
        fact("Test data", comparison.split.clone()),
        fact("Evaluated", format!("{} users, each ranked over all {} items", count(evaluated), count(train.items))),
        fact("Training data", report.data.clone()),
        fact(
            "Trained on",
            format!(
                "{} users, {} items, {} interactions",
                count(train.users),
                count(train.items),
                count(train.interactions)
            ),
        ),
        fact("Seed", comparison.intervals.seed.to_string()),
        fact("Foldin", env!("CARGO_PKG_VERSION")),
    ]);
    if let Some(artifact) = artifact {
        let manifest = &artifact.manifest;
        facts.push(fact("Published", format!("{} by Foldin {}", manifest.created, manifest.library_version)));
        facts.push(fact("Data fingerprint", manifest.data_fingerprint.clone()));
    }
    let mut blocks = vec![Block::Facts(facts)];
    let mut notes = comparison.notes_on_counts();
    notes.extend(comparison.left_out.iter().map(ToString::to_string));
    if !notes.is_empty() {
        blocks.push(Block::Text(format!("{}.", notes.join(". "))));
    }
    blocks
}

/// Whether the candidate is what was asked of it.
pub fn gates(verdicts: &[Verdict]) -> Vec<Block> {
    if verdicts.is_empty() {
        return Vec::new();
    }
    let head = ["gate", "verdict", "value", "bound", "value − bound"].map(String::from).to_vec();
    let rows = verdicts.iter().map(|verdict| {
        let [value, bound] = [verdict.value, verdict.bound].map(shown_value);
        vec![verdict.gate.clone(), verdict.word().into(), value, bound, verdict.margin()]
    });
    vec![Block::Heading("Gates"), Block::Table { labels: 2, head, rows: rows.collect() }]
}

/// The means and the differences.
pub fn results(comparison: &Comparison) -> Vec<Block> {
    let shown = comparison.shown();
    let models = || comparison.models.iter();
    let head = ["metric".to_string()].into_iter().chain(models().map(|results| results.model.to_string())).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for &what in &shown {
        let cells = models().map(|results| {
            let value = results.value(what).map_or_else(String::new, number);
            results
                .interval(what)
                .map_or(value.clone(), |bounds| format!("{value} [{}, {}]", number(bounds.low), number(bounds.high)))
        });
        rows.push([what.to_string()].into_iter().chain(cells).collect());
    }
    let training = models().map(training_time);
    rows.push(["training".to_string()].into_iter().chain(training).collect());
    let rate = models().map(|results| {
        let rate = results.evaluation.counts.users as f64 / results.evaluate_seconds.max(1e-9);
        format!("{} users/s", thousands(rate.round() as u64))
    });
    rows.push(["evaluation".to_string()].into_iter().chain(rate).collect());
    let mut blocks = vec![
        Block::Heading("Results"),
        Block::Text(format!("In brackets: {}.", comparison.intervals)),
        Block::Table { labels: 1, head, rows },
    ];
    let rows: Vec<Vec<String>> = comparison
        .differences
        .iter()
        .flat_map(|difference| {
            shown.iter().filter_map(|&what| {
                let d = difference.of(what)?;
                let verdict = if d.zero_inside { "0 inside: undecided" } else { "0 outside" };
                let interval = format!("[{}, {}]", signed(d.interval.low), signed(d.interval.high));
                let models = format!("{} − {}", difference.model, difference.baseline);
                Some(vec![models, what.to_string(), signed(d.mean), interval, verdict.into()])
            })
        })
        .collect();
    if !rows.is_empty() {
        let head = ["difference", "metric", "mean", "interval", "verdict"].map(String::from).to_vec();
        blocks.push(Block::Text(
            "Differences are taken user by user, on the same resamples and groups: where 0 is inside the interval, these users do \
             not tell which model is better."
                .into(),
        ));
        blocks.push(Block::Table { labels: 2, head, rows });
    }
    blocks
}

/// Recall and NDCG from the first place to the hundredth.
pub fn by_cutoff(comparison: &Comparison) -> Result<Vec<Block>> {
    let Some(first) = comparison.models.first() else { return Ok(Vec::new()) };
    let mut blocks = vec![Block::Heading("By cutoff")];
    let (mut pictures, mut tables) = (Vec::new(), Vec::new());
    for kind in BY_CUTOFF {
        let mut metrics: Vec<Metric> =
            first.evaluation.means.iter().map(|(m, _)| *m).filter(|m| m.kind == kind).collect();
        metrics.sort_unstable_by_key(|metric| metric.k);
        let series = comparison.models.iter().map(|results| Series {
            name: &results.model,
            values: metrics.iter().map(|&m| results.evaluation.mean(m).unwrap_or_default()).collect(),
            intervals: metrics.iter().map(|&m| results.interval(m.into())).collect(),
        });
        let plot = Lines {
            title: format!("{}@k by cutoff k", kind.name()),
            ticks: metrics.iter().map(|metric| metric.k.to_string()).collect(),
            x_label: "cutoff k".into(),
            series: series.collect(),
        };
        let name = if kind == MetricKind::Ndcg { "ndcg-by-cutoff" } else { "recall-by-cutoff" };
        pictures.push(plots::lines(name, &plot)?);
        let head = ["model".to_string()].into_iter().chain(metrics.iter().map(ToString::to_string)).collect();
        let rows = comparison.models.iter().map(|results| {
            let cells = metrics.iter().map(|&metric| cell(&results.evaluation.means, metric));
            [results.model.to_string()].into_iter().chain(cells).collect()
        });
        tables.push(Block::Table { labels: 1, head, rows: rows.collect() });
    }
    blocks.push(Block::Plots(pictures));
    blocks.extend(tables);
    Ok(blocks)
}

/// A plot of one metric by bucket, and a table of all.
fn bucketed(
    comparison: &Comparison,
    metrics: &[Metric],
    heads: Vec<String>,
    means: impl Fn(usize, Metric) -> Vec<Option<f64>>,
    plot: Option<Plot>,
) -> Vec<Block> {
    let rows = metrics.iter().flat_map(|&metric| {
        let means = &means;
        comparison.models.iter().enumerate().map(move |(at, results)| {
            let cells = means(at, metric).into_iter().map(|mean| mean.map_or_else(String::new, number));
            [metric.to_string(), results.model.to_string()].into_iter().chain(cells).collect()
        })
    });
    let head = ["metric".to_string(), "model".into()].into_iter().chain(heads).collect();
    let table = Block::Table { labels: 2, head, rows: rows.collect() };
    plot.map(|plot| Block::Plots(vec![plot])).into_iter().chain([table]).collect()
}

/// Users with short and long histories.
pub fn by_history_length(comparison: &Comparison) -> Result<Vec<Block>> {
    let Some(first) = comparison.models.first() else { return Ok(Vec::new()) };
    let metrics: Vec<Metric> = comparison.metrics.iter().copied().filter(|m| m.is_per_user()).collect();
    let Some(metric) = shown(comparison) else { return Ok(Vec::new()) };
    let buckets = &first.evaluation.by_history_length;
    let means = |at: usize, metric: Metric| -> Vec<Option<f64>> {
        comparison.models[at].evaluation.by_history_length.iter().map(|b| mean_in(&b.means, metric)).collect()
    };
    let plot = plots::bars(
        "by-history-length",
        &Bars {
            title: format!("{metric} by history length"),
            x_label: "interactions folded in".into(),
            ticks: buckets.iter().map(history_label).collect(),
            series: series_of(comparison, |at| means(at, metric)),
        },
    )?;
    let heads = buckets.iter().map(|b| format!("{} ({} users)", history_label(b), count(b.users))).collect();
    let mut blocks = vec![
        Block::Heading("By history length"),
        Block::Text(
            "Means over the users whose folded-in history has a length within the bounds; the buckets hold as nearly a \
             quarter of the users each as lengths allow."
                .into(),
        ),
    ];
    blocks.extend(bucketed(comparison, &metrics, heads, means, Some(plot)));
    Ok(blocks)
}

/// Targets in the head, the middle and the tail of the catalogue.
pub fn by_item_popularity(comparison: &Comparison) -> Result<Vec<Block>> {
    let Some(first) = comparison.models.first() else { return Ok(Vec::new()) };
    let metrics: Vec<Metric> = comparison.metrics.iter().copied().filter(|m| m.is_accuracy()).collect();
    let Some(metric) = shown(comparison).filter(|metric| metric.is_accuracy()) else { return Ok(Vec::new()) };
    let buckets = &first.evaluation.by_item_popularity;
    let means = |at: usize, metric: Metric| -> Vec<Option<f64>> {
        comparison.models[at].evaluation.by_item_popularity.iter().map(|b| mean_in(&b.means, metric)).collect()
    };
    let plot = plots::bars(
        "by-item-popularity",
        &Bars {
            title: format!("{metric} by popularity of the targets"),
            x_label: "part of the catalogue".into(),
            ticks: buckets
                .iter()
                .map(|b| format!("{} ({} items)", b.items.bucket.name(), count(b.items.items)))
                .collect(),
            series: series_of(comparison, |at| means(at, metric)),
        },
    )?;
    let mut blocks = vec![
        Block::Heading("By popularity of the targets"),
        Block::Text(
            "Each column measures the same lists as if only the targets in that part of the catalogue had been wanted; \
             mean over the users who have such a target. Going from the most popular item down, head, mid and tail hold \
             about a third of the training interactions each; equally popular items are never separated."
                .into(),
        ),
        Block::Facts(
            buckets
                .iter()
                .map(|b| {
                    let (targets, users) = (thousands(b.targets), count(b.users));
                    fact(b.items.bucket.name(), format!("{}; {targets} targets of {users} users", bucket_extent(b)))
                })
                .collect(),
        ),
    ];
    let heads = buckets.iter().map(|b| b.items.bucket.name().to_string()).collect();
    blocks.extend(bucketed(comparison, &metrics, heads, means, Some(plot)));
    Ok(blocks)
}

fn series_of(comparison: &Comparison, values: impl Fn(usize) -> Vec<Option<f64>>) -> Vec<Series<'_>> {
    let series = comparison.models.iter().enumerate().map(|(at, results)| {
        let values: Vec<f64> = values(at).into_iter().map(Option::unwrap_or_default).collect();
        Series { name: &results.model, intervals: vec![None; values.len()], values }
    });
    series.collect()
}

/// Loss and validation of every trained model, epoch by epoch.
pub fn training(comparison: &Comparison) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for results in &comparison.models {
        let Some(summary) = &results.training else { continue };
        let epochs = summary.epochs.len();
        let validated = Validated::by_ratings(results.evaluation.ratings.is_some());
        let best = summary.best_validation.map_or_else(
            || "; the last epoch was kept, as nothing validated".to_string(),
            |value| {
                let (kept, value) = (summary.best_epoch, validated.shown(value));
                format!("; epoch {kept} was kept, with a validation {validated} of {value:.4}")
            },
        );
        blocks.push(Block::Heading("Training"));
        blocks.push(Block::Text(format!("{}: {epochs} epochs in {:.1} s{best}.", results.model, summary.seconds)));
        let loss = summary.epochs.iter().map(|epoch| (epoch.epoch as f64, epoch.loss)).collect();
        let validation: Vec<_> =
            summary.epochs.iter().filter_map(|e| Some((e.epoch as f64, validated.shown(e.validation?)))).collect();
        let curve = |title: &str, points| Curve { title: title.into(), points, marked: summary.best_epoch as f64 };
        let mut pictures = vec![plots::curve("training-loss", &curve("training loss a user", loss))?];
        if !validation.is_empty() {
            pictures.push(plots::curve("validation", &curve(&format!("validation {validated}"), validation))?);
        }
        blocks.push(Block::Plots(pictures));
    }
    Ok(blocks)
}

/// What every number means.
pub fn definitions(comparison: &Comparison) -> Vec<Block> {
    let mut kinds: Vec<MetricKind> = Vec::new();
    for kind in comparison.metrics.iter().map(|metric| metric.kind).chain(BY_CUTOFF) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let metrics = kinds.iter().map(|kind| fact(&format!("{}@k", kind.name()), kind.definition()));
    let rule = comparison.intervals;
    vec![
        Block::Heading("Definitions"),
        Block::Text(
            "T is what a user went on to, without the items that were folded in. Every list ranks the whole catalogue \
             but the folded-in items; ties in score go to the item whose id sorts first. Relevance is binary. Users with \
             an empty T have no value and are left out."
                .into(),
        ),
        Block::Facts(metrics.collect()),
        Block::Text(format!(
            "Intervals are percentiles of the bootstrap over users: {} resamples drawn by seed {}, the same for every model \
             and metric. Coverage and Gini belong to all lists together, and lists of users drawn twice show nothing new: \
             their intervals are those of the jackknife that leaves out each of {} groups of users in turn.",
            thousands(rule.resamples as u64),
            rule.seed,
            rule.groups
        )),
    ]
}
