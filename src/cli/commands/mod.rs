//! What does each command do? One file a command: settings in, calls to the library, results out.

pub mod bench_serve;
pub mod blend;
pub mod compare;
pub mod completions;
pub mod datasets;
pub mod embed;
pub mod evaluate;
pub mod events;
pub mod export;
pub mod generate;
pub mod inspect;
pub mod man;
pub mod models;
pub mod plan;
pub mod promote;
pub mod publish;
pub mod query;
pub mod quickstart;
pub mod recommend;
pub mod serve;
pub mod split;
pub mod token;
pub mod train;
pub mod tune;
pub mod unpublish;
pub mod validate;
