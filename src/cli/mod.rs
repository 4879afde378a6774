//! What was typed, and what does it run? Raw flags become resolved settings, settings become a call.

mod layers;
mod settings;
