//! What was typed, and what does it run? Raw flags become resolved settings, settings become a call.

mod args;
mod attributes;
mod checkpointing;
mod commands;
mod comparison;
mod connecting;
mod console;
mod contest;
mod data;
mod exit;
mod exporting;
mod fitting;
mod gates;
mod hints;
mod latencies;
mod latents;
mod layers;
mod lists;
mod mapping;
mod narrowing;
mod output;
mod planning;
mod progress;
mod report;
mod run;
mod serving;
mod settings;
mod telemetry;
mod trials;
mod tuning;
mod validation;
mod warm;
mod wishes;

pub use run::run;
