//! Times past 32 bits of ticks.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::common::boxes::fragments;
use crate::common::ffprobe::probe;
use crate::common::pipeline::{launch, run};
use crate::common::{Feed, Item, media};

/// The caps and the bytes of the only frame of a file.
pub fn frame() -> (gst::Caps, Vec<u8>) {
    let source = media::H264_ONE_FRAME.source();
    let pipeline = launch(&format!(
        "{source} ! matroskademux ! h264parse ! fakesink name=sink"
    ));
    let sink = pipeline.by_name("sink").expect("the sink");
    let pad = sink.static_pad("sink").expect("its pad");
    let seen = Arc::new(Mutex::new(None));
    let see = seen.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            let caps = pad.current_caps().expect("caps precede buffers");
            let bytes = buffer
                .map_readable()
                .expect("a buffer can be read")
                .to_vec();
            *see.lock().expect("no test thread panics") = Some((caps, bytes));
        }
        gst::PadProbeReturn::Ok
    });
    run(&pipeline).good();
    let mut seen = seen.lock().expect("no test thread panics");
    seen.take().expect("a frame")
}

#[test]
fn more_than_thirteen_hours_keep_their_times() {
    const STEP: i64 = 9_000_000_000;
    const COUNT: i64 = 5_400;
    let (caps, bytes) = frame();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.mp4");
    let feed = Feed::with("fmp4remux", &file, "fragment-duration=60000000000");
    let source = feed.track("video_0", &caps.to_string());
    let pad = feed.muxer.static_pad("video_0").unwrap();
    pad.set_property("trak-timescale", 90_000_u32);
    for number in 0..COUNT {
        source.push(&Item::key(number * STEP, bytes.clone()).lasting(STEP as u64));
    }
    source.end();
    feed.run().good();
    let (_, found) = fragments(&std::fs::read(&file).unwrap());
    let last = found.last().unwrap();
    assert!(last.base > u64::from(u32::MAX), "{}", last.base);
    let times = probe(&file)[0].pts_ns();
    let wanted: Vec<i64> = (0..COUNT).map(|number| number * STEP).collect();
    assert!(times == wanted);
}
