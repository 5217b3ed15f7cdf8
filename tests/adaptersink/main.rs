//! `adaptersink` between a pad of the test's and what it publishes.

#[path = "../common/mod.rs"]
mod common;

mod blocks;
mod files;
mod handlers;
mod live;
mod outputs;
mod rig;
mod seeks;
