//! From an error to an exit code and a message: the one table.

use std::process::ExitCode;

use anyhow::Error;
use tonic::Code;

use super::console::{ReaderGone, note};
use super::layers::SettingsError;
use super::mapping::MapError;
use super::tuning::{JournalError, TuneError};
use crate::anomaly::CalibrationError;
use crate::artifact::ArtifactError;
use crate::codes::CoderError;
use crate::datasets::{DatasetError, DownloadError, UnknownDataset};
use crate::engine::RequestError;
use crate::evaluation::NothingToEvaluate;
use crate::events::EventError;
use crate::export::ExportError;
use crate::generate::{GenerateError, UnknownPreset};
use crate::interactions::SplitError;
use crate::io::{LogError, TableError};
use crate::load_test::LoadTestError;
use crate::models::{BlendError, FitError, WarmStartError};
use crate::plan::TooLarge;
use crate::projection::ProjectionError;
use crate::registry::RegistryError;
use crate::sample::SampleError;
use crate::serve::{ClientError, ServeError, TokenError};
use crate::storage::StorageError;
use crate::training::CheckpointError;

/// Flags or settings that contradict each other or the data.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Configuration(pub String);

/// A report on data was made, and not every line of it is good.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Findings {
    /// The lines that warn.
    pub warned: Vec<&'static str>,
    /// The lines that fail.
    pub failed: Vec<&'static str>,
}

