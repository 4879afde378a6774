//! Several models, measured on the same users.

use std::fmt;
use std::time::Instant;

use anyhow::Result;
use serde::{Serialize, Serializer};

use super::costs::Costs;
use super::measurement::Measurement;
use crate::cli::console::{count, note};
use crate::cli::planning;
use crate::evaluation::{
    Bootstrap, CONFIDENCE, Evaluation, GROUPS, Interval, LeftOut, Metric, PopularityBucket, Protocol, RESAMPLES,
    Resampled, TargetBucket, Trial,
};
use crate::models::{Model, ModelConfig, Observer, Start, fit};
use crate::plan::Room;
use crate::training::{TrainingConfig, TrainingSummary};

/// Items above which the cubic time of EASE is worth a word.
const PATIENT_ITEMS: usize = 20_000;

/// Several models on one trial: the evaluated one and what stands beside it.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// How training and test data relate.
    pub protocol: Protocol,
    /// Where the test data comes from, in words.
    pub split: String,
    /// Extents of the training data.
    pub train: TrainingSize,
    /// What the split left out.
    #[serde(flatten)]
    pub left_out_of_split: LeftOut,
    /// How intervals are made.
    pub intervals: IntervalRule,
    /// Results in the order of measuring, the evaluated model last, where it is not left out.
    pub models: Vec<ModelResults>,
    /// The evaluated model against every other one.
    pub differences: Vec<Difference>,
    /// Models that could not take part.
    pub left_out: Vec<LeftOutModel>,
    /// The metrics asked for, each once.
    #[serde(skip)]
    pub metrics: Vec<Metric>,
    /// All that is measured.
    #[serde(skip)]
    measured: Vec<Metric>,
    /// True when it is also measured what a model takes.
    #[serde(skip)]
    pub with_costs: bool,
    /// True as soon as the evaluated model is among the results.
    #[serde(skip)]
    with_candidate: bool,
    /// The resamples of the evaluated users, the same for every model.
    #[serde(skip)]
    bootstrap: Option<Bootstrap>,
}

/// A model to be measured, with what is known of its training.
#[derive(Clone)]
pub struct Contender<'a> {
    /// What it is called, as no other one is.
    pub name: &'a str,
    /// The model.
    pub model: &'a dyn Model,
    /// The course of its training, where there is one.
    pub training: Option<TrainingSummary>,
    /// Seconds of its training, where they are known.
    pub fit_seconds: Option<f64>,
}

/// Extents of the training data.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TrainingSize {
    /// Rows of the matrix.
    pub users: usize,
    /// Columns.
    pub items: usize,
    /// Stored interactions.
    pub interactions: usize,
}

/// Bootstrap over users, percentile intervals; for what all lists show together the jackknife over groups of users.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct IntervalRule {
    /// Share of the resampled means within the bounds.
    pub confidence: f64,
    /// Draws of as many users as were evaluated.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Groups that the jackknife leaves out in turn.
    pub groups: usize,
}

impl fmt::Display for IntervalRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (share, resamples) = (100.0 * self.confidence, count(self.resamples));
        write!(
            f,
            "{share:.0} % intervals (bootstrap, {resamples} resamples of the users; of coverage and Gini jackknife, "
        )?;
        write!(f, "{} groups of them)", self.groups)
    }
}

/// One model's results.
#[derive(Debug, Serialize)]
pub struct ModelResults {
    /// What it is called.
    pub model: String,
    /// Means, counts and buckets.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Bounds of the means and of the values of all lists together.
    #[serde(serialize_with = "as_map")]
    pub intervals: Vec<(Measurement, Interval)>,
    /// Seconds of training; absent for a published model.
    pub fit_seconds: Option<f64>,
    /// Seconds of folding in, ranking and measuring.
    pub evaluate_seconds: f64,
    /// What it takes to keep and to ask it, where that is measured.
    #[serde(flatten)]
    pub costs: Option<Costs>,
    /// The course of the training, where the model has one.
    #[serde(skip)]
    pub training: Option<TrainingSummary>,
    #[serde(skip)]
    resampled: Vec<(Measurement, Resampled)>,
}

/// The evaluated model minus another one, user by user.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The evaluated model.
    pub model: String,
    /// The other one.
    pub baseline: String,
    /// Differences of the means and of the values of all lists together.
    #[serde(serialize_with = "as_map")]
    pub metrics: Vec<(Measurement, PairedMean)>,
}

/// The mean of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedMean {
    /// Model minus baseline: the mean over users, or of what is one value for all lists.
    pub mean: f64,
    /// Its bounds.
    #[serde(flatten)]
    pub interval: Interval,
    /// True when the bounds enclose 0: these users do not tell which model is better.
    pub zero_inside: bool,
}

