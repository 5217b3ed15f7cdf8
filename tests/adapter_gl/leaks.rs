//! No texture is left behind, whatever happens to the stream.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use gst::prelude::*;
use gst_gl::GLContext;
use gstharmony::adapter::{NullUploader, TextureId};
use gstharmony::elements::adaptersink::AdapterSink;

use super::common::Random;
use super::{UPLOAD, gl, in_use, launch, pull, set_state, texture};

const FRAMES: usize = 10_000;

/// A source without an end.
const SOURCE: &str = "videotestsrc pattern=solid-color \
    ! video/x-raw,format=RGBA,width=16,height=16,framerate=1000/1";

/// Takes frames and drops them in another order than theirs; seeks, flushes and stops at random. `look` sees each sample.
fn disturb(
    pipeline: &gst::Pipeline,
    sink: &AdapterSink,
    seed: u64,
    mut look: impl FnMut(&gst::SampleRef),
) {
    let mut random = Random::new(seed);
    let mut held = VecDeque::new();
    set_state(pipeline, gst::State::Playing);
    for _ in 0..FRAMES {
        let sample = pull(sink);
        look(&sample);
        held.push_back(sample);
        if held.len() > 12 || random.below(3) == 0 {
            let at = random.below(held.len() as u64) as usize;
            held.swap_remove_back(at);
        }
        match random.below(300) {
            0..3 => {
                let to = gst::ClockTime::from_mseconds(random.below(3_600_000));
                let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
                pipeline.seek_simple(flags, to).expect("it seeks");
            }
            3 => flush(pipeline, sink),
            4 => held.clear(),
            5 if random.below(4) == 0 => {
                set_state(pipeline, gst::State::Ready);
                set_state(pipeline, gst::State::Playing);
            }
            _ => {}
        }
    }
    set_state(pipeline, gst::State::Null);
    drop(held);
    assert_eq!(in_use(sink), 0);
}

/// Flushes the sink alone. Nothing comes until a seek lets the source, which has stopped at the flush, go on.
fn flush(pipeline: &gst::Pipeline, sink: &AdapterSink) {
    let pad = sink.static_pad("sink").expect("a pad");
    let peer = pad.peer().expect("it is linked");
    let mask = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
    let probe = peer.add_probe(mask, |_, _| gst::PadProbeReturn::Ok);
    assert!(pad.send_event(gst::event::FlushStart::new()));
    assert!(pad.send_event(gst::event::FlushStop::new(true)));
    let sought = pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO);
    sought.expect("it seeks");
    peer.remove_probe(probe.expect("a probe"));
}

#[test]
fn ten_thousand_frames_with_seeks_and_flushes_leave_no_texture_of_the_null_uploader() {
    for (seed, properties) in [(1, ""), (2, "prefetch=4 max-outputs=3")] {
        let (pipeline, sink) = launch(&format!("{SOURCE} ! adaptersink name=sink {properties}"));
        let uploader = NullUploader::new();
        let uploads = uploader.uploads();
        sink.set_uploader(Box::new(uploader));
        disturb(&pipeline, &sink, seed, |_| ());
        // With the element go those that wait for frames.
        drop((pipeline, sink));
        assert!(uploads.uploaded() >= FRAMES as u64);
        assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
        // Far fewer were made than frames came.
        assert!(uploads.made() < FRAMES as u64 / 4, "{}", uploads.made());
    }
}

#[test]
fn ten_thousand_frames_with_seeks_and_flushes_leave_no_texture_of_opengl() {
    let (pipeline, sink) = launch(&format!(
        "{SOURCE} ! {UPLOAD} ! adaptersink name=sink uploader=gl"
    ));
    let mut names = BTreeSet::<TextureId>::new();
    let mut contexts = Vec::<GLContext>::new();
    disturb(&pipeline, &sink, 3, |sample| {
        names.insert(texture(sample).texture().id());
        let context = gl::context(sample.buffer().expect("a buffer"));
        if !contexts.contains(&context) {
            contexts.push(context);
        }
    });
    drop((pipeline, sink));
    for context in contexts {
        let left = names
            .iter()
            .filter(|id| gl::is_texture(&context, id.0 as u32))
            .count();
        assert_eq!(left, 0, "of {} textures", names.len());
    }
}

#[test]
fn an_uploader_of_the_application_serves_each_start() {
    let (pipeline, sink) = launch(
        "videotestsrc num-buffers=5 ! video/x-raw,format=RGBA,width=4,height=4 ! adaptersink name=sink",
    );
    let uploader = NullUploader::new();
    let uploads = uploader.uploads();
    sink.set_uploader(Box::new(uploader));
    for round in 1..=3 {
        set_state(&pipeline, gst::State::Playing);
        let held: Vec<_> = (0..5).map(|_| pull(&sink)).collect();
        assert_eq!(uploads.uploaded(), 5 * round);
        set_state(&pipeline, gst::State::Null);
        assert_eq!(uploads.live(), 5);
        drop(held);
    }
    drop((pipeline, sink));
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
    assert_eq!(Arc::strong_count(&uploads), 1);
}
