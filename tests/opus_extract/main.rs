//! Any range of samples of a store is what libopus decodes when it begins at the start of the stream.

#[path = "../common/mod.rs"]
mod common;

mod damage;
mod exact;
mod link;
mod many;
mod range;
