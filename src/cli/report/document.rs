//! What a report says, whatever it is written as.

use std::num::NonZeroUsize;

use anyhow::Result;

use super::plots::{self, Plot};
use super::sections;
use crate::artifact::Artifact;
use crate::cli::comparison::Comparison;
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
    /// The results.
    pub comparison: &'a Comparison,
    /// What the run was told.
    pub settings: &'a Settings,
    /// The published model, where one was evaluated.
    pub artifact: Option<&'a Artifact>,
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
        blocks.extend(sections::results(comparison));
        blocks.extend(sections::by_cutoff(comparison)?);
        blocks.extend(sections::by_history_length(comparison)?);
        blocks.extend(sections::by_item_popularity(comparison)?);
        blocks.extend(sections::training(comparison)?);
        blocks.extend(sections::definitions(comparison));
        blocks.push(Block::Heading("Settings"));
        blocks.push(Block::Code(self.settings.to_toml()));
        Ok(Document { title: format!("Evaluation of {}", self.model()), blocks })
    }

    /// The evaluated model, with its version where it has one.
    pub(super) fn model(&self) -> String {
        let name = self.settings.model.name();
        self.artifact.map_or_else(|| name.into(), |artifact| format!("{name} {}", artifact.manifest.model_version))
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
