//! What does each command do? One file a command: settings in, calls to the library, results out.

pub mod evaluate;
pub mod generate;
pub mod inspect;
pub mod query;
pub mod quickstart;
pub mod recommend;
pub mod serve;
pub mod split;
pub mod train;
pub mod validate;
