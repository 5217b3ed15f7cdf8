//! `syncaligner` between pads of the test's: what goes in, what comes out, and when.

#[path = "../common/mod.rs"]
mod common;

mod analysis_audio;
mod analysis_clocks;
mod analysis_events;
mod analysis_rig;
mod apart;
mod content;
mod files;
mod live;
mod loss;
mod pads;
mod retimed;
mod rig;