/// A model that could not take part.
#[derive(Debug, Serialize)]
pub struct LeftOutModel {
    /// What it is called.
    pub model: String,
    /// Why not, with the numbers.
    pub reason: String,
}

impl fmt::Display for LeftOutModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is left out: {}", self.model, self.reason)
    }
}

fn as_map<T: Serialize, S: Serializer>(values: &[(Measurement, T)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(what, value)| (what, value)))
}

/// The first of each metric.
fn once(metrics: impl IntoIterator<Item = Metric>) -> Vec<Metric> {
    let mut once: Vec<Metric> = Vec::new();
    for metric in metrics {
        if !once.contains(&metric) {
            once.push(metric);
        }
    }
    once
}

impl Comparison {
    /// Nothing measured yet; `split` says in words where the test data comes from, `seed` is that of the
    /// intervals. A metric named more than once is reported once.
    #[must_use]
    pub fn new(trial: &Trial<'_>, split: String, metrics: &[Metric], seed: u64) -> Self {
        let train = &trial.train;
        let metrics = once(metrics.iter().copied());
        Self {
            protocol: trial.protocol,
            split,
            train: TrainingSize { users: train.users(), items: train.items(), interactions: train.len() },
            left_out_of_split: trial.left_out,
            intervals: IntervalRule { confidence: CONFIDENCE, resamples: RESAMPLES, seed, groups: GROUPS },
            models: Vec::new(),
            differences: Vec::new(),
            left_out: Vec::new(),
            measured: metrics.clone(),
            metrics,
            with_costs: false,
            with_candidate: false,
            bootstrap: None,
        }
    }

    /// Measures more than was asked for.
    #[must_use]
    pub fn measuring_also(mut self, metrics: impl IntoIterator<Item = Metric>) -> Self {
        self.measured = once(self.measured.into_iter().chain(metrics));
        self
    }

    /// The metric that stands for the quality of a model: the first one asked for that compares lists with targets,
    /// or else the first.
    #[must_use]
    pub fn leading(&self) -> Option<Metric> {
        let mut metrics = self.metrics.iter().copied();
        metrics.clone().find(|metric| metric.is_accuracy()).or_else(|| metrics.next())
    }

    /// What tables show: the metrics asked for and, where costs are measured, the leading one in the tail of the
    /// catalogue.
    #[must_use]
    pub fn shown(&self) -> Vec<Measurement> {
        self.metrics.iter().copied().map(Measurement::from).chain(self.tail()).collect()
    }

    /// The leading metric as if the targets in the tail of the catalogue were all that there is. `None` where costs are not
    /// measured, or the metric says nothing of targets.
    #[must_use]
    pub fn tail(&self) -> Option<Measurement> {
        let metric = self.leading().filter(|metric| self.with_costs && metric.is_accuracy())?;
        Some(Measurement { metric, part: Some(PopularityBucket::Tail) })
    }

    /// The model that the comparison is about; `None` where it is left out.
    #[must_use]
    pub fn candidate(&self) -> Option<&ModelResults> {
        self.models.last().filter(|_| self.with_candidate)
    }

    /// Measures what models take as well: their size, and the time of an answer.
    #[must_use]
    pub fn measuring_costs(self) -> Self {
        Self { with_costs: true, ..self }
    }

    /// Measures the model that the comparison is about, against what has been measured before; the last call.
    ///
    /// # Errors
    /// When nobody can be evaluated.
    pub fn add(&mut self, trial: &Trial<'_>, contender: Contender<'_>) -> Result<()> {
        let results = self.measure(trial, contender)?;
        self.differences = self.models.iter().map(|baseline| results.minus(baseline)).collect();
        self.models.push(results);
        self.with_candidate = true;
        Ok(())
    }

    /// Measures a model that stands beside.
    ///
    /// # Errors
    /// When nobody can be evaluated.
    pub fn add_beside(&mut self, trial: &Trial<'_>, contender: Contender<'_>) -> Result<()> {
        let results = self.measure(trial, contender)?;
        self.models.push(results);
        Ok(())
    }

    /// Notes a model that cannot take part.
    pub fn leave_out(&mut self, name: &str, reason: String) {
        self.left_out.push(LeftOutModel { model: name.into(), reason });
    }

