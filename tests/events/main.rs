//! Live events through the real binary and a real client: what counts, what survives, what is refused.
#![cfg(all(feature = "cli", unix))]

mod bad_input;
mod crash;
mod equality;
mod everywhere;
mod forgetting;
#[allow(dead_code, reason = "its user is the command line")]
#[path = "../cli/harness.rs"]
mod harness;
mod registry;
mod running;
#[allow(dead_code, reason = "its user is the command line")]
#[path = "../cli/tables.rs"]
mod tables;
mod versions;
