//! Vectors of users, folded in, with their variances, or of items.

use std::ops::Range;

use nalgebra::DMatrix;
use rayon::prelude::*;

use super::manifest::{id_type, selection};
use super::table::{Open, Progress, Table, Written, pipelined};
use super::{Content, ExportError, TableJob, Users};
use crate::artifact::Artifact;
use crate::interactions::{History, IdMap};
use crate::io::{EmbeddingFormat, EmbeddingHeader, EmbeddingWriter, IdWriter, Precision};
use crate::models::{Metric, Model, Space};

/// Entities computed by one thread at a time: their vectors stay in its cache.
const BATCH: usize = 64;

/// Bytes of vectors in a chunk, about: a row group of Parquet.
const CHUNK_BYTES: usize = 16 << 20;

/// The vectors of one kind of entity.
pub struct Embeddings<'a> {
    model: &'a dyn Model,
    model_version: &'a str,
    entities: Entities<'a>,
    space: Space,
    format: EmbeddingFormat,
    precision: Precision,
}

/// Whose vectors.
enum Entities<'a> {
    Users(&'a Users<'a>),
    /// How uncertain the vectors of users are.
    Variances(&'a Users<'a>),
    Items {
        ids: &'a IdMap,
        rows: Vec<u32>,
    },
}

impl<'a> Embeddings<'a> {
    /// The vectors of users, folded in from their histories. Give them
    /// [`with_history`](Users::with_history): of others there is nothing to fold in.
    ///
    /// # Errors
    /// [`ExportError::NoSpace`] when the model has no space of users.
    pub fn of_users(
        artifact: &'a Artifact,
        users: &'a Users<'a>,
        format: EmbeddingFormat,
        precision: Precision,
    ) -> Result<Self, ExportError> {
        let space = user_space(artifact)?;
        Ok(Self::new(artifact, Entities::Users(users), space, format, precision))
    }

    /// How uncertain the model is of each coordinate of the [vectors of users](Self::of_users), as variances.
    ///
    /// # Errors
    /// [`ExportError::NoVariances`] when the model does not know.
    pub fn variances_of_users(
        artifact: &'a Artifact,
        users: &'a Users<'a>,
        format: EmbeddingFormat,
        precision: Precision,
    ) -> Result<Self, ExportError> {
        let space = variance_space(artifact)?;
        Ok(Self::new(artifact, Entities::Variances(users), space, format, precision))
    }

    /// The vectors of all items.
    ///
    /// # Errors
    /// [`ExportError::NoSpace`] when the model has no space of items.
    pub fn of_items(
        artifact: &'a Artifact,
        format: EmbeddingFormat,
        precision: Precision,
    ) -> Result<Self, ExportError> {
        Self::of_some_items(artifact, (0..artifact.catalogue.len() as u32).collect(), format, precision)
    }

    /// The vectors of the items at `rows`, which are ascending.
    ///
    /// # Errors
    /// [`ExportError::NoSpace`] when the model has no space of items.
    pub fn of_some_items(
        artifact: &'a Artifact,
        rows: Vec<u32>,
        format: EmbeddingFormat,
        precision: Precision,
    ) -> Result<Self, ExportError> {
        let space = item_space(artifact)?;
        let entities = Entities::Items { ids: artifact.catalogue.ids(), rows };
        Ok(Self::new(artifact, entities, space, format, precision))
    }

    fn new(
        artifact: &'a Artifact,
        entities: Entities<'a>,
        space: Space,
        format: EmbeddingFormat,
        precision: Precision,
    ) -> Self {
        let (model, model_version) = (artifact.model.as_ref(), artifact.manifest.model_version.as_str());
        Self { model, model_version, entities, space, format, precision }
    }

    /// The name of the column of their ids, the ids of all there are, and the rows there of those whose vectors these are.
    #[must_use]
    pub fn ids(&self) -> (&'static str, &'a IdMap, &[u32]) {
        match &self.entities {
            Entities::Users(users) | Entities::Variances(users) => ("user_id", users.ids(), users.rows()),
            Entities::Items { ids, rows } => ("item_id", ids, rows),
        }
    }

