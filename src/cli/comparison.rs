//! Models side by side on one trial: the table and the JSON of an evaluation.

use std::fmt;
use std::time::Instant;

use anyhow::Result;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::console::{count, note};
use super::memory;
use crate::evaluation::{Evaluation, Metric, Protocol, Trial};
use crate::models::{Model, ModelConfig, Observer, fit};
use crate::training::TrainingConfig;

/// Items above which the cubic time of EASE is worth a word.
const PATIENT_ITEMS: usize = 20_000;

/// Several models, measured on the same users.
#[derive(Debug, Serialize)]
pub struct Comparison {
    protocol: Protocol,
    train: TrainingSize,
    models: Vec<Row>,
    left_out: Vec<LeftOut>,
    #[serde(skip)]
    metrics: Vec<Metric>,
}

/// Extents of the training data.
#[derive(Debug, Serialize)]
struct TrainingSize {
    users: usize,
    items: usize,
    interactions: usize,
}

/// One model's results.
#[derive(Debug, Serialize)]
struct Row {
    model: &'static str,
    #[serde(flatten)]
    evaluation: Evaluation,
    /// Seconds of training; absent for a published model.
    fit_seconds: Option<f64>,
}

/// A baseline that could not stand beside.
#[derive(Debug, Serialize)]
struct LeftOut {
    model: &'static str,
    reason: String,
}

impl Comparison {
    /// Nothing measured yet. A metric named more than once is reported once.
    #[must_use]
    pub fn new(trial: &Trial<'_>, metrics: &[Metric]) -> Self {
        let train = &trial.train;
        let mut once: Vec<Metric> = Vec::with_capacity(metrics.len());
        for metric in metrics {
            if !once.contains(metric) {
                once.push(*metric);
            }
        }
        Self {
            protocol: trial.protocol,
            train: TrainingSize { users: train.users(), items: train.items(), interactions: train.len() },
            models: Vec::new(),
            left_out: Vec::new(),
            metrics: once,
        }
    }

    /// Measures a model and adds its row.
    ///
    /// # Errors
    /// When no user has a target to be found.
    pub fn add(&mut self, trial: &Trial<'_>, model: &dyn Model, fit_seconds: Option<f64>) -> Result<()> {
        let evaluation = trial.evaluate(model, &self.metrics)?;
        self.models.push(Row { model: model.config().name(), evaluation, fit_seconds });
        Ok(())
    }

    /// Trains a closed-form model on the trial's training data and adds its row, or says why not.
    ///
    /// # Errors
    /// When the model cannot be trained or measured.
    pub fn add_baseline(&mut self, trial: &Trial<'_>, config: &ModelConfig) -> Result<()> {
        if let Some(reason) =
            memory::does_not_fit(config, &TrainingConfig::default(), &trial.train, memory::available())
        {
            self.left_out.push(LeftOut { model: config.name(), reason });
            return Ok(());
        }
        let items = trial.train.items();
        let hint = if matches!(config, ModelConfig::Ease(_)) && items > PATIENT_ITEMS {
            format!(" ({} items: this takes minutes; --baselines popularity does without)", count(items))
        } else {
            String::new()
        };
        note(format_args!("training {} for comparison{hint}", config.name()));
        let started = Instant::now();
        let quiet = Observer { validate: None, epoch: &mut |_| {}, step: &mut |_, _| {} };
        let fitted = fit(config, &TrainingConfig::default(), &trial.train, quiet)?;
        self.add(trial, fitted.model.as_ref(), Some(started.elapsed().as_secs_f64()))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrainingSize { users, items, interactions } = self.train;
        let (users, items, interactions) = (count(users), count(items), count(interactions));
        writeln!(f, "{}; trained on {users} users, {items} items, {interactions} interactions", self.protocol)?;
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
        let names = self.metrics.iter().map(ToString::to_string);
        table.set_header(["model".into()].into_iter().chain(names).chain(["users".into(), "training".into()]));
        for row in &self.models {
            let means = row.evaluation.means.iter().map(|(_, mean)| format!("{mean:.4}"));
            let seconds = row.fit_seconds.map_or_else(|| "published".into(), |seconds| format!("{seconds:.1} s"));
            let cells = [row.model.to_string()].into_iter().chain(means);
            table.add_row(cells.chain([count(row.evaluation.counts.users), seconds]));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{table}")?;
        // Who is evaluated depends on the data alone, so every row has the same counts.
        if let Some(counts) = self.models.first().map(|row| row.evaluation.counts) {
            if counts.users_without_target > 0 {
                writeln!(f, "{} users without a target to be found are left out", count(counts.users_without_target))?;
            }
            if counts.targets_already_seen > 0 {
                let seen = count(counts.targets_already_seen);
                writeln!(f, "{seen} targets that were folded in as well are left out: they are never listed")?;
            }
        }
        self.left_out.iter().try_for_each(|LeftOut { model, reason }| writeln!(f, "{model} is left out: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::interactions::{HistoryRef, Interactions};

    fn trial() -> Trial<'static> {
        let rows: [&[u32]; 4] = [&[0, 1], &[0, 2], &[0, 1, 3], &[1]];
        let matrix = |rows: &[&[u32]]| {
            let ones = [1.0; 4];
            let views = rows.iter().map(|row| HistoryRef::from_sorted(row, &ones[..row.len()]));
            Interactions::from_histories(4, views).unwrap()
        };
        Trial::weak(Cow::Owned(matrix(&rows)), matrix(&[&[2], &[1], &[], &[1, 3]]))
    }

    #[test]
    fn the_table_shows_every_model_and_who_was_left_out() {
        let trial = trial();
        let mut comparison = Comparison::new(&trial, &[Metric::NDCG_100]);
        comparison.add_baseline(&trial, &ModelConfig::preset("popularity").unwrap()).unwrap();
        let text = comparison.to_string();
        for part in
            ["weak generalisation", "4 users, 4 items, 8 interactions", "popularity", "ndcg@100", "1 users without"]
        {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        assert!(text.contains("1 targets that were folded in"), "{text}");
        let json: serde_json::Value = serde_json::to_value(&comparison).unwrap();
        assert_eq!(json["models"][0]["model"], "popularity");
        let mean = json["models"][0]["metrics"]["ndcg@100"].as_f64().unwrap();
        assert!(text.contains(&format!("{mean:.4}")), "{mean} is not in\n{text}");
        assert_eq!(json["models"][0]["users"], 3);
    }
}
