//! `fmp4remux` as an element: segments alone, signals, buffers, caps changes, bad input, live input.

#[path = "../common/mod.rs"]
mod common;

mod buffers;
mod changes;
mod damage;
mod live;
mod requests;
mod run;
mod segments;
mod streams;
