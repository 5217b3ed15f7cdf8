//! `opusindexer`: what it writes of what passes, and what it says when it can't.

#[path = "../common/mod.rs"]
mod common;

mod errors;
mod gaps;
mod streams;

use std::path::Path;

use gst_check::Harness;
use gstharmony::h4mk::Clipping;
use gstharmony::opus_store::OpusStore;

/// CELT, 20 ms; CELT, 2.5 ms; SILK, 60 ms.
const LONG: [u8; 4] = [31 << 3, 1, 2, 3];
const SHORT: [u8; 2] = [28 << 3, 1];
const SILK: [u8; 2] = [3 << 3, 9];
const CAPS: &str = "audio/x-opus,rate=48000,channels=1,channel-mapping-family=0";

/// An `OpusHead` of one channel with this pre-skip.
fn head(pre_skip: u16) -> Vec<u8> {
    common::init();
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(48_000u32.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// Caps with headers.
fn caps(pre_skip: u16) -> gst::Caps {
    common::init();
    let buffers =
        [head(pre_skip), b"OpusTags\0\0\0\0\0\0\0\0".to_vec()].map(gst::Buffer::from_slice);
    gst::Caps::builder("audio/x-opus")
        .field("channels", 1i32)
        .field("channel-mapping-family", 0i32)
        .field("streamheader", gst::Array::new(buffers))
        .build()
}

fn packet(bytes: &[u8], pts_ms: Option<u64>) -> gst::Buffer {
    common::init();
    let mut buffer = gst::Buffer::from_slice(bytes.to_vec());
    let made = buffer.get_mut().expect("new");
    made.set_pts(pts_ms.map(gst::ClockTime::from_mseconds));
    buffer
}

fn flagged(bytes: &[u8], pts_ms: u64, flags: gst::BufferFlags) -> gst::Buffer {
    let mut buffer = packet(bytes, Some(pts_ms));
    buffer.get_mut().expect("new").set_flags(flags);
    buffer
}

fn clipped(bytes: &[u8], pts_ms: u64, start: u64, end: u64) -> gst::Buffer {
    let mut buffer = packet(bytes, Some(pts_ms));
    let made = buffer.get_mut().expect("new");
    gstharmony::meta::add_clipping(made, Clipping { start, end });
    buffer
}

/// An indexer in a harness, its store in `location`.
fn harness(location: &Path, properties: &str) -> Harness {
    common::init();
    let description = format!(
        "opusindexer location={} {properties}",
        common::pipeline::quoted(location)
    );
    Harness::new_parse(&description)
}

/// Pushes all and ends.
fn index(
    location: &Path,
    properties: &str,
    caps: gst::Caps,
    buffers: Vec<gst::Buffer>,
) -> OpusStore {
    let mut harness = harness(location, properties);
    harness.set_src_caps(caps);
    for buffer in buffers {
        harness.push(buffer).expect("it takes the buffer");
    }
    assert!(harness.push_event(gst::event::Eos::new()));
    OpusStore::open(location).expect("the store opens")
}

fn store() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.zarr");
    (folder, path)
}
