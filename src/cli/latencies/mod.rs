//! How does a load test read? As tables, as JSON and as a plot.

mod plot;
mod tables;

pub use plot::latency_plot;
pub use tables::Latencies;
