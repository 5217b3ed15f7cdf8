//! `fmp4remux`: encoded streams to fragmented or moov-first MP4.

pub mod hls;
pub mod ilst;
pub mod progressive;
pub mod streams;
