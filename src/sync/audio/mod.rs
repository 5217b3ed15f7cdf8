//! What is heard: mono audio, how far two pieces of it lie apart, and claps.

pub mod envelope;
pub mod format;
pub mod mono;
pub mod onset;
pub mod search;
pub mod track;

pub(crate) mod kernel;
pub(crate) mod peak;
mod sections;
pub(crate) mod spectrum;
pub(crate) mod warped;

#[cfg(test)]
pub(crate) mod synth;
#[cfg(test)]
mod tests;

pub use format::{Format, RATES};
pub use mono::Mono;
pub use onset::Onsets;
pub use search::{Found, Search};
pub use track::Track;
