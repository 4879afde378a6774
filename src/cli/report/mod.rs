//! How does an evaluation read? One document, written as HTML and as Markdown.

mod costs;
mod document;
mod html;
mod markdown;
pub mod plots;
mod sections;
mod target;

pub use document::{Report, cutoff_metrics};
pub use target::Target;