impl Findings {
    fn summary(&self) -> String {
        let part = |what: &str, ids: &[&str]| (!ids.is_empty()).then(|| format!("{what}: {}", ids.join(", ")));
        [part("failed", &self.failed), part("worth a look", &self.warned)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// A model was measured, and is not what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("failed: {}", failed.join("; "))]
pub struct GatesFailed {
    /// The gates that do not hold, with what was measured.
    pub failed: Vec<String>,
}

/// Kinds of failure as a caller of the binary tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 1: the run failed.
    Run,
    /// 2: flags or configuration are wrong, or an output exists.
    Usage,
    /// 3: data cannot be used.
    Data,
    /// 4: data can be used and has something odd about it.
    Warnings,
    /// 5: everything was measured, and a gate does not hold.
    Gate,
}

impl Failure {
    /// The kind of an error, by the first entry of its chain that is telling.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Run)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if cause.is::<BlendError>()
            || cause.is::<SettingsError>()
            || cause.is::<Configuration>()
            || cause.is::<TooLarge>()
            || cause.is::<MapError>()
        {
            return Some(Self::Usage);
        }
        if let Some(Findings { failed, .. }) = cause.downcast_ref() {
            return Some(if failed.is_empty() { Self::Warnings } else { Self::Data });
        }
        if cause.is::<TuneError>() {
            return Some(Self::Usage);
        }
        if let Some(error) = cause.downcast_ref::<JournalError>() {
            return Some(match error {
                JournalError::OtherSearch { .. } => Self::Usage,
                JournalError::Content { .. } => Self::Data,
                JournalError::Storage(error) => Self::of_storage(error),
            });
        }
        if cause.is::<GatesFailed>() {
            return Some(Self::Gate);
        }
        if let Some(error) = cause.downcast_ref::<TokenError>() {
            return Some(if matches!(error, TokenError::Random) { Self::Run } else { Self::Usage });
        }
        if let Some(error) = cause.downcast_ref::<CoderError>() {
            return Some(if matches!(error, CoderError::Parameter { .. }) { Self::Usage } else { Self::Data });
        }
        if cause.is::<SplitError>() {
            return Some(Self::Usage);
        }
        if cause.is::<NothingToEvaluate>() || cause.is::<CalibrationError>() {
            return Some(Self::Data);
        }
        if let Some(error) = cause.downcast_ref::<FitError>() {
            return Some(match error {
                FitError::Parameter { .. } | FitError::Rank { .. } | FitError::WarmStart(_) => Self::Usage,
                FitError::TooSmall { .. } | FitError::Scale { .. } | FitError::ConstantRatings { .. } => Self::Data,
                FitError::Checkpoint(error) => Self::of_checkpoint(error),
                _ => Self::Run,
            });
        }
        if let Some(error) = cause.downcast_ref::<CheckpointError>() {
            return Some(Self::of_checkpoint(error));
        }
        if let Some(error) = cause.downcast_ref::<WarmStartError>() {
            return Some(match error {
                WarmStartError::IdType { .. } | WarmStartError::NoCommonItem { .. } => Self::Data,
                _ => Self::Usage,
            });
        }
        if let Some(error) = cause.downcast_ref::<LogError>() {
            return Some(match error {
                LogError::Rule { .. } => Self::Usage,
                LogError::Table(error) => Self::of_table(error),
                _ => Self::Data,
            });
        }
        if let Some(error) = cause.downcast_ref::<TableError>() {
            return Some(Self::of_table(error));
        }
        if let Some(error) = cause.downcast_ref::<ArtifactError>() {
            return Some(Self::of_artifact(error));
        }
        if let Some(error) = cause.downcast_ref::<ExportError>() {
            return Some(match error {
                ExportError::Storage(error) => Self::of_storage(error),
                ExportError::Table(error) => Self::of_table(error),
                ExportError::Artifact(error) => Self::of_artifact(error),
                ExportError::Nothing { .. } | ExportError::NoCoder { .. } => Self::Data,
                ExportError::Describe { .. } => Self::Run,
                ExportError::NoSpace { .. }
                | ExportError::NoVariances { .. }
                | ExportError::NeedsDirectory
                | ExportError::Value { .. }
                | ExportError::ReplacesOther { .. }
                | ExportError::OtherJob { .. } => Self::Usage,
            });
        }
        if let Some(error) = cause.downcast_ref::<ProjectionError>() {
            return Some(match error {
                ProjectionError::TooMany { .. } | ProjectionError::Perplexity { .. } => Self::Usage,
                ProjectionError::TooFew { .. }
                | ProjectionError::Constant { .. }
                | ProjectionError::NotFinite { .. }
                | ProjectionError::Components(_) => Self::Data,
            });
        }
        if let Some(error) = cause.downcast_ref::<GenerateError>() {
            return Some(match error {
                GenerateError::Parameter { .. } | GenerateError::NotEmpty { .. } => Self::Usage,
                GenerateError::Directory { .. } | GenerateError::Table(_) => Self::Run,
            });
        }
        if let Some(error) = cause.downcast_ref::<SampleError>() {
            return Some(match error {
                SampleError::NotVariational { .. }
                | SampleError::NoProbabilities { .. }
                | SampleError::Length { .. } => Self::Usage,
                SampleError::NoHistories => Self::Data,
                SampleError::Artifact(error) => Self::of_artifact(error),
                SampleError::Table(error) => Self::of_table(error),
            });
        }
        if let Some(error) = cause.downcast_ref::<ServeError>() {
            return Some(match error {
                ServeError::Unprotected { .. }
                | ServeError::Option { .. }
                | ServeError::Default { .. }
                | ServeError::Read { .. }
                | ServeError::Tls { .. }
                | ServeError::Tokens { .. } => Self::Usage,
                ServeError::Registry(error) => Self::of_registry(error),
                ServeError::Events(error) => Self::of_events(error),
                ServeError::Version { .. } => Self::Data,
                ServeError::Bind { .. }
                | ServeError::OpsBind { .. }
                | ServeError::Threads(_)
                | ServeError::Reflection(_) => Self::Run,
            });
        }
        if let Some(error) = cause.downcast_ref::<RegistryError>() {
            return Some(Self::of_registry(error));
        }
        if let Some(error) = cause.downcast_ref::<EventError>() {
            return Some(Self::of_events(error));
        }
        if let Some(error) = cause.downcast_ref::<RequestError>() {
            return Some(if matches!(error, RequestError::Internal(_)) { Self::Run } else { Self::Usage });
        }
        if let Some(ClientError::Call(status)) = cause.downcast_ref::<ClientError>() {
            // What `recommend` refuses as a request, the server refuses with these.
            let wrong_request =
                matches!(status.code(), Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition);
            return Some(if wrong_request { Self::Usage } else { Self::Run });
        }
        if let Some(error) = cause.downcast_ref::<LoadTestError>() {
            return Some(match error {
                LoadTestError::Value { .. } => Self::Usage,
                LoadTestError::NoSubjects { .. } => Self::Data,
            });
        }
        if let Some(error) = cause.downcast_ref::<DatasetError>() {
            return Some(match error {
                DatasetError::ByHand { .. }
                | DatasetError::MirrorOfSeveral { .. }
                | DatasetError::FileOfSeveral { .. }
                | DatasetError::NotADataset { .. }
                | DatasetError::Download(DownloadError::Address { .. }) => Self::Usage,
                DatasetError::Busy { .. } | DatasetError::Download(_) => Self::Run,
                DatasetError::Hash { .. } | DatasetError::Content(_) => Self::Data,
                DatasetError::Storage(error) => Self::of_storage(error),
                DatasetError::Table(error) => Self::of_table(error),
            });
        }
        if cause.is::<UnknownPreset>() || cause.is::<UnknownDataset>() {
            return Some(Self::Usage);
        }
        cause.downcast_ref::<StorageError>().map(Self::of_storage)
    }

    fn of_checkpoint(error: &CheckpointError) -> Self {
        match error {
            CheckpointError::Unfinished { .. } | CheckpointError::OtherRun { .. } => Self::Usage,
            CheckpointError::Format { .. } | CheckpointError::Content { .. } => Self::Data,
            CheckpointError::Write { .. } => Self::Run,
            CheckpointError::Storage(error) => Self::of_storage(error),
        }
    }

    fn of_registry(error: &RegistryError) -> Self {
        match error {
            RegistryError::Storage(error) => Self::of_storage(error),
            RegistryError::Artifact(error) => Self::of_artifact(error),
            RegistryError::Damaged { .. } => Self::Data,
            _ => Self::Usage,
        }
    }

    fn of_events(error: &EventError) -> Self {
        match error {
            EventError::Missing { .. }
            | EventError::InUse { .. }
            | EventError::Option { .. }
            | EventError::Target { .. } => Self::Usage,
            EventError::Damaged { .. } | EventError::BeyondRepair { .. } | EventError::FutureFormat { .. } => {
                Self::Data
            }
            _ => Self::Run,
        }
    }

    fn of_artifact(error: &ArtifactError) -> Self {
        match error {
            ArtifactError::Storage(error) => Self::of_storage(error),
            ArtifactError::ReplacesOther { .. } => Self::Usage,
            ArtifactError::Publication { .. } => Self::Run,
            _ => Self::Data,
        }
    }

    fn of_table(error: &TableError) -> Self {
        match error {
            TableError::Encode { .. } | TableError::File { action: "write", .. } => Self::Run,
            _ => Self::Data,
        }
    }

    fn of_storage(error: &StorageError) -> Self {
        match error {
            StorageError::Exists { .. } | StorageError::Unnamed { .. } | StorageError::InUse { .. } => Self::Usage,
            StorageError::Damaged { .. } | StorageError::Tensors { .. } => Self::Data,
            StorageError::Io { .. } => Self::Run,
        }
    }

    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Run => 1,
            Self::Usage => 2,
            Self::Data => 3,
            Self::Warnings => 4,
            Self::Gate => 5,
        }
    }
}

