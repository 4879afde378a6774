//! Flags of training that can be stopped and go on.

use clap::Args;

use crate::cli::layers::Layer;

/// Flags of training that can be stopped and go on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stopping and going on")]
pub struct CheckpointFlags {
    /// Write a checkpoint every N optimiser steps, of which an epoch has users / batch size [default: none]
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<String>,
    /// Where the checkpoint is [default: OUT.checkpoint, beside the model directory]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<String>,
    /// Go on from the checkpoint, to the model that an uninterrupted run gives; from the start if there is none
    #[arg(long)]
    pub resume: bool,
}

impl CheckpointFlags {
    /// Adds the flags to those of the command.
    pub fn add_to(&self, flags: &mut Layer) {
        flags.flag("--checkpoint-every", "checkpoint.every", self.checkpoint_every.as_deref());
        flags.flag("--checkpoint", "checkpoint.path", self.checkpoint.as_deref());
    }
}
