//! What can be seen of a server from outside? Metrics, health over HTTP, traces.

mod metrics;
mod ops;
mod process;
mod trace;

pub(in crate::serve) use metrics::{Metrics, ModelFacts};
pub(in crate::serve) use ops::{Ops, State};
pub(in crate::serve) use trace::Trace;
