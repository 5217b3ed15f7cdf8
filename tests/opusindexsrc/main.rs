//! `opusindexsrc`, compared sample by sample with a decoder that began at the start of the file.

#[path = "../common/mod.rs"]
mod common;

mod certified;
mod errors;
mod follow;
mod lists;
mod packets;
mod player;
mod queries;
mod ranges;
mod remux;
mod seeks;
mod uris;
