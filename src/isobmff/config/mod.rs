//! Codec configuration: what the sample entries, the timing and the playlists need to know of a codec, read from its
//! headers. One file a codec; each takes bytes that nobody has checked, and never panics on them.

pub mod aac;
pub mod ac3;
pub mod av1;
pub mod avc;
mod bits;
pub mod eac3;
mod error;
pub mod flac;
pub mod hevc;
mod nal;
pub mod opus;
pub mod vp9;

pub use error::Error;
