//! `syncaligner` between pads of the test's: what goes in, what comes out, and when.

#[path = "../common/mod.rs"]
mod common;

mod apart;
mod retimed;
mod rig;
