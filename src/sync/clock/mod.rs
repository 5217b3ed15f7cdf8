//! From single measurements to a map between two time lines that can be trusted.

pub mod fit;

#[cfg(test)]
mod made;

pub use fit::{Fit, robust};