/// Prints what went wrong and returns the exit code. A closed standard output is no failure.
#[must_use]
pub fn report(error: &Error) -> ExitCode {
    if error.chain().any(is_reader_gone) {
        return ExitCode::SUCCESS;
    }
    let failure = Failure::of(error);
    let kind = if failure == Failure::Warnings { "warning" } else { "error" };
    note(format_args!("{kind}: {}", message(error)));
    if error.chain().any(is_existing_output) {
        note("help: --force replaces it");
    }
    if error.chain().any(|cause| cause.is::<TooLarge>()) {
        note("help: `foldin plan` shows all parts; --ignore-memory trains anyway");
    }
    ExitCode::from(failure.code())
}

fn is_reader_gone(cause: &(dyn std::error::Error + 'static)) -> bool {
    let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    cause.is::<ReaderGone>() || inner.is_some_and(|inner| inner.is::<ReaderGone>())
}

fn is_existing_output(cause: &(dyn std::error::Error + 'static)) -> bool {
    let stored = |error: &StorageError| matches!(error, StorageError::Exists { .. });
    if let Some(ExportError::Storage(error)) = cause.downcast_ref() {
        return stored(error);
    }
    if let Some(ArtifactError::Storage(error)) = cause.downcast_ref() {
        return stored(error);
    }
    if let Some(DatasetError::Storage(error)) = cause.downcast_ref() {
        return stored(error);
    }
    if let Some(EventError::Target { exists, .. }) = cause.downcast_ref() {
        return *exists;
    }
    cause.downcast_ref().is_some_and(stored)
}

/// The error and its causes, without repeating a cause that its error quotes already.
fn message(error: &Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
