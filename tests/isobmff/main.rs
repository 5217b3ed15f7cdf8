//! MP4 as the core writes it, read by `mp4-atom`, `ffprobe` and `qtdemux`.

#[path = "../common/mod.rs"]
mod common;

mod large;
mod models;
mod real;
