//! A comparison as tables on the terminal.

use std::fmt::{self, Formatter};

use super::measurement::Measurement;
use super::results::{Comparison, ModelResults};
use crate::cli::comparison::LISTED;
use crate::cli::console::{bytes, count, table, thousands};
use crate::evaluation::{HistoryBucket, Metric, MetricKind, RatingErrors, TargetBucket};

/// A difference with its sign.
#[must_use]
pub fn signed(value: f64) -> String {
    format!("{value:+.4}")
}

/// The bounds of a bucket of history length.
#[must_use]
pub fn history_label(bucket: &HistoryBucket) -> String {
    if bucket.from == bucket.to {
        thousands(bucket.from)
    } else {
        format!("{}–{}", thousands(bucket.from), thousands(bucket.to))
    }
}

/// The size of a part of the catalogue with the bounds of its popularity.
#[must_use]
pub fn bucket_extent(bucket: &TargetBucket) -> String {
    let items = bucket.items;
    let (fewest, most) = (thousands(items.fewest_users), thousands(items.most_users));
    let bounds = if items.items == 0 {
        "no item".to_string()
    } else if items.fewest_users == items.most_users {
        format!("{fewest} users each")
    } else {
        format!("{fewest}–{most} users each")
    };
    format!("{} items, {bounds}", count(items.items))
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let train = &self.train;
        let (users, items, interactions) = (count(train.users), count(train.items), count(train.interactions));
        writeln!(f, "{}: {}", self.protocol, self.split)?;
        writeln!(f, "trained on {users} users, {items} items, {interactions} interactions")?;
        let shown = self.shown();
        let head = ["model".into()].into_iter().chain(shown.iter().map(ToString::to_string));
        let mut means = table(head.chain(["users".into(), "training".into()]));
        for results in &self.models {
            let cells = shown.iter().map(|&what| value_and_interval(results, what));
            let rest = [count(results.evaluation.counts.users), training_time(results)];
            means.add_row([results.model.clone()].into_iter().chain(cells).chain(rest));
        }
        writeln!(f, "{means}")?;
        self.write_ratings(f)?;
        self.write_differences(f)?;
        if let Some(rows) = self.quality_and_cost() {
            let mut costs = table(rows.head);
            rows.rows.into_iter().for_each(|row| _ = costs.add_row(row));
            writeln!(f, "{costs}\n{}", rows.note)?;
        }
        self.write_left_out(f)
    }
}

impl Comparison {
    /// The errors of the models that expect ratings, where there are any.
    fn write_ratings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let errors = || self.models.iter().filter_map(|results| Some((&results.model, results.evaluation.ratings?)));
        if errors().next().is_none() {
            return Ok(());
        }
        let mut rows = table(["model", "rmse", "mae", "ratings"].map(String::from));
        for (model, RatingErrors { ratings, rmse, mae }) in errors() {
            rows.add_row([model.clone(), number(Some(rmse)), number(Some(mae)), count(ratings)]);
        }
        writeln!(f, "{rows}")
    }
}

/// A value where there is one.
fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.4}"))
}

/// A value, its bounds below it.
fn value_and_interval(results: &ModelResults, what: Measurement) -> String {
    let value = number(results.value(what));
    results.interval(what).map_or(value.clone(), |bounds| format!("{value}\n[{:.4}, {:.4}]", bounds.low, bounds.high))
}

/// How long a model was trained, in words.
#[must_use]
pub fn training_time(results: &ModelResults) -> String {
    results.fit_seconds.map_or_else(|| "published".into(), |seconds| format!("{seconds:.1} s"))
}

/// Quality beside what it costs, a model a row.
pub struct QualityAndCost {
    /// Headings.
    pub head: Vec<String>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
    /// How it was measured.
    pub note: String,
}

