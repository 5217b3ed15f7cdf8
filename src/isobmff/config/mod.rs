//! Codec configuration: what the sample entries, the timing and the playlists need to know of a codec, read from its
//! headers. One file a codec; each takes bytes that nobody has checked, and never panics on them.

pub mod aac;
pub mod avc;
mod bits;
mod error;
mod nal;

pub use error::Error;