    /// Trains a closed-form model on the trial's training data and measures it, or notes why not.
    ///
    /// # Errors
    /// When the model cannot be trained or measured.
    pub fn add_baseline(&mut self, trial: &Trial<'_>, config: &ModelConfig) -> Result<()> {
        if let Some(reason) = planning::reason_against(config, &trial.train, Room::now()) {
            self.leave_out(config.name(), reason.summary());
            return Ok(());
        }
        let items = trial.train.items();
        let hint = if matches!(config, ModelConfig::Ease(_) | ModelConfig::Edlae(_)) && items > PATIENT_ITEMS {
            format!(" ({} items: this takes minutes; --baselines popularity does without)", count(items))
        } else {
            String::new()
        };
        note(format_args!("training {} for comparison{hint}", config.name()));
        let started = Instant::now();
        let quiet = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let fitted = fit(config, &TrainingConfig::default(), &trial.train, Start::Random, quiet)?;
        let fit_seconds = started.elapsed().as_secs_f64();
        let (name, model) = (config.name(), fitted.model.as_ref());
        self.add_beside(trial, Contender { name, model, training: None, fit_seconds: Some(fit_seconds) })
    }

    fn measure(&mut self, trial: &Trial<'_>, contender: Contender<'_>) -> Result<ModelResults> {
        let Contender { name, model, training, fit_seconds } = contender;
        let started = Instant::now();
        let evaluation = trial.evaluate(model, &self.measured)?;
        let evaluate_seconds = started.elapsed().as_secs_f64();
        // Who is evaluated depends on the data alone, so one set of draws serves every model.
        let IntervalRule { resamples, seed, .. } = self.intervals;
        let bootstrap =
            &*self.bootstrap.get_or_insert_with(|| Bootstrap::new(evaluation.counts.users, resamples, seed));
        let of_users =
            evaluation.values.iter().map(|(metric, values)| (Measurement::from(*metric), bootstrap.means(values)));
        let of_all_lists = evaluation.of_all_lists.iter();
        let of_all_lists =
            of_all_lists.map(|(metric, value)| (Measurement::from(*metric), Resampled::Jackknife(value.clone())));
        let parts =
            evaluation.by_item_popularity.iter().flat_map(|TargetBucket { items, means, members, values, .. }| {
                let of = |metric| Measurement { metric, part: Some(items.bucket) };
                let columns = means.iter().zip(values);
                columns.map(move |((metric, _), values)| (of(*metric), bootstrap.means_of(members, values)))
            });
        let resampled: Vec<(Measurement, Resampled)> = of_users.chain(of_all_lists).chain(parts).collect();
        Ok(ModelResults {
            model: name.into(),
            intervals: resampled.iter().map(|(what, resampled)| (*what, resampled.interval())).collect(),
            costs: self.with_costs.then(|| Costs::of(model, trial.fold_in(), &evaluation.users)).transpose()?,
            evaluation,
            fit_seconds,
            evaluate_seconds,
            training: training.filter(|summary| !summary.epochs.is_empty()),
            resampled,
        })
    }
}

impl ModelResults {
    /// A mean, or the value of all lists together, where it was measured.
    #[must_use]
    pub fn value(&self, Measurement { metric, part }: Measurement) -> Option<f64> {
        let Some(part) = part else { return self.evaluation.mean(metric) };
        let bucket = self.evaluation.by_item_popularity.iter().find(|bucket| bucket.items.bucket == part)?;
        bucket.means.iter().find(|(m, _)| *m == metric).map(|(_, mean)| *mean)
    }

    /// The bounds of a value, where it was measured.
    #[must_use]
    pub fn interval(&self, what: Measurement) -> Option<Interval> {
        self.intervals.iter().find(|(measured, _)| *measured == what).map(|(_, interval)| *interval)
    }

    /// What a value is on other users, where it was measured.
    #[must_use]
    pub fn resampled(&self, what: Measurement) -> Option<&Resampled> {
        self.resampled.iter().find(|(measured, _)| *measured == what).map(|(_, resampled)| resampled)
    }

    fn minus(&self, baseline: &Self) -> Difference {
        let metrics = self.resampled.iter().zip(&baseline.resampled).map(|((what, ours), (_, theirs))| {
            let values = [self, baseline].map(|results| results.value(*what).unwrap_or(f64::NAN));
            let interval = ours.minus(theirs).interval();
            let zero_inside = interval.contains(0.0);
            (*what, PairedMean { mean: values[0] - values[1], interval, zero_inside })
        });
        Difference { model: self.model.clone(), baseline: baseline.model.clone(), metrics: metrics.collect() }
    }
}

impl Difference {
    /// The difference of a value, where it was measured.
    #[must_use]
    pub fn of(&self, what: Measurement) -> Option<PairedMean> {
        self.metrics.iter().find(|(measured, _)| *measured == what).map(|(_, difference)| *difference)
    }
}