impl Comparison {
    /// One metric, what the lists show of the catalogue, and what the model takes; `None` where costs were not
    /// measured.
    #[must_use]
    pub fn quality_and_cost(&self) -> Option<QualityAndCost> {
        let metric = self.leading().filter(|_| self.with_costs)?;
        let exposure = [MetricKind::Coverage, MetricKind::Gini].map(|kind| Metric { kind, k: metric.k }.into());
        let shown: Vec<Measurement> = [metric.into()].into_iter().chain(self.tail()).chain(exposure).collect();
        let row = |results: &ModelResults| {
            let quality = shown.iter().map(|&what| number(results.value(what)));
            let size = results.costs.map_or_else(String::new, |costs| bytes(costs.bytes));
            let time = results.costs.map_or_else(String::new, |costs| format!("{:.3}", costs.user_ms));
            [results.model.clone()].into_iter().chain(quality).chain([training_time(results), size, time]).collect()
        };
        let head = ["model".to_string()].into_iter().chain(shown.iter().map(ToString::to_string));
        Some(QualityAndCost {
            head: head.chain(["training", "size", "ms a user"].map(String::from)).collect(),
            rows: self.models.iter().map(row).collect(),
            note: format!(
                "of tail: as if the targets among the least popular items, a third of all interactions, were all there \
                 is; ms a user: one history folded in and its first {LISTED} items found, on one thread, the median"
            ),
        })
    }

    fn write_differences(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "in brackets: {}", self.intervals)?;
        if self.differences.is_empty() {
            return Ok(());
        }
        let shown = self.shown();
        let names = shown.iter().map(ToString::to_string);
        let mut differences = table(["difference,\nuser by user".to_string()].into_iter().chain(names));
        for difference in &self.differences {
            let cells = shown.iter().map(|&what| {
                difference.of(what).map_or_else(String::new, |d| {
                    let (mean, low, high) = (signed(d.mean), signed(d.interval.low), signed(d.interval.high));
                    let undecided = if d.zero_inside { "\n0 inside" } else { "" };
                    format!("{mean}\n[{low}, {high}]{undecided}")
                })
            });
            let name = format!("{} − {}", difference.model, difference.baseline);
            differences.add_row(std::iter::once(name).chain(cells));
        }
        writeln!(f, "{differences}")
    }

    fn write_left_out(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.notes_on_counts().iter().try_for_each(|note| writeln!(f, "{note}"))?;
        self.left_out.iter().try_for_each(|left_out| writeln!(f, "{left_out}"))
    }

    /// What the means do not cover, a sentence each.
    #[must_use]
    pub fn notes_on_counts(&self) -> Vec<String> {
        // Who is evaluated depends on the data alone, so every model has the same counts.
        let counts = self.models.first().map(|results| results.evaluation.counts).unwrap_or_default();
        let notes = [
            (
                self.left_out_of_split.items_unseen_in_training,
                "interactions with items that nobody has in training are left out: no model can know them",
            ),
            (
                self.left_out_of_split.users_without_history,
                "users with targets but no history in training are left out",
            ),
            (counts.users_without_target, "users without a target to be found are left out"),
            (counts.targets_already_seen, "targets that were folded in as well are left out: they are never listed"),
        ];
        notes.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(n))).collect()
    }

    /// Tables of one metric by history length and by popularity of the targets.
    #[must_use]
    pub fn by_bucket(&self, metric: Metric) -> Breakdown<'_> {
        Breakdown { comparison: self, metric }
    }
}

/// One metric by bucket.
#[derive(Debug)]
pub struct Breakdown<'a> {
    comparison: &'a Comparison,
    metric: Metric,
}

impl fmt::Display for Breakdown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { comparison, metric } = self;
        let Some(first) = comparison.models.first() else { return Ok(()) };
        let of = |means: &[(Metric, f64)]| {
            means.iter().find(|(m, _)| m == metric).map_or_else(String::new, |(_, mean)| format!("{mean:.4}"))
        };
        let lengths = first
            .evaluation
            .by_history_length
            .iter()
            .map(|bucket| format!("{} items\n{} users", history_label(bucket), count(bucket.users)));
        let mut by_length = table([format!("{metric}\nby history length")].into_iter().chain(lengths));
        let parts = first.evaluation.by_item_popularity.iter().map(|bucket| {
            let (name, targets, users) = (bucket.items.bucket.name(), thousands(bucket.targets), count(bucket.users));
            format!("{name}: {}\n{targets} targets of {users} users", bucket_extent(bucket))
        });
        let mut by_popularity = table([format!("{metric}\nby popularity of the targets")].into_iter().chain(parts));
        for results in &comparison.models {
            let name = || std::iter::once(results.model.to_string());
            by_length.add_row(name().chain(results.evaluation.by_history_length.iter().map(|b| of(&b.means))));
            by_popularity.add_row(name().chain(results.evaluation.by_item_popularity.iter().map(|b| of(&b.means))));
        }
        writeln!(f, "{by_length}")?;
        if metric.is_accuracy() { writeln!(f, "{by_popularity}") } else { Ok(()) }
    }
}
