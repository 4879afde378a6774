//! What a report says, whatever it is written as.

use std::num::NonZeroUsize;

use anyhow::Result;

use super::plots::{self, Plot};
use super::{costs, sections};
use crate::artifact::Artifact;
use crate::cli::comparison::Comparison;
use crate::cli::gates::Verdict;
use crate::cli::settings::Settings;
use crate::evaluation::{Metric, MetricKind};

/// Cutoffs that lists are measured at for the plots.
const CUTOFFS: [usize; 6] = [1, 5, 10, 20, 50, 100];

/// Kinds of metric that are plotted by cutoff.
pub(super) const BY_CUTOFF: [MetricKind; 2] = [MetricKind::Recall, MetricKind::Ndcg];

/// What a report measures beside the metrics asked for, in a catalogue of `items`.
pub fn cutoff_metrics(items: usize) -> impl Iterator<Item = Metric> {
    let cutoffs = CUTOFFS.into_iter().filter(move |&k| k <= items).filter_map(NonZeroUsize::new);
    cutoffs.flat_map(|k| BY_CUTOFF.map(|kind| Metric { kind, k }))
}

/// What a report is about.
pub struct Report<'a> {
    /// Its title.
    pub title: String,
    /// The models by name, with what they are.
    pub models: Vec<(String, String)>,
    /// What they were trained on, in words.
    pub data: String,
    /// The results.
    pub comparison: &'a Comparison,
    /// What the last of the models was held against.
    pub gates: &'a [Verdict],
    /// The published model that was evaluated, or whose histories the others were trained on.
    pub artifact: Option<&'a Artifact>,
    /// What the runs were told, by what they are called.
    pub settings: Vec<(String, &'a Settings)>,
}

/// A report as a sequence of blocks.
pub(super) struct Document {
    pub title: String,
    pub blocks: Vec<Block>,
}

/// A part of a report.
pub(super) enum Block {
    /// The heading of a section.
    Heading(&'static str),
    /// A paragraph.
    Text(String),
    /// Names with what they stand for.
    Facts(Vec<(String, String)>),
    /// Rows of cells; all but the first `labels` columns hold numbers.
    Table { labels: usize, head: Vec<String>, rows: Vec<Vec<String>> },
    /// Pictures side by side.
    Plots(Vec<Plot>),
    /// Text as it stands, to be copied.
    Code(String),
}

impl Report<'_> {
    /// The report in blocks.
    ///
    /// # Errors
    /// A plot cannot be drawn.
    pub(super) fn document(&self) -> Result<Document> {
        let comparison = self.comparison;
        let mut blocks = sections::summary(self);
        blocks.extend(sections::gates(self.gates));
        blocks.extend(sections::results(comparison));
        blocks.extend(costs::quality_and_cost(comparison)?);
        blocks.extend(sections::by_cutoff(comparison)?);
        blocks.extend(sections::by_history_length(comparison)?);
        blocks.extend(sections::by_item_popularity(comparison)?);
        blocks.extend(sections::training(comparison)?);
        blocks.extend(sections::definitions(comparison));
        for (name, settings) in &self.settings {
            blocks.push(Block::Heading("Settings"));
            blocks.push(Block::Text(format!("Of {name}, to be fed back.")));
            blocks.push(Block::Code(settings.to_toml()));
        }
        Ok(Document { title: self.title.clone(), blocks })
    }
}

impl Document {
    /// Every plot of the document.
    pub fn plots(&self) -> impl Iterator<Item = &plots::Plot> {
        self.blocks
            .iter()
            .filter_map(|block| if let Block::Plots(plots) = block { Some(plots) } else { None })
            .flatten()
    }
}
