//! How does an evaluation read? One document, written as HTML and as Markdown.

mod costs;
mod document;
mod html;
mod markdown;
pub mod plots;
mod sections;
mod svg_file;
mod target;

pub use document::{Report, cutoff_metrics};
pub use svg_file::SvgFile;
pub use target::Target;
