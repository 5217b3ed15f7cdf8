//! Codec configuration against real encoders, and against what ffmpeg's own muxer says of the same streams.

mod audio;
mod avc;
#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod reference;
mod video;
