//! What a list can be asked to be: filtered, diverse, exploring, explained.

#[path = "../fixture/mod.rs"]
mod fixture;

mod bad_requests;
mod combined;
mod explained;
mod explored;
mod filtered;
mod harness;
mod narrow;
mod neighbours;
mod reranked;
mod scored;
