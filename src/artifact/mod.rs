//! What is a published model? A directory that holds everything an answer needs, checked to the
//! last byte before any of it is used.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | what the model is, where it comes from, and size and hash of every other file |
//! | `manifest.b3` | the manifest's own hash, in the format of `b3sum --check` |
//! | `weights.safetensors` | the tensors of the model |
//! | `items.parquet` | `item_id`, title, number of users and attributes of every item |
//! | `users.parquet` | `user_id` of every user, and whether it was held out of training |
//! | `histories.safetensors` | every user's history, as CSR: `offsets` (users + 1), `items`, `weights`; for a log with times the latest of every interaction (`times`), and where weights are sums that an `f32` cannot hold, the parts of the exact ones (`sums`, `sums_at`); of a model that continues another, `trained_before`: hashes of the ids of all users that the models before it were trained on |
//! | `calibration.safetensors` | of a model that is calibrated for anomalies: `lengths` and `statistics` of the histories of normal users whom it was not trained on |
//!
//! The directory appears complete or not at all, and is never written to again.

mod calibration;
mod derive;
mod error;
mod fingerprint;
mod histories;
mod inspect;
mod manifest;
mod open;
mod publish;
mod trained;

pub use derive::{Derived, publish_calibrated, publish_derived};
pub use error::ArtifactError;
pub use fingerprint::fingerprint;
pub use histories::{DetailedHistory, Histories};
pub use inspect::{FileState, Inspection, inspect};
pub use manifest::{FORMAT_VERSION, Manifest, Shapes, StartedFrom};
pub use open::Artifact;
pub use publish::{LogDetail, Publication, check_target, copy, publish};
pub use trained::{Ancestry, TrainedUsers};