    /// What every file says of itself that can.
    fn metadata(&self) -> Vec<(String, String)> {
        let metric = match self.space.metric {
            Metric::Cosine => "cosine",
            Metric::Dot => "dot",
        };
        [
            ("foldin.version", env!("CARGO_PKG_VERSION")),
            ("foldin.model", self.model.config().name()),
            ("foldin.model_version", self.model_version),
            ("foldin.space", &self.space.id),
            ("foldin.metric", metric),
            ("foldin.dim", &self.space.dim.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// The space that the vectors are in.
    #[must_use]
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// All vectors end to end, in memory: for as many as fit there.
    ///
    /// # Errors
    /// [`ExportError`] when stored histories cannot be read, or a value is not finite.
    pub fn in_memory(&self) -> Result<Vec<f32>, ExportError> {
        let mut values = Vec::new();
        self.vectors(0..self.len(), &mut values)?;
        Ok(values)
    }

    /// Writes the vectors of a range of entities to `values`, end to end.
    fn vectors(&self, range: Range<usize>, values: &mut Vec<f32>) -> Result<(), ExportError> {
        let dim = self.space.dim;
        values.resize(range.len() * dim, 0.0);
        values.par_chunks_mut(BATCH * dim).enumerate().try_for_each(|(batch, out)| {
            let start = range.start + batch * BATCH;
            self.batch(start..start + out.len() / dim, out)
        })
    }

    fn batch(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), ExportError> {
        let parts: Option<Vec<DMatrix<f32>>> = match &self.entities {
            Entities::Users(users) => users
                .with_histories(range.clone(), |histories| self.model.embed_users(histories))?
                .map(|vectors| vec![vectors]),
            Entities::Variances(users) => users
                .with_histories(range.clone(), |histories| self.model.variances(histories))?
                .map(|variances| vec![variances]),
            Entities::Items { rows, .. } => {
                // Neighbours come in one piece.
                let runs = rows[range.clone()].chunk_by(|a, b| a + 1 == *b);
                runs.map(|run| self.model.embed_items(run[0]..run[run.len() - 1] + 1)).collect()
            }
        };
        let parts = parts.unwrap_or_else(|| unreachable!("a model with a space places entities in it"));
        let mut rest = &mut *out;
        for part in &parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part.as_slice());
            rest = tail;
        }
        // Without a way out: a loop that looks at every value is several times as fast.
        if out.iter().fold(true, |held, &value| held & self.precision.holds(value)) {
            return Ok(());
        }
        let position = out.iter().position(|&value| !self.precision.holds(value)).unwrap_or(0);
        let (id_column, ids, rows) = self.ids();
        let (precision, remedy) = match self.precision {
            Precision::F32 => ("f32", "check the weights of the history"),
            Precision::F16 => ("f16", "export as f32"),
        };
        let id = ids.external(rows[range.start + position / self.space.dim]).into_owned();
        Err(ExportError::Value { id_column, id, value: out[position], precision, remedy })
    }
}

/// The space in which a model places users.
///
/// # Errors
/// [`ExportError::NoSpace`] when it has none.
pub fn user_space(artifact: &Artifact) -> Result<Space, ExportError> {
    artifact.model.user_space().ok_or_else(|| no_space(artifact, "user"))
}

/// The space in which a model places items.
///
/// # Errors
/// [`ExportError::NoSpace`] when it has none.
pub fn item_space(artifact: &Artifact) -> Result<Space, ExportError> {
    artifact.model.item_space().ok_or_else(|| no_space(artifact, "item"))
}

/// The space of users in which a model knows how uncertain it is.
///
/// # Errors
/// [`ExportError::NoSpace`] when it has none, [`ExportError::NoVariances`] when it does not know.
pub fn variance_space(artifact: &Artifact) -> Result<Space, ExportError> {
    let space = user_space(artifact)?;
    let known = artifact.model.variances(&[History::default().as_ref()]);
    let unknown = || ExportError::NoVariances { model: artifact.manifest.model.name() };
    known.map(|_| space).ok_or_else(unknown)
}

fn no_space(artifact: &Artifact, what: &'static str) -> ExportError {
    ExportError::NoSpace { model: artifact.manifest.model.name(), what }
}

impl Table for Embeddings<'_> {
    fn job(&self) -> TableJob {
        let (id_column, ids, rows) = self.ids();
        let (space, format, precision) = (self.space.clone(), self.format, self.precision);
        TableJob {
            table: match &self.entities {
                Entities::Users(_) => "users".into(),
                Entities::Variances(_) => "variances".into(),
                Entities::Items { .. } => "items".into(),
            },
            id_column: id_column.into(),
            id_type: id_type(ids).into(),
            entities: rows.len(),
            selection: selection(rows),
            content: match &self.entities {
                Entities::Variances(_) => Content::Variances { space, format, precision },
                Entities::Users(_) | Entities::Items { .. } => Content::Embeddings { space, format, precision },
            },
        }
    }

    fn len(&self) -> usize {
        self.ids().2.len()
    }

    fn write(
        &self,
        entities: Range<usize>,
        open: &Open<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<(u64, Vec<Written>), ExportError> {
        let (id_column, ids, rows) = self.ids();
        let header = EmbeddingHeader {
            ids,
            id_column,
            values: match &self.entities {
                Entities::Variances(_) => "variances",
                Entities::Users(_) | Entities::Items { .. } => "embedding",
            },
            dim: self.space.dim,
            precision: self.precision,
            rows: entities.len(),
            metadata: self.metadata(),
        };
        let extension = self.format.extension();
        let file = open(extension)?;
        let path = file.target().to_owned();
        let mut vectors = EmbeddingWriter::create(file, &path, self.format, header)?;
        let beside = if self.format.holds_ids() { None } else { Some(open(IDS)?) };
        let mut beside = beside
            .map(|file| {
                let path = file.target().to_owned();
                IdWriter::create(file, &path, id_column, ids)
            })
            .transpose()?;
        let chunk = (CHUNK_BYTES / (self.space.dim * size_of::<f32>())).max(1);
        pipelined(
            entities.clone(),
            chunk,
            |range, values| self.vectors(range, values),
            |range, values: &Vec<f32>| {
                let entities = range.len();
                let rows = &rows[range];
                vectors.append(rows, values)?;
                beside.as_mut().map_or(Ok(()), |writer| writer.append(rows))?;
                progress(entities);
                Ok(())
            },
        )?;
        let mut files = vec![(extension.to_owned(), vectors.finish()?)];
        if let Some(beside) = beside {
            files.push((IDS.into(), beside.finish()?));
        }
        Ok((entities.len() as u64, files))
    }
}

/// The extension of the ids beside an array. Parquet, as the log: every type of id keeps its type, and a long
/// text does not widen all others, as it would in an array of NumPy.
const IDS: &str = "ids.parquet";
