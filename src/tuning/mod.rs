//! Which parameters are worth trying next? Ranges, points drawn from them at random or by what was found before, and a
//! rule for giving a trial up.
//!
//! Everything here is a function of what is passed in: nothing is trained, read or written, and a draw depends on the
//! seed, the number of the trial and the trials before it alone.

mod median;
mod parzen;
mod range;
mod search;

pub use median::{Course, MedianRule};
pub use range::{Domain, Range, RangeError, Scale};
pub use search::{Method, Observed, Point, Search};
