//! The command line as a user meets it: the real binary, real files, exit codes and messages.
#![cfg(feature = "cli")]

mod anomalies;
mod bad_input;
mod bad_model;
mod bench_serve;
mod blend;
mod checkpoint;
mod codes;
mod compare;
mod configuration;
mod datasets;
mod evaluate;
mod evaluate_outputs;
mod evaluate_protocols;
mod export;
mod file_server;
mod harness;
mod help;
mod log_rules;
mod map;
mod plan;
mod published_figures;
mod quickstart;
mod ratings;
mod recommend;
mod registry;
mod sample;
mod serve;
mod split;
mod tables;
mod train;
mod tune;
mod validate;
mod warm;
