//! What will a training run take, and does it fit? Memory, disk and time from sizes and configuration alone.
//!
//! The one home of these formulas: `foldin plan` prints them, `foldin train` refuses by them. They follow the code they
//! describe, and a figure compares them with what real runs take.

mod calibration;
mod disk;
#[cfg(test)]
mod linear_tests;
mod machine;
mod memory;
mod remedies;
mod sizes;
#[cfg(test)]
mod tests;
mod time;
mod verdict;
mod workload;

pub use calibration::Speeds;
pub use disk::{Disk, Need, disk};
pub use machine::{DiskRoom, Limit, Room};
pub use memory::{Memory, Part, Phase, memory};
pub use remedies::{Remedy, remedies};
pub use sizes::DataSizes;
pub use time::{Stage, Time, time};
pub use verdict::{Plan, TooLarge, check_reading, fits_beside};
pub use workload::{Validation, Workload, loaded_model};
