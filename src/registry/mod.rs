//! Which version of a model answers? Model directories side by side, and one pointer a name.
//!
//! | path | content |
//! |---|---|
//! | `NAME/VERSION/` | a model directory, as published |
//! | `NAME/VERSION.table.json` | how its item table is to be held in memory, and what that was measured to cost |
//! | `NAME/promoted.json` | the version that answers, and those that did before |
//!
//! Everything appears complete or not at all, by renames: a reader never sees half of a version, a crash
//! leaves the pointer as it was. One process writes to a name at a time.

mod error;
mod name;
mod pointer;
mod registry;
mod table;

pub use error::RegistryError;
pub use name::ModelName;
pub use registry::{Registry, Version};
pub use table::TableChoice;
