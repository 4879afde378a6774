//! Where do public datasets come from, and how do they become Parquet? Manifests (`datasets/*.json`)
//! name the files, the licence, the columns and the published protocol; everything else follows them.

mod archive;
mod convert;
mod download;
mod error;
mod get;
mod layout;
mod lines;
mod manifest;
mod provenance;

pub use download::{DownloadError, DownloadOptions};
pub use error::{ContentError, DatasetError};
pub use get::{GetOptions, Got, Origin, Progress, check, get};
pub use manifest::{
    Attribute, Content, Field, IdColumn, IdFormat, Interactions, Items, Layout, Licence, Manifest, Part, Protocol,
    Separated, SourceFile, Table, TextEncoding, TimeColumn, UnknownDataset, WeightColumn, all, find,
};
pub use provenance::{FileRecord, Provenance, TableRecord};
