//! How much does a server answer, and how soon? Requests that arrive on their own account, and what became of them.
//!
//! An open loop: requests arrive as those of many people do, at random moments (a Poisson process) that do not
//! depend on when earlier answers came. A latency counts from the moment at which its request was due, so a server
//! that stalls is charged with everyone who would have waited meanwhile (correction for coordinated omission; see
//! Schroeder et al. 2006, "Open versus closed: a cautionary tale", and Tene, "How not to measure latency").

mod arrivals;
mod error;
mod report;
mod run;
mod subjects;
mod tally;

pub use arrivals::{Arrivals, MAX_RATE, MAX_SECONDS};
pub use error::LoadTestError;
pub use report::{CodeReport, CurvePoint, Percentiles, Report, WindowReport};
pub use run::{Load, MAX_CONNECTIONS, MAX_IN_FLIGHT, run};
pub use subjects::Subjects;
