//! The messages and services of package `foldin.v1`, generated from `proto/`; the comments there are
//! the documentation.
#![allow(missing_docs, clippy::all, reason = "generated")]

tonic::include_proto!("foldin.v1");

/// The descriptors of all messages and services, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("foldin_descriptor");

/// A history in which every item happened once.
#[must_use]
pub fn history<I: Into<String>>(item_ids: impl IntoIterator<Item = I>) -> Vec<HistoryItem> {
    item_ids.into_iter().map(|id| HistoryItem { item_id: id.into(), weight: None }).collect()
}
