//! `fmp4remux`: encoded streams to fragmented or moov-first MP4.

pub mod streams;
