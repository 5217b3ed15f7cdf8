//! MP4: the ISO base media file format (ISO/IEC 14496-12), its codec mappings, CMAF and HLS playlists.
//!
//! Nothing here does I/O or knows GStreamer. [`timing`] turns times into ticks, decoding times and durations,
//! the box writers turn a [`model::Movie`] and its samples into bytes; payloads never pass through here.
//!
//! All integers of the format are big-endian; times are ticks of a track's timescale unless a name says `_ns`.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod boxes;
pub mod config;
pub mod error;
pub mod fragment;
pub mod model;
pub mod playlist;
pub mod progressive;
pub mod tables;
pub mod timing;
