//! Dense and sparse linear algebra over plain views; knows nothing of recommenders.

mod columns;

pub use columns::{Columns, ColumnsMut};
