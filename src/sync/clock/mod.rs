//! From single measurements to a map between two time lines that can be trusted.

pub mod agreement;
pub mod change;
pub mod events;
pub mod fit;
mod heard;
pub mod pair;
pub mod quality;
mod seen;
mod spans;
mod sweep;
pub mod votes;

#[cfg(test)]
pub(crate) mod made;

pub use fit::{Fit, robust};
pub use pair::{By, Change, Compare, Pair, Wanted, keep};
pub use votes::Residuals;

#[cfg(test)]
mod real_tests;
