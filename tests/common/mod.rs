//! What the integration tests share: real media, pipelines run to their end, packets in running time, packets
//! and boxes as others read them, an HTTP server, growing files, and the independent version 1 reader.
// Each test binary uses a part of this module.
#![allow(dead_code, unused_imports)]

pub mod boxes;
pub mod browser;
pub mod corpus;
pub mod cut;
pub mod feed;
pub mod ffprobe;
#[cfg(feature = "gl")]
pub mod gl;
pub mod growing;
pub mod http;
pub mod media;
pub mod opus;
pub mod packets;
pub mod pipeline;
pub mod plugin;
pub mod random;
pub mod rig;
pub mod sparse;
pub mod tools;
pub mod v1;

pub use feed::{Feed, Item, Source};
pub use growing::GrowingFile;
pub use http::FileServer;
pub use media::Recipe;
pub use packets::{Packet, Stream, Tap};
pub use pipeline::{Run, launch, run};
pub use plugin::PluginFolder;
pub use random::Random;
pub use rig::{Input, Rig};

use std::sync::Once;

/// Starts GStreamer and registers the plugin, once a process.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().expect("GStreamer starts");
        // A critical ends the test, however it is started.
        gst::glib::log_set_always_fatal(
            gst::glib::LogLevels::LEVEL_ERROR | gst::glib::LogLevels::LEVEL_CRITICAL,
        );
        gstharmony::plugin_register_static().expect("the plugin registers");
    });
}

/// The path of a file of the tests' data, such as `h4mk/gops.h4mk`.
pub fn data(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}
